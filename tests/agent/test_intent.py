"""What a clinician's sentence is understood as."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from clinjup.agent.intent import parse_request
from clinjup.agent.soundness import check_request
from clinjup.contracts import ClinicalTask

BINARY, MULTI, DETECT = "binary_classification", "multiclass_classification", "detection"
SKIN_CLASSES = ["akiec", "bcc", "bkl", "df", "melanoma", "nevus", "vasc"]


def summary(task: ClinicalTask) -> dict[str, Any]:
    """Every field that has an effect, those at their default left out."""
    risk = task.risk.model_dump(exclude={"phrase"}, exclude_defaults=True)
    fields: dict[str, Any] = {
        "language": task.language,
        "type": str(task.task_type),
        "target": task.target,
        "classes": task.classes,
        "priority": task.priority,
        "comparator": task.comparator,
        "modality": task.modality,
        "risk": risk,
        "metric": task.primary_metric.name,
        "direction": None if task.primary_metric.direction == "maximize" else "minimize",
        "confounders": [confounder.id for confounder in task.confounders],
        "constraints": sorted(task.constraints),
        "prevalence": task.prevalence,
        "output": task.output_format,
        "questions": [question.id for question in task.open_questions],
    }
    return {name: value for name, value in fields.items() if value not in (None, [], {})}


def expect(language: str = "en", **fields: Any) -> dict[str, Any]:
    return {"language": language, "type": BINARY, "metric": "auroc", "output": "probability", **fields}


def chest(language: str = "en", **fields: Any) -> dict[str, Any]:
    return expect(language, **{"target": "pneumothorax", "modality": "chest_radiograph", **fields})


def drain(language: str = "en", **fields: Any) -> dict[str, Any]:
    return chest(language, confounders=["chest_drain"], metric="worst_group_auroc", **fields)


def triage(language: str = "en", **fields: Any) -> dict[str, Any]:
    skin = {"target": "melanoma", "comparator": "nevus", "modality": "dermoscopy", "output": "refer_reassure"}
    return expect(language, **{**skin, **fields})


def wrist(language: str = "en", **fields: Any) -> dict[str, Any]:
    base = {"type": DETECT, "target": "fracture", "modality": "wrist_radiograph", "metric": "ap50", "output": "boxes"}
    return expect(language, **{**base, **fields})


def seven(language: str = "en", **fields: Any) -> dict[str, Any]:
    base = {"type": MULTI, "target": "skin_lesion", "classes": SKIN_CLASSES, "modality": "dermoscopy"}
    return expect(language, **{**base, "metric": "balanced_accuracy", "output": "class_probabilities", **fields})


def unknown(language: str = "en", **fields: Any) -> dict[str, Any]:
    return expect(language, **{"questions": ["target", "risk"], **fields})


def first(kind: str, **numbers: float) -> dict[str, Any]:
    return {"kind": kind, **numbers}


SENSITIVE = {"risk": first("sensitivity_first"), "metric": "specificity_at_sensitivity"}
NOT_ONE_RISK = {"kind": "sensitivity_first", "target_sensitivity": 0.95, "lower_bound": True}
NOT_ONE = {"risk": NOT_ONE_RISK, "metric": "specificity_at_sensitivity"}
TEN_TO_ONE = {"risk": first("harm_ratio", harm_ratio=10.0), "metric": "net_benefit"}
HALF_A_MARK = {
    "risk": first("false_mark_limit", false_marks_per_image=0.5),
    "metric": "sensitivity_at_false_mark_limit",
}

REQUESTS = [
    # the four published requests
    ("I want an AI model to help diagnose skin lesions. Priority should be given to melanoma.",
     seven(priority="melanoma", metric="melanoma_sensitivity", risk=first("sensitivity_first"))),
    ("I want to distinguish melanoma from nevus. Please try your best not to miss a single case.", triage(**NOT_ONE)),
    ("I need a tool that looks at wrist X-rays and marks suspicious fractures during my workflow.", wrist()),
    ("I want to diagnose pneumothorax on chest X-rays. My concern is that chest drains may act as a strong confounder - "
     "please take this issue seriously.", drain()),
    # pneumothorax, English
    ("Detect pneumothorax on chest radiographs.", chest()),
    ("Find PTX on CXR", chest()),
    ("Don't let the model cheat by looking at chest drains when it diagnoses pneumothorax.", drain()),
    ("Pneumothorax classifier for our CXRs that is not fooled by a chest_tube or an ECG lead.",
     chest(confounders=["chest_drain", "ecg_lead"], metric="worst_group_auroc")),
    ("I only care about the pneumothorax that is NOT yet treated.", drain(constraints=["untreated_only"])),
    ("Detect pneumothorax on chest films. Chest drains are not a problem in our hospital.", chest()),
    ("Detect pneumothorax. We have no labels for drains.", drain()),
    ("Pneumothorax detection on chest X-rays, sensitivity at least 95 percent.",
     chest(risk=first("sensitivity_first", target_sensitivity=0.95), metric="specificity_at_sensitivity")),
    ("Recognise pneumothorax with a sensitivity of 0.95 and a specificity of 0.8.",
     chest(risk=first("sensitivity_first", target_sensitivity=0.95, target_specificity=0.8), metric="specificity_at_sensitivity")),
    ("Pneumothorax on chest X-rays; please keep the specificity above 90 %.",
     chest(risk=first("specificity_first", target_specificity=0.9), metric="sensitivity_at_specificity")),
    ("Detect pneumothorax but avoid false alarms, our ward suffers from alarm fatigue.",
     chest(risk=first("specificity_first"), metric="sensitivity_at_specificity")),
    ("Diagnose pneumothorax on chest X-rays. I fear false alarms.",
     chest(risk=first("specificity_first"), metric="sensitivity_at_specificity")),
    ("Pneumothorax auf Thoraxaufnahmen erkennen. Ich fürchte Fehlalarme.",
     chest("de", risk=first("specificity_first"), metric="sensitivity_at_specificity")),
    ("Diagnose pneumothorax on chest X-rays. No case may be missed.", chest(**NOT_ONE)),
    ("Pneumothorax on chest X-rays must never be missed.", chest(**NOT_ONE)),
    ("Pneumothorax auf Thoraxaufnahmen erkennen. Kein Fall darf übersehen werden.", chest("de", **NOT_ONE)),
    ("Pneumothorax auf Thoraxaufnahmen erkennen. Ein übersehener Fall ist schlimmer als ein Fehlalarm.", chest("de", **SENSITIVE)),
    ("Pneumothorax auf Thoraxaufnahmen erkennen. Ein Fehlalarm ist schlimmer als ein übersehener Fall.",
     chest("de", risk=first("specificity_first"), metric="sensitivity_at_specificity")),
    ("A missed pneumothorax is 20 times worse than a false alarm.", chest(risk=first("harm_ratio", harm_ratio=20.0), metric="net_benefit")),
    ("Diagnose pneumothorax. State predictive values for a prevalence of 2 %.", chest(prevalence=0.02)),
    ("Diagnose pneumothorax; 1 in 50 patients in our emergency room has one.", chest(prevalence=0.02)),
    ("Diagnose pneumothorax and optimise AUPRC.", chest(metric="auprc")),
    ("Diagnose pneumothorax and keep the Brier score low.", chest(metric="brier", direction="minimize")),
    ("Detect pneumothorax, it must not depend on patient age or on the scanner.",
     chest(confounders=["age", "scanner"], metric="worst_group_auroc")),
    ("Detect pneumothorax. Use the films, but it must not depend on age.", chest(confounders=["age"], metric="worst_group_auroc")),
    ("Detect pneumothorax, it must not depend on the site.", chest(confounders=["source"], metric="worst_group_auroc")),
    ("Detect pneumothorax on chest X-rays. Nothing may leave our hospital.", chest(constraints=["local_only"])),
    ("Detect pneumothorax, I have a laptop without a GPU, and show me a heatmap.", chest(constraints=["run_on_cpu", "show_saliency"])),
    ("Detect pneumothorax. I am afraid that the model just recognises pleural effusions.", chest()),
    ("Is there a pneumonia on this chest X-ray?", chest(target="pneumonia")),
    ("Find cardiomegaly on chest radiographs, do not overlook cases.", chest(target="cardiomegaly", **SENSITIVE)),
    ("Detect pneumothorax and pleural effusion on chest X-rays.", unknown(modality="chest_radiograph")),
    ("Find chest drains on chest X-rays.", chest(target="chest_drain")),
    ("Train a model to spot pneumothorax on CXR but I'm worried it only learns to see the chest tube. We cannot afford to miss one.",
     drain(risk=NOT_ONE_RISK)),
    ("Find pneumothoraces in our data where the drain is absent.", drain()),
    ("Distinguish pneumonia from pulmonary edema on chest radiographs.", chest(target="pneumonia", comparator="edema")),
    # pneumothorax, German
    ("Ich möchte einen Pneumothorax auf Thoraxaufnahmen erkennen. Ich habe Sorge, dass Thoraxdrainagen ein starker "
     "Störfaktor sind - bitte nehmen Sie das ernst.", drain("de")),
    ("Ich moechte einen Pneumothorax auf Roentgen-Thorax-Aufnahmen erkennen, ohne dass das Modell auf die "
     "Buelau-Drainage schaut.", drain("de")),
    ("Bitte einen Pneu im Röntgen-Thorax finden, mindestens 95 % Sensitivität.",
     chest("de", risk=first("sensitivity_first", target_sensitivity=0.95), metric="specificity_at_sensitivity")),
    ("Mich interessiert nur der Pneumothorax, der noch nicht behandelt ist.", drain("de", constraints=["untreated_only"])),
    ("Pneumothorax erkennen; es darf kein einziger Fall übersehen werden.", chest("de", **NOT_ONE)),
    ("Pneumothorax auf Thoraxaufnahmen erkennen. Bitte übersehen Sie keinen Fall.", chest("de", **NOT_ONE)),
    ("Pneumothorax erkennen, es darf kein Fall durchrutschen.", chest("de", **NOT_ONE)),
    ("Pneumothorax erkennen. Lieber zehn zu viel als einen übersehen.", chest("de", **TEN_TO_ONE)),
    ("Pneumothorax auf Thoraxbildern mit möglichst wenig Fehlalarmen erkennen.",
     chest("de", risk=first("specificity_first"), metric="sensitivity_at_specificity")),
    ("Pneumothorax erkennen bei einer Prävalenz von 2 %, die Daten dürfen das Haus nicht verlassen.",
     chest("de", prevalence=0.02, constraints=["local_only"])),
    ("Ich will eine Lungenentzündung auf Thoraxaufnahmen erkennen, aber das Modell soll nicht auf Schrittmacher "
     "und EKG-Elektroden achten.",
     chest("de", target="pneumonia", confounders=["pacemaker", "ecg_lead"], metric="worst_group_auroc")),
    ("Ich hätte gerne ein Modell zur Erkennung von Pneumothoraces, Sensitivität mind. 95%, Spezifität mind. 80%.",
     chest("de", risk=first("sensitivity_first", target_sensitivity=0.95, target_specificity=0.8), metric="specificity_at_sensitivity")),
    # dermoscopy
    ("Sensitivity at least 95% for melanoma, and I'd like as few unnecessary excisions as possible.",
     expect(target="melanoma", modality="dermoscopy", risk=first("sensitivity_first", target_sensitivity=0.95),
            metric="specificity_at_sensitivity")),
    ("Ich haette gern ein Modell, das Melanome von Naevi unterscheidet. Lieber zehn Naevi zu viel exzidieren als "
     "ein Melanom uebersehen.",
     triage("de", **TEN_TO_ONE)),
    ("Lieber zehn Naevi zu viel exzidieren als ein Melanom uebersehen.", triage("de", **TEN_TO_ONE)),
    ("I'd rather excise ten nevi too many than miss one melanoma.", triage(**TEN_TO_ONE)),
    ("Nevus versus melanoma, as few unnecessary excisions as possible.",
     triage(risk=first("specificity_first"), metric="sensitivity_at_specificity")),
    ("Tell moles from melanomas. Some pictures have rulers and pen marks, please make sure it doesn't look at them.",
     triage(confounders=["ruler", "ink"], metric="worst_group_auroc")),
    ("Some pictures have rulers and pen marks, please make sure it doesn't look at them.",
     unknown(modality="dermoscopy", confounders=["ruler", "ink"], metric="worst_group_auroc")),
    ("Diagnose skin lesions on dermoscopy. Use patient age and site too if that helps.", seven(constraints=["use_metadata"])),
    ("Diagnose skin lesions on dermoscopy. Use age and site too if that helps, but make sure it doesn't look at rulers.",
     seven(confounders=["ruler"], constraints=["use_metadata"])),
    ("Use age and site too if that helps, but make sure it doesn't look at rulers.",
     unknown(modality="dermoscopy", confounders=["ruler"], constraints=["use_metadata"], metric="worst_group_auroc")),
    ("Melanome von Nävi unterscheiden. Nutze Alter und Lokalisation, aber das Modell soll nicht auf Lineale schauen.",
     triage("de", confounders=["ruler"], constraints=["use_metadata"], metric="worst_group_auroc")),
    ("Melanoma or mole? It must not depend on the site.", triage()),
    ("Melanoma or mole? It must not depend on the site or the hospital.", triage(confounders=["source"], metric="worst_group_auroc")),
    ("Melanoma or mole? Geht das auch bei dunkelhäutigen Patienten?", triage("de", constraints=["skin_tone_question"])),
    ("Melanoma or mole? Does it work for Black patients?", triage(constraints=["skin_tone_question"])),
    ("Melanoma or mole? Does it work for people of colour?", triage(constraints=["skin_tone_question"])),
    ("Diagnose skin lesions. Does it also work on dark skin?", seven(constraints=["skin_tone_question"])),
    ("Classify dermoscopic images into melanoma, nevus and basal cell carcinoma.", seven(priority="melanoma", metric="melanoma_sensitivity")),
    ("Hautveränderungen einordnen, Melanome haben Vorrang. Haare und Gelblasen sollen keine Rolle spielen.",
     seven("de", priority="melanoma", metric="melanoma_sensitivity", risk=first("sensitivity_first"), confounders=["hair", "gel_bubble"])),
    ("Melanome von Nävi unterscheiden; die dunklen Ecken und das Lineal sind ein Störfaktor.",
     triage("de", confounders=["dark_corner", "ruler"], metric="worst_group_auroc")),
    ("Melanoma or mole? I need high sensitivity, 98%.",
     triage(risk=first("sensitivity_first", target_sensitivity=0.98), metric="specificity_at_sensitivity")),
    ("Melanom vs. Nävus, bitte kein Melanom übersehen, Stiftmarkierungen ignorieren.",
     triage("de", risk=first("sensitivity_first"), confounders=["ink"], metric="worst_group_auroc")),
    ("Which skin cancer type is it? Use the seven HAM10000 classes.", seven()),
    ("Use patient age and site too if that helps.", unknown(constraints=["use_metadata"])),
    ("Does it also work on dark skin?", unknown(constraints=["skin_tone_question"])),
    ("I want an AI model to help diagnose skin lesions. Priority should be given to melanoma. Some pictures have rulers and pen "
     "marks, please make sure it doesn't look at them. Use patient age and site too if that helps. Does it also work on dark skin?",
     seven(priority="melanoma", metric="melanoma_sensitivity", risk=first("sensitivity_first"), confounders=["ruler", "ink"],
           constraints=["skin_tone_question", "use_metadata"])),
    ("I want to distinguish melanoma from nevus. Please try your best not to miss a single case. Some pictures have rulers and pen "
     "marks, please make sure it doesn't look at them.",
     triage(risk=NOT_ONE_RISK, confounders=["ruler", "ink"], metric="worst_group_auroc")),
    # wrist
    ("Only about 5% of our images have boxes; for the rest we just know fracture yes or no.",
     wrist(modality="bone_radiograph", constraints=["few_boxes"])),
    ("At most one false mark per two images, otherwise nobody will use it.",
     expect(type=DETECT, output="boxes", questions=["target"], **HALF_A_MARK)),
    ("Mark wrist fractures. At most one false mark per two images, otherwise nobody will use it.", wrist(**HALF_A_MARK)),
    ("Bitte markiere mir Frakturen am kindlichen Handgelenk, aber Gips und Metall sollen nicht als Fraktur gelten.",
     wrist("de", confounders=["cast", "metal"])),
    ("Bitte Brüche am Handgelenk markieren, Drähte und Schrauben sollen nicht zählen.", wrist("de", confounders=["metal"])),
    ("Markiere jeden Bruch auf Röntgenbildern des Handgelenks.", wrist("de")),
    ("Mark fractures on wrist X-rays. The child comes back three times, please count that as one patient.",
     wrist(constraints=["group_by_patient"])),
    ("Mark fractures on wrist films. It should run on the PC in the emergency room.", wrist(constraints=["run_on_cpu"])),
    ("Zeichne Kästchen: Handgelenksfrakturen einzeichnen, höchstens eine falsche Markierung auf zwei Bilder.", wrist("de", **HALF_A_MARK)),
    ("Handgelenksfrakturen einzeichnen. Höchstens ein falscher Kasten auf zwei Bilder.", wrist("de", **HALF_A_MARK)),
    ("Handgelenksfrakturen einzeichnen, höchstens ein falscher Rahmen auf zwei Aufnahmen.", wrist("de", **HALF_A_MARK)),
    ("Mark wrist fractures, with at most one false detection per two images.", wrist(**HALF_A_MARK)),
    ("Mark wrist fractures. 5 % of the X-rays have boxes.", wrist(constraints=["few_boxes"])),
    ("Mark wrist fractures. 80 % of the X-rays have boxes.", wrist()),
    ("Frakturen am Handgelenk markieren. 5 % der Röntgenbilder haben Kästchen.", wrist("de", constraints=["few_boxes"])),
    ("Images only labelled abnormal/normal. Build me a fracture detector.",
     wrist(modality="bone_radiograph", constraints=["image_level_labels_only"], questions=["abnormal_labels"])),
    ("Is there a wrist fracture, yes or no?", wrist(type=BINARY, metric="auroc", output="probability")),
    ("Detect fractures on wrist X-rays; we have boxes for 300 of 6000 images.", wrist(type=DETECT, constraints=["few_boxes"])),
    # vague
    ("Make me something useful with these X-rays.", unknown(modality="radiograph")),
    ("Mach mir etwas Nützliches mit diesen Röntgenbildern.", unknown("de", modality="radiograph")),
    ("Help.", unknown()),
]  # fmt: skip


@pytest.mark.parametrize(("request_text", "expected"), REQUESTS, ids=[text[:60] for text, _ in REQUESTS])
def test_a_request_is_understood(request_text: str, expected: dict[str, Any]) -> None:
    assert summary(parse_request(request_text)) == expected


def test_there_are_enough_requests_in_both_languages() -> None:
    languages = [fields["language"] for _, fields in REQUESTS]
    assert len(REQUESTS) >= 45
    assert languages.count("de") >= 12


@pytest.mark.parametrize("text", [text for text, _ in REQUESTS])
def test_every_request_gives_one_english_sentence_and_at_most_three_questions(text: str) -> None:
    task = parse_request(text)
    assert task.objective.endswith(".") and task.objective.count(". ") == 0
    assert task.objective.isascii()
    assert len(task.open_questions) <= 3
    assert task == parse_request(text)


def test_the_main_request_reads_well_in_the_notebook() -> None:
    task = parse_request(
        "I want to diagnose pneumothorax on chest X-rays. My concern is that chest drains may act as a strong "
        "confounder - please take this issue seriously."
    )
    assert task.objective == "Recognise pneumothorax on chest X-rays, without relying on chest drains."
    assert (task.target_name, task.modality_name) == ("pneumothorax", "chest X-ray")
    assert task.confounders[0].name == "chest drain"
    assert task.confounders[0].phrase == "chest drains"


def test_the_clinicians_own_words_are_kept() -> None:
    task = parse_request(
        "Pneumothorax erkennen, Bülau-Drainagen sind ein Störfaktor. Lieber zehn zu viel als einen übersehen."
    )
    assert task.confounders[0].phrase == "Bülau-Drainagen"
    assert task.risk.phrase == "Lieber zehn zu viel als einen übersehen."


def test_questions_are_in_the_clinicians_language_with_options() -> None:
    english = parse_request("Make me something useful with these X-rays.").open_questions
    german = parse_request("Mach mir etwas Nützliches mit diesen Röntgenbildern.").open_questions
    assert [question.id for question in english] == [question.id for question in german] == ["target", "risk"]
    assert english[0].text.startswith("Which finding")
    assert german[0].text.startswith("Welchen Befund")
    assert [option.value for option in english[0].options] == [option.value for option in german[0].options]
    assert german[1].options[0].text == "Einen übersehenen Fall"


def test_answers_settle_what_was_open() -> None:
    task = parse_request(
        "Make me something useful with these X-rays.", {"target": "pneumothorax", "risk": "missed_case"}
    )
    assert (task.target, task.modality, task.risk.kind, task.open_questions) == (
        "pneumothorax",
        "chest_radiograph",
        "sensitivity_first",
        [],
    )


@pytest.mark.parametrize(
    ("answer", "target"),
    [
        ("pneumothorax", "pneumothorax"),
        ("Ein Pneu bitte", "pneumothorax"),
        ("Gallensteine", "gallensteine"),
        (" ", None),
    ],
)
def test_the_target_may_be_answered_in_own_words(answer: str, target: str | None) -> None:
    task = parse_request("Make me something useful with these X-rays.", {"target": answer})
    assert task.target == target
    assert bool(task.open_questions) == (target is None)


def test_of_several_findings_the_named_ones_are_offered() -> None:
    text = "Detect pneumothorax and pleural effusion on chest X-rays."
    question = parse_request(text).open_questions[0]
    assert [option.value for option in question.options] == ["pneumothorax", "effusion"]
    assert parse_request(text, {"target": "effusion"}).target == "effusion"


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("Sensitivity at least 95% for melanoma, and I'd like as few unnecessary excisions as possible.", "unnecessary referrals"),
        ("Pneumothorax on chest X-rays, sensitivity at least 95 %, as few false alarms as possible.", "false alarms"),
    ],
)  # fmt: skip
def test_the_objective_says_both_of_what_pulls_apart(text: str, instead: str) -> None:
    objective = parse_request(text).objective
    assert objective.endswith(f", at a sensitivity of at least 95%, with as few {instead} as that allows.")
    assert "missing as few cases as possible" not in objective


@pytest.mark.parametrize(
    ("answer", "target"),
    [
        ("abnormality", "abnormality"),
        ("A model that tells normal from abnormal, and is called that", "abnormality"),
        ("Ein Modell, das normal von auffällig trennt und auch so heißt.", "abnormality"),
        ("same", "fracture"),
        ("in these images abnormal means fracture: tell fracture yes or no, without marks", "fracture"),
        ("In diesen Bildern heißt auffällig: Fraktur. Fraktur ja oder nein, ohne Markierungen", "fracture"),
    ],
)
def test_abnormal_is_not_fracture_until_the_clinician_says_so(answer: str, target: str) -> None:
    task = parse_request(
        "Images only labelled abnormal/normal. Build me a fracture detector.", {"abnormal_labels": answer}
    )
    assert (task.target, str(task.task_type), task.output_format, task.open_questions) == (
        target,
        BINARY,
        "probability",
        [],
    )


@pytest.mark.parametrize("answer", ["no, abnormal is not fracture", "banana", " "])
def test_an_answer_about_abnormal_that_is_not_understood_is_asked_for_again(answer: str) -> None:
    task = parse_request(
        "Images only labelled abnormal/normal. Build me a fracture detector.", {"abnormal_labels": answer}
    )
    assert [question.id for question in task.open_questions] == ["abnormal_labels"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("false_alarm", "specificity_first"), ("Nichts übersehen!", "sensitivity_first"), ("egal", "balanced")],
)
def test_the_risk_may_be_answered_in_own_words(answer: str, kind: str) -> None:
    task = parse_request("Make me something useful with these X-rays.", {"target": "pneumothorax", "risk": answer})
    assert task.risk.kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "?",
        "0 false marks per image",
        "one false mark per 0 images",
        "100 % of our patients have a pneumothorax",
        "sensitivity of 0 %",
        "prevalence of 100 %",
        "0 in 100 patients",
        "🫁 PTX? Größe ≥ 2 cm … ½ %",
        "pneumothorax " * 2000,
        "at least " * 2000 + "95 %",
    ],
    ids=range(12),
)
def test_odd_text_is_read_without_a_fault(text: str) -> None:
    task = parse_request(text)
    assert task.request == text
    assert check_request(text, task) is None


def test_the_agent_can_be_imported_without_torch_or_pandas() -> None:
    code = (
        "import sys, clinjup.agent.intent, clinjup.agent.soundness, clinjup.agent.roles;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'pandas', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("missed_case", "sensitivity_first"),
        ("A missed case", "sensitivity_first"),
        ("Einen übersehenen Fall", "sensitivity_first"),
        ("einen Fehlalarm.", "specificity_first"),
        ("Both about equally", "balanced"),
        ("I am most afraid of a missed one", "sensitivity_first"),
        ("a missed one would be terrible", "sensitivity_first"),
    ],
)
def test_the_fear_may_be_answered_by_what_the_question_shows_or_in_own_words(answer, kind):
    task = parse_request("help me with my X-rays", {"target": "pneumothorax", "risk": answer})
    assert task.risk.kind == kind and not task.open_questions


@pytest.mark.parametrize("answer", ["misssed case", "banana"])
def test_an_answer_about_the_fear_that_is_not_understood_is_asked_for_again(answer):
    task = parse_request("help me with my X-rays", {"target": "pneumothorax", "risk": answer})
    assert [question.id for question in task.open_questions] == ["risk"]
