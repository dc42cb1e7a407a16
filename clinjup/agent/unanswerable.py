"""What a request asks that the data at hand cannot answer: said before the run, with what would answer it."""

from __future__ import annotations

import re

from clinjup.agent.intent_phrases import EXTERNAL, NOT_ONE_MISSED
from clinjup.agent.intent_priority import few_missed, first_hit
from clinjup.agent.quantities import target_sensitivity
from clinjup.agent.roles_columns import covariates, patient_column
from clinjup.agent.thresholds import SENSITIVE_FALSE_MARKS
from clinjup.agent.vocabulary import fold, fold_with_origins
from clinjup.contracts import DEFAULT_SPECIFICITY, ClinicalTask, DataProfile, DataWarning, TaskType

_SKIN_TONE = (
    "Whether it also works on dark skin cannot be answered from this data: nothing in it says which skin an image shows, and sets like "
    "HAM10000 and ISIC hold almost only light skin. What would answer it: images of patients with dark skin with a proved diagnosis and "
    "the Fitzpatrick or Monk skin type written down, at least 10 melanomas among them (better 60), tested apart and never assumed."
)
_SKIN_TONE_ELSEWHERE = (
    "Whether it also works for patients with dark skin is not examined in this run. What would answer it: a column with the skin type or the "
    "patients' own statement, at least 10 cases with the finding among them (better 60), tested apart and never assumed."
)
_PATIENT_IN_FILE_NAMES = frozenset({"chexpert", "candid"})  # their readers take the patient from there
_CONTAINED = {"ham10000": "HAM10000", "isic2018": "ISIC 2018", "isic2019": "ISIC 2019"}
_NAMES = {
    "ham10000": r"\bham[ -]?10[ -]?(?:000|k)\b",
    "isic2018": r"\bisic[ -]?2018\b",
    "isic2019": r"\bisic[ -]?2019\b",
}


def unanswerable(task: ClinicalTask, profile: DataProfile) -> list[DataWarning]:
    """Warnings about what this data cannot show."""
    found = []
    if "skin_tone_question" in task.constraints:
        column = covariates(profile, None).get("skin_type")
        sentence = _SKIN_TONE if task.modality in (None, "dermoscopy") else _SKIN_TONE_ELSEWHERE
        if column is not None and task.modality == "dermoscopy":
            sentence = (
                f"The column '{column.name}' says which skin type an image shows: the report gives figures for each of them. Where fewer than "
                "10 cases of a type are in the test part its figures are suppressed, and then this data cannot say whether the model works "
                "there."
            )
        found.append(DataWarning(code="skin_tone_unknown", sentence=sentence))
    if "use_metadata" in task.constraints and task.modality != "dermoscopy":
        sentence = "Patient data are not yet joined with images in this kind of task; the model sees the images only."
        found.append(DataWarning(code="metadata_not_used", sentence=sentence))
    return [
        *found,
        *_no_patients(task, profile),
        *_false_alarms(task),
        *_missed_marks(task),
        *_ratio_beside_more(task),
        *_no_external(task, profile),
    ]


def _no_patients(task: ClinicalTask, profile: DataProfile) -> list[DataWarning]:
    """A wish that several images count as one patient, where nothing says whose images they are."""
    named = patient_column(profile, None) is not None or profile.layout in _PATIENT_IN_FILE_NAMES
    if "group_by_patient" not in task.constraints or named:
        return []
    sentence = (
        "You want several images of one patient to count as one, but no column says which images belong to the same patient, so this cannot "
        "be done: each image counts as a patient of its own. A column 'patient_id' in the table, with the same number or pseudonym on all "
        "images of one patient, would allow it."
    )
    return [DataWarning(code="cannot_group_by_patient", sentence=sentence)]


def _false_alarms(task: ClinicalTask) -> list[DataWarning]:
    """A wish for few false alarms that does not say where the threshold lies: without a number, or for marks."""
    if task.task_type is TaskType.DETECTION and task.risk.kind == "specificity_first":
        sentence = (
            "Marks are judged by false marks per image, so the wish for few false alarms does not move the threshold; a limit such as 'at "
            "most one false mark per ten images' does."
        )
    elif task.risk.kind == "specificity_first" and not task.risk.target_specificity:
        sentence = (
            f"You want few false alarms and name no number: the threshold finds as many cases as it can with a specificity of at least "
            f"{DEFAULT_SPECIFICITY:.0%}, so at most one false alarm in 20 without the finding. 'A specificity of at least 90 %' would find "
            "more and alarm more often."
        )
    else:
        return []
    return [DataWarning(code="false_alarms_without_number", sentence=sentence)]


def _missed_marks(task: ClinicalTask) -> list[DataWarning]:
    """The wish that no case is missed, where marks are limited by how many false ones a reader accepts."""
    risk, request = task.risk, fold_with_origins(task.request)
    if task.task_type is not TaskType.DETECTION:
        return []
    if risk.kind == "sensitivity_first":
        sentence = (
            f"You fear the missed case. How much is marked follows from how many false marks a reader accepts: {SENSITIVE_FALSE_MARKS:g} an "
            "image here, instead of one in ten images, so that more is marked. No sensitivity can be promised; the share of boxes that are "
            "marked is reported. 'At most one false mark per two images' would set another limit."
        )
    elif risk.false_marks_per_image and (first_hit(NOT_ONE_MISSED, request.text) or few_missed(request)):
        sentence = (
            "You name a limit of false marks and also want no case missed. The limit decides; what it leaves unmarked is reported as the share "
            "of boxes that are not marked."
        )
    else:
        return []
    return [DataWarning(code="missed_marks", sentence=sentence)]


def _ratio_beside_more(task: ClinicalTask) -> list[DataWarning]:
    """A ratio of harms beside a sensitivity, or beside the wish that no case is missed."""
    text = fold(task.request)
    more = target_sensitivity(text) or first_hit(NOT_ONE_MISSED, text)
    if task.risk.kind != "harm_ratio" or not more:
        return []
    sentence = (
        f"You say that one missed case counts as much as {task.risk.harm_ratio:g} false alarms, and beside it how many cases must be found. "
        "The ratio decides where the threshold lies; the sensitivity that follows from it is reported. Without the ratio the other wish "
        "would decide."
    )
    return [DataWarning(code="ratio_decides", sentence=sentence)]


def _no_external(task: ClinicalTask, profile: DataProfile) -> list[DataWarning]:
    """HAM10000, ISIC 2018 and ISIC 2019 share images: none of them tests a model of another externally."""
    text = fold(task.request)
    if profile.layout not in _CONTAINED or not EXTERNAL.search(text):
        return []
    others = [name for key, name in _CONTAINED.items() if key != profile.layout and re.search(_NAMES[key], text)]
    if not others:
        return []
    sentence = (
        f"{' and '.join(others)} cannot serve as external test of a model trained on {_CONTAINED[profile.layout]}: ISIC 2019 contains "
        "HAM10000, whose images are also those of ISIC 2018. A model would be tested on images that it has seen. Take out all shared images "
        "first, or test on images of another hospital."
    )
    return [DataWarning(code="datasets_overlap", sentence=sentence)]
