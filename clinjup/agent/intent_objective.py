"""The objective of a task as one English sentence, for notebook and report."""

from __future__ import annotations

import re
from collections.abc import Collection

from clinjup.agent.intent_phrases import SPECIFICITY_FIRST
from clinjup.agent.thresholds import counts_the_cost
from clinjup.agent.vocabulary import CONFOUNDERS, MODALITIES, TARGETS, by_id, fold
from clinjup.contracts import ClinicalTask, TaskType

_VERBS = {
    TaskType.BINARY: "Recognise",
    TaskType.MULTICLASS: "Tell apart the types of",
    TaskType.DETECTION: "Mark suspected",
}
_CONSTRAINTS = {
    "untreated_only": "with emphasis on cases that are not yet treated",
    "few_boxes": "although only some images have boxes",
    "run_on_cpu": "on a computer without a graphics card",
    "compare_methods": "comparing several methods",
    "use_metadata": "with patient data such as age and site where they help",
}


def describe(task: ClinicalTask, unexamined: Collection[str] = ()) -> str:
    """One sentence: what is recognised on which images, against what, at which error, without which shortcut.

    `unexamined`: ids of the confounders that nothing in the data or here can examine; of these no independence is promised.
    """
    parts = [_what(task), *_risk(task)]
    for lead, missed in (("without relying on", False), ("without examining the effect of", True)):
        named = [item.id for item in task.confounders if (item.id in unexamined) is missed]
        names = [term.many for name in named if (term := by_id(CONFOUNDERS, name))]
        if names:
            parts.append(f"{lead} {_and(names)}")
    parts += [sentence for name, sentence in _CONSTRAINTS.items() if name in task.constraints]
    return ", ".join(parts) + "."


def _what(task: ClinicalTask) -> str:
    modality = by_id(MODALITIES, task.modality) if task.modality else None
    images = modality.many if modality else "images"
    if task.target is None:
        return f"Find out what a model should recognise on {images}"
    term = by_id(TARGETS, task.target)
    name = task.target_name or task.target
    # A disease with an irregular plural, or none, is spoken of in the singular: "recognise pneumothorax".
    many = term.many if term and (task.task_type is not TaskType.BINARY or not term.plural) else name
    what = f"{_VERBS[task.task_type]} {many} on {images}"
    comparator = by_id(TARGETS, task.comparator) if task.comparator else None
    if comparator:
        what = f"Distinguish {name} from {comparator.name} on {images}"
    priority = by_id(TARGETS, task.priority) if task.priority else None
    return f"{what} with priority for {priority.name}" if priority else what


def _risk(task: ClinicalTask) -> list[str]:
    risk = task.risk
    said = []
    spared = risk.target_sensitivity and not risk.lower_bound and _spares(task)
    if risk.kind == "sensitivity_first" and not task.priority and not spared:
        said.append("missing as few cases as possible")
    if risk.kind == "specificity_first":
        said.append("raising as few false alarms as possible")
    if risk.target_sensitivity:
        said.append(f"at a sensitivity of at least {risk.target_sensitivity:.0%}")
    if spared:
        said.append(
            f"with as few {'unnecessary referrals' if counts_the_cost(task) else 'false alarms'} as that allows"
        )
    if risk.target_specificity:
        said.append(f"at a specificity of at least {risk.target_specificity:.0%}")
    if risk.harm_ratio:
        said.append(f"one missed case counting as much as {risk.harm_ratio:g} false alarms")
    if risk.false_marks_per_image:
        said.append(f"with at most {risk.false_marks_per_image:g} false marks per image")
    return said


def _spares(task: ClinicalTask) -> bool:
    """Whether the request wishes for few false alarms too. Of marks the threshold takes no heed of it."""
    request = fold(task.request)
    return task.task_type is not TaskType.DETECTION and any(re.search(shape, request) for shape in SPECIFICITY_FIRST)


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
