"""Which methods a run tries against a confounder: few, chosen by how many images say whether they show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clinjup.agent.state import Brief
from clinjup.agent.thresholds import must_hold
from clinjup.agent.vocabulary import INSERTABLE
from clinjup.contracts import ClinicalTask, NamedConfounder, Step, TaskType
from clinjup.phrases import NOT_KNOWN

# Methods for classes of very different frequency (learning/mitigation); the last only where a comparison is asked for: it gained least.
IMBALANCE = ("logit_adjustment", "class_balanced_sampling", "focal_loss")
# Confounders whose presence a detector can estimate (learning/confounder_detector.py).
ESTIMABLE = frozenset({"chest_drain"})
# From this share of annotated images on nothing is estimated.
FULLY = 0.9
# Where few or no images are annotated: one method that rests on the estimate and one that does not; two, so that a run stays short.
LADDER = ("balanced_sampling", "jtt")
# Where the clinician asks for a comparison.
COMPARED = (*LADDER, "insertion_augmentation", "group_dro", "last_layer_retraining")
NEED_LABELS = frozenset({"balanced_sampling", "insertion_balancing", "group_dro", "last_layer_retraining"})
# Layouts that outline confounders, so that these can be taken out of the films as well.
OUTLINED = {"candid": frozenset({"chest_drain"})}
# Layouts that outline a finding, so that a network can learn where it lies.
FINDING_OUTLINED = {"candid": "pneumothorax", "siim": "pneumothorax"}
BOTH_WAYS, BY_INSERTION, LOCALISATION = "insertion_and_removal", "insertion_balancing", "localisation_supervision"
ESTIMATE = "estimate_confounder"
# Methods that show every image as often as plain training does.
REPEATS_NOTHING = frozenset({"logit_adjustment", "focal_loss", LOCALISATION})


def to_be_estimated(
    task: ClinicalTask,
    annotated: list[NamedConfounder],
    inserted: list[NamedConfounder],
    shares: Mapping[str, float] | None = None,
) -> NamedConfounder | None:
    """The one confounder that is not annotated on most images and can be estimated on the others. `shares`: how many are annotated."""
    feared = [*annotated, *inserted]
    if task.task_type is not TaskType.BINARY or must_hold(task) or len(feared) != 1 or feared[0].id not in ESTIMABLE:
        return None
    share = (shares or {}).get(feared[0].id, 0.0) if annotated else 0.0
    return feared[0] if share < FULLY else None


def estimate_step(brief: Brief, confounder: NamedConfounder, words: dict[str, str]) -> Step:
    """The detector that stands in for the missing annotation."""
    return Step(
        id=ESTIMATE,
        title=f"Which films show a {confounder.name}?",
        recipe="estimate_confounder",
        parameters={"CONFOUNDER": confounder.id, "SEED": brief.seed},
        words=words,
        depends_on=["split"],
        optional=True,
    )


def why_nothing_to_balance(step: Step, findings: Sequence[Mapping[str, Any]]) -> str | None:
    """Why a method that rests on the estimate is not tried: there is none, and no annotation. None where it is, and for other steps."""
    if step.parameters.get("MITIGATION") not in NEED_LABELS or ESTIMATE not in step.depends_on:
        return None
    unknown = any(NOT_KNOWN in finding.get("sentence", "") for finding in findings if finding.get("kind") == "note")
    return "it needs to know which images show the confounder, which could not be estimated" if unknown else None


def mitigations(
    task: ClinicalTask,
    annotated: list[NamedConfounder],
    inserted: list[NamedConfounder],
    *,
    estimated: bool = False,
    layout: str = "",
) -> dict[str, str]:
    """Models beside the baseline: name -> mitigation. Where `layout` outlines the finding, learning where it lies is tried as well."""
    tried = _against(task, annotated, inserted, estimated=estimated, layout=layout)
    outlined = FINDING_OUTLINED.get(layout, "") == task.target and not must_hold(task)
    return tried | ({LOCALISATION: LOCALISATION} if tried and outlined else {})


def _against(
    task: ClinicalTask,
    annotated: list[NamedConfounder],
    inserted: list[NamedConfounder],
    *,
    estimated: bool,
    layout: str,
) -> dict[str, str]:
    """What is done with the confounders, or with the imbalance; what counters confounders is joined with each method against imbalance."""
    against = [*([_balancing(task, annotated)] if annotated else []), *(["insertion_augmentation"] if inserted else [])]
    asked = "compare_methods" in task.constraints
    compared = asked and task.task_type is TaskType.BINARY and not must_hold(task)
    if estimated or (compared and len([*annotated, *inserted]) == 1):
        known = bool(annotated) or estimated
        methods = [
            _balancing(task, annotated) if name == "balanced_sampling" else name
            for name in (COMPARED if compared else LADDER)
        ]
        tried = {name: name for name in methods if known or name not in NEED_LABELS}
        outlined = {item.id for item in [*annotated, *inserted]} & OUTLINED.get(layout, frozenset())
        return tried | ({BOTH_WAYS: "insertion_augmentation+removal_augmentation"} if compared and outlined else {})
    if task.task_type is not TaskType.MULTICLASS:
        return {"mitigated" if len(against) > 1 else against[0]: "+".join(against)} if against else {}
    if not against:
        return {name: name for name in (IMBALANCE if asked else IMBALANCE[:2])}
    # Balancing a confounder against the label gives all classes the same weight as well.
    return {"mitigated": "+".join(against if annotated else [IMBALANCE[0], *against])}


def passes(mitigation: str) -> int:
    """How many times the baseline's passes a model is trained for.

    Balancing draws much of each pass from rare groups or classes, and augmentation changes half of it: twice the passes show a common
    image as it is about as often as plain training does. Balancing by insertion repeats nothing; it was measured with as many passes as
    plain training.
    """
    return 1 if mitigation in REPEATS_NOTHING or mitigation.startswith(BY_INSERTION) else 2


def _balancing(task: ClinicalTask, annotated: list[NamedConfounder]) -> str:
    """By insertion where few images of a lesion lack what can be drawn: repeating them cost more than it gave (benchmarks/RESULTS.md)."""
    skin = task.modality == "dermoscopy" and task.task_type is TaskType.BINARY
    return BY_INSERTION if skin and all(item.id in INSERTABLE for item in annotated) else "balanced_sampling"


WHY = {
    "baseline": "Plain training, nothing done about any confounder: the yardstick.",
    "balanced_sampling": (
        "The same network, but every batch holds as many images with as without $confounder_name in both classes, so that the "
        "$confounder_name no longer predicts the label. Half of each pass repeats the rare groups, so it gets twice the passes: a common "
        "image is then seen about as often as before."
    ),
    BY_INSERTION: (
        "The same network, but a $confounder_name is drawn into images of the class that has it more rarely, until both classes show it "
        "equally often and it no longer predicts the label. No image is repeated."
    ),
    "insertion_augmentation": (
        "The same network, but a $confounder_name-like structure is drawn into training images of both classes at random, so that it no longer "
        "predicts the label. This needs no annotation of the $confounder_name."
    ),
    "jtt": (
        "The same network, trained twice: the images that a first, short training gets wrong are those on which a $confounder_name misleads, "
        "and are drawn more often in the second (Just Train Twice, Liu et al., 2021). This needs no annotation of the $confounder_name."
    ),
    BOTH_WAYS: (
        "The same network, but a $confounder_name-like structure is drawn into some training images of both classes, and a real "
        "$confounder_name is taken out of others, where the data outline it."
    ),
    LOCALISATION: (
        "The same network, which also learns where the finding lies, from the outlines that the data bring: a $confounder_name says that there "
        "is one, but not where. The outlines are used in training only."
    ),
    "group_dro": (
        "The same network, whose loss gives most weight to that of the four groups (with and without $confounder_name, in both classes) "
        "that fares worst (group DRO, Sagawa et al., 2020)."
    ),
    "last_layer_retraining": (
        "A network trained plainly on four fifths of the training patients; only its last layer is then fitted anew, on films of the rest "
        "that are balanced between with and without $confounder_name (Kirichenko et al., 2023)."
    ),
    "mitigated": (
        "The same network against several things at once: what is annotated is balanced against the label, what is not is drawn into training "
        "images of all classes at random."
    ),
    "logit_adjustment": (
        "The same network, told how common each class is, so that it need not learn to answer with the common one (Menon et al., 2021)."
    ),
    "class_balanced_sampling": (
        "The same network, but images of rare classes are drawn more often, and the loss allows for what imbalance is left. Common images are "
        "seen less often in a pass for it, so there are twice the passes."
    ),
    "focal_loss": "The same network, but images that it already gets right weigh less (Lin et al., 2017).",
}
