"""What runs tell: the messages of the events socket. `EVENT_DATA` says which data an event carries; server/protocol.py says the rules."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from clinjup.contracts import Approval, Finding, Plan, Progress, Question, RunStatus
from clinjup.ops import Message
from clinjup.work_clock import WaitsFor


class Destination(Message):
    """Where a run's requests to a model go. Always in sight."""

    offline: bool = Field(description="nothing is sent to any model")
    host: str | None = Field(None, description="host name of the model's server, e.g. api.anthropic.com")
    loopback: bool = Field(False, description="that server is on this machine")


class PendingApproval(Message):
    """Code that waits for a yes or a no; binds to the hash. Survives a reload of the page."""

    step_id: str
    source: str
    sha256: str
    reason: str


class RunStarted(Message):
    intent: str
    folder: str
    notebook: str = ""
    started: float = 0.0
    budget_seconds: float = 0.0
    planner: str = "offline"
    approval: Approval = Approval.RISKY
    destination: Destination = Destination(offline=True)
    resumed: bool = False


class TextDelta(Message):
    """Words of the planner, or of clinjup itself; `loud` ones are shown as a warning."""

    text: str
    loud: bool = False


class PlanUpdated(Plan):
    """The plan with the state of each step (contracts.Plan)."""


class ActionProposed(Message):
    step_id: str
    action: str
    sentence: str = ""


class ApprovalRequested(PendingApproval):
    """A card: the code, why it is asked about, yes or no by POST approvals/{sha256}."""


class ApprovalResolved(Message):
    sha256: str
    approved: bool


class QuestionAsked(Message):
    questions: list[Question]


class QuestionAnswered(Message):
    answers: dict[str, str]


class CellInserted(Message):
    step_id: str
    cell_id: str
    type: Literal["markdown", "code"]
    attempt: int = 0


class CellStarted(Message):
    step_id: str
    cell_id: str
    attempt: int


class CellProgress(Progress):
    """Where a long cell stands: done, total, seconds_left (contracts.Progress). Not kept for replay."""


class CellFinished(Message):
    step_id: str
    cell_id: str
    attempt: int
    ok: bool
    seconds: float


class ErrorDiagnosed(Message):
    """What went wrong, in a sentence. The mending follows as a new attempt, told by `repair`."""

    step_id: str
    attempt: int
    message: str


class Repaired(Message):
    step_id: str
    attempt: int
    change: str = Field(description="what was changed, in one sentence")


class Result(Message):
    """A Finding. A figure's `path` is for GET runs/{id}/files/{path}. `finding` is one of contracts.Finding."""

    step_id: str
    finding: Finding


class Usage(Message):
    """What a model has cost so far."""

    model: str
    requests: int
    tokens: int
    cached_tokens: int = 0
    cost: float = Field(description="US dollars so far")
    max_cost: float | None = None
    seconds_left: float | None = None


class Paused(Message):
    """Somebody pressed pause, or go on. The running cell ends first: `run.clock` tells when the run is held."""

    paused: bool


class RunClock(Message):
    """How long the run has worked, all tries together, and whether time goes by. Told when its clock stops or goes on; it counts from `ts`."""

    elapsed: float
    seconds_left: float = Field(description="of the time budget, at most")
    waits_for: WaitsFor = Field(
        "",
        description="what it waits for while its clock stands: go_on (a pause that has taken effect), answer, approval",
    )


class UserChanged(Message):
    """The user changed the notebook in a way that the run has to know."""

    cell_id: str
    step_id: str
    change: Literal["deleted", "edited", "kept_beside", "taken_back"] = Field(
        description="taken_back: the cell is there; what was told of it before is over"
    )
    sentence: str


class CheckpointRestored(Message):
    """The notebook went back to before a step; that step and the later ones are to be done again."""

    steps: list[str] = Field(description="ids of the steps that are to be done again")
    sentence: str


class RunFinished(Message):
    """The end. The `sentence` of a completed run is its verdict, as in results.json; `cautions` say why not to take it as it stands."""

    status: RunStatus
    sentence: str
    questions: list[Question] = Field(default_factory=list)
    seconds: float | None = Field(None, description="how long it has worked, all tries together; as in the report")
    selected: str | None = None
    cautions: list[str] = Field(default_factory=list)
    resumable: bool = Field(False, description="`resume` would go on with it")
    report: str | None = Field(None, description="name for GET runs/{id}/files/{name}")


EVENT_DATA: dict[str, type[Message] | type[Plan] | type[Progress]] = {
    "run.started": RunStarted,
    "plan.updated": PlanUpdated,
    "text.delta": TextDelta,
    "action.proposed": ActionProposed,
    "approval.requested": ApprovalRequested,
    "approval.resolved": ApprovalResolved,
    "question.asked": QuestionAsked,
    "question.answered": QuestionAnswered,
    "cell.inserted": CellInserted,
    "cell.started": CellStarted,
    "cell.progress": CellProgress,
    "cell.finished": CellFinished,
    "error.diagnosed": ErrorDiagnosed,
    "error.repaired": Repaired,
    "result": Result,
    "usage": Usage,
    "run.paused": Paused,
    "run.clock": RunClock,
    "notebook.changed": UserChanged,
    "notebook.restored": CheckpointRestored,
    "run.finished": RunFinished,
}
"""The type of `data` for each type of event."""


class RunEvent(Message):
    """One event (contracts.Event). `data` is what EVENT_DATA says for its type."""

    v: Literal[1] = 1
    run_id: str
    seq: int
    ts: float
    type: str
    data: dict[str, Any]


class EventBatch(Message):
    """What the events socket sends, at most 10 a second."""

    v: Literal[1] = 1
    events: list[RunEvent]
