"""Who sits at a run: questions and code wait here until they are answered, approved, or the run is stopped."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from clinjup.agent.state import Ledger
from clinjup.contracts import Question
from clinjup.views import PendingCode
from clinjup.work_clock import WaitsFor, WorkClock

T = TypeVar("T")


class Attending:
    """agent.state.Clinician for one run, whose clock stands meanwhile. `present`: whether somebody is there; else nothing is waited for."""

    def __init__(self, ledger: Ledger, stopped: asyncio.Event, clock: WorkClock, *, present: bool) -> None:
        self._ledger, self._stopped, self._clock, self._present = ledger, stopped, clock, present
        self.questions: list[Question] = []
        """Those that wait for an answer now."""
        self._answers: asyncio.Future[dict[str, str] | None] | None = None
        self._approvals: dict[str, asyncio.Future[bool | None]] = {}
        self._asked: dict[str, PendingCode] = {}

    @property
    def approvals(self) -> list[PendingCode]:
        """Code that waits for approval now."""
        return list(self._asked.values())

    async def answer(self, questions: list[Question]) -> dict[str, str] | None:
        """Answers by id; None where nobody is there, or the run was stopped meanwhile."""
        told = {"questions": [question.model_dump() for question in questions]}
        self._ledger.record("question", told)
        if not self._present or self._stopped.is_set():
            return None
        self._answers = asyncio.get_running_loop().create_future()
        self.questions = questions
        self._ledger.publish("question.asked", told)
        try:
            answers = await self._waiting(self._answers, "answer")
        finally:
            self.questions = []
        if answers is None:
            return None
        self._ledger.record("answer", {"answers": answers})
        self._ledger.publish("question.answered", {"answers": answers})
        return answers

    async def approve(self, step_id: str, source: str, sha256: str, reason: str) -> bool | None:
        """Whether this very code may run; None where nobody is there, or the run was stopped meanwhile."""
        if not self._present or self._stopped.is_set():
            return None
        self._approvals[sha256] = asyncio.get_running_loop().create_future()
        told = {"step_id": step_id, "source": source, "sha256": sha256, "reason": reason}
        self._asked[sha256] = PendingCode(**told)
        self._ledger.publish("approval.requested", told)
        try:
            approved = await self._waiting(self._approvals[sha256], "approval")
        finally:
            self._asked.pop(sha256, None)
        if approved is None:
            return None
        self._ledger.publish("approval.resolved", {"sha256": sha256, "approved": approved})
        return approved

    async def _waiting(self, decision: asyncio.Future[T | None], for_what: WaitsFor) -> T | None:
        """What was decided; None where nobody is there any more, or the run was stopped."""
        try:
            with self._clock.waiting(for_what):
                decided = await decision
        except asyncio.CancelledError:
            if not self._stopped.is_set():
                raise
            return None
        self._present = self._present and decided is not None
        return decided

    def give_answers(self, answers: dict[str, str] | None) -> bool:
        """Returns whether the run waited for answers. None: nobody is there, and nothing more is waited for."""
        if self._answers is None or self._answers.done():
            return False
        self._answers.set_result(answers)
        return True

    def give_approval(self, sha256: str, approved: bool | None) -> bool:
        """Returns whether the run waited for the approval of this code. None: nobody is there, and nothing more is waited for."""
        waiting = self._approvals.get(sha256)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(approved)
        return True

    def leave(self) -> None:
        """Nobody waits any more; for a run that is stopped."""
        for waiting in (self._answers, *self._approvals.values()):
            if waiting is not None and not waiting.done():
                waiting.cancel()
