"""The offline planner: a fixed plan of recipes, with deterministic repairs. No network, no model."""

from __future__ import annotations

from clinjup.agent.left_out import TIME_SPENT, left_out_for_time
from clinjup.agent.plan import build_plan, rebuild_plan
from clinjup.agent.plan_detection import why_needless
from clinjup.agent.plan_mitigation import why_nothing_to_balance
from clinjup.agent.repair import propose_repair, wants_memory
from clinjup.agent.state import Brief, RunState
from clinjup.contracts import (
    Action,
    AskClinician,
    Finish,
    PlaceRecipe,
    Plan,
    Question,
    QuestionOption,
    RecordFinding,
    Step,
    StepStatus,
)

# Below this, what is optional is left out, so that the best model so far is still evaluated. Of a short budget it is a quarter: who gives
# a minute has few images.
RESERVE_SECONDS, RESERVE_SHARE = 45.0, 0.25
FAILED_STEP = "failed_"  # how the id of the question about a step that failed begins
TRAININGS = frozenset({"train_model", "train_detector", "train_detector_against", "cross_fit", "estimate_confounder"})


class RecipePlanner:
    """Places the recipes of the plan one after the other; mends, skips and asks by fixed rules."""

    name = "offline"

    @property
    def about(self) -> dict[str, str]:
        """Who plans, for the journal."""
        return {"planner": self.name}

    async def plan(self, brief: Brief) -> Plan:
        return build_plan(brief)

    async def next_action(self, state: RunState) -> Action:
        failed = next((step for step in state.plan.steps if step.status is StepStatus.FAILED), None)
        if failed is not None:
            return await self._after_failure(failed, state)
        step = self._next_step(state)
        if step is None:
            return _end(state)
        return self._place(step, state)

    async def close(self) -> None:
        """Nothing to give back."""

    async def _after_failure(self, step: Step, state: RunState) -> Action:
        decision = state.answers.get(_failure_question_id(step))
        if decision == "skip":
            step.status, step.note = StepStatus.SKIPPED, "left out by the clinician after it failed"
            _forget_repairs(step, state)
            return await self.next_action(state)
        if decision == "stop":
            return Finish(status="failed", sentence=_failure_sentence(step, state))
        repair = await propose_repair(step, state)
        if repair is None:
            return AskClinician(questions=[_failure_question(step, state)])
        if repair.noted and all(finding.get("sentence") != repair.sentence for finding in state.findings):
            return RecordFinding(step_id=step.id, sentence=repair.sentence)  # the step is mended next
        state.brief.mended.setdefault(step.recipe, {}).update(repair.parameters)
        if repair.roles is not None:
            state.brief.roles = repair.roles
            state.plan = rebuild_plan(state.brief, state.plan)
            step = state.plan.step(step.id)
        for pending in state.plan.steps:
            if pending.recipe == step.recipe and pending.status in {StepStatus.PENDING, StepStatus.FAILED}:
                pending.parameters.update(repair.parameters)
        return self._place(step, state).model_copy(update={"repair": repair.sentence})

    def _next_step(self, state: RunState) -> Step | None:
        status = {step.id: step.status for step in state.plan.steps}
        for step in state.plan.steps:
            if step.status is not StepStatus.PENDING:
                continue
            missing = [name for name in step.depends_on if status.get(name) is StepStatus.SKIPPED]
            needless = why_needless(step, state.findings) or why_nothing_to_balance(step, state.findings)
            if missing:
                step.status, step.note = StepStatus.SKIPPED, f"needs a step that was left out ({missing[0]})"
            elif needless:
                step.status, step.note = StepStatus.SKIPPED, needless
            elif step.optional and state.seconds_left() < _reserve(state):
                step.status, step.note = StepStatus.SKIPPED, TIME_SPENT
            else:
                return step
            status[step.id] = step.status
        return None

    def _place(self, step: Step, state: RunState) -> PlaceRecipe:
        if step.recipe in TRAININGS:
            trainings = [s for s in state.plan.steps if s.recipe in TRAININGS and s.status is not StepStatus.DONE]
            share = max(state.seconds_left() - _reserve(state), 0.0) / 60 / (len(trainings) + 1)
            step.parameters["MAX_MINUTES"] = max(round(min(share, 60.0), 1), 0.2)
        return PlaceRecipe(step_id=step.id, recipe=step.recipe, parameters=step.parameters, words=step.words)


def _forget_repairs(step: Step, state: RunState) -> None:
    """What did not mend `step` does not hold for those to come: they begin as the last one of its kind that went through."""
    mended = state.brief.mended.pop(step.recipe, {})
    alike = [each for each in state.plan.steps if each.recipe == step.recipe]
    done = next((each for each in reversed(alike) if each.status is StepStatus.DONE), None)
    planned = build_plan(state.brief)
    for each in alike:
        if each.status is StepStatus.PENDING:
            model = done or planned.step(each.id)
            kept = {name: model.parameters[name] for name in mended if name in model.parameters}
            each.parameters = {name: value for name, value in each.parameters.items() if name not in mended} | kept
    if done is not None and (kept := {name: done.parameters[name] for name in mended if name in done.parameters}):
        state.brief.mended[step.recipe] = kept


def _reserve(state: RunState) -> float:
    return min(RESERVE_SECONDS, RESERVE_SHARE * state.brief.budget_seconds)


def _end(state: RunState) -> Action:
    """A run that had to leave out what the others rest on has not answered its question; what time did not allow is noted first."""
    left_out = next(
        (step for step in state.plan.steps if step.status is StepStatus.SKIPPED and not step.optional), None
    )
    if left_out is None:
        late = left_out_for_time(state.plan, state.brief)
        if late is not None and all(finding.get("sentence") != late.sentence for finding in state.findings):
            return late
        return Finish(sentence=late.sentence if late is not None else "All steps are done.")
    sentence = f"The step '{left_out.title}' was left out, and with it all that rests on it. {left_out.note}"
    return Finish(status="failed", sentence=sentence.strip())


def _failure_question_id(step: Step) -> str:
    return f"{FAILED_STEP}{step.id}"


def _failure_sentence(step: Step, state: RunState) -> str:
    attempts = state.attempts_of(step.id)
    error = attempts[-1].error
    times = {1: "once", 2: "twice"}.get(len(attempts), f"{len(attempts)} times")
    said = f"failed {times} and could not be mended"
    if error is None:
        return f"The step '{step.title}' {said}."
    do = " Close other programs or use a machine with more memory, then resume the run." if wants_memory(error) else ""
    return f"The step '{step.title}' {said}. The last error: {error.sentence}{do}"


def _failure_question(step: Step, state: RunState) -> Question:
    german = state.brief.task.language == "de"
    error = state.attempts_of(step.id)[-1].error
    said = error.sentence if error else ""
    if error and not error.message.strip():
        said = f"{error.name}, ohne Meldung." if german else said
    text = (
        f"Der Schritt „{step.title}“ ließ sich nicht ausführen. Letzter Fehler: {said} Wie soll es weitergehen?"
        if german
        else f"The step '{step.title}' could not be carried out. Last error: {said} How should it go on?"
    )
    stop = QuestionOption(value="stop", text="Hier stoppen" if german else "Stop here")
    skip = QuestionOption(value="skip", text="Schritt auslassen" if german else "Leave the step out")
    options = [skip, stop] if step.optional else [stop]
    return Question(id=_failure_question_id(step), text=text, options=options, default="stop", step_id=step.id)
