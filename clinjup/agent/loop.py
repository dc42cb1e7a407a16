"""The loop: ask the planner for an action, carry it out through the workspace, write it down, until it is finished."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from clinjup.agent.planners import Planner
from clinjup.agent.policy import Decision, Policy, safe_markdown
from clinjup.agent.state import Clinician, Ledger, Observation, Outcome, RunState, Workspace
from clinjup.agent.stopping import unless_stopped
from clinjup.contracts import (
    AddMarkdown,
    Approval,
    AskClinician,
    Attempt,
    Finish,
    Inspect,
    PlaceRecipe,
    Question,
    RecordFinding,
    RunCell,
    RunStatus,
    StartExperiment,
    Step,
    StepStatus,
)
from clinjup.hashing import sha256_text
from clinjup.recipes import recipe

MAX_ACTIONS = 200


@dataclass
class LoopEnd:
    """How the loop ended."""

    status: RunStatus
    sentence: str
    questions: list[Question] = field(default_factory=list)


@dataclass
class Loop:
    """One run of the agent over one notebook."""

    planner: Planner
    state: RunState
    workspace: Workspace
    ledger: Ledger
    clinician: Clinician
    stopped: asyncio.Event
    revive: Callable[[], Awaitable[list[str]]]
    """Puts the finished steps into a new kernel after the last one died; returns those that are open again."""

    def __post_init__(self) -> None:
        self._recorded_steps = [step.id for step in self.state.plan.steps]
        self._stopped_at = ""
        self.policy = Policy.of(self.state.brief)
        for source in self.state.own_cells:
            self.policy.ran(source)

    async def run(self) -> LoopEnd:
        for _ in range(MAX_ACTIONS):
            action = None
            if not self.stopped.is_set():
                action = await unless_stopped(self.planner.next_action(self.state), self.stopped)
            if action is None:
                return self._interrupted()
            self._record_new_steps()
            self.ledger.record("proposal", action.model_dump(mode="json"), wait=False)
            self._publish_plan()
            self.state.observation = Observation("carried_out")
            if isinstance(action, Finish):
                return LoopEnd(RunStatus(action.status), action.sentence)
            if isinstance(action, AskClinician):
                answers = await self.clinician.answer(action.questions)
                if self.stopped.is_set():
                    return self._interrupted()
                if answers is None:
                    answers = {question.id: question.default for question in action.questions if question.default}
                    if len(answers) < len(action.questions):
                        return LoopEnd(RunStatus.NEEDS_ANSWER, action.questions[0].text, action.questions)
                self.state.answers.update(answers)
                self.state.observation = Observation("carried_out", answers=answers)
            elif isinstance(action, (PlaceRecipe, RunCell)):
                await self._run_cell(action)
            elif isinstance(action, AddMarkdown):
                await self.workspace.add_markdown(action.step_id, safe_markdown(action.text))
            elif isinstance(action, RecordFinding):
                finding = {"kind": "note", "sentence": action.sentence}
                self.state.findings.append(finding)
                self.ledger.record("result", {"step_id": action.step_id, "finding": finding}, wait=False)
            elif isinstance(action, (Inspect, StartExperiment)):
                # Both are for the planner's own memory; the proposal in the journal is their record.
                continue
        return LoopEnd(RunStatus.FAILED, f"The run took more than {MAX_ACTIONS} actions without coming to an end.")

    def _record_new_steps(self) -> None:
        """A planner may add steps; a resumed run needs to know them."""
        steps = [step.id for step in self.state.plan.steps]
        if steps != self._recorded_steps:
            self._recorded_steps = steps
            self.ledger.record("plan", self.state.plan.model_dump(mode="json"), wait=False)

    async def _run_cell(self, action: PlaceRecipe | RunCell) -> None:
        step = self.state.plan.step(action.step_id)
        attempt = len(self.state.attempts_of(step.id)) + 1
        introduction, source = _cell(action, attempt)
        introduction = safe_markdown(introduction) if attempt == 1 or action.repair else ""
        author = "recipe" if isinstance(action, PlaceRecipe) else "model"
        if self.state.brief.approval is Approval.PLAN_ONLY:
            if introduction:
                await self.workspace.add_markdown(step.id, introduction)
            await self.workspace.place_code(step.id, source, author=author)
            step.status = StepStatus.DONE
            self.state.observation = Observation("carried_out", text="The cell was placed and not run, as approved.")
            return
        rejection = await self._rejection(action, source, sha256_text(source))
        if self.stopped.is_set():
            return
        if rejection is not None:
            step.status, step.note = StepStatus.SKIPPED, rejection
            self.state.observation = Observation("rejected", reason=rejection)
            return
        if self.state.kernel_died:
            again = await self.revive()
            if self.stopped.is_set():
                return
            if again:
                step.status = StepStatus.PENDING  # after them
                titles = ", ".join(f"'{self.state.plan.step(each).title}'" for each in again)
                reason = f"Not run: the kernel is new, and these steps have to be done again first: {titles}."
                self.state.observation = Observation("rejected", reason=reason)
                return
        step.status = StepStatus.RUNNING
        self._publish_plan()
        if action.repair:
            told: dict[str, Any] = {"step_id": step.id, "attempt": attempt, "change": action.repair}
            if mended := self.state.brief.mended.get(step.recipe):
                told |= {"recipe": step.recipe, "parameters": mended}
            self.ledger.record("repair", told, wait=False)
        outcome = await self.workspace.run_code(
            step.id, source, attempt=attempt, author=author, introduction=introduction
        )
        self._note(step, action, attempt, source, outcome)

    async def _rejection(self, action: PlaceRecipe | RunCell, source: str, sha256: str) -> str | None:
        """Why this very code may not run, or None when it may. Policy and clinician judge the code with this hash."""
        brief = self.state.brief
        verdict = self.policy.judge(action, source, brief.approval, sandboxed=brief.sandboxed)
        self.ledger.record("policy", {"step_id": action.step_id, "sha256": sha256, **verdict.as_record()})
        if verdict.decision is Decision.AUTO:
            return None
        if verdict.decision is Decision.DENY:
            return f"Not run: {verdict.reason}"
        approved = await self.clinician.approve(action.step_id, source, sha256, verdict.reason)
        if self.stopped.is_set():  # neither agreed nor rejected: the step stays open
            self._stopped_at = f" while it waited for your approval of '{self.state.plan.step(action.step_id).title}'"
            return None
        decided_by = "clinician" if approved is not None else "nobody was there"
        approval = {"step_id": action.step_id, "sha256": sha256, "approved": approved is True, "by": decided_by}
        self.ledger.record("approval", approval)
        if approved:
            return None
        what = "Not approved by the clinician." if approved is not None else "Nobody was there to approve it."
        return f"{what} The cell was held back because: {verdict.reason}"

    def _note(self, step: Step, action: PlaceRecipe | RunCell, attempt: int, source: str, outcome: Outcome) -> None:
        """Write down what running the cell gave."""
        self.state.attempts.append(
            Attempt(
                step_id=step.id,
                number=attempt,
                source_sha256=sha256_text(source),
                ok=outcome.ok,
                seconds=round(outcome.seconds, 3),
                error=outcome.error,
                repair=action.repair,
            )
        )
        for finding in outcome.findings:
            self._note_finding(step, finding)
        # After the findings: with this line the step counts as done, and a resumed run does not look for them again.
        told = {**self.state.attempts[-1].model_dump(mode="json"), "source": source}
        self.ledger.record("execution", told, wait=False)
        if action.repair:
            self.ledger.publish("error.repaired", {"step_id": step.id, "attempt": attempt, "change": action.repair})
        self.state.kernel_died = outcome.kernel_died
        self.state.observation = Observation(
            "carried_out" if outcome.ok else "interrupted" if outcome.interrupted else "failed",
            text=outcome.text,
            findings=tuple(outcome.findings),
            error=outcome.error,
        )
        if outcome.ok:
            step.status = StepStatus.DONE
            if isinstance(action, RunCell):
                self.policy.ran(source)
        elif outcome.interrupted:
            step.status = StepStatus.PENDING
            self.stopped.set()
        else:
            step.status = StepStatus.FAILED
            assert outcome.error is not None
            message = outcome.error.message or outcome.error.sentence
            self.ledger.publish("error.diagnosed", {"step_id": step.id, "attempt": attempt, "message": message})
        self._publish_plan()

    def _note_finding(self, step: Step, finding: dict[str, Any]) -> None:
        if finding.get("kind") == "test_opening":
            if finding in self.state.findings:  # the same opening, told again
                return
            self.ledger.record("test_opening", finding)
        self.state.findings.append(finding)
        self.ledger.record("result", {"step_id": step.id, "finding": finding}, wait=False)
        self.ledger.publish("result", {"step_id": step.id, "finding": finding})

    def _publish_plan(self) -> None:
        self.ledger.publish("plan.updated", self.state.plan.model_dump(mode="json"))

    def _interrupted(self) -> LoopEnd:
        sentence = f"The run was stopped{self._stopped_at}. Everything up to there is kept and can be resumed."
        return LoopEnd(RunStatus.INTERRUPTED, sentence)


def _cell(action: PlaceRecipe | RunCell, attempt: int) -> tuple[str, str]:
    """Introduction and source of the cell."""
    if isinstance(action, PlaceRecipe):
        rendered = recipe(action.recipe).render(action.parameters, **action.words)
        introduction, source = rendered.markdown, rendered.code
    else:
        introduction, source = action.explanation, action.source
    return f"> **Mended, attempt {attempt}.** {action.repair}" if action.repair else introduction, source
