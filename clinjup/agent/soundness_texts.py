"""Why a request is refused and what can be done instead, in English and German."""

from __future__ import annotations

from clinjup.contracts import Language

# code -> language -> (reason, what can be done instead)
TEXTS: dict[str, dict[Language, tuple[str, list[str]]]] = {
    "test_set_tuning": {
        "en": (
            "Choosing or training anything on the test set makes its figures too good: they would no longer say "
            "how the model does on new patients.",
            [
                "Choose model, threshold and settings on the validation part, and open the test set once, at the end.",
                "If the test figures disappoint, collect new test data before changing the model.",
            ],
        ),
        "de": (
            "Wer auf dem Testset auswählt oder trainiert, macht dessen Zahlen zu gut: Sie sagen dann nicht mehr, "
            "wie das Modell bei neuen Patienten abschneidet.",
            [
                "Modell, Schwelle und Einstellungen auf dem Validierungsteil wählen und das Testset einmal "
                "öffnen, ganz am Ende.",
                "Enttäuschen die Testzahlen, zuerst neue Testdaten sammeln und erst dann das Modell ändern.",
            ],
        ),
    },
    "resplit_after_result": {
        "en": (
            "Splitting again until the result looks good picks a lucky split; the figure would not hold on new "
            "patients, and nobody could see it.",
            [
                "Keep one split, fixed before training, and report its confidence interval.",
                "Repeat the whole run over several splits fixed beforehand and report all of them, with the spread.",
            ],
        ),
        "de": (
            "Neu aufzuteilen, bis das Ergebnis gut aussieht, wählt eine glückliche Aufteilung; die Zahl hielte "
            "bei neuen Patienten nicht, und niemand könnte es sehen.",
            [
                "Eine Aufteilung vor dem Training festlegen, dabei bleiben und das Konfidenzintervall angeben.",
                "Den ganzen Lauf über mehrere vorher festgelegte Aufteilungen wiederholen und alle berichten, mit "
                "ihrer Streuung.",
            ],
        ),
    },
    "best_result_only": {
        "en": (
            "The best of several results is partly luck; shown alone, it promises more than the model keeps on new patients, and "
            "nobody could see what was left out.",
            [
                "Choose one model on the validation part, report its test figures with their confidence intervals, good or bad, and "
                "list every model that was tried.",
                "Name the figure that matters most before the run; it comes first in the report.",
            ],
        ),
        "de": (
            "Das beste von mehreren Ergebnissen ist zum Teil Glück; allein gezeigt, verspricht es mehr, als das Modell bei neuen "
            "Patienten hält, und niemand könnte sehen, was weggelassen wurde.",
            [
                "Ein Modell auf dem Validierungsteil wählen, seine Testzahlen mit Konfidenzintervallen berichten, ob gut oder "
                "schlecht, und jedes ausprobierte Modell auflisten.",
                "Die wichtigste Kennzahl vor dem Lauf nennen; sie steht im Bericht an erster Stelle.",
            ],
        ),
    },
    "train_without_labels": {
        "en": (
            "Without labels nothing says which image shows the disease, so a model could neither learn it nor be "
            "checked.",
            [
                "Label about 100 images (50 with the finding, 50 without) and start with those.",
                "Take the diagnosis from the reports or the discharge codes as a first reference standard, and "
                "have a sample checked.",
                "Use `clinjup inspect` to see what the folder holds; a table with one row per image is enough.",
            ],
        ),
        "de": (
            "Ohne Befunde sagt nichts, auf welchem Bild die Krankheit zu sehen ist; ein Modell könnte sie weder "
            "lernen noch geprüft werden.",
            [
                "Etwa 100 Bilder befunden (50 mit, 50 ohne den Befund) und damit beginnen.",
                "Die Diagnose aus den Befundtexten oder den Entlassdiagnosen als ersten Referenzstandard nehmen "
                "und eine Stichprobe prüfen lassen.",
                "Mit `clinjup inspect` nachsehen, was der Ordner enthält; eine Tabelle mit einer Zeile je Bild genügt.",
            ],
        ),
    },
    "drop_wrong_cases": {
        "en": (
            "Leaving out the cases the model gets wrong makes the figures better and the model no better; the "
            "hard cases are those that matter at the bedside.",
            [
                "Keep all cases and show the missed ones and the false alarms in the report, so that they can be "
                "looked at.",
                "Exclude images by rules fixed beforehand that do not look at the prediction (unreadable, wrong "
                "body part), and list them.",
            ],
        ),
        "de": (
            "Die Fälle wegzulassen, bei denen das Modell falsch liegt, macht die Zahlen besser und das Modell "
            "nicht; gerade die schwierigen Fälle zählen am Krankenbett.",
            [
                "Alle Fälle behalten und die übersehenen und die Fehlalarme im Bericht zeigen, damit man sie "
                "ansehen kann.",
                "Bilder nach vorher festgelegten Regeln ausschließen, die die Vorhersage nicht kennen (nicht "
                "lesbar, falsche Körperregion), und sie auflisten.",
            ],
        ),
    },
    "patient_leakage": {
        "en": (
            "With images of one patient in both train and test the model can recognise the patient instead of the "
            "disease, and the test figures come out too good.",
            [
                "Split by patient: all views and follow-ups of one patient go into the same part.",
                "Where no patient number exists, images that are near-duplicates are grouped instead, and the "
                "report says so.",
            ],
        ),
        "de": (
            "Liegen Bilder eines Patienten in Training und Test, kann das Modell den Patienten statt der "
            "Krankheit wiedererkennen, und die Testzahlen werden zu gut.",
            [
                "Nach Patienten aufteilen: alle Ansichten und Verlaufskontrollen eines Patienten kommen in "
                "denselben Teil.",
                "Wo keine Patientennummer vorliegt, werden stattdessen nahezu gleiche Bilder gruppiert, und der "
                "Bericht sagt es.",
            ],
        ),
    },
    "unvalidated_clinical_use": {
        "en": (
            "A model from this notebook is a research result; using it on patients without external validation "
            "and approval as a medical device could harm them.",
            [
                "Train and test it here, then test it on images from another hospital or a later period.",
                "Run it silently beside the routine, its answers hidden from the treating team, and compare "
                "afterwards.",
                "Take report and model card to your ethics board and to whoever is responsible for medical devices.",
            ],
        ),
        "de": (
            "Ein Modell aus diesem Notebook ist ein Forschungsergebnis; ohne externe Validierung und Zulassung "
            "als Medizinprodukt könnte sein Einsatz Patienten schaden.",
            [
                "Hier trainieren und testen, dann auf Bildern eines anderen Hauses oder eines späteren Zeitraums "
                "testen.",
                "Es still neben der Routine laufen lassen, die Antworten für das Behandlungsteam verborgen, und "
                "danach vergleichen.",
                "Bericht und Modellkarte der Ethikkommission und den Verantwortlichen für Medizinprodukte vorlegen.",
            ],
        ),
    },
    "identifiable_data_to_cloud": {
        "en": (
            "Names and birth dates identify patients; sending them to a cloud service breaks confidentiality, and "
            "no model needs them.",
            [
                "Work offline: everything runs on this computer without any network.",
                "Use a pseudonym per patient; only column names, counts and figures ever go to a cloud model, and "
                "each such message is listed.",
            ],
        ),
        "de": (
            "Namen und Geburtsdaten machen Patienten erkennbar; sie an einen Cloud-Dienst zu senden bricht die "
            "Schweigepflicht, und kein Modell braucht sie.",
            [
                "Offline arbeiten: Alles läuft auf diesem Rechner, ganz ohne Netz.",
                "Ein Pseudonym je Patient verwenden; an ein Cloud-Modell gehen nur Spaltennamen, Anzahlen und "
                "Kennzahlen, und jede solche Nachricht wird aufgelistet.",
            ],
        ),
    },
    "certainty_promised": {
        "en": (
            "No model can be promised to be always right: even no miss among 100 positive cases is compatible "
            "with a miss rate of 3 %.",
            [
                "Name the sensitivity that you need, such as at least 95 %; the threshold is then chosen for it "
                "on validation and its confidence interval reported.",
                "Say how many false alarms one missed case is worth; the threshold follows from that.",
            ],
        ),
        "de": (
            "Dass ein Modell immer richtig liegt, kann niemand versprechen: Selbst wenn unter 100 positiven "
            "Fällen keiner übersehen wird, ist eine Fehlerrate von 3 % damit vereinbar.",
            [
                "Die nötige Sensitivität nennen, etwa mindestens 95 %; die Schwelle wird dafür auf dem "
                "Validierungsteil gewählt und das Konfidenzintervall berichtet.",
                "Sagen, wie viele Fehlalarme ein übersehener Fall wert ist; daraus folgt die Schwelle.",
            ],
        ),
    },
}
