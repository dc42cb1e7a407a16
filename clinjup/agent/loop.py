"""The loop: ask the planner for an action, carry it out through the workspace, write it down, until it is finished."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import Any

from clinjup.agent.planners import Planner
from clinjup.agent.policy import reason_to_ask
from clinjup.agent.state import Clinician, Ledger, Outcome, RunState, Workspace
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

    async def run(self) -> LoopEnd:
        for _ in range(MAX_ACTIONS):
            if self.stopped.is_set():
                return self._interrupted()
            action = await self.planner.next_action(self.state)
            self.ledger.record("proposal", action.model_dump(mode="json"))
            self._publish_plan()
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
            elif isinstance(action, (PlaceRecipe, RunCell)):
                await self._run_cell(action)
            elif isinstance(action, AddMarkdown):
                await self.workspace.add_markdown(action.step_id, action.text)
            elif isinstance(action, RecordFinding):
                finding = {"kind": "note", "sentence": action.sentence}
                self.state.findings.append(finding)
                self.ledger.record("result", {"step_id": action.step_id, "finding": finding})
            elif isinstance(action, (Inspect, StartExperiment)):
                # Both are for the planner's own memory; the proposal in the journal is their record.
                continue
        return LoopEnd(RunStatus.FAILED, f"The run took more than {MAX_ACTIONS} actions without coming to an end.")

    async def _run_cell(self, action: PlaceRecipe | RunCell) -> None:
        step = self.state.plan.step(action.step_id)
        attempt = len(self.state.attempts_of(step.id)) + 1
        source = await self._write_introduction(action, attempt)
        author = "recipe" if isinstance(action, PlaceRecipe) else "model"
        if self.state.brief.approval is Approval.PLAN_ONLY:
            await self.workspace.place_code(step.id, source, author=author)
            step.status = StepStatus.DONE
            return
        sha256 = hashlib.sha256(source.encode()).hexdigest()
        if not await self._may_run(action, source, sha256):
            step.status, step.note = StepStatus.SKIPPED, "not approved by the clinician"
            return
        if self.state.kernel_died:
            await self.workspace.revive([s.id for s in self.state.plan.steps if s.status is StepStatus.DONE])
            self.state.kernel_died = False
        step.status = StepStatus.RUNNING
        self._publish_plan()
        outcome = await self.workspace.run_code(step.id, source, attempt=attempt, author=author)
        self._note(step, action, attempt, sha256, outcome)

    async def _write_introduction(self, action: PlaceRecipe | RunCell, attempt: int) -> str:
        """The markdown above the cell; returns the cell's source."""
        if isinstance(action, PlaceRecipe):
            rendered = recipe(action.recipe).render(action.parameters, **action.words)
            introduction, source = rendered.markdown, rendered.code
        else:
            introduction, source = action.explanation, action.source
        if action.repair:
            introduction = f"> **Mended, attempt {attempt}.** {action.repair}"
        if introduction and (attempt == 1 or action.repair):
            await self.workspace.add_markdown(action.step_id, introduction)
        return source

    async def _may_run(self, action: PlaceRecipe | RunCell, source: str, sha256: str) -> bool:
        reason = reason_to_ask(action, self.state.brief.approval)
        self.ledger.record("policy", {"step_id": action.step_id, "sha256": sha256, "ask": reason})
        if reason is None:
            return True
        approved = await self.clinician.approve(action.step_id, source, sha256, reason)
        self.ledger.record("approval", {"step_id": action.step_id, "sha256": sha256, "approved": approved})
        return approved

    def _note(self, step: Step, action: PlaceRecipe | RunCell, attempt: int, sha256: str, outcome: Outcome) -> None:
        """Write down what running the cell gave."""
        self.state.attempts.append(
            Attempt(
                step_id=step.id,
                number=attempt,
                source_sha256=sha256,
                ok=outcome.ok,
                seconds=round(outcome.seconds, 3),
                error=outcome.error,
                repair=action.repair,
            )
        )
        self.ledger.record("execution", self.state.attempts[-1].model_dump(mode="json"))
        if action.repair:
            self.ledger.record("repair", {"step_id": step.id, "attempt": attempt, "change": action.repair})
        for finding in outcome.findings:
            self._note_finding(step, finding)
        self.state.kernel_died = outcome.kernel_died
        if outcome.ok:
            step.status = StepStatus.DONE
        elif outcome.interrupted:
            step.status = StepStatus.PENDING
            self.stopped.set()
        else:
            step.status = StepStatus.FAILED
            assert outcome.error is not None
            self.ledger.publish("error.diagnosed", {"step_id": step.id, "attempt": attempt, "message": outcome.error.message})
        self._publish_plan()

    def _note_finding(self, step: Step, finding: dict[str, Any]) -> None:
        self.state.findings.append(finding)
        self.ledger.record("result", {"step_id": step.id, "finding": finding})
        if finding.get("kind") == "test_opening":
            self.ledger.record("test_opening", finding)
        self.ledger.publish("result", {"step_id": step.id, "finding": finding})

    def _publish_plan(self) -> None:
        self.ledger.publish("plan.updated", self.state.plan.model_dump(mode="json"))

    def _interrupted(self) -> LoopEnd:
        return LoopEnd(RunStatus.INTERRUPTED, "The run was stopped. Everything up to there is kept and can be resumed.")
