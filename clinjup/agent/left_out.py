"""What a run had no time for, told so that nobody takes it for a whole answer."""

from __future__ import annotations

from clinjup.agent.state import Brief
from clinjup.contracts import Plan, RecordFinding, Step, StepStatus
from clinjup.phrases import OUT_OF_TIME

TIME_SPENT = "left out because the time budget was spent"


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
    titles = ", ".join(f"'{step.title}'" for step in late)
    confounders = " or the ".join(item.name for item in brief.task.confounders)
    against = [step for step in plan.steps if _mitigates(step)]
    if confounders and against and all(step in late for step in against):
        sentence = f"{OUT_OF_TIME} ({minutes}) no model was trained against the {confounders}. These steps were left out: {titles}."
    else:
        sentence = f"{OUT_OF_TIME} ({minutes}) these steps were left out: {titles}."
    return RecordFinding(step_id=late[0].id, sentence=f"{sentence} A longer time budget has room for them.")


def _mitigates(step: Step) -> bool:
    """Whether a step trains a model against a confounder."""
    against = step.recipe == "train_model" and step.parameters.get("MITIGATION") and step.parameters.get("CONFOUNDER")
    return step.recipe == "train_detector_against" or bool(against)
