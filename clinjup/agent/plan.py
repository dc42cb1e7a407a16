"""From a brief to a plan: which recipes, in which order, with which arguments."""

from __future__ import annotations

from pathlib import PurePath
from string import Template

from clinjup.agent import plan_detection
from clinjup.agent.plan_mitigation import (
    ESTIMATE,
    NEED_LABELS,
    WHY,
    estimate_step,
    mitigations,
    passes,
    to_be_estimated,
)
from clinjup.agent.plan_network import image_size, network_parameters
from clinjup.agent.priority import priority_of
from clinjup.agent.state import Brief
from clinjup.agent.thresholds import counts_the_cost, is_triage, must_hold, operating_point, rule_in_words
from clinjup.agent.vocabulary import CONFOUNDERS, INSERTABLE, SKIN_LESION_CLASSES, by_id
from clinjup.contracts import NamedConfounder, Plan, Step, StepStatus, TaskType
from clinjup.nouns import model_words

MAX_AUROC_LOSS = 0.10
# Passes over the training images: more of them where the folder holds few images.
EPOCHS, MOST_EPOCHS, IMAGES_TO_SEE = 8, 20, 12_000
# A dermatoscope has no up and down: a lesion that may lie any way round takes more passes to know. As many as six minutes hold; of
# images seen at 64 pixels twice as many.
TURNED_EPOCHS = {TaskType.BINARY: 32, TaskType.MULTICLASS: 12}

# Networks beside the final one, each without a part of the patients, for a threshold that must hold for patients to come.
FOLDS = 4
# Covariates whose groups are looked at apart, where the data have them, in tasks about skin.
SUBGROUPS = ("sex", "age", "skin_type", "body_site", "reference")


class UnsupportedTaskError(Exception):
    """A sound request that no recipe answers yet. The sentence says what works instead (exit 2)."""


def build_plan(brief: Brief) -> Plan:
    """The plan for a yes/no question, for several classes, or for marks with boxes. Raises UnsupportedTaskError for anything else."""
    steps = _steps(brief)
    for step in steps:
        step.parameters.update(brief.mended.get(step.recipe, {}))
    return Plan(objective=brief.task.objective, steps=steps)


def _steps(brief: Brief) -> list[Step]:
    task = brief.task
    if task.task_type is TaskType.DETECTION:
        steps = [_load(brief), _prepare(plan_detection.IMAGE_SIZE), _split(brief)]
        return [*steps, *plan_detection.detection_steps(brief, INSERTABLE)]
    if task.task_type is TaskType.MULTICLASS and not task.classes:
        raise UnsupportedTaskError(
            "The request names no classes that the recipes can tell apart, so nothing was started. They know the seven types of skin lesion; "
            "for other images ask about one finding, such as 'Is there a pneumothorax on this chest film?'."
        )
    # A check needs labels for the strata or an inserter for the counterfactual; those with labels come first.
    annotated = [item for item in task.confounders if item.id in brief.roles.confounders]
    inserted = [item for item in task.confounders if item not in annotated and item.id in INSERTABLE]
    known = [*annotated, *inserted]
    examined = [*known, *_found(brief)]
    checked = [item.id for item in examined]
    estimated = to_be_estimated(task, annotated, inserted, brief.annotated)
    trainings = {
        "baseline": None,
        **mitigations(task, annotated, inserted, estimated=estimated is not None, layout=brief.profile.layout),
    }
    skin = task.modality == "dermoscopy"
    steps = [_load(brief), _prepare(image_size(brief))]
    if skin and brief.roles.covariates:
        steps.append(_simple("table_one", "Who is in the data? (Table 1)", "audit", optional=True))
    steps.append(_split(brief))
    steps += [_association(brief, item) for item in examined if item.id in brief.roles.confounders]
    if skin:
        steps.append(
            _simple("probe_pictures", "What else gives the label away?", "split", _words(brief, None), optional=True)
        )
    if estimated is not None:
        steps.append(estimate_step(brief, estimated, _words(brief, estimated)))
    for name, mitigation in trainings.items():
        steps += _train_and_validate(brief, name, mitigation, known, examined, estimated=estimated is not None)
    steps.append(_select(brief, list(trainings), known[0] if known else None))
    if skin and "use_metadata" in task.constraints and _covariates(brief):
        steps.append(_metadata(brief, checked))
    steps.append(_open_test(brief, checked))
    steps += [_confounder_figures(brief, item) for item in examined]
    if task.task_type is TaskType.MULTICLASS:
        words = {"priority_name": _priority_name(brief)}
        steps.append(_simple("class_figures", "Which class is taken for which?", "test", words, optional=True))
    steps.append(_performance_figures())
    if counts_the_cost(task):
        steps.append(_decision_figures(brief))
    return [*steps, _gradcam(examined[0] if examined else None)]


def rebuild_plan(brief: Brief, old: Plan) -> Plan:
    """The plan for a changed brief; steps that are done stay done."""
    plan = build_plan(brief)
    done = {step.id: step for step in old.steps if step.status in {StepStatus.DONE, StepStatus.SKIPPED}}
    steps = [done.get(step.id, step) for step in plan.steps]
    return plan.model_copy(update={"steps": steps})


def _found(brief: Brief) -> list[NamedConfounder]:
    """Confounders that nobody named, but the tables of a dermoscopy set annotate and can be drawn: measured, not trained against."""
    if brief.task.modality != "dermoscopy":
        return []
    named = {item.id for item in brief.task.confounders}
    terms = [by_id(CONFOUNDERS, name) for name in brief.roles.confounders if name in INSERTABLE - named]
    return [NamedConfounder(id=term.id, name=term.name, phrase="") for term in terms if term]


def _priority_name(brief: Brief) -> str:
    """The class of interest in words: of several classes that with priority, else the target."""
    term = by_id(SKIN_LESION_CLASSES, priority_of(brief.task, brief.roles) or "")
    return term.name if term else brief.task.target_name or brief.task.target or "target"


def _covariates(brief: Brief) -> list[str]:
    return [name for name in ("age", "sex", "body_site") if name in brief.roles.covariates]


def _simple(recipe: str, title: str, after: str, words: dict[str, str] | None = None, *, optional: bool) -> Step:
    """A step whose recipe needs no arguments."""
    return Step(id=recipe, title=title, recipe=recipe, words=words or {}, depends_on=[after], optional=optional)


def _metadata(brief: Brief, checked: list[str]) -> Step:
    return Step(
        id="metadata",
        title="Do age, sex and site help?",
        recipe="metadata_ablation",
        parameters={
            "COVARIATES": _covariates(brief),
            "CONFOUNDERS": checked,
            **operating_point(brief.task),
            **_prevalence(brief),
            "SEED": brief.seed,
        },
        depends_on=["select"],
        optional=True,
    )


def _prevalence(brief: Brief) -> dict[str, float]:
    """What PPV and NPV on validation are stated at, where the clinician said so."""
    return {"PREVALENCE": brief.task.prevalence} if brief.task.prevalence else {}


def _decision_figures(brief: Brief) -> Step:
    return Step(
        id="decision",
        title="Is it worth following the model?",
        recipe="decision_figures",
        parameters={"HARM_RATIO": brief.task.risk.harm_ratio},
        words=_words(brief, None),
        depends_on=["test"],
        optional=True,
    )


def _load(brief: Brief) -> Step:
    parameters = {
        "DATA": _data_path(brief),
        "LAYOUT": brief.profile.layout,
        "TARGET": brief.task.target,
        "TARGET_NAME": brief.task.target_name,
        **({"UPRIGHT": False} if brief.task.modality == "dermoscopy" else {}),
        **({"PRIORITY": priority} if (priority := priority_of(brief.task, brief.roles)) else {}),
        "COLUMNS": brief.roles.model_dump(exclude_defaults=True),
    }
    return Step(id="load", title="Load the cohort", recipe="load_cohort", parameters=parameters)


def _data_path(brief: Brief) -> str:
    """The data folder as the notebook names it: relative where it lies beside the run folder, so that both can move together."""
    root, run = PurePath(brief.profile.root), PurePath(brief.folder)
    return f"../{root.name}" if brief.beside and brief.folder and root.parent == run.parent else brief.profile.root


def _prepare(size: int) -> Step:
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
        title="Split into three parts",
        recipe="split_cohort",
        parameters={"SEED": brief.seed},
        depends_on=["audit"],
    )


def _association(brief: Brief, confounder: NamedConfounder) -> Step:
    return Step(
        id="association" if confounder in brief.task.confounders[:1] else f"association_{confounder.id}",
        title=f"Does the {confounder.name} go with the label?",
        recipe="association",
        parameters={"CONFOUNDER": confounder.id},
        words=_words(brief, confounder),
        depends_on=["split"],
    )


def _train_and_validate(
    brief: Brief,
    name: str,
    mitigation: str | None,
    known: list[NamedConfounder],
    examined: list[NamedConfounder],
    *,
    estimated: bool,
) -> list[Step]:
    words = _words(brief, next(iter([*examined, *brief.task.confounders]), None))
    checked = [item.id for item in examined]
    title = model_words(name)
    against = [item.id for item in known] if mitigation else []
    train = Step(
        id=f"train_{name}",
        title=f"Train: {title}",
        recipe="train_model",
        parameters={
            "NAME": name,
            "MITIGATION": mitigation,
            "CONFOUNDER": against[0] if len(against) == 1 else against or None,
            "EPOCHS": _epochs(brief) * (passes(mitigation) if mitigation else 1),
            **network_parameters(brief),
            "SEED": brief.seed,
        },
        words={"name": title, "why": Template(WHY[name]).safe_substitute(words)},
        depends_on=["split", ESTIMATE] if estimated and mitigation in NEED_LABELS else ["split"],
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
        parameters={
            "NAME": name,
            **operating_point(brief.task),
            "CONFOUNDERS": checked,
            **_prevalence(brief),
            "SEED": brief.seed,
        },
        words={"name": title, "rule": rule_in_words(brief.task), "confounder_check": check, **words},
        depends_on=[train.id],
        optional=name != "baseline",
    )
    # Several classes have many models to train; their threshold rests on validation.
    if not must_hold(brief.task) or brief.task.task_type is TaskType.MULTICLASS:
        return [train, validate]
    judge = Step(
        id=f"cross_fit_{name}",
        title=f"Judge every image by a network that has not seen it: {title}",
        recipe="cross_fit",
        parameters={"NAME": name, "FOLDS": FOLDS},
        words={"name": title},
        depends_on=[train.id],
        optional=True,
    )
    return [train, judge, validate]


def _epochs(brief: Brief) -> int:
    fewest = TURNED_EPOCHS[brief.task.task_type] if brief.task.modality == "dermoscopy" else EPOCHS
    return max(fewest, min(MOST_EPOCHS, IMAGES_TO_SEE // max(brief.profile.images.count, 1)))


def _select(brief: Brief, names: list[str], confounder: NamedConfounder | None) -> Step:
    rule = (
        "the model whose weakest group (images with or without the confounder) is separated best, as long as its overall AUROC "
        f"is at most {MAX_AUROC_LOSS:.2f} below the baseline's; where models are equal within one standard error, the one whose false alarms "
        "change least when the confounder is inserted"
        if confounder
        else "the best AUROC"
    )
    parameters = {"CONFOUNDER": confounder.id if confounder else None, "MAX_AUROC_LOSS": MAX_AUROC_LOSS}
    if brief.task.task_type is TaskType.MULTICLASS and not confounder:
        wanted = brief.task.priority
        parameters |= {"METRIC": f"sensitivity_{wanted}", "GUARD": "balanced_accuracy"} if wanted else {}
        parameters |= {} if wanted else {"METRIC": "balanced_accuracy"}
        rule = "the best balanced accuracy: the mean of the sensitivities for each class"
        if wanted:
            rule = (
                f"the most images with {_priority_name(brief)} named as such, among the models whose balanced accuracy (the mean of the "
                "sensitivities for each class) is at most 0.05 below the baseline's; where models are equal within one standard error, the one "
                "with the best balanced accuracy"
            )
    return Step(
        id="select",
        title="Choose the model",
        recipe="select_model",
        parameters=parameters,
        words={"selection_rule": rule},
        depends_on=["validate_baseline"],
    )


def _open_test(brief: Brief, checked: list[str]) -> Step:
    groups = (
        [name for name in SUBGROUPS if name in brief.roles.covariates] if brief.task.modality == "dermoscopy" else []
    )
    return Step(
        id="test",
        title="Open the test set, once",
        recipe="open_test_set",
        parameters={
            "CONFOUNDERS": checked,
            **({"SUBGROUPS": groups} if groups else {}),
            **({"TRIAGE": True} if counts_the_cost(brief.task) else {}),
            **({"WORDING": False} if counts_the_cost(brief.task) and not is_triage(brief.task) else {}),
            "PREVALENCE": brief.task.prevalence,
            "SEED": brief.seed,
        },
        depends_on=["select"],
    )


def _confounder_figures(brief: Brief, confounder: NamedConfounder) -> Step:
    return Step(
        id="confounder" if confounder in brief.task.confounders[:1] else f"confounder_{confounder.id}",
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
        "target_name": _priority_name(brief),
    }
