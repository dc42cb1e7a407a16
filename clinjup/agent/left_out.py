"""What a run had no time for, told so that nobody takes it for a whole answer."""

from __future__ import annotations

from collections.abc import Iterable

from clinjup.agent.state import Brief
from clinjup.contracts import Plan, RecordFinding, Step, StepStatus
from clinjup.phrases import OUT_OF_TIME

TIME_SPENT = "left out because the time budget was spent"
# Steps that only draw what the opening of the test set has measured.
_PLOTS = frozenset({"class_figures", "confounder_figures", "mark_figures", "mark_insertion", "performance_figures"})


def left_out_for_time(plan: Plan, brief: Brief) -> RecordFinding | None:
    """The note that names the steps left out because time was over, and what rests on them; None where there is none.

    That no model was trained against a named confounder comes first: the request asks for it.
    """
    late: list[Step] = []
    for step in plan.steps:
        rests = {each.id for each in late} & set(step.depends_on)
        if step.status is StepStatus.SKIPPED and (step.note == TIME_SPENT or rests):
            late.append(step)
    if not late:
        return None
    minutes = f"{brief.budget_seconds / 60:g} min"
    plots = [step for step in late if step.recipe in _PLOTS]
    titles = _titles(step for step in late if step not in plots)
    confounders = " or the ".join(item.name for item in brief.task.confounders)
    against = [step for step in plan.steps if _mitigates(step)]
    if not titles:
        sentence = f"{OUT_OF_TIME} ({minutes}) only plots were left out; what they show was measured: {_titles(plots)}."
    elif confounders and against and all(step in late for step in against):
        sentence = f"{OUT_OF_TIME} ({minutes}) no model was trained against the {confounders}. These steps were left out: {titles}."
    else:
        sentence = f"{OUT_OF_TIME} ({minutes}) these steps were left out: {titles}."
    if titles and plots:
        sentence += f" Of other steps only the plots were left out; what they show was measured: {_titles(plots)}."
    return RecordFinding(step_id=late[0].id, sentence=f"{sentence} A longer time budget has room for them.")


def _titles(steps: Iterable[Step]) -> str:
    return ", ".join(f"'{step.title}'" for step in steps)


def _mitigates(step: Step) -> bool:
    """Whether a step trains a model against a confounder."""
    against = step.recipe == "train_model" and step.parameters.get("MITIGATION") and step.parameters.get("CONFOUNDER")
    return step.recipe == "train_detector_against" or bool(against)
