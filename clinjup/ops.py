"""What the owner of a notebook (a run) and its replicas (open tabs) say to each other. Imports nothing of ours.

How they are used stands at the head of server/protocol.py.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class Message(BaseModel):
    """Base of all messages of the wire."""

    model_config = ConfigDict(extra="forbid")


# ------------------------------------------------------------------------------------------------ WS: ops, downwards


class Cell(Message):
    """A cell as nbformat has it."""

    id: str
    cell_type: Literal["code", "markdown", "raw"]
    source: str
    metadata: dict[str, Any] = {}
    outputs: list[dict[str, Any]] = Field([], description="of code cells")
    execution_count: int | None = None
    attachments: dict[str, Any] | None = None


class Op(Message):
    seq: int
    origin: str | None = Field(None, description="client whose edit this is; None = the run's")


class Upsert(Op):
    """Make cell `cell.id` this cell, after cell `after` (None = first). Where it exists it keeps its place."""

    op: Literal["upsert"] = "upsert"
    cell: Cell
    after: str | None = None
    over: str | None = Field(None, description="the text it replaces, which the server holds; see rule 2")


class Delete(Op):
    op: Literal["delete"] = "delete"
    id: str
    over: str | None = None


class Order(Op):
    """The user moved cells: all ids in order."""

    op: Literal["order"] = "order"
    ids: list[str]


class Outputs(Op):
    """All outputs of a cell. Applied outside of undo."""

    op: Literal["outputs"] = "outputs"
    id: str
    outputs: list[dict[str, Any]]
    execution_count: int | None = None
    state: Literal["idle", "running"] = "idle"


class AppendStream(Op):
    """More text at the end of output number `index` of a cell. `offset` is the length it had before, so that twice is once."""

    op: Literal["append_stream"] = "append_stream"
    id: str
    index: int
    offset: int
    text: str


class CellState(Op):
    """Whether the run is executing the cell ([*] beside it)."""

    op: Literal["state"] = "state"
    id: str
    state: Literal["idle", "running"]
    execution_count: int | None = None


class NotebookMetadata(Op):
    op: Literal["nbmeta"] = "nbmeta"
    metadata: dict[str, Any] = Field(description="keys to set in the notebook's metadata")


class Save(Op):
    """The owner saves now; the others do nothing."""

    op: Literal["save"] = "save"


class Revert(Op):
    """The server wrote the file: reload it (`context.revert()`)."""

    op: Literal["revert"] = "revert"


AnyOp = Annotated[
    Upsert | Delete | Order | Outputs | AppendStream | CellState | NotebookMetadata | Save | Revert,
    Field(discriminator="op"),
]


class Welcome(Message):
    """Answer to hello, and again whenever something in it changes (a run starts or ends, ownership passes on)."""

    type: Literal["welcome"] = "welcome"
    v: Literal[1] = 1
    live: bool = Field(description="a run owns this notebook")
    run_id: str | None = None
    owner: bool = Field(True, description="this tab writes the file and may edit")
    seq: int = Field(0, description="newest op")
    kernel_id: str | None = Field(None, description="rule 12: a tab without kernel changes to this one")
    kernel_name: str | None = None
    sentence: str = Field("", description="shown in the notebook's banner, e.g. to a second tab")


class Ops(Message):
    type: Literal["ops"] = "ops"
    v: Literal[1] = 1
    after: int = Field(
        description="these follow op `after`; a tab whose last op is older missed some and says hello again"
    )
    until: int = Field(description="the tab's last op is this one, once these are applied")
    ops: list[AnyOp]


class Trouble(Message):
    """A sentence for the clinician: notebook moved, read-only, disk full ..."""

    type: Literal["trouble"] = "trouble"
    v: Literal[1] = 1
    sentence: str


ServerMessage = Annotated[Welcome | Ops | Trouble, Field(discriminator="type")]


# -------------------------------------------------------------------------------------------------- WS: ops, upwards


class Hello(Message):
    type: Literal["hello"] = "hello"
    v: Literal[1] = 1
    client: str = Field(description="random id of this tab, the same after a reconnect")
    since: int = Field(
        0, description="last op that was applied; of a file just loaded its metadata.clinjup.seq, else 0"
    )
    collaborative: bool = Field(False, description="model.collaborative (rule 13)")


class SnapshotCell(Message):
    """One cell of a tab. null = as the server has told it."""

    id: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    type: Literal["code", "markdown", "raw"]
    source: str | None = None
    seq: int = Field(0, description="seq of the op whose text this cell's `base` is; of a file just loaded as in hello")
    metadata: dict[str, Any] | None = None
    attachments: dict[str, Any] | None = None


class Snapshot(Message):
    """All cells of the tab, in order."""

    type: Literal["snapshot"] = "snapshot"
    v: Literal[1] = 1
    n: int = Field(description="counts up in each client")
    seq: int = Field(description="last op that was applied")
    cells: list[SnapshotCell]


class Rejoin(Message):
    """A snapshot after each `welcome` that says live: rule 5. All sources are given."""

    type: Literal["rejoin"] = "rejoin"
    v: Literal[1] = 1
    n: int
    seq: int
    file: str | None = Field(description="context.contentsModel.last_modified: which file the tab has loaded or saved")
    typed: list[str] = Field(description="ids of the cells whose text is not that of this file")
    cells: list[SnapshotCell]


class UserOutputs(Message):
    type: Literal["user_outputs"] = "user_outputs"
    v: Literal[1] = 1
    id: str
    outputs: list[dict[str, Any]]
    execution_count: int | None = None


class Saved(Message):
    """The owner has saved the file; `seq` as it stands in its metadata."""

    type: Literal["saved"] = "saved"
    v: Literal[1] = 1
    seq: int
    hash: str | None = Field(None, description="contents model's hash, where there is one")
    ok: bool = True


class Ping(Message):
    """Keeps the lease."""

    type: Literal["ping"] = "ping"
    v: Literal[1] = 1


TabMessage = Annotated[
    Hello | Snapshot | Rejoin | UserOutputs | Saved | Ping,
    Field(discriminator="type"),
]

TAB_MESSAGE: TypeAdapter[Hello | Snapshot | Rejoin | UserOutputs | Saved | Ping] = TypeAdapter(TabMessage)
SERVER_MESSAGE: TypeAdapter[Welcome | Ops | Trouble] = TypeAdapter(ServerMessage)
