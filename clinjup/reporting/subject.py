"""What a run is about in plain English, and which of its models the reader is told of."""

from __future__ import annotations

from typing import Literal

from clinjup.contracts import ClinicalTask, ConfounderResult, Estimate, ModelResults, Results, RunStatus, TaskType
from clinjup.nouns import class_words, plain_name
from clinjup.phrases import counted

_MITIGATIONS = {
    "balanced_sampling": "balancing",
    "insertion_balancing": "balancing by insertion",
    "insertion_augmentation": "training with inserted objects",
    "group_dro": "group-robust training",
    "removal_augmentation": "training with objects taken out",
    "localisation_supervision": "learning where it lies",
    "jtt": "training twice",
    "last_layer_retraining": "fitting the last layer anew",
    "class_balanced_sampling": "drawing rare classes more often",
    "logit_adjustment": "logit adjustment",
    "focal_loss": "focal loss",
}
_AGAINST_IMBALANCE = frozenset({"class_balanced_sampling", "logit_adjustment", "focal_loss"})

# What holds for any kind of image; those that are known say it in their own words.
_WORDS = {
    "elsewhere": "on another device",
    "truth": "report, follow-up, other tests",
    "acquisition": "Devices, views and settings",
    "example": "a device or marker",
    "placebo": "another object of the same brightness",
}
_RADIOGRAPH = {
    "elsewhere": "on another scanner",
    "truth": "report, CT, follow-up",
    "acquisition": "Scanners, views and settings",
}
_BONE = {**_RADIOGRAPH, "example": "a cast", "placebo": "a lead letter in place of metal"}
_WORDS_OF_KIND = {
    "chest_radiograph": {
        **_RADIOGRAPH,
        "example": "a chest drain",
        "placebo": "ECG electrodes in place of a chest drain",
    },
    "dermoscopy": {
        "elsewhere": "with another dermatoscope",
        "truth": "histology, follow-up, agreement of readers",
        "acquisition": "Dermatoscopes, light and magnification",
        "example": "a ruler",
        "placebo": "hairs in place of a ruler",
    },
    "bone_radiograph": _BONE,
    "wrist_radiograph": _BONE,
}


def image_noun(task: ClinicalTask) -> str:
    """'film' where radiographs are read, 'image' elsewhere."""
    return "film" if task.modality and "radiograph" in task.modality else "image"


def words_of(results: Results) -> dict[str, str]:
    """The words of this run's kind of image for glossary, limits and questions; `group` is whom the data number."""
    words = _WORDS | _WORDS_OF_KIND.get(results.task.modality or "", {})
    return words | {"noun": image_noun(results.task), "group": results.data.grouped_by}


def target_name(task: ClinicalTask) -> str:
    """What counts as positive in plain English: of several classes that of interest, else the target."""
    if task.task_type is TaskType.MULTICLASS:
        return class_words(task.of_interest or task.priority or "melanoma")
    return task.target_name or (plain_name(task.target) if task.target else "the finding in question")


def confounder_name(task: ClinicalTask, identifier: str) -> str:
    """The name of a confounder in plain English."""
    return next((item.name for item in task.confounders if item.id == identifier), plain_name(identifier))


def mitigation_words(mitigation: str | None) -> str:
    """'balancing' for balanced_sampling; shown as 'after balancing'."""
    parts = (mitigation or "mitigation").split("+")
    return " and ".join(_MITIGATIONS.get(part, plain_name(part)) for part in parts)


def is_against_imbalance(mitigation: str) -> bool:
    """Whether it is a measure against classes of unequal frequency alone, and none against a confounder."""
    return set(mitigation.split("+")) <= _AGAINST_IMBALANCE


def confounders_of(results: Results) -> list[str]:
    """Confounders that were named, then others that were measured."""
    names = [item.id for item in results.task.confounders]
    for model in results.models:
        names += [*model.confounders, *model.validation_confounders]
    return list(dict.fromkeys(names))


def chosen_model(results: Results) -> ModelResults | None:
    """The selected model, or while none was selected the only one."""
    chosen = next((model for model in results.models if model.name == results.selected), None)
    return chosen or (results.models[0] if len(results.models) == 1 else None)


def compared_models(results: Results) -> list[ModelResults]:
    """Baseline and chosen model; where the baseline was chosen, the mitigated one beside it.

    Of detectors, where one was trained against a confounder: that one, and the one that it was trained like.
    """
    if not results.models:
        return []
    baseline, chosen = results.models[0], chosen_model(results)
    against = [model for model in results.models if model.mitigation and (model.test or model.validation)]
    if against and results.task.task_type is TaskType.DETECTION:
        plain = {model.name: model for model in results.models if not model.mitigation}
        kept = [plain[item.name] for item in results.experiments if item.name in plain and item.outcome != "discarded"]
        return [kept[-1] if kept else baseline, against[0]]
    if chosen is None or chosen is baseline:
        return results.models[:2]
    return [baseline, chosen]


def confounder_result(model: ModelResults, name: str) -> tuple[ConfounderResult | None, Literal["test", "validation"]]:
    """A model's figures for one confounder: from the test set if it was opened, else from validation."""
    if name in model.confounders:
        return model.confounders[name], "test"
    return model.validation_confounders.get(name), "validation"


def operating_figures(model: ModelResults) -> tuple[Estimate | None, Estimate | None, Literal["test", "validation"]]:
    """Sensitivity and specificity at the frozen threshold, on test if it was opened, else on validation."""
    metrics, part = (model.test, "test") if model.test else (model.validation, "validation")
    point = model.operating_point
    sensitivity = metrics.get("sensitivity") or (point.sensitivity if point else None)
    specificity = metrics.get("specificity") or (point.specificity if point else None)
    return sensitivity, specificity, "test" if part == "test" else "validation"


def unexamined(results: Results) -> list[str]:
    """Confounders that were named and that no check could measure, once a model was checked."""
    if not any(model.validation or model.test for model in results.models):
        return []
    measured = {name for model in results.models for name in (*model.confounders, *model.validation_confounders)}
    return [item.id for item in results.task.confounders if item.id not in measured]


def unexamined_sentence(results: Results) -> str:
    """Which named confounders were not examined and why; empty where all were."""
    missed = unexamined(results)
    if not missed:
        return ""
    names = " and the ".join(confounder_name(results.task, name) for name in missed)
    was, it, noun = (
        ("was", "it", image_noun(results.task)) if len(missed) == 1 else ("were", "them", image_noun(results.task))
    )
    none = set(missed) == set(confounders_of(results))
    lead = f"No confounder could be examined; the {names}" if none else f"The {names}"
    return (
        f"{lead} {was} named and not examined, because the data do not say in a readable form which {noun}s show {it}, and no method "
        f"here can draw {it} into one."
    )


def opening_words(results: Results) -> str:
    """What became of the test set where a model has no figures from it."""
    if not results.test_openings:
        return "the test set was not opened"
    ended = "was interrupted" if results.status is RunStatus.INTERRUPTED else "ended"
    return f"the test set was opened, and the run {ended} before its figures were complete"


def patients_unknown(results: Results) -> bool:
    """Whether no column names the patients, so that each image counts as one."""
    return any(warning.code == "no_patient_ids" for warning in results.data.warnings)


def patients_words(results: Results) -> str:
    """'1,500 patients', or 'patients unknown'."""
    if patients_unknown(results):
        return "patients unknown"
    return counted(results.data.patients, results.data.grouped_by)


def clustered_words(results: Results) -> str:
    """How the intervals take several images of one patient into account."""
    if patients_unknown(results):
        return "each image counted as a patient of its own"
    return f"clustered by {results.data.grouped_by}"
