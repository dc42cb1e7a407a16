"""From a brief to a plan: which recipes, in which order, with which arguments."""

from __future__ import annotations

from pathlib import PurePath

from clinjup.agent import plan_detection
from clinjup.agent.state import Brief
from clinjup.contracts import NamedConfounder, Plan, Step, StepStatus, TaskType

DEFAULT_SENSITIVITY = 0.90
MAX_AUROC_LOSS = 0.10
IMAGE_SIZE = 96
# Passes over the training images: more of them where the folder holds few images.
EPOCHS, MOST_EPOCHS, IMAGES_TO_SEE = 8, 20, 12_000
# Balancing draws half of each pass from the rare groups, and augmentation changes half of it: twice the passes show a common
# image as it is about as often as plain training does.
MITIGATED = 2

# Confounders that can be drawn into an image: as a test (evaluation/insertion) and as augmentation (learning/mitigation).
INSERTABLE = frozenset({"chest_drain", "cast", "metal"})
# ... and of these, those that only the test can draw.
ONLY_AS_TEST = frozenset({"cast", "metal"})


class UnsupportedTaskError(Exception):
    """A sound request that no recipe answers yet. The sentence says what works instead (exit 2)."""


def build_plan(brief: Brief) -> Plan:
    """The plan for a yes/no question about images, with or without a confounder. Raises UnsupportedTaskError otherwise."""
    task = brief.task
    if task.task_type is TaskType.DETECTION:
        steps = [_load(brief), _prepare(plan_detection.IMAGE_SIZE), _split(brief)]
        return Plan(objective=task.objective, steps=[*steps, *plan_detection.detection_steps(brief, INSERTABLE)])
    if task.task_type is not TaskType.BINARY:
        raise UnsupportedTaskError(
            "Telling several classes apart is not part of this version, so nothing was started. What works today is a yes/no question about an "
            "image, such as 'Is there a pneumothorax on this chest film?'."
        )
    confounder = next(iter(task.confounders), None)
    annotated = confounder is not None and confounder.id in brief.roles.confounders
    mitigation = _mitigation(confounder, annotated)
    names = ["baseline", *([mitigation] if mitigation else [])]
    # A check needs labels for the strata or an inserter for the counterfactual.
    checked = [confounder.id] if confounder and (annotated or confounder.id in INSERTABLE) else []
    steps = [_load(brief), _prepare(), _split(brief)]
    if confounder and annotated:
        steps.append(_association(brief, confounder))
    for name in names:
        steps += _train_and_validate(brief, name, confounder, checked)
    steps += [_select(brief, names, confounder if checked else None), _open_test(brief, names, checked)]
    if confounder and checked:
        steps.append(_confounder_figures(brief, confounder))
    steps += [_performance_figures(), _gradcam(confounder if checked else None)]
    return Plan(objective=task.objective, steps=steps)


def rebuild_plan(brief: Brief, old: Plan) -> Plan:
    """The plan for a changed brief; steps that are done stay done."""
    plan = build_plan(brief)
    done = {step.id: step for step in old.steps if step.status in {StepStatus.DONE, StepStatus.SKIPPED}}
    steps = [done.get(step.id, step) for step in plan.steps]
    return plan.model_copy(update={"steps": steps})


def _mitigation(confounder: NamedConfounder | None, annotated: bool) -> str | None:
    """Name of the model that counters the confounder, which is also the name of its mitigation."""
    if confounder is None:
        return None
    if annotated:
        return "balanced_sampling"
    return "insertion_augmentation" if confounder.id in INSERTABLE - ONLY_AS_TEST else None


def _load(brief: Brief) -> Step:
    parameters = {
        "DATA": _data_path(brief),
        "LAYOUT": brief.profile.layout,
        "TARGET": brief.task.target,
        "TARGET_NAME": brief.task.target_name,
        "COLUMNS": brief.roles.model_dump(exclude_defaults=True),
    }
    return Step(id="load", title="Load the cohort", recipe="load_cohort", parameters=parameters)


def _data_path(brief: Brief) -> str:
    """The data folder as the notebook names it: relative where it lies beside the run folder, so that both can move together."""
    root, run = PurePath(brief.profile.root), PurePath(brief.folder)
    return f"../{root.name}" if brief.beside and brief.folder and root.parent == run.parent else brief.profile.root


def _prepare(size: int = IMAGE_SIZE) -> Step:
    return Step(
        id="audit",
        title="Decode and audit the images",
        recipe="prepare_images",
        parameters={"IMAGE_SIZE": size},
        depends_on=["load"],
    )


def _split(brief: Brief) -> Step:
    return Step(
        id="split",
        title="Split by patient",
        recipe="split_cohort",
        parameters={"SEED": brief.seed},
        depends_on=["audit"],
    )


def _association(brief: Brief, confounder: NamedConfounder) -> Step:
    return Step(
        id="association",
        title=f"Does the {confounder.name} go with the label?",
        recipe="association",
        parameters={"CONFOUNDER": confounder.id},
        words=_words(brief, confounder),
        depends_on=["split"],
    )


_WHY = {
    "baseline": "Plain training, nothing done about any confounder: the yardstick.",
    "balanced_sampling": (
        "The same network, but every batch holds as many images with as without $confounder_name in both classes, so that the "
        "$confounder_name no longer predicts the label. Half of each pass repeats the rare groups, so it gets twice the passes: a common "
        "image is then seen about as often as before."
    ),
    "insertion_augmentation": (
        "The same network, but a $confounder_name-like structure is drawn into training images of both classes at random, so that it no longer "
        "predicts the label. This needs no annotation of the $confounder_name."
    ),
}


def _train_and_validate(brief: Brief, name: str, confounder: NamedConfounder | None, checked: list[str]) -> list[Step]:
    words = _words(brief, confounder)
    title = name.replace("_", " ")
    target = brief.task.risk.target_sensitivity or DEFAULT_SENSITIVITY
    mitigation = None if name == "baseline" else name
    train = Step(
        id=f"train_{name}",
        title=f"Train: {title}",
        recipe="train_model",
        parameters={
            "NAME": name,
            "MITIGATION": mitigation,
            "CONFOUNDER": confounder.id if confounder and mitigation else None,
            "EPOCHS": _epochs(brief) * (MITIGATED if mitigation else 1),
            "SEED": brief.seed,
        },
        words={"name": title, "why": _filled(_WHY[name], words)},
        depends_on=["split"],
        optional=name != "baseline",
    )
    check = (
        f"Then the {words['confounder_name']} check, on validation images only."
        if checked
        else "No confounder can be checked here."
    )
    validate = Step(
        id=f"validate_{name}",
        title=f"Check on validation: {title}",
        recipe="validate_model",
        parameters={"NAME": name, "TARGET_SENSITIVITY": target, "CONFOUNDERS": checked, "SEED": brief.seed},
        words={
            "name": title,
            "rule": f"the highest specificity with a sensitivity of at least {target:.0%}",
            "confounder_check": check,
            **words,
        },
        depends_on=[train.id],
        optional=name != "baseline",
    )
    return [train, validate]


def _epochs(brief: Brief) -> int:
    return min(MOST_EPOCHS, max(EPOCHS, IMAGES_TO_SEE // max(brief.profile.images.count, 1)))


def _select(brief: Brief, names: list[str], confounder: NamedConfounder | None) -> Step:
    rule = (
        "the model whose weakest group (images with or without the confounder) is separated best, as long as its overall AUROC "
        f"is at most {MAX_AUROC_LOSS:.2f} below the baseline's"
        if confounder
        else "the best AUROC"
    )
    return Step(
        id="select",
        title="Choose the model",
        recipe="select_model",
        parameters={"CONFOUNDER": confounder.id if confounder else None, "MAX_AUROC_LOSS": MAX_AUROC_LOSS},
        words={"selection_rule": rule},
        depends_on=["validate_baseline"],
    )


def _open_test(brief: Brief, names: list[str], checked: list[str]) -> Step:
    return Step(
        id="test",
        title="Open the test set, once",
        recipe="open_test_set",
        parameters={"CONFOUNDERS": checked, "PREVALENCE": brief.task.prevalence, "SEED": brief.seed},
        depends_on=["select"],
    )


def _confounder_figures(brief: Brief, confounder: NamedConfounder) -> Step:
    return Step(
        id="confounder",
        title=f"Does the model look at the {confounder.name}?",
        recipe="confounder_figures",
        parameters={"CONFOUNDER": confounder.id},
        words=_words(brief, confounder),
        depends_on=["test"],
        optional=True,
    )


def _performance_figures() -> Step:
    return Step(
        id="performance",
        title="How well does it separate?",
        recipe="performance_figures",
        depends_on=["test"],
        optional=True,
    )


def _gradcam(confounder: NamedConfounder | None) -> Step:
    return Step(
        id="gradcam",
        title="Where does the model look?",
        recipe="gradcam",
        parameters={"CONFOUNDER": confounder.id if confounder else None},
        depends_on=["test"],
        optional=True,
    )


def _words(brief: Brief, confounder: NamedConfounder | None) -> dict[str, str]:
    return {
        "confounder_name": confounder.name if confounder else "confounder",
        "target_name": brief.task.target_name or brief.task.target or "target",
    }


def _filled(text: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        text = text.replace(f"${name}", value)
    return text
