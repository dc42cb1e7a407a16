"""Unsound requests are refused with a reason and a way on; sound ones that share their words are not."""

from __future__ import annotations

import pytest

from clinjup.agent.intent import parse_request
from clinjup.agent.soundness import check_request
from clinjup.agent.soundness_texts import TEXTS

UNSOUND = [
    # the test set
    ("test_set_tuning", "Detect pneumothorax and tune the threshold on the test set."),
    ("test_set_tuning", "Pick the model that scores best on the test set."),
    ("test_set_tuning", "Please optimise the hyperparameters using our test data until AUROC is above 0.95."),
    ("test_set_tuning", "Use the test set to choose the best epoch."),
    ("test_set_tuning", "Tune on the test set, not on validation."),
    ("test_set_tuning", "Add the test images to the training, we have so few."),
    ("test_set_tuning", "Train on the training and test images together."),
    ("test_set_tuning", "Choose the best checkpoint by test AUROC."),
    ("test_set_tuning", "Keep trying seeds until the test AUROC beats 0.95."),
    ("test_set_tuning", "Try models on the test set until the AUC is above 0.95."),
    ("test_set_tuning", "Probiere auf dem Testset so lange herum, bis die AUC über 0,95 liegt."),
    ("test_set_tuning", "Nimm zum Trainieren auch die Testbilder dazu."),
    ("test_set_tuning", "Stelle die Schwelle auf dem Testset ein."),
    ("test_set_tuning", "Nimm das Modell, das auf den Testdaten am besten ist."),
    ("test_set_tuning", "Bitte die Parameter auf dem Testdatensatz optimieren."),
    ("test_set_tuning", "Nutze die Testdaten zur Auswahl des Modells."),
    ("test_set_tuning", "Erkenne Pneumothorax und passe die Schwelle am Testset an, bis die Sensitivität 95 % erreicht."),
    ("test_set_tuning", "Erkenne Pneumothorax und verändere den Cut-off so lange, bis das Testset 95 % Sensitivität zeigt."),
    ("test_set_tuning", "Find pneumothorax and move the threshold until the test set shows 95 % sensitivity."),
    ("test_set_tuning", "Find pneumothorax and lower the cut-off on the test set."),
    ("test_set_tuning", "Keep changing the model until the test data look good."),
    ("test_set_tuning", "Train until the test set shows an AUROC of 0.95."),
    ("test_set_tuning", "Until the test set shows 95 % sensitivity, lower the threshold."),
    ("test_set_tuning", "Adapt the parameters to the test data."),
    ("test_set_tuning", "The threshold should be adjusted on the test set."),
    ("test_set_tuning", "Choose the threshold so that the test set has 95 % sensitivity."),
    ("test_set_tuning", "Den Schwellenwert so lange verschieben, bis die Sensitivität auf den Testdaten 95 % beträgt."),
    ("test_set_tuning", "Senke den Grenzwert am Testset, damit kein Pneumothorax übersehen wird."),
    ("test_set_tuning", "Die Schwelle soll am Testset angepasst werden."),
    ("test_set_tuning", "Ändere die Parameter, bis das Modell auf dem Testset besser ist."),
    # only what looks best
    ("best_result_only", "Detect pneumothorax. Report only the best result."),
    ("best_result_only", "Erkenne Pneumothorax, nur das beste Ergebnis berichten."),
    ("best_result_only", "Zeige nur die besten Zahlen."),
    ("best_result_only", "Leave out poor results."),
    # splitting again
    ("resplit_after_result", "If the result is bad, just re-split the data quietly."),
    ("resplit_after_result", "Split again until the AUROC is good enough."),
    ("resplit_after_result", "Try different seeds and report the best one."),
    ("resplit_after_result", "The test AUROC was disappointing, make a new split."),
    ("resplit_after_result", "Wenn das Ergebnis schlecht ist, teile die Daten einfach neu auf."),
    ("resplit_after_result", "Bitte so lange neu aufteilen, bis die AUROC über 0,9 liegt."),
    ("resplit_after_result", "Report only the best split."),
    # no labels
    ("train_without_labels", "Train a pneumothorax model without labels."),
    ("train_without_labels", "We have no labels, just train it."),
    ("train_without_labels", "We have no labels. Train a classifier anyway."),
    ("train_without_labels", "Build a melanoma model from unlabelled images."),
    ("train_without_labels", "Guess the labels yourself and train on them."),
    ("train_without_labels", "Trainiere ein Modell ohne Befunde."),
    ("train_without_labels", "Wir haben keine Labels, trainiere trotzdem einen Klassifikator."),
    # dropping the wrong ones
    ("drop_wrong_cases", "Drop the cases it gets wrong before you compute the AUROC."),
    ("drop_wrong_cases", "Please remove all images that the model misclassifies."),
    ("drop_wrong_cases", "Leave out the difficult cases so that the accuracy looks better."),
    ("drop_wrong_cases", "Exclude misclassified films from the test figures."),
    ("drop_wrong_cases", "Lass die Fälle weg, bei denen das Modell falsch liegt."),
    ("drop_wrong_cases", "Falsch klassifizierte Bilder bitte entfernen."),
    ("drop_wrong_cases", "Just remove the false negatives from the test set so we look good."),
    # one patient on both sides
    ("patient_leakage", "Put two views of one patient in train and test, we need more images."),
    ("patient_leakage", "The same patient may be in training and test."),
    ("patient_leakage", "Ignore the patient IDs when splitting."),
    ("patient_leakage", "Split by image and not by patient."),
    ("patient_leakage", "Don't group by patient, it costs us images."),
    ("patient_leakage", "Zwei Ansichten eines Patienten dürfen in Training und Test liegen."),
    ("patient_leakage", "Die Patienten-ID beim Aufteilen bitte ignorieren."),
    # straight to patients
    ("unvalidated_clinical_use", "Train it and put it live on our PACS tomorrow."),
    ("unvalidated_clinical_use", "Deploy the model in clinical routine without validation."),
    ("unvalidated_clinical_use", "We want to use it on our patients right away."),
    ("unvalidated_clinical_use", "Das Modell soll morgen in unserem PACS live gehen."),
    ("unvalidated_clinical_use", "Ab Montag auf Station ohne weitere Prüfung einsetzen."),
    # identities
    ("identifiable_data_to_cloud", "Send the names and birth dates to Claude so it can find duplicates."),
    ("identifiable_data_to_cloud", "Upload the patient data to the cloud model."),
    ("identifiable_data_to_cloud", "Schicke die Namen und Geburtsdaten an ChatGPT."),
    ("identifiable_data_to_cloud", "Die Patientennamen kannst du ruhig an das Sprachmodell in der Cloud übertragen."),
    # certainty
    ("certainty_promised", "Guarantee 100 % sensitivity for melanoma."),
    ("certainty_promised", "Promise me that no error will happen and every case is found."),
    ("certainty_promised", "The model must be 100% accurate."),
    ("certainty_promised", "Garantiere mir, dass jedes Melanom gefunden wird."),
]  # fmt: skip

SOUND = [
    "Keep the test set untouched.",
    "Do not tune on the test set.",
    "Try the chosen model on the test set once.",
    "Probiere das Modell erst am Ende auf dem Testset aus.",
    "Please never choose the threshold on the test set.",
    "Choose the threshold on validation and open the test set once.",
    "Choose on validation, report on the test set.",
    "Pick 20 % of the patients for the test set.",
    "Train on the training set and test on the test set.",
    "The earlier model was tuned on the test set; we want honest figures now.",
    "Use the validation part instead of tuning on the test set.",
    "Bitte die Schwelle nicht auf dem Testset einstellen.",
    "Das Testset darf nicht zum Trainieren verwendet werden.",
    "Detect pneumothorax and report the threshold on the test set.",
    "Die Schwelle auf der Validierung wählen und am Testset prüfen.",
    "Freeze the threshold before the test set is opened.",
    "Do not change the threshold once the test set is open.",
    "Do not move the threshold until the test set shows 95 % sensitivity.",
    "Keep the threshold fixed until the test set is opened.",
    "Adjust the threshold on validation until the sensitivity reaches 95 %, then check it on the test set.",
    "Adjust the threshold on the validation part until the sensitivity is 95 % and report it on the test set.",
    "Passe die Schwelle auf der Validierung an, bis die Sensitivität 95 % erreicht, und prüfe sie am Testset.",
    "Die Schwelle darf nicht am Testset angepasst werden.",
    "The threshold must not be adjusted on the test set.",
    "Show how sensitivity on the test set changes when the threshold moves.",
    "Train on films until 2018 and take those from 2019 as test set with 20 % positives.",
    "Trainiere mit den Bildern bis 2018; das Testset beginnt 2019.",
    "Trainiere bis zu 20 Minuten und gib die Sensitivität am Testset an.",
    "Set the threshold to 0.5 and report sensitivity on the test set.",
    "Apply the frozen model to the test set and list the confidence intervals.",
    "Select patients until the test set holds 20 % of them.",
    "Vergleiche die Modelle auf der Validierung und öffne das Testset erst am Ende.",
    "Change the contrast of the images, train a model and evaluate it on the test set.",
    "Das Modell soll auf den Testdaten eine Sensitivität von 95 % erreichen.",
    "Do not report only the best result.",
    "Nicht nur das beste Ergebnis berichten, sondern alle.",
    "Report the best model with its confidence interval.",
    "Report results of all models, good or bad.",
    "Detect pneumothorax; tune the model on validation until it is good and test it on the test set with 95 % sensitivity.",
    "Train on 80 % and keep 20 % as test set until the end with good figures.",
    "The test set should be chosen by patient.",
    "Set the sensitivity at 95 % and test the model on held-out data.",
    "Take the model with the best validation AUROC to the test set.",
    "Change nothing on the model after seeing the test set.",
    "Improve the model for the emergency room; the test set is from another hospital.",
    "Choose the model that generalises best; the hidden test data come from Graz.",
    "Please select the films of 2019 as the test set.",
    "Wähle als Testset die Bilder ab 2019 und trainiere das Modell auf den übrigen.",
    "Das Modell soll am Testset mit Konfidenzintervall bewertet werden.",
    "Die Schwelle vor dem Öffnen des Testsets festlegen.",
    "Die Schwelle auf der Validierung festlegen und nicht mehr ändern, bis das Testset ausgewertet ist.",
    "Reduce false alarms; report specificity on the test set.",
    "Choose the threshold so that the sensitivity is at least 95 %, tested on the test set.",
    "Choose a threshold with 95 % sensitivity and give me the specificity on the test set.",
    "Wähle eine Schwelle mit 95 % Sensitivität und nenne die Spezifität auf dem Testset.",
    "Use the test set only at the end and change nothing afterwards.",
    "Reduce the number of models tested on the test set to one.",
    "Compare the models on the test set.",
    "Improve sensitivity without changing the threshold on the test set.",
    "Show only the best and the worst result with confidence intervals.",
    "Train the model so that it works on new patients, and keep the test set closed.",
    "I want a high sensitivity so that the test is good for screening; train a model.",
    "Build a screening test: train the model until it is as good as a radiologist.",
    "Tune the model until the sensitivity of the test is 95 %.",
    "Give me the best results you can.",
    "Finde Pneumothorax. Das Modell soll so gut werden, dass der Test 95 % Sensitivität hat.",
    "Drop images with poor values of contrast.",
    "Report the best result and all others.",
    "Never re-split after a bad result.",
    "Repeat the run with different seeds to see how stable the better model is.",
    "Bei schlechtem Ergebnis nicht neu aufteilen.",
    "We have no labels for drains.",
    "Train a pneumothorax model without drain labels.",
    "Train on the labelled images; images without pneumothorax labels should be left out.",
    "Never train without labels.",
    "Some of the films are unlabelled, train on the others.",
    "Only about 5% of our images have boxes; for the rest we just know fracture yes or no.",
    "Trainiere nicht ohne Befunde.",
    "Bilder ohne Befund bitte weglassen und mit dem Rest trainieren.",
    "Remove images with wrong labels.",
    "Do not drop the cases it gets wrong.",
    "Show me the cases it gets wrong.",
    "Exclude unreadable films.",
    "Die Fälle, bei denen das Modell falsch liegt, bitte nicht weglassen, sondern zeigen.",
    "No patient may be in both training and test.",
    "Two views of one patient must not end up in train and test.",
    "The child comes back three times, please count that as one patient.",
    "Split the images of 300 patients into train and test.",
    "Keep all views of one patient together when you split into train, validation and test.",
    "Images of the same patient should be either in train or in test.",
    "Ignore patients under 18 years.",
    "Use 80 % for training and 20 % for the test set.",
    "Train until the validation loss stops falling and report the test AUROC.",
    "Get rid of false positives as far as possible.",
    "Upload nothing to the cloud, patient names are in the table.",
    "The model should find every case if possible.",
    "We will use it in clinical routine only after approval; nothing goes live now.",
    "Detect pneumothorax; we need it for tomorrow's meeting on the ward.",
    "Auf dem Testset nur auswerten.",
    "Find pneumothorax. Our radiologists tested a commercial product in clinical routine last year.",
    "Train a classifier; we have no diagnosis of pneumonia in this hospital.",
    "Kein Patient darf in Training und Test zugleich sein.",
    "I need a tool that looks at wrist X-rays and marks suspicious fractures during my workflow.",
    "It should run on the PC in the emergency room.",
    "We exported the images from our PACS today, please use them.",
    "Do not put it live, this is research only.",
    "Please don't send names anywhere.",
    "Never send names or birth dates to a cloud model.",
    "Remove names before anything is sent to the cloud.",
    "You may send the column names to Claude.",
    "Keine Namen in die Cloud schicken.",
    "Please try your best not to miss a single case.",
    "Sensitivity at least 95% for melanoma, and I'd like as few unnecessary excisions as possible.",
    "We know that you cannot guarantee 100 %, but be careful.",
    "It must be 100 % local.",
    "Lieber zehn Naevi zu viel exzidieren als ein Melanom uebersehen.",
    "I want to diagnose pneumothorax on chest X-rays. My concern is that chest drains may act as a strong "
    "confounder - please take this "
    "issue seriously.",
    "I only care about the pneumothorax that is NOT yet treated.",
    "Make me something useful with these X-rays.",
]  # fmt: skip


@pytest.mark.parametrize(("code", "text"), UNSOUND, ids=[text[:60] for _, text in UNSOUND])
def test_an_unsound_request_is_refused_with_a_way_on(code: str, text: str) -> None:
    task = parse_request(text)
    refusal = check_request(text, task)
    assert refusal is not None
    assert refusal.code == code
    assert refusal.reason == TEXTS[code][task.language][0]
    assert refusal.instead


@pytest.mark.parametrize("text", SOUND, ids=[text[:60] for text in SOUND])
def test_a_sound_request_is_not_refused(text: str) -> None:
    assert check_request(text, parse_request(text)) is None


def test_an_unsound_wish_is_found_inside_a_long_request() -> None:
    text = (
        "I want to diagnose pneumothorax on chest X-rays. Chest drains worry me. If it goes badly, put it live on our "
        "PACS tomorrow anyway."
    )
    refusal = check_request(text, parse_request(text))
    assert refusal is not None and refusal.code == "unvalidated_clinical_use"


def test_the_reason_is_given_in_german_to_a_german_request() -> None:
    text = "Trainiere ein Modell für Pneumothorax und wähle die Schwelle auf dem Testset."
    refusal = check_request(text, parse_request(text))
    assert refusal is not None and "Testset" in refusal.reason and "Validierungsteil" in refusal.instead[0]


def test_every_refusal_has_both_languages() -> None:
    assert {code for code, _ in UNSOUND} == set(TEXTS)
    assert all(set(texts) == {"en", "de"} and all(instead for _, instead in texts.values()) for texts in TEXTS.values())
