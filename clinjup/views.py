"""How a run stands, for whoever shows it; also of runs that an earlier process began, from their journals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from clinjup.contracts import Event, Question, RunRequest, RunStatus
from clinjup.planning import PlannerUnusableError, host_of
from clinjup.reporting.journal import Record
from clinjup.run_folder import History, was_interrupted, went_back
from clinjup.work_clock import WaitsFor


@dataclass(frozen=True)
class PendingCode:
    """Code that waits for a yes or a no."""

    step_id: str
    source: str
    sha256: str
    reason: str


@dataclass(frozen=True)
class RunView:
    """One run at one moment."""

    id: str
    request: RunRequest
    folder: Path
    notebook: str
    status: RunStatus
    started: float
    """When it was first started, in seconds since 1970."""
    elapsed: float
    """Seconds that it has worked up to `as_of`, all tries together (work_clock)."""
    as_of: float
    budget_seconds: float
    last_seq: int
    seconds_left: float | None = 0.0
    """Of its time budget; 0 for a run that has ended, None where only the program that carries it knows."""
    waits_for: WaitsFor = ""
    paused: bool = False
    resumable: bool = False
    elsewhere: bool = False
    """Whether another program carries it."""
    questions: list[Question] = field(default_factory=list)
    approvals: list[PendingCode] = field(default_factory=list)
    sentence: str = ""

    @property
    def destination(self) -> dict[str, Any]:
        """Where the run's requests to a model go (server.protocol.Destination)."""
        return destination_of(self.request)


def destination_of(request: RunRequest) -> dict[str, Any]:
    """{offline, host, loopback}."""
    try:
        host = host_of(request)
    except PlannerUnusableError:
        host = "?"
    loopback = host is not None and (host in {"localhost", "::1"} or host.startswith("127."))
    return {"offline": host is None, "host": host, "loopback": loopback}


def view_of_history(history: History, folder: Path, *, elsewhere: bool = False) -> RunView:
    """A run that no process carries, or (`elsewhere`) that another one does."""
    last = history.journal.records[-1]
    waits_for = _waits_for(last) if elsewhere else ""
    return RunView(
        id=history.run_id,
        request=history.request,
        folder=folder,
        notebook=history.request.notebook or str(folder / "notebook.ipynb"),
        status=RunStatus.RUNNING if elsewhere else history.status,
        started=history.started,
        elapsed=history.seconds,
        as_of=datetime.fromisoformat(last.t).timestamp(),
        budget_seconds=history.request.budget_minutes * 60,
        seconds_left=None if elsewhere else 0.0,
        waits_for=waits_for,
        paused=waits_for == "go_on",
        last_seq=len(events_of(history, folder)) - 1,
        resumable=not elsewhere and not history.finished,
        elsewhere=elsewhere,
        questions=history.asks,
        sentence="Another program carries this run." if elsewhere else history.sentence,
    )


def _waits_for(last: Record) -> WaitsFor:
    """What a run that another program carries waits for, by its newest record."""
    if last.kind == "question":
        return "answer"
    return "go_on" if last.kind == "pause" and last.data["paused"] else ""


def events_of(history: History, folder: Path) -> list[Event]:
    """What a panel needs to show a run of an earlier process: request, plan, findings, end."""
    events: list[Event] = []

    def tell(t: str, event: Any, data: dict[str, Any]) -> None:
        ts = datetime.fromisoformat(t).timestamp()
        events.append(Event(run_id=history.run_id, seq=len(events), ts=ts, type=event, data=data))

    states = history.states()
    records = history.journal.records
    plan = None if history.plan is None else history.plan.model_dump(mode="json")
    for step in plan["steps"] if plan is not None else []:
        step["status"] = states.get(step["id"], step["status"])
        step["note"] = history.notes.get(step["id"], step["note"])
    for record in records:
        if record.kind == "intent":
            view = {"budget_seconds": history.request.budget_minutes * 60, "planner": history.request.planner}
            told = {
                "intent": history.request.intent,
                "folder": str(folder),
                "approval": history.request.approval.value,
                **view,
            }
            notebook = history.request.notebook or ""
            where = {"notebook": notebook, "destination": destination_of(history.request)}
            tell(record.t, "run.started", {**told, "started": history.started, **where})
        elif record.kind == "execution":
            _tell_execution(record, tell)
        elif record.kind == "result":
            tell(record.t, "result", {"step_id": record.data["step_id"], "finding": record.data["finding"]})
        elif record.kind == "repair":
            tell(record.t, "error.repaired", {name: record.data[name] for name in ("step_id", "attempt", "change")})
        elif record.kind == "redo":
            tell(record.t, "notebook.restored", dict(record.data))
        elif record.kind == "restore":
            tell(
                record.t,
                "notebook.restored",
                {"steps": record.data["steps"], "sentence": went_back(history.plan, record.data)},
            )
    if plan is not None:
        tell(records[-1].t, "plan.updated", plan)
    ended = {
        "status": history.status.value,
        "sentence": history.sentence,
        "questions": [question.model_dump() for question in history.asks],
        "seconds": history.seconds,
        "selected": history.selected,
        "resumable": not history.finished,
        "cautions": history.cautions,
        "report": "report.html" if (folder / "report.html").is_file() else None,
    }
    tell(records[-1].t, "run.finished", ended)
    return events


def _tell_execution(record: Record, tell: Callable[[str, str, dict[str, Any]], None]) -> None:
    cell = record.data
    step = {"step_id": cell["step_id"], "attempt": cell.get("number", 1)}
    tell(record.t, "cell.finished", {**step, "cell_id": "", "ok": cell["ok"], "seconds": cell.get("seconds", 0.0)})
    if not cell["ok"] and not was_interrupted(cell):
        tell(record.t, "error.diagnosed", {**step, "message": (cell.get("error") or {}).get("message", "")})
