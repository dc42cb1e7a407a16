"""What sidebar and server say to each other: every REST body and every message of both websockets. Mirrored in src/protocol.ts.

`python -m clinjup.server.protocol` prints the JSON schema of everything here (`{"version": 1, "$defs": {...}}`), which the mirror is
tested against. Unknown fields are errors on what the server receives; a browser ignores fields that it does not know.

Routes, below the server's base URL (all need Jupyter's authentication; a POST from a browser also its XSRF token, as
`ServerConnection.makeRequest` sends it):

    GET    clinjup/v1/about                        -> About           versions, limits set by the admin, examples
    GET    clinjup/v1/runs                         -> RunList         live runs, and earlier ones that lie in run_dir
    POST   clinjup/v1/runs            NewRun       -> RunSummary      201; 422 Problem for what is refused or unusable
    GET    clinjup/v1/runs/{id}                    -> RunSummary
    POST   clinjup/v1/runs/{id}/stop               -> RunSummary      interrupts the running cell now
    POST   clinjup/v1/runs/{id}/pause              -> RunSummary      the running cell ends, the next one waits
    POST   clinjup/v1/runs/{id}/resume  Resume     -> RunSummary      a paused run, or one that ended unfinished
    POST   clinjup/v1/runs/{id}/input   Answers    -> RunSummary      answers to question.asked
    POST   clinjup/v1/runs/{id}/approvals/{sha256} ApprovalAnswer -> RunSummary     to approval.requested
    GET    clinjup/v1/runs/{id}/journal            -> JournalRecords
    POST   clinjup/v1/runs/{id}/restore Restore    -> Restored        the run's cells stand as before a step
    GET    clinjup/v1/runs/{id}/files/{name}       -> the bytes       plots/NAME.png, report.html, results.json, ...
    POST   clinjup/v1/cells/explain   CellRequest  -> CellAnswer
    POST   clinjup/v1/cells/mend      CellRequest  -> CellAnswer
    WS     clinjup/v1/events?since=RUN:SEQ,RUN:SEQ -> EventBatch ...
    WS     clinjup/v1/notebooks/{path}/ops         <-> TabMessage / ServerMessage

Every error is a `Problem` with a sentence that is shown as it stands; 400 malformed, 403 not logged in, 404 unknown, 409 not possible
now, 422 refused or unusable.

Events. One socket carries all runs. On connecting, the server sends what has happened in unfinished runs and in those that `since`
names, from the given seq on (`since=a1b2:0` = everything of that run), then everything as it happens, also of runs that were
started elsewhere (chat, another tab). `seq` counts up in each run; gaps are allowed (progress is not kept), repetitions are not an
error: ignore a seq that is not above the last one. After a reconnect ask from the last seq + 1.

Ops. The server owns the notebook of a run, a tab is a replica. A tab opens the socket for each notebook it shows and says
`hello`. `welcome` says whether the server has anything to do with that notebook (`live`); while it has not, the socket stays open
and quiet, and a new `welcome` comes when a run starts. While live:
1. Ops come in batches (`ops`, at most 10 a second): apply those with seq above the tab's last op, then that is `until`. All are
   idempotent. A batch whose `after` is above the tab's last op shows that one was missed: say hello again, apply nothing.
2. A tab remembers for each cell the text that the server last told it (`base`) and the op's seq. It never writes an op's source over
   text that differs both from `base` and from the op's `over` (text that the server holds safely): it leaves that cell's text and
   seq as they are and sends a snapshot. An op with `origin` = the tab's own client id only tells that the server has this text: set
   `base`, never the cell.
3. Edits go up as `snapshot` (200 ms after the last change): all cells in order, `source` null where the text equals `base`;
   metadata and attachments likewise. Both sides take over what the other changed in them, name by name.
   `n` counts up in each client; the server ignores a snapshot that is not newer.
4. `owner` true: this tab writes the file. On an op `save`: put `seq` into `notebook.metadata.clinjup.seq`, `context.save()`, then send
   `saved`. Send `ping` every 3 s. A tab that is not heard of for 10 s is passed over: the server writes the file, and sends
   `revert` when it hears of the tab again. When the socket closes, the server writes the file at once.
   `owner` false: another tab does; show the banner and keep the notebook read-only.
5. After each `welcome` with `live` true send `rejoin` (a snapshot with all sources, and which file the tab has): it may hold edits that the
   server has not seen. The server answers with the ops that were missed, and with an op `revert` where it wrote the file meanwhile:
   `context.revert()`, after which the tab's last op is the file's `metadata.clinjup.seq`; put back the text of cells that differed from
   their `base`, send a snapshot. Later ops wait for that; they begin where the file stands.
6. Outputs of cells that the user ran, cleared, pasted or brought back are told with `user_outputs`.
7. Where the document itself is shared (`collaborative`, rule 13), its first tab applies the ops and all may edit. On `save` it only
   puts `seq` into the metadata: the shared document saves itself, and the server looks in the file how far it has come.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, Field

from clinjup.contracts import Approval, Question, RunStatus
from clinjup.ops import Hello, Message, Ops, Ping, Rejoin, Saved, Snapshot, Trouble, UserOutputs, Welcome
from clinjup.server.events import EVENT_DATA, Destination, EventBatch, PendingApproval
from clinjup.work_clock import WaitsFor

VERSION = 1


# ------------------------------------------------------------------------------------------------- REST: about


class Limits(Message):
    """What the admin allows."""

    max_approval: Approval = Field(description="the freest approval that may be chosen: each < risky < none")
    allowed_hosts: list[str] = Field(description="hosts a model may be reached at; empty = any")
    max_run_hours: float
    allow_images: bool = Field(description="whether a model may be shown figures, which can show films")


class Example(Message):
    """One of the clinical requests, on synthetic data."""

    id: str = Field(description="pneumothorax, dermoscopy, melanoma, wrist, wrist-weak")
    title: str
    intent: str
    available: bool
    sentence: str = Field("", description="why it is not available yet")


class About(Message):
    v: Literal[1] = 1
    version: str
    examples: list[Example]
    limits: Limits
    claude: Destination | None = Field(description="where the Claude planner would send; None = it cannot be used")
    claude_sentence: str = Field("", description="why the Claude planner cannot be used, and what to do")
    warnings: list[str] = Field([], description="sentences the panel shows, e.g. about an open MCP port")


# -------------------------------------------------------------------------------------------------- REST: runs


class NewRun(Message):
    """Start a run. With `example` the server draws the synthetic cohort first, and `intent` and `data` may be left away.

    The drawing is told as `cell.progress` of the run, which has no notebook yet; a second `run.started` names it.
    """

    intent: str = ""
    data: str = Field("", description="folder, absolute or relative to the server's root")
    example: str | None = None
    notebook: str | None = Field(
        None, description="contents path of an existing notebook; None = a new notebook in the run's folder"
    )
    planner: Literal["offline", "claude"] = "offline"
    model: str | None = None
    base_url: str | None = None
    local_only: bool = False
    share_images: bool = False
    max_cost: float | None = Field(None, gt=0)
    approval: Approval = Approval.RISKY
    budget_minutes: float = Field(20.0, gt=0)
    max_fix_attempts: int = Field(2, ge=0, le=5)
    network: str | None = None
    pretrained: str | None = Field(None, description="'hub', or a path, absolute or relative to the server's root")
    seed: int = Field(0, ge=0)
    answers: dict[str, str] = Field(default_factory=dict)
    patients: int | None = Field(None, ge=20, description="size of the synthetic cohort of an example")


class RunSummary(Message):
    """One run, as it stands."""

    v: Literal[1] = 1
    id: str
    intent: str
    status: RunStatus
    paused: bool = Field(False, description="pause was pressed; `waits_for` is go_on once the running cell has ended")
    waits_for: WaitsFor = Field(
        "",
        description="what it waits for while its clock stands: go_on, answer, approval; empty = it works, or has ended",
    )
    resumable: bool = Field(False, description="`resume` would go on with it")
    notebook: str = Field(
        description="contents path, to open the document by; empty while an example's images are drawn"
    )
    folder: str = Field(description="the run folder as the server sees it")
    folder_path: str | None = Field(None, description="its contents path, where it lies below the server's root")
    started: float = Field(description="when it was first started, in seconds since 1970")
    elapsed: float = Field(description="seconds it has worked up to `as_of`, all tries together; as in the report")
    as_of: float = Field(description="seconds since 1970")
    seconds_left: float | None = Field(
        0.0,
        description="of the time budget, at most; 0 for a run that has ended; null for one that another program carries",
    )
    budget_seconds: float
    destination: Destination
    last_seq: int = Field(description="seq of its newest event; -1 = none")
    questions: list[Question] = Field(default_factory=list)
    approvals: list[PendingApproval] = Field(default_factory=list)
    sentence: str = ""


class RunList(Message):
    v: Literal[1] = 1
    runs: list[RunSummary] = Field(description="newest first")


class Resume(Message):
    answers: dict[str, str] = Field(default_factory=dict)


class Answers(Message):
    """Answers by question id; a question left away takes its default."""

    answers: dict[str, str]


class ApprovalAnswer(Message):
    approved: bool


class Restore(Message):
    step_id: str


class Restored(Message):
    v: Literal[1] = 1
    step_id: str
    cells: int = Field(description="cells in the notebook now")
    sentence: str


class JournalRecord(Message):
    n: int
    t: str
    kind: str
    data: dict[str, Any]


class JournalRecords(Message):
    v: Literal[1] = 1
    intact: bool
    sentence: str = ""
    records: list[JournalRecord]


class Problem(Message):
    """What every route answers when it cannot do what was asked."""

    v: Literal[1] = 1
    code: Literal[
        "malformed",
        "not_found",
        "refused",
        "unusable_data",
        "planner_unusable",
        "unsupported",
        "run_folder",
        "notebook",
        "not_allowed",
        "not_now",
        "fault",
    ]
    sentence: str
    instead: list[str] = Field([], description="what can be done instead of a refused request")


# ------------------------------------------------------------------------------------------------- REST: cells


class CellProblem(Message):
    """The error output of a cell."""

    name: str
    message: str
    traceback: str = ""


class CellRequest(Message):
    notebook: str
    cell_id: str
    source: str
    metadata: dict[str, Any] = Field({}, description="the cell's `metadata.clinjup`, if any")
    error: CellProblem | None = None


class CellAnswer(Message):
    """`markdown` is shown; `source`, where there is one, is offered as a new cell below and runs only when the user says so."""

    v: Literal[1] = 1
    markdown: str
    needs_model: bool = Field(False, description="only a model can say more; the panel says how to connect one")
    source: str | None = None


_BODIES: tuple[type[BaseModel], ...] = (
    About,
    NewRun,
    RunSummary,
    RunList,
    Resume,
    Answers,
    ApprovalAnswer,
    Restore,
    Restored,
    JournalRecords,
    Problem,
    CellRequest,
    CellAnswer,
    EventBatch,
)


def schema() -> dict[str, Any]:
    """JSON schema of every message: `$defs` by name, `events` maps each type of event to the name of its data."""
    from pydantic.json_schema import models_json_schema

    messages: list[type[BaseModel]] = [*_BODIES, *EVENT_DATA.values()]
    messages += [Hello, Snapshot, Rejoin, UserOutputs, Saved, Ping, Welcome, Ops, Trouble]
    _, definitions = models_json_schema([(message, "validation") for message in dict.fromkeys(messages)])
    events = {event: data.__name__ for event, data in EVENT_DATA.items()}
    return {"version": VERSION, "events": events, "$defs": definitions["$defs"]}


if __name__ == "__main__":
    print(json.dumps(schema(), indent=1, sort_keys=True))
