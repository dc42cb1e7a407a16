"""One run, from its folder to its results."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from clinjup.agent.identifying import without_patients
from clinjup.agent.loop import Loop, LoopEnd
from clinjup.agent.plan import UnsupportedTaskError
from clinjup.agent.planners.pausable import Pausable
from clinjup.agent.state import Brief, RunState
from clinjup.agent.stopping import unless_stopped
from clinjup.attending import Attending
from clinjup.contracts import (
    Event,
    Plan,
    Question,
    Results,
    RunRequest,
    RunStatus,
    UnusableData,
)
from clinjup.drawing import Drawing
from clinjup.faults import sentence_for
from clinjup.locks import Lock
from clinjup.notebook.desk import Desk
from clinjup.notebook.files import NotebookTroubleError
from clinjup.notebook.introduction import introduction, open_questions
from clinjup.notebook.live import LiveNotebook
from clinjup.planning import PlannerUnusableError, first_plan, make_planner
from clinjup.preflight import Preflight, RequestRefusedError, brief_of, check
from clinjup.redo import revive, take_over
from clinjup.reporting import Journal, ResultsBuilder, export_record, publish
from clinjup.reporting.cautions import end_cautions
from clinjup.reporting.journal import Kind
from clinjup.run_ending import cell_counts, how_it_stands
from clinjup.run_folder import History, lock_folder, make_folder
from clinjup.views import RunView, destination_of
from clinjup.weights import checkpoint_files
from clinjup.work_clock import WorkClock

NOT_STARTED = (PlannerUnusableError, RequestRefusedError, UnsupportedTaskError, UnusableData)
"""Why a run has not begun."""


class NotRunningError(Exception):
    """What was asked of a run does not fit its state. The sentence says why."""


class Run:
    """One run: its folder, journal, notebook, kernel and events. Also the Ledger of its loop."""

    task: asyncio.Task[tuple[Results, list[Question]]]

    def __init__(
        self,
        folder: Path,
        request: RunRequest,
        preflight: Preflight,
        interactive: bool,
        history: History | None = None,
        earlier: list[Event] | None = None,
        drawing: Drawing | None = None,
    ) -> None:
        self.folder, self.request, self.preflight, self.interactive = folder, request, preflight, interactive
        self.history = history
        self.id = history.run_id if history else drawing.id if drawing else uuid.uuid4().hex[:12]
        self.events: list[Event] = list(earlier or (drawing.events if drawing else []))
        self.first_seq = len(self.events)
        self._is_kept = True
        self.news = asyncio.Event()
        self.listeners: set[asyncio.Event] = set()
        self.stopped = asyncio.Event()
        self.going = asyncio.Event()
        self.going.set()
        self.state: RunState | None = None
        self.end: LoopEnd | None = None
        self.questions: list[Question] = []
        self._began = time.time()
        self._started = time.monotonic()
        self.clock = WorkClock(history.seconds if history else 0.0, self._clock_changed)
        self.clinician = Attending(self, self.stopped, self.clock, present=interactive)

    async def open(self, desk: Desk, lock: Lock | None = None) -> None:
        """Make the folder, take the desk's workspace. `lock`: of the folder, where the caller has it already.

        Raises RunFolderError, NotebookTroubleError; a new folder is gone then.
        """
        new = self.history is None
        self._lock = lock or lock_folder(self.folder)
        try:
            make_folder(self.folder)
            self.journal = self.history.journal if self.history else Journal.create(self.folder / "journal.jsonl")
            notebook = self.request.notebook
            sandboxed = self.request.planner != "offline"
            self.workspace = await desk.open(self.folder, self.id, notebook, self.publish, sandboxed=sandboxed)
        except BaseException:
            self._lock.release()
            if new:
                shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.session, self.executor = self.workspace.session, self.workspace.executor
        if isinstance(self.session, LiveNotebook):
            self.request = self.request.model_copy(update={"notebook": self.session.contents_path})

    # ------------------------------------------------------------------------------------------- the run's life

    async def main(self) -> tuple[Results, list[Question]]:
        self.publish("run.started", self._opening())
        self._clock_changed(0.0)
        if self.history is None:
            self.record("intent", {"run_id": self.id, "request": self.request.model_dump(mode="json")})
        else:
            self.record("resume", {"answers": self.request.answers})
        try:
            end = await self._work()
        except NOT_STARTED as problem:
            end = LoopEnd(RunStatus.FAILED, str(problem))
            if self.state is None:  # before the first cell
                await self._give_up(end)
                raise
        except NotebookTroubleError as trouble:
            end = LoopEnd(RunStatus.FAILED, str(trouble))
            self.publish("error.diagnosed", {"step_id": "", "attempt": 0, "message": end.sentence})
        except Exception as fault:
            # The one error boundary: whatever went wrong is told in a sentence, and nothing that was written is lost.
            end = LoopEnd(RunStatus.FAILED, sentence_for(fault))
            self.publish("error.diagnosed", {"step_id": "", "attempt": 0, "message": end.sentence})
        with contextlib.suppress(Exception):
            await self.workspace.close()
        try:
            results, last_word = self._finish(end)
        except Exception as fault:  # a full disk, most often
            self.end = LoopEnd(RunStatus.FAILED, sentence_for(fault))
            self._tell_end(self.end)
            raise
        finally:
            await self._let_go()
        self.end, self.questions = LoopEnd(end.status, results.sentence, end.questions), end.questions
        report = "report.html" if (self.folder / "report.html").is_file() else None
        self._tell_end(self.end, **last_word, report=report)
        return results, end.questions

    def _tell_end(self, end: LoopEnd, **more: Any) -> None:
        told: dict[str, Any] = {"status": end.status, "sentence": end.sentence}
        told["questions"] = [question.model_dump() for question in end.questions]
        told |= {"seconds": self.clock.end(), "resumable": self._is_resumable(end)}
        self.publish("run.finished", told | more)

    def _is_resumable(self, end: LoopEnd) -> bool:
        return self._is_kept and end.status is not RunStatus.COMPLETED

    async def _give_up(self, end: LoopEnd) -> None:
        """End a run that has not begun; of a new one nothing worth keeping was written."""
        await self._let_go()
        if self.history is None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self._is_kept = False
        self.end = end
        self._tell_end(end)

    async def _let_go(self) -> None:
        """The notebook is saved and given back, whatever comes."""
        try:
            await self.workspace.session.close()
        except Exception as fault:
            self.publish("text.delta", {"text": sentence_for(fault), "loud": True})
        self._lock.release()

    def _opening(self) -> dict[str, Any]:
        view = self.view()
        return {
            "intent": self.request.intent,
            "folder": str(self.folder),
            "notebook": view.notebook,
            "started": view.started,
            "budget_seconds": view.budget_seconds,
            "planner": self.request.planner,
            "approval": self.request.approval,
            "destination": view.destination,
            "resumed": self.history is not None,
        }

    def view(self) -> RunView:
        """How the run stands."""
        notebook = self.session.contents_path if isinstance(self.session, LiveNotebook) else str(self.session.path)
        return RunView(
            id=self.id,
            request=self.request,
            folder=self.folder,
            notebook=notebook,
            status=self.end.status if self.end is not None else RunStatus.RUNNING,
            paused=not self.going.is_set(),
            resumable=self.end is not None and self._is_resumable(self.end),
            started=self.history.started if self.history else self._began,
            elapsed=self.clock.seconds,
            as_of=self._now(),
            waits_for=self.clock.waits_for,
            budget_seconds=self.request.budget_minutes * 60,
            seconds_left=self._seconds_left(),
            questions=self.clinician.questions or self.questions,
            approvals=self.clinician.approvals,
            sentence=self.end.sentence if self.end is not None else "",
            last_seq=len(self.events) - 1,
        )

    async def _work(self) -> LoopEnd:
        while self.preflight.questions:
            answers = await self.clinician.answer(self.preflight.questions)
            if self.stopped.is_set():
                return LoopEnd(RunStatus.INTERRUPTED, "The run was stopped before its first cell.")
            if answers is None:
                questions = self.preflight.questions
                self.session.add_markdown("questions", open_questions(self.request.intent, questions))
                return LoopEnd(RunStatus.NEEDS_ANSWER, questions[0].text, questions)
            self.request = self.request.model_copy(update={"answers": {**self.request.answers, **answers}})
            self.preflight = await check(self.request.intent, self.request.data, self.request.answers)
        brief = brief_of(self.request, self.preflight)
        brief.folder = str(self.folder)
        brief.beside = not isinstance(self.session, LiveNotebook) or self.session.beside
        if self.history is not None:
            brief.earlier, brief.begun = self.history.plan, bool(self.history.executions)
            brief.spent, brief.mended = self.history.cost, self.history.mended
        if self.request.planner != "offline":  # clinjup's own recipes need no sandbox; what a model writes does
            await self._enter_sandbox(brief)
            self._tell_sharing()
        planner = make_planner(self.request, brief, self.folder, self)
        try:
            planned = await unless_stopped(first_plan(planner, brief), self.stopped)
            if planned is None:
                return LoopEnd(RunStatus.INTERRUPTED, "The run was stopped while it was planned. It can be resumed.")
            successor, plan = planned
            self.record("planner", successor.about)
            self._write_opening(brief, plan)
            self.state = RunState(
                brief, plan, deadline=time.monotonic() + self._seconds_left(), answers=dict(self.request.answers)
            )
            if self.history is not None and self.history.plan is not None:
                await take_over(self.state, self.workspace, self.history, self)
            planning = Pausable(successor, self.going, self._holding)
            carried_by = self.workspace, self, self.clinician, self.stopped, self._revive
            return await Loop(planning, self.state, *carried_by).run()
        finally:
            await planner.close()

    async def _enter_sandbox(self, brief: Brief) -> None:
        """Run the kernel in the sandbox where there is one; where there is none, say so aloud and in the journal."""
        from clinjup.notebook.provisioner import KERNEL_NAME, KERNEL_TITLE
        from clinjup.notebook.sandbox import check_sandbox

        readable = [Path(brief.profile.root), *checkpoint_files(self.request.pretrained)]
        status = await check_sandbox(self.folder, readable)
        self.record("sandbox", status.as_record())
        brief.sandboxed = status.active and await self.executor.enter_sandbox(readable)
        if brief.sandboxed or not status.active:
            self.publish("text.delta", {"text": status.sentence, "loud": not status.active})
        if brief.sandboxed:
            self.session.use_kernel(KERNEL_NAME, KERNEL_TITLE)  # whoever opens the notebook is protected too
        elif status.active:
            sentence = (
                "This notebook has a kernel outside of the sandbox, so you are asked before code runs that only the sandbox would make "
                "harmless. A new notebook would get a kernel in the sandbox."
            )
            self.record("sandbox", {"active": False, "sentence": sentence})
            self.publish("text.delta", {"text": sentence, "loud": True})

    def _tell_sharing(self) -> None:
        if self.request.share_images:
            sentence = f"You turned it on: figures of this run, which can show images, are sent to {destination_of(self.request)['host']}."
            self.publish("text.delta", {"text": sentence, "loud": True})

    def _write_opening(self, brief: Brief, plan: Plan) -> None:
        self.record("profile", without_patients(brief.profile, brief.roles).model_dump(mode="json"))
        self.record(
            "roles",
            {"roles": brief.roles.model_dump(mode="json"), "warnings": [w.model_dump() for w in brief.warnings]},
        )
        self.record("plan", plan.model_dump(mode="json"))
        if self.history is None or self.history.plan is None:
            self.session.add_markdown("introduction", introduction(brief.task, brief.profile, plan, brief.warnings))

    async def _revive(self) -> list[str]:
        assert self.state is not None
        return await revive(self.state, self.workspace, self.journal, self)

    def _finish(self, end: LoopEnd) -> tuple[Results, dict[str, Any]]:
        """Write results, report, model card and the journal's last lines; tie notebook and journal together.

        Returns the results and what the end tells beside its sentence: {selected, cautions}.
        """
        told = History(self.journal)  # also what earlier tries found, however soon this one ended
        builder = ResultsBuilder(
            self.request.intent,
            self.preflight.task,
            warnings=self.preflight.warnings,
            synthetic=self.preflight.profile.synthetic,
        )
        for finding in told.findings:
            with contextlib.suppress(ValueError):  # a malformed one of a model's cell; the notebook shows it
                builder.add(finding)
        results = builder.build(
            end.status,
            seconds=self.clock.end(),
            cells=cell_counts(told),
            disclosures=sum(record.kind == "disclosure" for record in self.journal.records),
            sentence=None if end.status is RunStatus.COMPLETED else end.sentence,
        )
        publish(self.folder, results)
        self.session.save()
        if end.status is not RunStatus.NEEDS_ANSWER:
            self.record("export", export_record(self.folder, self.session.notebook))
        if end.status is RunStatus.INTERRUPTED:
            self.record("interruption", {"sentence": end.sentence})
        last_word = {"selected": results.selected, "cautions": end_cautions(results)}
        said = {"status": end.status, "sentence": results.sentence, **last_word}
        self.record("finished", {**said, **how_it_stands(self.state, self.clock.seconds)})
        self.session.set_metadata(journal_head=self.journal.head, status=end.status)
        return results, last_word

    async def stop(self) -> None:
        self.stopped.set()
        self.going.set()
        self.clinician.leave()
        await self.executor.interrupt()

    def stop_late(self) -> None:
        """The time that the administrator allows is over."""
        sentence = (
            "This run has taken as long as the administrator of this server allows (max_run_hours), so it was stopped."
        )
        self.publish("text.delta", {"text": sentence, "loud": True})
        self._stopping = asyncio.create_task(self.stop())

    def _now(self) -> float:
        """Seconds since the epoch by the clock at the run's start: it never goes back, whatever is done to the machine's clock."""
        return self._began + time.monotonic() - self._started

    def _seconds_left(self) -> float:
        return max(0.0, self.request.budget_minutes * 60 - self.clock.seconds_of_this_try)

    def _clock_changed(self, stood: float) -> None:
        if self.state is not None:
            self.state.deadline += stood
        told = {"elapsed": self.clock.seconds, "seconds_left": self._seconds_left(), "waits_for": self.clock.waits_for}
        self.publish("run.clock", told)

    @contextlib.contextmanager
    def _holding(self) -> Iterator[None]:
        """Inside of it the run is held back by a pause."""
        self.record("pause", {"paused": True})
        try:
            with self.clock.waiting("go_on"):
                yield
        finally:
            self.record("pause", {"paused": False})

    def set_paused(self, paused: bool) -> None:
        if self.end is not None:
            raise NotRunningError("The run has ended.")
        if paused == self.going.is_set():
            (self.going.clear if paused else self.going.set)()
            self.publish("run.paused", {"paused": paused})

    # ------------------------------------------------------------------------------------- agent.state.Ledger

    def record(self, kind: str, data: dict[str, Any], *, wait: bool = True) -> None:
        if kind == "execution":
            self.session.settle()  # a cell that counts as run stands in the notebook, whenever this program is killed
        self.journal.append(cast(Kind, kind), data, wait=wait)
        if wait:
            self.session.settle()

    def publish(self, event: Any, data: dict[str, Any]) -> None:
        self.events.append(Event(run_id=self.id, seq=len(self.events), ts=self._now(), type=event, data=data))
        self.news.set()
        for listener in self.listeners:
            listener.set()
