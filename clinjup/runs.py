"""RunManager: owns the runs and puts the parts together. CLI, server and persona call it and touch nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from clinjup.agent.loop import LoopEnd
from clinjup.agent.plan import UnsupportedTaskError, build_plan
from clinjup.atomic_files import is_full
from clinjup.cells import CellHelp, explain, mend
from clinjup.contracts import (
    Approval,
    CellError,
    Event,
    Question,
    Results,
    RunRequest,
    RunStatus,
    UnusableData,
)
from clinjup.drawing import FULL, STOPPED, Drawing, DrawingStoppedError, OnProgress
from clinjup.faults import sentence_for
from clinjup.limits import Limits, NotAllowedError
from clinjup.locks import Lock, Taken
from clinjup.notebook.desk import Desk, OwnDesk
from clinjup.notebook.files import NotebookTroubleError
from clinjup.notebook.jupyter import JupyterDesk
from clinjup.past_runs import PastRuns, journal_of
from clinjup.planning import PlannerUnusableError, check_planner
from clinjup.preflight import RequestRefusedError, brief_of, check, check_weights
from clinjup.reporting import JournalError
from clinjup.run import NOT_STARTED, NotRunningError, Run
from clinjup.run_folder import (
    RunFolderError,
    check_answers,
    lock_folder,
    new_folder,
    read_history,
    tie_to_journal,
    went_back,
)
from clinjup.views import RunView, destination_of, events_of

__all__ = [
    "SAID",
    "CellHelp",
    "JournalError",
    "JupyterDesk",
    "Limits",
    "NotAllowedError",
    "NotRunningError",
    "NotebookTroubleError",
    "PlannerUnusableError",
    "RequestRefusedError",
    "RunFolderError",
    "RunManager",
    "RunView",
    "UnsupportedTaskError",
    "UnusableData",
    "destination_of",
]


SAID = (*NOT_STARTED, NotAllowedError, RunFolderError, JournalError, NotebookTroubleError, NotRunningError)
"""Exceptions whose text is a sentence for the clinician."""


class RunManager:
    """All runs of this process, by id. `desk` says where they work, `limits` what an administrator allows."""

    def __init__(self, desk: Desk | None = None, limits: Limits | None = None) -> None:
        self.desk = desk or OwnDesk()
        self.limits = limits or Limits()
        self._runs: dict[str, Run] = {}
        self._drawings: dict[str, Drawing] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._past = PastRuns(self.desk)
        self._listeners: set[asyncio.Event] = set()

    async def submit_drawn(
        self, request: RunRequest, label: str, draw: Callable[[OnProgress], Path], *, interactive: bool = False
    ) -> str:
        """Start a run on images that `draw` makes first; returns its id at once. `label` names the drawing (Drawing).

        Runs that want their images in the same folder (`request.data`) take turns in drawing.
        What `submit` raises of the images ends the run. Raises NotAllowedError or PlannerUnusableError.
        """
        request = await asyncio.to_thread(self.limits.applied_to, request)
        check_weights(request)
        await asyncio.to_thread(check_planner, request)
        drawing = Drawing(request, label, self._listeners)
        self._drawings[drawing.id] = drawing
        drawing.task = asyncio.create_task(self._draw_and_start(drawing, draw, interactive))
        return drawing.id

    async def _draw_and_start(self, drawing: Drawing, draw: Callable[[OnProgress], Path], interactive: bool) -> None:
        try:
            data = await drawing.draw(draw, self._turns[drawing.request.data])
            request = drawing.request.model_copy(update={"data": str(data)})
            await self.submit(request, interactive=interactive, drawing=drawing)
            del self._drawings[drawing.id]
            if drawing.is_stopped:  # while the images were checked: the run had not begun then
                await self._runs[drawing.id].stop()
        except DrawingStoppedError:
            drawing.finish(RunStatus.INTERRUPTED, STOPPED)
        except RequestRefusedError as problem:
            drawing.finish(RunStatus.REFUSED, str(problem))
        except SAID as problem:
            drawing.finish(RunStatus.FAILED, str(problem))
        except Exception as fault:  # as in Run.main: whatever went wrong is told in a sentence
            drawing.finish(RunStatus.FAILED, FULL if is_full(fault) else sentence_for(fault))

    async def submit(self, request: RunRequest, *, interactive: bool = False, drawing: Drawing | None = None) -> str:
        """Check the request, then start it in the background; returns the run's id: that of its `drawing`, where it has one.

        `interactive` says that somebody is there to answer and approve; otherwise an open question ends the run.
        Raises NotAllowedError, RequestRefusedError, UnusableData, PlannerUnusableError, UnsupportedTaskError, RunFolderError or
        NotebookTroubleError; nothing is written then.
        """
        # In threads: what these import takes seconds on a busy machine, and a server has others to answer meanwhile.
        request = await asyncio.to_thread(self.limits.applied_to, request)
        check_weights(request)
        preflight = await check(request.intent, request.data, request.answers)
        await asyncio.to_thread(check_planner, request)
        if not preflight.questions and request.planner == "offline":
            build_plan(brief_of(request, preflight))
        folder = new_folder(request, preflight.task)
        return await self._start(lambda: Run(folder, request, preflight, interactive, drawing=drawing))

    async def resume(self, folder: Path, answers: Mapping[str, str], *, interactive: bool = False) -> str:
        """Go on with a run that asked, failed or was interrupted. Raises like `submit`."""
        if any(run.folder == folder.resolve() and not run.task.done() for run in self._runs.values()):
            raise NotRunningError("This run is still going on.")
        lock = lock_folder(folder)  # before the journal is read: whoever owns the run may be writing it
        try:
            return await self._resume(folder, answers, interactive, lock)
        except BaseException:
            lock.release()
            raise

    async def _resume(self, folder: Path, answers: Mapping[str, str], interactive: bool, lock: Lock) -> str:
        if await asyncio.to_thread(tie_to_journal, read_history(folder, finished_too=True, owned=True), folder):
            raise RunFolderError(
                "The run is complete, and its notebook now names the journal's last record. Nothing else was left to do."
            )
        history = read_history(folder, owned=True)
        check_answers(history, answers)
        live = self._runs.get(history.run_id)
        request = await asyncio.to_thread(self.limits.applied_to, history.request)
        if request.approval is Approval.EACH and not interactive:
            raise RunFolderError("This run asks before each cell, so resume it on a terminal where somebody can agree.")
        if not history.executions:
            await asyncio.to_thread(check_planner, request)
        request = request.model_copy(update={"answers": {**request.answers, **history.answers, **answers}})
        preflight = await check(request.intent, request.data, request.answers)
        earlier = live.events if live is not None else events_of(history, folder)
        return await self._start(lambda: Run(folder, request, preflight, interactive, history, earlier), lock)

    def answer(self, run_id: str, answers: Mapping[str, str] | None) -> bool:
        """Answer the questions that the run waits for; None: nobody is there any more. Returns whether it did wait."""
        given = None if answers is None else dict(answers)
        return run_id in self._runs and self._runs[run_id].clinician.give_answers(given)

    def approve(self, run_id: str, sha256: str, approved: bool | None) -> bool:
        """Approve or reject the code with this hash, and no other; None: nobody is there. Returns whether the run waited for that."""
        return run_id in self._runs and self._runs[run_id].clinician.give_approval(sha256, approved)

    async def stop(self, run_id: str) -> None:
        """Stop now: the running cell is interrupted, everything up to there is kept. One that has ended stays as it is."""
        if run_id in self._drawings:
            await self._drawings[run_id].stop()
        if run_id in self._runs:  # also where it began at that very moment
            await self._runs[run_id].stop()

    def pause(self, run_id: str, paused: bool) -> None:
        """Let the running cell end and hold back the next one, or go on."""
        if run_id in self._drawings:
            raise NotRunningError("Its images are still being drawn, which cannot be paused. It can be stopped.")
        if run_id not in self._runs:
            raise NotRunningError("The run has ended.")
        self._runs[run_id].set_paused(paused)

    async def restore(self, folder: Path, step_id: str) -> tuple[int, str]:
        """Put the run's cells back as they stood before a step, so that a resumed run does it and all later ones again.

        The journal keeps everything, and so does the notebook with what the user wrote (see NotebookSession.go_back). Returns how many
        cells the notebook has now, and a sentence. Raises NotRunningError, RunFolderError, NotebookTroubleError.
        """
        try:
            lock = Lock(folder)
        except Taken as held:
            raise NotRunningError(
                "The run is still going on, and would write into the notebook. Stop it first."
            ) from held
        try:
            return await self._restore(folder, step_id)
        finally:
            lock.release()

    async def _restore(self, folder: Path, step_id: str) -> tuple[int, str]:
        history = read_history(folder, finished_too=True, owned=True)
        live = self._runs.get(history.run_id)
        order = [step.id for step in history.plan.steps] if history.plan else []
        if step_id not in order:
            raise RunFolderError(f"The plan of this run has no step '{step_id}'. It has: {', '.join(order)}.")
        if step_id in history.closed_steps[:-1]:
            assert history.plan is not None
            title = history.plan.step(history.closed_steps[-1]).title
            raise RunFolderError(
                f"The test set of this run was opened at '{title}'. A model that is trained after that cannot be tested on it any more, so "
                f"going back ends there: go back to before '{title}', or start a new run, beside which this one is kept."
            )
        steps = order[order.index(step_id) :]
        publish = live.publish if live is not None else lambda event, data: None
        workspace = await self.desk.open(folder, history.run_id, history.request.notebook, publish)
        try:
            executed = {each["source_sha256"] for each in history.executions}
            removed, brought_back = workspace.session.go_back(step_id, steps, executed)
            cells = len(workspace.session.notebook.cells)
            record = {
                "step_id": step_id,
                "steps": steps,
                "cells_removed": removed,
                "cells_brought_back": brought_back,
            }
            history.journal.append("restore", record)
            workspace.session.set_metadata(journal_head=history.journal.head)
        finally:
            await workspace.close()
            await workspace.session.close()
        sentence = went_back(history.plan, record)
        if live is not None:
            live.publish("notebook.restored", {"steps": steps, "sentence": sentence})
            live.end = LoopEnd(RunStatus.INTERRUPTED, sentence)
        return cells, sentence

    async def subscribe(self, run_id: str, since: int | None = None) -> AsyncIterator[Event]:
        """The run's events from `since` on (None = from where this try of it began), live until the run has finished."""
        run = self._runs[run_id]
        position = run.first_seq if since is None else since
        while True:
            while position < len(run.events):
                event = run.events[position]
                position += 1
                yield event
                if event.type == "run.finished" and event.seq >= run.first_seq:
                    return
            if run.task.done():
                return
            run.news.clear()
            await run.news.wait()

    async def follow(self, since: Mapping[str, int]) -> AsyncIterator[list[Event]]:
        """Events of all runs in batches, without end: of those in `since` from there on, of unfinished ones from the beginning.

        Of old progress only the last is told.
        """
        news = asyncio.Event()
        self._listeners.add(news)
        positions = dict(since)
        for run_id, run in self._all().items():
            if run_id not in positions and run.task.done():
                positions[run_id] = len(run.events)
        try:
            while True:
                news.clear()
                batch: list[Event] = []
                for run_id, run in self._all().items():
                    start = min(positions.get(run_id, 0), len(run.events))
                    fresh = run.events[start:]
                    positions[run_id] = len(run.events)
                    batch += [e for e in fresh if e.type != "cell.progress" or e is fresh[-1]]
                if batch:
                    yield sorted(batch, key=lambda event: event.ts)
                else:
                    await news.wait()
        finally:
            self._listeners.discard(news)

    async def wait(self, run_id: str) -> tuple[Results, list[Question]]:
        """The results once the run has ended, and its open questions.

        Raises RequestRefusedError, UnusableData, PlannerUnusableError or UnsupportedTaskError where it could not begin.
        """
        return await self._runs[run_id].task

    def folder(self, run_id: str) -> Path:
        return self._all()[run_id].folder

    def _all(self) -> dict[str, Run | Drawing]:
        return {**self._drawings, **self._runs}

    def view(self, run_id: str) -> RunView:
        """How the run stands. Raises KeyError for one that this process has not started."""
        return self._all()[run_id].view()

    def views(self) -> list[RunView]:
        return [run.view() for run in self._all().values()]

    async def past(self, run_dir: Path) -> list[RunView]:
        """Runs in the folders of `run_dir` that this process has not started, newest first.

        One whose process was killed is marked as interrupted, and its notebook brought up to what its log holds.
        """
        views = []
        for journal in sorted(run_dir.glob("*/journal.jsonl"), reverse=True):
            folder = journal.parent.resolve()
            own = any(run.folder == folder for run in self._runs.values())
            if not own and (view := await self._past.look(folder)) is not None:
                views.append(view)
        return [view for view in views if view.id not in self._runs]  # one may have been started meanwhile

    async def past_events(self, folder: Path) -> list[Event]:
        """Events of a run that this process has not started. Raises RunFolderError or JournalError."""
        return await asyncio.to_thread(lambda: events_of(read_history(folder, finished_too=True), folder))

    async def journal(self, folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
        """(records, what is wrong with them)."""
        return await asyncio.to_thread(journal_of, folder)

    async def explain(self, folder: Path | None, step_id: str | None) -> CellHelp:
        """What a cell does and what to look for, where it is one of a run's recipes."""
        return explain(folder, step_id)

    async def mend(self, folder: Path | None, step_id: str | None, error: CellError) -> CellHelp:
        """What went wrong in a cell, and a mended one where the rules of the offline planner know one."""
        return await mend(folder, step_id, error)

    def check_planner(self, request: RunRequest) -> None:
        """Whether the request's planner can be used here. Raises PlannerUnusableError."""
        check_planner(request)

    def busy(self) -> bool:
        """Whether any run is going on."""
        return any(not run.task.done() for run in self._all().values())

    async def close(self) -> None:
        """Stop all runs, as far as they get in a moment; for the end of the process."""
        await asyncio.gather(*(self.stop(run_id) for run_id, run in self._all().items() if not run.task.done()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                # Looked at again and again: where a drawing ends, a run may have begun.
                while going := [run.task for run in self._all().values() if not run.task.done()]:
                    await asyncio.wait(going)

    async def _start(self, make: Callable[[], Run], lock: Lock | None = None) -> str:
        run = make()
        await run.open(self.desk, lock)
        run.listeners = self._listeners
        self._runs[run.id] = run
        run.task = asyncio.create_task(run.main())
        run.task.add_done_callback(lambda _: run.news.set())
        if self.limits.max_run_hours is not None:
            stopping = asyncio.get_running_loop().call_later(self.limits.max_run_hours * 3600, run.stop_late)
            run.task.add_done_callback(lambda _: stopping.cancel())
        return run.id
