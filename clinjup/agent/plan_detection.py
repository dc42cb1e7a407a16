"""The plan for marking findings with boxes: one detector where all positives are boxed, a ladder of experiments where few are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Template
from typing import Any

from clinjup.agent.plan_network import network_parameters
from clinjup.agent.state import Brief
from clinjup.agent.thresholds import false_mark_limit
from clinjup.contracts import Step
from clinjup.nouns import plural, with_article

IMAGE_SIZE = 128
# Shares of the positive images that are boxed: below the first the ladder is climbed, above the second never.
FEW, MOST = 0.5, 0.9
MAX_LATENCY_MS = 200.0  # a film on one core, where the clinician says on which computer it must run
STEPS = 400  # batches of 32 films
LADDER_STEPS = {"baseline": 150, "with_negatives": 250, "pseudo_boxes": 400, "pseudo_boxes_2": 450}
GATE = "image_classifier"
GATE_EPOCHS = 5
AGAINST = "insertion_augmentation"  # the detector trained once more with what the request names drawn in
# It goes on where at least this share of films no longer changes when that is drawn in, and loses at most so much of the metric.
MIN_GAIN, MAX_LOSS = 0.05, 0.05

_WHY = {
    "baseline": (
        "One network that marks findings, trained on every box of the training part; negative films are background."
    ),
    "boxes_only": "The yardstick: the boxed films alone, as if nothing were known of the others.",
    "with_negatives": (
        "The same, and films known to be free of $target_name as background. They need no box: nothing is to be marked there."
    ),
    "pseudo_boxes": (
        "The best detector so far is the teacher. It marks the films that are known to show $a_target and were never boxed; "
        "what it is sure of becomes a pseudo-box, what it is unsure of says nothing, and a film without a sure mark is left out, "
        "never taken as background."
    ),
    "pseudo_boxes_2": (
        "A second round with the better teacher, and the last one. It is kept only if validation says so; validation and test never "
        "see a pseudo-box."
    ),
    GATE: (
        "A classifier of whole films, trained on yes and no alone. It is asked for a second opinion before a pseudo-box is made."
    ),
    AGAINST: (
        "The best detector so far is trained on for as long again: from its weights, with the same boxes.$of_the_ladder What is new: half "
        "of its training films, with $a_target and without alike, get $things drawn in, so that this says nothing of the $target_name. "
        "The boxes stay where they are, and a film in which one would be hidden stays as it was. The check that follows draws in another "
        "style."
    ),
}


def few_boxes(brief: Brief) -> bool:
    """Whether most positive images were not boxed, as the data show it; where they do not, what the clinician says of it decides.

    Where boxes alone say what is positive, there is none without a box, and no other film that could be given one.
    """
    role, profile = brief.roles.boxes, brief.profile
    boxes = next(
        (each for each in profile.boxes if role and (each.format, each.path) == (role.format, role.path)), None
    )
    if brief.roles.label is None and not profile.class_folders:
        return False
    positives = _positives(brief)
    said = "few_boxes" in brief.task.constraints
    if boxes is None or role is None or positives is None:
        return said
    share = sum(boxes.boxed.get(name, 0) for name in role.target) / positives
    return share <= MOST and (said or share < FEW)


def _positives(brief: Brief) -> float | None:
    """Images labelled positive that are there, about; None where the profile does not tell."""
    roles, profile = brief.roles, brief.profile
    if roles.label is None:
        found = float(sum(profile.class_folders.get(name, 0) for name in roles.positive))
    else:
        column, names = profile.column(roles.label), profile.column(roles.image or "")
        counts = {each.value: each.count for each in column.values} if column else {}
        found = sum(counts.get(value, 0) for value in roles.positive) * (names.image_matches if names else 1.0)
    return found or None


def detection_steps(brief: Brief, insertable: frozenset[str]) -> list[Step]:
    """All steps after the split."""
    checked = [name for name in brief.roles.confounders if name in insertable]
    checked += [item.id for item in brief.task.confounders if item.id in insertable and item.id not in checked]
    named = [item.id for item in brief.task.confounders if item.id in insertable]
    ladder = few_boxes(brief)
    names = {
        "baseline": "boxes_only",
        "with_negatives": "boxes_and_negatives",
        "pseudo_boxes": "pseudo_boxes",
        "pseudo_boxes_2": "pseudo_boxes",
    }
    steps: list[Step] = []
    for name, supervision in names.items() if ladder else [("baseline", "all_boxes")]:
        if name == "pseudo_boxes":
            steps.append(_gate(brief))
        steps.append(_train(brief, name, supervision, ladder))
        # A step of the ladder is compared by its marks; by what insertion does only where something is trained against it.
        shown = (name == "baseline" and not ladder) or bool(named)
        steps.append(_validate(brief, name, _title(name, ladder), checked if shown else None))
    if named:
        steps.append(_train_against(brief, named, ladder))
        steps.append(_validate(brief, AGAINST, _title(AGAINST, ladder), checked))
    steps.append(_select(brief, named))
    steps.append(
        Step(
            id="test",
            title="Open the test set, once",
            recipe="open_test_set_for_marks",
            parameters={"CONFOUNDERS": checked, "SEED": brief.seed},
            depends_on=["select"],
        )
    )
    words = _words(brief)
    steps.append(
        Step(
            id="marks",
            title="Where are the marks?",
            recipe="marked_films",
            words=words,
            depends_on=["test"],
            optional=True,
        )
    )
    steps.append(
        Step(
            id="figures",
            title="How many are found?",
            recipe="mark_figures",
            words=words,
            depends_on=["test"],
            optional=True,
        )
    )
    for name in checked:
        device = with_article(name.replace("_", " "))
        steps.append(
            Step(
                id=f"insertion_{name}",
                title=f"Is {device} taken for {words['a_target']}?",
                recipe="mark_insertion",
                parameters={"CONFOUNDER": name},
                words={**words, "confounder_name": device},
                depends_on=["test"],
                optional=True,
            )
        )
    return steps


def why_needless(step: Step, findings: Sequence[Mapping[str, Any]]) -> str | None:
    """Why a second round of pseudo-boxes is not tried: the first made nothing better on validation. None where it is, and for other steps."""
    if step.id != "train_pseudo_boxes_2":
        return None
    measured = {
        finding["name"]: finding["metrics"].get("ap50", {}).get("value") or 0.0
        for finding in findings
        if finding.get("kind") == "validation"
    }
    first = measured.get("pseudo_boxes")
    others = [value for name, value in measured.items() if name != "pseudo_boxes"]
    if first is None or not others or first > max(others):
        return None
    return f"the first round of pseudo-boxes did not help on validation (AP50 {first:.2f}, before {max(others):.2f})"


def _gate(brief: Brief) -> Step:
    why = Template(_WHY[GATE]).safe_substitute(_words(brief))
    return Step(
        id="train_gate",
        title="Train: classifier of whole films",
        recipe="train_model",
        parameters={"NAME": GATE, "EPOCHS": GATE_EPOCHS, "SEED": brief.seed},
        words={"name": "classifier of whole films", "why": why},
        depends_on=["split"],
        optional=True,
    )


def _title(name: str, ladder: bool) -> str:
    return {"baseline": "boxes only" if ladder else "all boxes"}.get(name, name.replace("_", " "))


def _train(brief: Brief, name: str, supervision: str, ladder: bool) -> Step:
    words, title = _words(brief), _title(name, ladder)
    network = network_parameters(brief)
    why = Template(_WHY["boxes_only" if ladder and name == "baseline" else name]).safe_substitute(words)
    if network:
        why += f" The network is {network['ARCHITECTURE']}, as asked for{', from pretrained weights' if brief.pretrained else ''}."
    before = {
        "pseudo_boxes": ["train_gate", "validate_with_negatives"],
        "pseudo_boxes_2": ["validate_pseudo_boxes"],
    }.get(name, ["split"])
    return Step(
        id=f"train_{name}",
        title=f"Train: {title}",
        recipe="train_detector",
        parameters={
            "NAME": name,
            "SUPERVISION": supervision,
            "GATE": GATE if supervision == "pseudo_boxes" else None,
            "STEPS": LADDER_STEPS[name] if ladder else STEPS,
            **network,
            "SEED": brief.seed,
        },
        words={"name": title, "why": why},
        depends_on=before,
        optional=name != "baseline",
    )


def _train_against(brief: Brief, named: list[str], ladder: bool) -> Step:
    title, things = _title(AGAINST, ladder), " and ".join(plural(each.replace("_", " ")) for each in named)
    of_the_ladder = (
        " Of the steps before, only the best on validation is trained again, so that one thing changes at a time."
        if ladder
        else ""
    )
    why = Template(_WHY[AGAINST]).safe_substitute(_words(brief), things=things, of_the_ladder=of_the_ladder)
    return Step(
        id=f"train_{AGAINST}",
        title=f"Train: {title}, against {things}",
        recipe="train_detector_against",
        parameters={"NAME": AGAINST, "CONFOUNDER": named, "METRIC": _metric(brief)},
        words={"name": title, "why": why},
        depends_on=["validate_baseline"],
        optional=True,
    )


def _validate(brief: Brief, name: str, title: str, checked: list[str] | None) -> Step:
    """`checked`: confounders whose insertion is tried; None where it is not the place to say anything of them."""
    limit = false_mark_limit(brief.task)
    things = " and ".join(plural(each.replace("_", " ")) for each in checked or [])
    check = (
        f"Then the check of {things}, on validation films only." if checked else "No confounder can be checked here."
    )
    return Step(
        id=f"validate_{name}",
        title=f"Check on validation: {title}",
        recipe="validate_detector",
        parameters={
            "NAME": name,
            "FALSE_MARKS": limit,
            "CONFOUNDERS": checked or [],
            "SEED": brief.seed,
        },
        words={
            "name": title,
            "rule": f"most boxes marked with at most {limit or 0.1:g} false marks per image",
            "confounder_check": "" if checked is None else check,
            **_words(brief),
        },
        depends_on=[f"train_{name}"],
        optional=name != "baseline",
    )


def _metric(brief: Brief) -> str:
    """What detectors are compared by."""
    metric = brief.task.primary_metric.name
    return metric if metric == "sensitivity_at_false_mark_limit" else "ap50"


def _select(brief: Brief, named: list[str]) -> Step:
    metric = _metric(brief)
    words = "the best AP50" if metric == "ap50" else "the largest share of boxes marked at the limit of false marks"
    things = " or ".join(with_article(each.replace("_", " ")) for each in named)
    if named:
        words += (
            f"; then the detector trained against {things}, if drawing that in changes the marks on films without "
            f"{_words(brief)['a_target']} by at least {100 * MIN_GAIN:.0f} points less, and if it loses at most {MAX_LOSS:.2f} of "
            f"{'AP50' if metric == 'ap50' else 'that share'}"
        )
    return Step(
        id="select",
        title="Choose the detector",
        recipe="select_detector",
        parameters={
            "METRIC": metric,
            **({"MIN_GAIN": MIN_GAIN, "MAX_LOSS": MAX_LOSS} if named else {}),
            "MAX_LATENCY_MS": MAX_LATENCY_MS if "run_on_cpu" in brief.task.constraints else None,
        },
        words={"selection_rule": words},
        depends_on=["validate_baseline"],
    )


def _words(brief: Brief) -> dict[str, str]:
    target = brief.task.target_name or brief.task.target or "target"
    return {"target_name": target, "a_target": with_article(target)}
