"""RunManager: owns the runs and puts the parts together. CLI, server and persona call it and touch nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from clinjup.agent.loop import Loop, LoopEnd
from clinjup.agent.plan import UnsupportedTaskError, build_plan
from clinjup.agent.planners.recipes import RecipePlanner
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
from clinjup.preflight import Preflight, RequestRefusedError, check, look
from clinjup.reporting import Journal, ResultsBuilder, export_record, publish
from clinjup.reporting.journal import Kind

__all__ = [
    "RequestRefusedError",
    "RunFolderError",
    "RunManager",
    "UnsupportedTaskError",
    "UnusableData",
]


class RunFolderError(Exception):
    """The run folder cannot be used. The sentence says why and what to do (exit 2)."""


class RunManager:
    """All runs of this process, by id."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}

    async def submit(self, request: RunRequest, *, interactive: bool = False) -> str:
        """Check the request, then start it in the background; returns the run's id.

        `interactive` says that somebody is there to answer and approve; otherwise an open question ends the run.
        Raises RequestRefusedError, UnusableData, UnsupportedTaskError or RunFolderError; nothing is written then.
        """
        preflight = await check(request.intent, request.data, request.answers)
        if not preflight.questions:
            build_plan(_brief(request, preflight))
        folder = _new_folder(request, preflight)
        run = _Run(folder, request, preflight, interactive)
        return self._start(run)

    async def resume(self, folder: Path, answers: Mapping[str, str], *, interactive: bool = False) -> str:
        """Go on with a run that asked, failed or was interrupted. Raises like `submit`."""
        request, history = _read_history(folder)
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
            run.news.clear()
            await run.news.wait()

    async def wait(self, run_id: str) -> tuple[Results, list[Question]]:
        """The results once the run has ended, and the questions that it ended with."""
        return await self._runs[run_id].task

    def folder(self, run_id: str) -> Path:
        return self._runs[run_id].folder

    def _start(self, run: _Run) -> str:
        self._runs[run.id] = run
        run.task = asyncio.create_task(run.main())
        return run.id


class _History:
    """What the journal of an earlier try says."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.run_id = ""
        self.answers: dict[str, str] = {}
        self.plan: Plan | None = None
        self.findings: list[dict[str, Any]] = []
        self.executions: list[dict[str, Any]] = []
        self.finished = False
        for record in journal.records:
            if record.kind == "intent":
                self.run_id = record.data["run_id"]
                self.request = RunRequest.model_validate(record.data["request"])
            elif record.kind == "answer":
                self.answers.update(record.data["answers"])
            elif record.kind == "plan":
                self.plan = Plan.model_validate(record.data)
            elif record.kind == "result":
                self.findings.append(record.data["finding"])
            elif record.kind == "execution":
                self.executions.append(record.data)
            elif record.kind == "finished":
                self.finished = record.data["status"] == RunStatus.COMPLETED


class _Run:
    """One run: its folder, journal, notebook, kernel and events. Also the Ledger and the Clinician of its loop."""

    task: asyncio.Task[tuple[Results, list[Question]]]

    def __init__(
        self,
        folder: Path,
        request: RunRequest,
        preflight: Preflight,
        interactive: bool,
        history: _History | None = None,
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
        planner = RecipePlanner()
        try:
            plan = await planner.plan(brief)
        except UnsupportedTaskError as problem:
            return LoopEnd(RunStatus.FAILED, str(problem))
        self._write_opening(brief, plan)
        self.state = RunState(
            brief, plan, deadline=time.monotonic() + brief.budget_seconds, answers=dict(self.request.answers)
        )
        await self._restore(self.state)
        return await Loop(planner, self.state, self.workspace, self, self, self.stopped).run()

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
            with contextlib.suppress(ValueError):  # a malformed one, from a cell that a model wrote; the notebook shows it
                builder.add(finding)
        results = builder.build(
            end.status,
            seconds=time.monotonic() - self._started,
            cells=self._cell_counts(),
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

    def record(self, kind: str, data: dict[str, Any]) -> None:
        self.journal.append(cast(Kind, kind), data)

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


def _new_folder(request: RunRequest, preflight: Preflight) -> Path:
    if request.out is None:
        name = f"{datetime.now():%Y-%m-%d-%H%M%S}-{preflight.task.target or 'run'}"
        folder = Path("clinjup-runs") / name
    else:
        folder = Path(request.out)
    if folder.is_file():
        raise RunFolderError(f"'{folder}' is a file. Name a folder for the run with --out.")
    if folder.is_dir() and any(folder.iterdir()):
        raise RunFolderError(
            f"The folder '{folder}' is not empty, and a run never writes over what is there. Name a new folder with --out, "
            f"or go on with the run in it: clinjup run --resume {folder}"
        )
    return folder.resolve()


def _read_history(folder: Path) -> tuple[RunRequest, _History]:
    if not (folder / "journal.jsonl").is_file():
        raise RunFolderError(f"There is no run in '{folder}': it holds no journal.jsonl. Name the folder of a run.")
    history = _History(Journal.open(folder / "journal.jsonl"))
    if not history.run_id:
        raise RunFolderError(f"The run in '{folder}' stopped before its request was written down. Start a new run.")
    if history.finished:
        raise RunFolderError(
            f"The run in '{folder}' is complete; there is nothing to resume. Start a new run for new questions."
        )
    return history.request, history


def _questions_as_markdown(intent: str, questions: list[Question]) -> str:
    lines = [f"# Open questions\n\n> {intent}\n"]
    for question in questions:
        lines.append(f"- **{question.text}** " + " · ".join(option.text for option in question.options))
    return "\n".join(lines)
