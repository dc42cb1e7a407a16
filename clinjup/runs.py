"""RunManager: owns the runs and puts the parts together. CLI, server and persona call it and touch nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, cast

from clinjup.agent.loop import Loop, LoopEnd
from clinjup.agent.plan import UnsupportedTaskError, build_plan
from clinjup.agent.state import Brief, RunState
from clinjup.contracts import (
    CellCounts,
    Event,
    Plan,
    Question,
    Results,
    RunRequest,
    RunStatus,
    StepStatus,
    UnusableData,
)
from clinjup.notebook.executor import KernelExecutor
from clinjup.notebook.introduction import introduction
from clinjup.notebook.session import NotebookSession
from clinjup.notebook.workspace import NotebookWorkspace
from clinjup.planning import PlannerUnusableError, check_planner, first_plan, make_planner
from clinjup.preflight import Preflight, RequestRefusedError, check, look
from clinjup.reporting import Journal, ResultsBuilder, export_record, publish
from clinjup.reporting.journal import Kind
from clinjup.run_folder import History, RunFolderError, new_folder, read_history

__all__ = [
    "PlannerUnusableError",
    "RequestRefusedError",
    "RunFolderError",
    "RunManager",
    "UnsupportedTaskError",
    "UnusableData",
]


class RunManager:
    """All runs of this process, by id."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}

    async def submit(self, request: RunRequest, *, interactive: bool = False) -> str:
        """Check the request, then start it in the background; returns the run's id.

        `interactive` says that somebody is there to answer and approve; otherwise an open question ends the run.
        Raises RequestRefusedError, UnusableData, PlannerUnusableError, UnsupportedTaskError or RunFolderError; nothing is
        written then.
        """
        preflight = await check(request.intent, request.data, request.answers)
        check_planner(request)
        if not preflight.questions and request.planner == "offline":
            build_plan(_brief(request, preflight))
        folder = new_folder(request, preflight.task)
        run = _Run(folder, request, preflight, interactive)
        return self._start(run)

    async def resume(self, folder: Path, answers: Mapping[str, str], *, interactive: bool = False) -> str:
        """Go on with a run that asked, failed or was interrupted. Raises like `submit`."""
        history = read_history(folder)
        request = history.request
        check_planner(request)
        request = request.model_copy(update={"answers": {**request.answers, **history.answers, **answers}})
        preflight = await check(request.intent, request.data, request.answers)
        run = _Run(folder, request, preflight, interactive, history)
        return self._start(run)

    def answer(self, run_id: str, answers: Mapping[str, str]) -> None:
        """Answer the questions that the run waits for."""
        self._runs[run_id].give_answers(dict(answers))

    def approve(self, run_id: str, sha256: str, approved: bool) -> None:
        """Approve or reject the code with this hash, and no other."""
        self._runs[run_id].give_approval(sha256, approved)

    async def stop(self, run_id: str) -> None:
        """Stop now: the running cell is interrupted, everything up to there is kept."""
        await self._runs[run_id].stop()

    async def subscribe(self, run_id: str, since: int = 0) -> AsyncIterator[Event]:
        """The run's events from `since` on, live until the run has finished."""
        run = self._runs[run_id]
        position = since
        while True:
            while position < len(run.events):
                event = run.events[position]
                position += 1
                yield event
                if event.type == "run.finished":
                    return
            if run.task.done():
                return
            run.news.clear()
            await run.news.wait()

    async def wait(self, run_id: str) -> tuple[Results, list[Question]]:
        """The results once the run has ended, and its open questions. Raises PlannerUnusableError where no plan came."""
        return await self._runs[run_id].task

    def folder(self, run_id: str) -> Path:
        return self._runs[run_id].folder

    def _start(self, run: _Run) -> str:
        self._runs[run.id] = run
        run.task = asyncio.create_task(run.main())
        run.task.add_done_callback(lambda _: run.news.set())
        return run.id


class _Run:
    """One run: its folder, journal, notebook, kernel and events. Also the Ledger and the Clinician of its loop."""

    task: asyncio.Task[tuple[Results, list[Question]]]

    def __init__(
        self,
        folder: Path,
        request: RunRequest,
        preflight: Preflight,
        interactive: bool,
        history: History | None = None,
    ) -> None:
        self.folder, self.request, self.preflight, self.interactive = folder, request, preflight, interactive
        self.history = history
        self.id = history.run_id if history else uuid.uuid4().hex[:12]
        self.events: list[Event] = []
        self.news = asyncio.Event()
        self.stopped = asyncio.Event()
        self.state: RunState | None = None
        self._started = time.monotonic()
        self._answers: asyncio.Future[dict[str, str]] | None = None
        self._approvals: dict[str, asyncio.Future[bool]] = {}
        if history is None:
            folder.mkdir(parents=True, exist_ok=True)
            self.journal = Journal.create(folder / "journal.jsonl")
            self.session = NotebookSession.create(folder / "notebook.ipynb", self.id)
        else:
            self.journal = history.journal
            self.session = NotebookSession.open(folder / "notebook.ipynb", self.id)
        for name in ("plots", "checkpoints", "cache"):
            (folder / name).mkdir(exist_ok=True)
        self.executor = KernelExecutor(
            folder, self.id, lambda progress: self.publish("cell.progress", progress.model_dump())
        )
        self.workspace = NotebookWorkspace(self.session, self.executor, self.publish)

    # ------------------------------------------------------------------------------------------- the run's life

    async def main(self) -> tuple[Results, list[Question]]:
        self.publish("run.started", {"folder": str(self.folder), "intent": self.request.intent})
        if self.history is None:
            self.record("intent", {"run_id": self.id, "request": self.request.model_dump(mode="json")})
        else:
            self.record("resume", {"answers": self.request.answers})
        try:
            end = await self._work()
        except PlannerUnusableError as problem:
            if self.history is None:  # before the first cell: nothing worth keeping was written
                shutil.rmtree(self.folder, ignore_errors=True)
            self.publish("run.finished", {"status": RunStatus.FAILED, "sentence": str(problem), "questions": []})
            raise
        except Exception as fault:
            # The one error boundary: whatever went wrong is told in a sentence, and nothing that was written is lost.
            end = LoopEnd(
                RunStatus.FAILED, f"The run stopped on an unexpected fault: {fault}. Everything up to there is kept."
            )
            self.publish("error.diagnosed", {"step_id": "", "attempt": 0, "message": end.sentence})
        with contextlib.suppress(Exception):
            await self.workspace.close()
        results = self._finish(end)
        self.publish(
            "run.finished",
            {"status": end.status, "sentence": end.sentence, "questions": [q.model_dump() for q in end.questions]},
        )
        return results, end.questions

    async def _work(self) -> LoopEnd:
        while self.preflight.questions:
            answers = await self.answer(self.preflight.questions)
            if self.stopped.is_set():
                return LoopEnd(RunStatus.INTERRUPTED, "The run was stopped before its first cell.")
            if answers is None:
                questions = self.preflight.questions
                self.session.add_markdown("questions", _questions_as_markdown(self.request.intent, questions))
                return LoopEnd(RunStatus.NEEDS_ANSWER, questions[0].text, questions)
            self.request = self.request.model_copy(update={"answers": {**self.request.answers, **answers}})
            try:
                self.preflight = await check(self.request.intent, self.request.data, self.request.answers)
            except (RequestRefusedError, UnusableData) as problem:
                return LoopEnd(RunStatus.FAILED, str(problem))
        brief = _brief(self.request, self.preflight)
        brief.folder = str(self.folder)
        brief.earlier = self.history.plan if self.history else None
        if self.request.planner != "offline":  # clinjup's own recipes need no sandbox; what a model writes does
            await self._enter_sandbox(brief)
        planner = make_planner(self.request, brief, self.folder, self)
        try:
            plan = await first_plan(planner, brief)
            self._write_opening(brief, plan)
            self.state = RunState(
                brief, plan, deadline=time.monotonic() + brief.budget_seconds, answers=dict(self.request.answers)
            )
            await self._restore(self.state)
            return await Loop(planner, self.state, self.workspace, self, self, self.stopped).run()
        except UnsupportedTaskError as problem:
            return LoopEnd(RunStatus.FAILED, str(problem))
        finally:
            await planner.close()

    async def _enter_sandbox(self, brief: Brief) -> None:
        """Run the kernel in the sandbox where there is one; where there is none, say so aloud and in the journal."""
        from clinjup.notebook.sandbox import check_sandbox

        data = Path(brief.profile.root)
        status = await check_sandbox(self.folder, [data])
        self.record("sandbox", status.as_record())
        self.publish("text.delta", {"text": status.sentence, "loud": not status.active})
        brief.sandboxed = status.active
        if status.active:
            self.executor.sandbox = (data,)

    def _write_opening(self, brief: Brief, plan: Plan) -> None:
        self.record("profile", brief.profile.model_dump(mode="json"))
        self.record(
            "roles",
            {"roles": brief.roles.model_dump(mode="json"), "warnings": [w.model_dump() for w in brief.warnings]},
        )
        self.record("plan", plan.model_dump(mode="json"))
        if self.history is None or self.history.plan is None:
            self.session.add_markdown("introduction", introduction(brief.task, brief.profile, plan, brief.warnings))

    async def _restore(self, state: RunState) -> None:
        """After a resume: steps that had finished are taken over, their cells run again unseen in the new kernel."""
        if self.history is None or self.history.plan is None:
            return
        state.findings = list(self.history.findings)
        done = {execution["step_id"] for execution in self.history.executions if execution["ok"]}
        for step in state.plan.steps:
            if step.id in done:
                step.status = StepStatus.DONE
        await self.workspace.revive([step.id for step in state.plan.steps if step.id in done])

    def _finish(self, end: LoopEnd) -> Results:
        """Write results, report, model card and the journal's last lines; tie notebook and journal together."""
        builder = ResultsBuilder(
            self.request.intent,
            self.preflight.task,
            warnings=self.preflight.warnings,
            synthetic=self.preflight.profile.synthetic,
        )
        for finding in self.state.findings if self.state else []:
            with contextlib.suppress(
                ValueError
            ):  # a malformed one, from a cell that a model wrote; the notebook shows it
                builder.add(finding)
        results = builder.build(
            end.status,
            seconds=time.monotonic() - self._started,
            cells=self._cell_counts(),
            disclosures=sum(record.kind == "disclosure" for record in self.journal.records),
            sentence=None if end.status is RunStatus.COMPLETED else end.sentence,
        )
        publish(self.folder, results)
        self.session.save()
        if end.status is not RunStatus.NEEDS_ANSWER:
            self.record("export", export_record(self.folder, self.session.notebook))
        if end.status is RunStatus.INTERRUPTED:
            self.record("interruption", {"sentence": end.sentence})
        self.record("finished", {"status": end.status, "sentence": end.sentence})
        self.session.set_metadata(journal_head=self.journal.head, status=end.status)
        return results

    def _cell_counts(self) -> CellCounts:
        attempts = [*(self.history.executions if self.history else [])]
        attempts += [attempt.model_dump() for attempt in self.state.attempts] if self.state else []
        failed = [attempt for attempt in attempts if not attempt["ok"]]
        repaired = [attempt for attempt in attempts if attempt["ok"] and attempt["repair"]]
        return CellCounts(executed=len(attempts), repaired=len(repaired), failed=len(failed))

    async def stop(self) -> None:
        self.stopped.set()
        for waiting in (self._answers, *self._approvals.values()):
            if waiting is not None and not waiting.done():
                waiting.cancel()
        await self.executor.interrupt()

    # ------------------------------------------------------------------------------------- agent.state.Ledger

    def record(self, kind: str, data: dict[str, Any], *, wait: bool = True) -> None:
        self.journal.append(cast(Kind, kind), data, wait=wait)
        if wait:
            self.session.settle()

    def publish(self, event: Any, data: dict[str, Any]) -> None:
        self.events.append(Event(run_id=self.id, seq=len(self.events), ts=time.time(), type=event, data=data))
        self.news.set()

    # ---------------------------------------------------------------------------------- agent.state.Clinician

    async def answer(self, questions: list[Question]) -> dict[str, str] | None:
        self.record("question", {"questions": [question.model_dump() for question in questions]})
        if not self.interactive:
            return None
        self._answers = asyncio.get_running_loop().create_future()
        self.publish("question.asked", {"questions": [question.model_dump() for question in questions]})
        try:
            answers = await self._answers
        except asyncio.CancelledError:
            if not self.stopped.is_set():
                raise
            return None
        self.record("answer", {"answers": answers})
        self.publish("question.answered", {"answers": answers})
        return answers

    async def approve(self, step_id: str, source: str, sha256: str, reason: str) -> bool:
        if not self.interactive:
            return False
        self._approvals[sha256] = asyncio.get_running_loop().create_future()
        self.publish("approval.requested", {"step_id": step_id, "source": source, "sha256": sha256, "reason": reason})
        try:
            approved = await self._approvals[sha256]
        except asyncio.CancelledError:
            if not self.stopped.is_set():
                raise
            approved = False
        self.publish("approval.resolved", {"sha256": sha256, "approved": approved})
        return approved

    def give_answers(self, answers: dict[str, str]) -> None:
        if self._answers is not None and not self._answers.done():
            self._answers.set_result(answers)

    def give_approval(self, sha256: str, approved: bool) -> None:
        waiting = self._approvals.get(sha256)
        if waiting is not None and not waiting.done():
            waiting.set_result(approved)


def _brief(request: RunRequest, preflight: Preflight) -> Brief:
    assert preflight.roles is not None
    return Brief(
        task=preflight.task,
        profile=preflight.profile,
        roles=preflight.roles,
        warnings=preflight.warnings,
        look_again=lambda: look(request.data),
        budget_seconds=request.budget_minutes * 60,
        seed=request.seed,
        approval=request.approval,
        answers=request.answers,
    )


def _questions_as_markdown(intent: str, questions: list[Question]) -> str:
    lines = [f"# Open questions\n\n> {intent}\n"]
    for question in questions:
        lines.append(f"- **{question.text}** " + " · ".join(option.text for option in question.options))
    return "\n".join(lines)
