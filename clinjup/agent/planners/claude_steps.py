"""From what the model wrote to what may be done: proposed plans and actions, checked and completed against plan and brief."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from clinjup.agent.plan import UnsupportedTaskError, build_plan
from clinjup.agent.plan_network import pretrained_weights
from clinjup.agent.prompts import FILLED_IN, missing_words
from clinjup.agent.state import Brief, RunState
from clinjup.agent.tools import ProposePlan, ToolCallError
from clinjup.contracts import (
    Action,
    AddMarkdown,
    Approval,
    AskClinician,
    Finish,
    PlaceRecipe,
    Plan,
    RecordFinding,
    RunCell,
    Step,
    StepStatus,
)
from clinjup.nouns import with_article
from clinjup.recipes import Recipe, recipe, recipes

MAX_SOURCE = 4_000  # characters: a cell that a reader can follow
MAX_STEPS = 60
MAX_ROUNDS_OF_QUESTIONS = 3
_STEP_ID = re.compile(r"[a-z][a-z0-9_]{0,39}")
# Once the test part is open, no model may be trained or chosen any more.
_BEFORE_THE_TEST = {"train_model", "validate_model", "select_model"}


@dataclass
class StepBook:
    """Completes the model's actions. `draft` is the offline planner's plan, where it has one for the task."""

    brief: Brief
    draft: Plan | None = None
    _rounds: int = 0
    _questions: set[str] = field(default_factory=set)

    @classmethod
    def for_brief(cls, brief: Brief) -> StepBook:
        try:
            return cls(brief, build_plan(brief))
        except UnsupportedTaskError:
            return cls(brief)

    # --------------------------------------------------------------------------------------------------- the plan

    def plan_of(self, proposal: ProposePlan, current: Plan | None) -> Plan:
        """The proposed plan; steps that are done stay done. Raises ToolCallError."""
        if not 0 < len(proposal.steps) <= MAX_STEPS:
            raise ToolCallError(f"A plan has between 1 and {MAX_STEPS} steps.")
        done = (
            [step for step in current.steps if step.status in {StepStatus.DONE, StepStatus.SKIPPED}] if current else []
        )
        steps = {step.id: step for step in done}
        for item in proposal.steps:
            if item.id in steps:
                continue
            _check_step_id(item.id)
            step = Step(
                id=item.id,
                title=item.title[:80],
                recipe=item.recipe or "",
                depends_on=item.depends_on,
                optional=item.optional,
            )
            if item.recipe:
                found = self._recipe(item.recipe)
                step.parameters = self._parameters(found, item.id, item.parameters)
                step.words = self._words(found, item.id, item.words)
            steps[item.id] = step
        unknown = sorted({name for step in steps.values() for name in step.depends_on} - steps.keys())
        if unknown:
            raise ToolCallError(f"depends_on names steps that the plan does not have: {', '.join(unknown)}.")
        return Plan(objective=self.brief.task.objective, steps=list(steps.values()))

    def offline_plan(self, current: Plan) -> Plan | None:
        """What the offline planner would still do after the steps that are done; None where it has no plan for the task."""
        if self.draft is None:
            return None
        done = [step for step in current.steps if step.status is StepStatus.DONE]
        finished = {step.id for step in done} | {_purpose(step) for step in done}
        closed = _BEFORE_THE_TEST if any(step.recipe == "open_test_set" for step in done) else set()
        rest = [
            step.model_copy(deep=True)
            for step in self.draft.steps
            if step.id not in finished and _purpose(step) not in finished and step.recipe not in closed
        ]
        return Plan(objective=current.objective, steps=[*done, *rest])

    # ------------------------------------------------------------------------------------------------- the actions

    def complete(self, action: Action, state: RunState) -> Action:
        """The action as it is carried out; a step that the plan lacks is added to it. Raises ToolCallError."""
        if isinstance(action, PlaceRecipe):
            return self._place(action, state)
        if isinstance(action, RunCell):
            return self._cell(action, state)
        if isinstance(action, (AddMarkdown, RecordFinding)):
            _existing(action.step_id, state)
            text = action.text if isinstance(action, AddMarkdown) else action.sentence
            if not 0 < len(text.strip()) <= MAX_SOURCE:
                raise ToolCallError("The text is empty or too long.")
        if isinstance(action, AskClinician):
            return self._ask(action)
        if isinstance(action, Finish) and action.status == "completed":
            _check_finished(state)
        return action

    def _place(self, action: PlaceRecipe, state: RunState) -> PlaceRecipe:
        found = self._recipe(action.recipe)
        parameters = self._parameters(found, action.step_id, action.parameters, state.plan)
        if found.id == "train_model":
            most = max((state.seconds_left() - 90) / 60 / 2, 0.2)
            parameters["MAX_MINUTES"] = round(
                min(float(parameters.get("MAX_MINUTES", found.defaults["MAX_MINUTES"])), most), 1
            )
        words = self._words(found, action.step_id, action.words, state.plan)
        _own(action.step_id, state, title=found.title, recipe=found.id, parameters=parameters, words=words)
        return action.model_copy(update={"parameters": parameters, "words": words, "repair": _repair(action, state)})

    def _cell(self, action: RunCell, state: RunState) -> RunCell:
        if not action.source.strip():
            raise ToolCallError("The cell is empty.")
        if len(action.source) > MAX_SOURCE:
            raise ToolCallError(
                f"The cell has {len(action.source):,} characters; a reader can follow {MAX_SOURCE:,}. Split it into steps."
            )
        explanation = action.explanation.strip()
        if not explanation and not state.attempts_of(action.step_id):
            raise ToolCallError("Give an explanation: what the cell does, why, and what to look for.")
        heading = explanation.splitlines()[0].strip("# ") if explanation else action.step_id
        _own(action.step_id, state, title=heading[:80], recipe="", parameters={}, words={})
        return action.model_copy(update={"repair": _repair(action, state)})

    def _ask(self, action: AskClinician) -> AskClinician:
        self._rounds += 1
        if self._rounds > MAX_ROUNDS_OF_QUESTIONS:
            raise ToolCallError("The clinician was asked often enough. Decide yourself, and say so in the notebook.")
        questions = []
        for question in action.questions:
            identifier = f"ask_{question.id.removeprefix('ask_')}"
            if identifier in self._questions:
                raise ToolCallError(f"The question '{question.id}' was asked before.")
            self._questions.add(identifier)
            # A model reads any answer, whatever options it thought of.
            questions.append(question.model_copy(update={"id": identifier, "own_words": True}))
        return AskClinician(questions=questions)

    # ---------------------------------------------------------------------------------------------------- recipes

    def _recipe(self, recipe_id: str) -> Recipe:
        if recipe_id not in recipes():
            raise ToolCallError(f"There is no recipe '{recipe_id}'. There are: {', '.join(recipes())}.")
        return recipe(recipe_id)

    def _template(self, recipe_id: str, step_id: str, plan: Plan | None) -> Step | None:
        """The step that parameters are taken over from: the same one, else another one with the same recipe."""
        steps = [*(plan.steps if plan else []), *(self.draft.steps if self.draft else [])]
        same = [step for step in steps if step.recipe == recipe_id]
        return next((step for step in same if step.id == step_id), same[0] if same else None)

    def _parameters(
        self, found: Recipe, step_id: str, given: dict[str, Any], plan: Plan | None = None
    ) -> dict[str, Any]:
        forbidden = sorted(FILLED_IN & given.keys())
        if forbidden:
            raise ToolCallError(f"clinjup fills in {', '.join(forbidden)}; leave it out.")
        unknown = sorted(given.keys() - found.defaults.keys())
        if unknown:
            known = ", ".join(found.defaults) or "none"
            raise ToolCallError(f"The recipe '{found.id}' has no parameter {', '.join(unknown)}. It has: {known}.")
        template = self._template(found.id, step_id, plan)
        base = dict(template.parameters) if template else {}
        chosen = {name: _as_type_of(found.defaults[name], value, name) for name, value in given.items()}
        if chosen.get("PRETRAINED"):
            # The model is not shown where the weights lie, only that there are some.
            chosen["PRETRAINED"] = pretrained_weights(self.brief)
        return base | chosen

    def _words(self, found: Recipe, step_id: str, given: dict[str, str], plan: Plan | None = None) -> dict[str, str]:
        template = self._template(found.id, step_id, plan)
        confounder = next(iter(self.brief.task.confounders), None)
        target = self.brief.task.target_name or self.brief.task.target or "target"
        words = {
            "confounder_name": confounder.name if confounder else "confounder",
            "target_name": target,
            "a_target": with_article(target),
            **(template.words if template else {}),
            **given,
        }
        missing = missing_words(found, words)
        if missing:
            raise ToolCallError(f"The text of the recipe '{found.id}' wants the words {', '.join(missing)}.")
        return words


def _own(
    step_id: str, state: RunState, *, title: str, recipe: str, parameters: dict[str, Any], words: dict[str, str]
) -> None:
    """Make the step carry what is about to run under it, so that a resumed run or the offline planner finds it so."""
    step = next((step for step in state.plan.steps if step.id == step_id), None)
    if step is None:
        _check_step_id(step_id)
        if len(state.plan.steps) >= MAX_STEPS:
            raise ToolCallError(f"The plan has {MAX_STEPS} steps, which is the limit. Finish.")
        open_steps = [place for place, step in enumerate(state.plan.steps) if step.status is StepStatus.PENDING]
        step = Step(id=step_id, title=title, recipe=recipe)
        state.plan.steps.insert(open_steps[0] if open_steps else len(state.plan.steps), step)
    if step.status is StepStatus.DONE:
        _reset_dependents(step.id, state.plan)
    step.recipe, step.parameters, step.words = recipe, parameters, words


def _reset_dependents(step_id: str, plan: Plan) -> None:
    """A step that is done again changes what was built on it."""
    for step in plan.steps:
        if step_id in step.depends_on and step.status is StepStatus.DONE:
            step.status, step.note = StepStatus.PENDING, f"'{step_id}' was changed"
            _reset_dependents(step.id, plan)


def _purpose(step: Step) -> tuple[str, str] | None:
    """What a recipe step is for, whatever it is called; None for a cell of the model's own."""
    subject = step.parameters.get("NAME") or step.parameters.get("CONFOUNDER") or ""
    return (step.recipe, str(subject)) if step.recipe else None


def _existing(step_id: str, state: RunState) -> None:
    if step_id not in {step.id for step in state.plan.steps}:
        raise ToolCallError(
            f"The plan has no step '{step_id}'. It has: {', '.join(step.id for step in state.plan.steps)}."
        )


def _repair(action: PlaceRecipe | RunCell, state: RunState) -> str | None:
    if not state.attempts_of(action.step_id):
        return None
    if not (action.repair or "").strip():
        raise ToolCallError("This step was tried before: say in `repair` what you changed.")
    return (action.repair or "").strip()[:300]


def _check_step_id(step_id: str) -> None:
    if not _STEP_ID.fullmatch(step_id):
        raise ToolCallError(f"'{step_id[:60]}' is no step id: lower case, digits and underscores, at most 40.")


def _check_finished(state: RunState) -> None:
    open_steps = [
        step.id
        for step in state.plan.steps
        if not step.optional and step.status not in {StepStatus.DONE, StepStatus.SKIPPED}
    ]
    if open_steps:
        raise ToolCallError(
            f"These steps are still open: {', '.join(open_steps)}. Carry them out, propose a plan without them, or finish as failed."
        )
    evaluated = any(finding.get("kind") == "evaluation" for finding in state.findings)
    if not evaluated and state.brief.approval is not Approval.PLAN_ONLY:
        raise ToolCallError(
            "The test part has not been evaluated. Do it with the recipe open_test_set, or finish as failed."
        )


def _as_type_of(default: Any, value: Any, name: str) -> Any:
    """`value` in the type of the recipe's default; JSON knows only one kind of number."""
    if default is None or value is None:
        return value
    if isinstance(default, int) and isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(default):
        raise ToolCallError(f"{name} wants a value like {default!r}, not {value!r}.")
    return value
