"""How a run stands, for whoever shows it; also of runs that an earlier process began, from their journals."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from clinjup.contracts import Event, Question, RunRequest, RunStatus
from clinjup.planning import PlannerUnusableError, host_of
from clinjup.run_folder import History, went_back


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
    elapsed: float
    budget_seconds: float
    last_seq: int
    paused: bool = False
    resumable: bool = False
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
    times = [datetime.fromisoformat(record.t).timestamp() for record in history.journal.records]
    return RunView(
        id=history.run_id,
        request=history.request,
        folder=folder,
        notebook=history.request.notebook or str(folder / "notebook.ipynb"),
        status=RunStatus.RUNNING if elsewhere else history.status,
        started=times[0],
        elapsed=max(0.0, (time.time() if elsewhere else times[-1]) - times[0]),
        budget_seconds=history.request.budget_minutes * 60,
        last_seq=len(events_of(history, folder)) - 1,
        resumable=not elsewhere and not history.finished,
        questions=history.questions,
        sentence="Another program carries this run." if elsewhere else history.sentence,
    )


def events_of(history: History, folder: Path) -> list[Event]:
    """What a panel needs to show a run of an earlier process: request, plan, findings, end."""
    events: list[Event] = []

    def tell(t: str, event: Any, data: dict[str, Any]) -> None:
        ts = datetime.fromisoformat(t).timestamp()
        events.append(Event(run_id=history.run_id, seq=len(events), ts=ts, type=event, data=data))

    done = {execution["step_id"]: execution["ok"] for execution in history.executions}
    records = history.journal.records
    plan = None if history.plan is None else history.plan.model_dump(mode="json")
    for step in plan["steps"] if plan is not None else []:
        if step["id"] in done:
            step["status"] = "done" if done[step["id"]] else "failed"
    for record in records:
        if record.kind == "intent":
            view = {"budget_seconds": history.request.budget_minutes * 60, "planner": history.request.planner}
            told = {
                "intent": history.request.intent,
                "folder": str(folder),
                "approval": history.request.approval.value,
                **view,
            }
            started = datetime.fromisoformat(record.t).timestamp()
            notebook = history.request.notebook or ""
            destination = destination_of(history.request)
            tell(
                record.t, "run.started", {**told, "started": started, "notebook": notebook, "destination": destination}
            )
        elif record.kind == "result":
            tell(record.t, "result", {"step_id": record.data["step_id"], "finding": record.data["finding"]})
        elif record.kind == "repair":
            tell(record.t, "error.repaired", dict(record.data))
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
        "questions": [question.model_dump() for question in history.questions],
        "selected": history.selected,
        "cautions": history.cautions,
        "report": "report.html" if (folder / "report.html").is_file() else None,
    }
    tell(records[-1].t, "run.finished", ended)
    return events
