"""Where the threshold of a model lies, and whether its answer is to refer or to reassure: what a task asks, as arguments and in words."""

from __future__ import annotations

from typing import Any

from clinjup.contracts import DEFAULT_SENSITIVITY, DEFAULT_SPECIFICITY, ClinicalTask, TaskType

SENSITIVE_FALSE_MARKS = (
    1.0  # an image, where a missed case is what is feared; elsewhere one in ten (evaluation/detection)
)


def is_triage(task: ClinicalTask) -> bool:
    """Whether the answer is to refer or to reassure."""
    return task.task_type is TaskType.BINARY and (task.output_format == "refer_reassure" or bool(task.risk.harm_ratio))


def counts_the_cost(task: ClinicalTask) -> bool:
    """Whether it is told how many may be missed and what each case found costs: in triage, and where a sensitivity is named for a skin lesion.

    There each false alarm is an excision, whether or not the answer is worded as one.
    """
    named = task.risk.kind == "sensitivity_first" and task.risk.target_sensitivity is not None
    excised = task.task_type is TaskType.BINARY and task.modality == "dermoscopy" and named
    return is_triage(task) or excised


def must_hold(task: ClinicalTask) -> bool:
    """Whether the target must hold for patients to come: where no case may be missed, or one class of several has priority."""
    return task.risk.lower_bound or (task.task_type is TaskType.MULTICLASS and task.risk.kind == "sensitivity_first")


def leading_specificity(task: ClinicalTask) -> float | None:
    """The specificity that decides where the threshold lies; beside a target sensitivity it is as high as that allows anyway."""
    if task.risk.kind != "specificity_first":
        return None
    return task.risk.target_specificity or DEFAULT_SPECIFICITY


def false_mark_limit(task: ClinicalTask) -> float | None:
    """How many false marks an image a detector may make; None where the default of evaluation/detection holds."""
    if task.risk.kind == "sensitivity_first":
        return SENSITIVE_FALSE_MARKS
    return task.risk.false_marks_per_image


def operating_point(task: ClinicalTask) -> dict[str, Any]:
    """The arguments that say where the threshold lies."""
    if specificity := leading_specificity(task):
        return {"TARGET_SPECIFICITY": specificity}
    found: dict[str, Any] = {"TARGET_SENSITIVITY": task.risk.target_sensitivity or DEFAULT_SENSITIVITY}
    found |= {"LOWER_BOUND": True} if must_hold(task) else {}
    return found | ({"HARM_RATIO": task.risk.harm_ratio} if task.risk.harm_ratio else {})


def rule_in_words(task: ClinicalTask) -> str:
    """The rule for the markdown cell."""
    target, harm_ratio = task.risk.target_sensitivity or DEFAULT_SENSITIVITY, task.risk.harm_ratio
    if specificity := leading_specificity(task):
        return f"the highest sensitivity with a specificity of at least {specificity:.0%}"
    if harm_ratio:
        return f"one missed case counts as much as {harm_ratio:g} false alarms"
    if must_hold(task):
        return (
            f"the highest specificity at which the sensitivity, with 95 % confidence, is at least {target:.0%} on other patients too; a "
            "figure that was just reached on these would not be reached on the next"
        )
    return f"the highest specificity with a sensitivity of at least {target:.0%}"
