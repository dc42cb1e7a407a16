"""A notebook that a run and its user edit at the same time: every change has a number, no text of the user is ever lost.

Pure bookkeeping, no files and no clocks. The rules (server/protocol.py says the tab's half of them):
- The user's text wins unless the run changed that cell after the version that the tab had before it.
- Where both changed a cell, the run's text stays and the user's goes into a cell of its own below, marked.
- A cell that a tab no longer has, and that the run has not touched since, was deleted by the user.
- The user's order wins; cells that the tab does not know yet follow the cell they were put after.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from clinjup.notebook.cells import KEPT_TAG, as_cell, growth, new_cell
from clinjup.notebook.versions import REMEMBERED, Gone, Track, Version, merged, of_the_user
from clinjup.ops import (
    AnyOp,
    AppendStream,
    CellState,
    Delete,
    NotebookMetadata,
    Order,
    Outputs,
    SnapshotCell,
    Upsert,
)

_WITH_ATTACHMENTS = {"markdown", "raw"}


@dataclass
class Change:
    """What the user did to a cell, for the run to know. `how`: edited, deleted, brought_back, kept_beside."""

    cell: NotebookNode
    how: str


class SharedNotebook:
    """The canonical notebook, and for each cell which text was told when."""

    def __init__(self, notebook: NotebookNode, seq: int = 0) -> None:
        self.notebook = notebook
        self.seq = seq
        self._tracks: dict[str, Track] = {}
        self._gone: dict[str, Gone] = {}
        self._order_seq = 0
        self._metadata_seq = 0
        self._told_metadata: dict[str, Any] = {}
        self._snapshots: dict[str, int] = {}
        for cell in notebook.cells:
            self._tracks[cell.id] = Track([Version.of(cell, seq, None)], shown=list(cell.get("outputs", [])))

    # ------------------------------------------------------------------------------------------------- reading

    @property
    def cells(self) -> list[NotebookNode]:
        cells: list[NotebookNode] = self.notebook.cells
        return cells

    def cell(self, cell_id: str) -> NotebookNode | None:
        return next((cell for cell in self.cells if cell.id == cell_id), None)

    def edited_by_user(self, cell_id: str) -> bool:
        return self._tracks[cell_id].current.origin is not None

    def since(self, seq: int) -> list[AnyOp]:
        """Everything that a tab which knows the ops up to `seq` has to be told, as few ops as possible, in order."""
        ops: list[AnyOp] = []
        before: str | None = None
        for cell in self.cells:
            track = self._tracks[cell.id]
            version = track.current
            if version.seq > seq:
                upsert = self._upsert(cell, before, version)
                ops.append(upsert if track.told_by(version.origin, seq) else upsert.model_copy(update={"origin": None}))
            if track.outputs_seq > seq:
                ops.append(self._outputs(cell, track))
            if track.state_seq > max(seq, track.outputs_seq):
                ops.append(self._state(cell, track))
            before = cell.id
        ops += [Delete(seq=g.seq, origin=g.origin, id=i, over=g.source) for i, g in self._gone.items() if g.seq > seq]
        if self._order_seq > seq:
            ops.append(Order(seq=self._order_seq, ids=[cell.id for cell in self.cells]))
        if self._metadata_seq > seq:
            ops.append(NotebookMetadata(seq=self._metadata_seq, metadata=dict(self._told_metadata)))
        return sorted(ops, key=lambda op: op.seq)

    # ------------------------------------------------------------------------------------------- the run's changes

    def put(self, cell: NotebookNode, after: str | None) -> list[AnyOp]:
        """Put a new cell below the cell `after` (None = at the end)."""
        return self.put_at(cell, self._position(after) + 1 if after is not None else len(self.cells))

    def put_at(self, cell: NotebookNode, place: int) -> list[AnyOp]:
        return [self._insert(cell, place, origin=None)]

    def write(self, cell: NotebookNode, source: str, *, keep: bool = False) -> list[AnyOp]:
        """Give a cell another text. What the user wrote in it goes into a cell below; with `keep` whatever stands there, and its outputs."""
        track = self._tracks[cell.id]
        ops: list[AnyOp] = []
        replaced = track.current
        if (keep or replaced.origin is not None) and replaced.source != source:
            ops += self._keep_beside(cell, replaced.source, with_outputs=keep)
        cell.source = source
        version = self._note(cell, None, over=replaced.source)
        return [*ops, self._upsert(cell, self._before(cell.id), version)]

    def touch(self, cell: NotebookNode) -> list[AnyOp]:
        """Tell the cell's metadata anew; its text stays whose it is."""
        return [self._tell_again(cell, over=cell.source)]

    def remove(self, cell_id: str) -> list[AnyOp]:
        """Take a cell out. One that holds the user's text stays, and nothing is told."""
        cell = self.cell(cell_id)
        if cell is None or self.edited_by_user(cell_id):
            return []
        return [self._delete(cell, None)]

    def show(self, cell: NotebookNode, outputs: Sequence[dict[str, Any]], *, running: bool) -> list[AnyOp]:
        """`outputs` are what the cell shows now, joined to whole streams. A stream that only grew is told by its growth."""
        track = self._tracks.get(cell.id)
        if track is None:  # the user has deleted the cell while it ran
            return []
        state = "running" if running else "idle"
        grown = growth(track.shown, list(outputs))
        if grown is not None and track.running == running and not grown[2]:
            return []
        track.shown, track.running = list(outputs), running
        track.outputs_seq = track.state_seq = self._next()
        if grown is not None and running:
            index, offset, text = grown
            return [AppendStream(seq=self.seq, id=cell.id, index=index, offset=offset, text=text)]
        count = cell.get("execution_count")
        return [Outputs(seq=self.seq, id=cell.id, outputs=track.shown, execution_count=count, state=state)]

    def show_again(self, cell: NotebookNode, outputs: list[dict[str, Any]], execution_count: int | None) -> list[AnyOp]:
        """Give a cell that is not running the outputs of another time."""
        track = self._tracks[cell.id]
        cell.outputs = [NotebookNode(output) for output in outputs]
        cell.execution_count = execution_count
        track.shown = list(cell.outputs)
        track.outputs_seq = self._next()
        return [self._outputs(cell, track)]

    def set_running(self, cell: NotebookNode, running: bool) -> list[AnyOp]:
        track = self._tracks.get(cell.id)
        if track is None or track.running == running:
            return []
        track.running = running
        track.state_seq = self._next()
        return [self._state(cell, track)]

    def set_metadata(self, values: dict[str, Any]) -> list[AnyOp]:
        self.notebook.metadata.update(values)
        self._told_metadata.update(values)
        self._metadata_seq = self._next()
        return [NotebookMetadata(seq=self.seq, metadata=dict(values))]

    def next_seq(self) -> int:
        """A number for an op that changes nothing here (save, revert)."""
        return self._next()

    # ------------------------------------------------------------------------------------------ the user's changes

    def merge(
        self, client: str, n: int, seq: int, cells: list[SnapshotCell], *, deletions: bool = True
    ) -> tuple[list[AnyOp], list[Change]]:
        """Take over what a tab has. Stale and repeated snapshots change nothing.

        `seq` is the last op that the tab applied; `n` counts its snapshots. Without `deletions` a missing cell means nothing.
        """
        if n <= self._snapshots.get(client, -1):
            return [], []
        self._snapshots[client] = n
        ops: list[AnyOp] = []
        changes: list[Change] = []
        if deletions:
            self._merge_deletions(client, seq, {cell.id for cell in cells}, ops, changes)
        alive = {cell.id: cell for cell in self.cells}
        above: str | None = None
        # What JupyterLab puts into an empty notebook, and takes away by itself once the run has written beside it.
        blank = len(cells) == 1 and cells[0].type == "code" and not cells[0].source
        for told in cells:
            was_deleted = told.id in self._gone
            if told.id in alive:
                self._merge_known(client, seq, alive[told.id], told, ops, changes)
                above = told.id
            elif not blank and (inserted := self._merge_unknown(client, seq, told, above)):
                ops += inserted
                above = told.id
                if was_deleted:
                    changes.append(Change(self.cells[self._position(told.id)], "brought_back"))
        ops += self._merge_order(client, [cell.id for cell in cells])
        return ops, changes

    def take_outputs(
        self, client: str, cell_id: str, outputs: list[dict[str, Any]], execution_count: int | None
    ) -> list[AnyOp]:
        """Outputs of a cell that the user ran, cleared or put in. A cell that the run executes right now keeps its own."""
        cell, track = self.cell(cell_id), self._tracks.get(cell_id)
        if cell is None or track is None or cell.cell_type != "code" or track.running:
            return []
        if cell.outputs == outputs and cell.execution_count == execution_count:
            return []
        return [op.model_copy(update={"origin": client}) for op in self.show_again(cell, outputs, execution_count)]

    def take_outputs_of_file(self, client: str, theirs: NotebookNode, seq: int) -> list[AnyOp]:
        """Outputs of a file that stands at op `seq`, where nothing newer is known. They are trusted as Jupyter trusts the file."""
        cell, track = self.cell(theirs.id), self._tracks.get(theirs.id)
        if cell is None or track is None or cell.cell_type != "code" or track.running:
            return []
        if track.outputs_seq > seq or cell.outputs == theirs.outputs:
            return []
        told: list[AnyOp] = []
        if bool(cell.metadata.get("trusted")) != (trusted := bool(theirs.metadata.get("trusted"))):
            cell.metadata["trusted"] = trusted
            told = self.touch(cell)
        return [*told, *self.take_outputs(client, theirs.id, theirs.outputs, theirs.execution_count)]

    def _merge_deletions(
        self, client: str, seq: int, present: set[str], ops: list[AnyOp], changes: list[Change]
    ) -> None:
        for cell in [cell for cell in self.cells if cell.id not in present]:
            if self._tracks[cell.id].is_latest_of(client, seq):
                changes.append(Change(cell, "deleted"))
                ops.append(self._delete(cell, client))

    def _merge_unknown(self, client: str, seq: int, told: SnapshotCell, above: str | None) -> list[AnyOp]:
        gone = self._gone.get(told.id)
        if gone is not None and gone.origin != client and seq < gone.seq and told.source in (None, gone.source):
            return []  # the tab has not been told yet that it is gone
        source = told.source if told.source is not None else gone.source if gone is not None else ""
        if gone is not None and gone.cell.cell_type == told.type:  # an undo: its outputs are there again
            cell = gone.cell
            cell.source = source
            if told.metadata is not None:
                cell.metadata = NotebookNode(told.metadata)
        else:
            cell = new_cell(told.type, source, told.id, told.metadata or {})
        if told.attachments and told.type in _WITH_ATTACHMENTS:
            cell.attachments = NotebookNode(told.attachments)
        return [self._insert(cell, self._position(above) + 1, origin=client)]

    def _merge_known(
        self, client: str, seq: int, cell: NotebookNode, told: SnapshotCell, ops: list[AnyOp], changes: list[Change]
    ) -> None:
        track = self._tracks[cell.id]
        metadata_changed = self._take_metadata(cell, told)
        base = track.at(told.seq)
        if told.source is None or (base is not None and told.source == base.source):
            if told.seq < track.current.seq <= seq:  # it passed over an op, because the user was writing there
                ops.append(self._tell_again(cell, over=base.source if base else None))
            elif metadata_changed:
                ops.append(self._heard(client, cell))
        elif told.source == cell.source:
            ops.append(self._heard(client, cell))
        elif track.is_latest_of(client, told.seq):
            cell.source = told.source
            version = self._note(cell, client, teller=client)
            ops.append(self._upsert(cell, self._before(cell.id), version))
            changes.append(Change(cell, "edited"))
        else:
            ops += self._keep_beside(cell, told.source)
            ops.append(self._tell_again(cell, over=told.source))
            changes.append(Change(cell, "kept_beside"))

    def _take_metadata(self, cell: NotebookNode, told: SnapshotCell) -> bool:
        """Take over what the user changed besides the text: type, metadata and attachments. Returns whether anything changed."""
        before = dict(cell)
        base = self._tracks[cell.id].at(told.seq)
        if told.type != cell.cell_type:
            fresh = new_cell(told.type, cell.source, cell.id, cell.metadata)
            if "attachments" in cell and told.type in _WITH_ATTACHMENTS:
                fresh.attachments = cell.attachments
            cell.clear()
            cell.update(fresh)
        if told.metadata is not None:
            metadata = merged(base.metadata if base else {}, cell.metadata, of_the_user(told.metadata))
            if told.metadata.get("trusted"):  # whoever may write here may also have the file signed
                metadata["trusted"] = True
            if "execution" in told.metadata and not self._tracks[cell.id].running:
                metadata["execution"] = told.metadata["execution"]
            if metadata != cell.metadata:
                cell.metadata = NotebookNode(metadata)
        if told.attachments is not None and cell.cell_type in _WITH_ATTACHMENTS:
            pictures = merged(base.attachments if base else {}, cell.get("attachments", {}), told.attachments)
            cell.pop("attachments", None)
            if pictures:
                cell.attachments = NotebookNode(pictures)
        return before != dict(cell)

    def _merge_order(self, client: str, wanted: list[str]) -> list[AnyOp]:
        present = [cell.id for cell in self.cells]
        known = set(wanted)
        rank = {cell_id: place for place, cell_id in enumerate(dict.fromkeys(wanted))}
        ordered = sorted((cell_id for cell_id in present if cell_id in known), key=rank.__getitem__)
        for place, cell_id in enumerate(present):
            if cell_id not in known:
                above = present[place - 1] if place else None
                ordered.insert(ordered.index(above) + 1 if above is not None else 0, cell_id)
        if ordered == present:
            return []
        by_id = {cell.id: cell for cell in self.cells}
        self.notebook.cells = [by_id[cell_id] for cell_id in ordered]
        self._order_seq = self._next()
        return [Order(seq=self.seq, origin=client, ids=ordered)]

    # ------------------------------------------------------------------------------------------------- bookkeeping

    def _keep_beside(self, cell: NotebookNode, text: str, *, with_outputs: bool = False) -> list[AnyOp]:
        """Put `text`, which the user wrote in `cell`, into a cell of its own below, unless it stands there already."""
        below = self.cells[self._position(cell.id) + 1 :]
        for kept in below:
            if KEPT_TAG not in kept.metadata.get("tags", []) or kept.metadata["clinjup"].get("kept_from") != cell.id:
                break
            if kept.source == text:
                return []
        digest = hashlib.sha256(f"{cell.id}\0{self.seq}\0{text}".encode()).hexdigest()[:16]
        metadata = {"tags": [KEPT_TAG], "clinjup": {"kept_from": cell.id}}
        kept = new_cell(cell.cell_type, text, f"kept-{digest}", metadata)
        if with_outputs and cell.cell_type == "code":
            kept.update(outputs=cell.outputs, execution_count=cell.execution_count)
        return [self._insert(kept, self._position(cell.id) + 1, origin=None, author="user")]

    def _insert(self, cell: NotebookNode, position: int, *, origin: str | None, author: str | None = None) -> Upsert:
        """`author`: whose text it is, where that is not the client that is told."""
        self.cells.insert(position, cell)
        self._gone.pop(cell.id, None)
        seq = self._next()
        earlier = self._tracks[cell.id].versions if cell.id in self._tracks else []
        version = Version.of(cell, seq, origin or author, teller=origin)
        self._tracks[cell.id] = Track([*earlier, version][-REMEMBERED:], shown=list(cell.get("outputs", [])))
        op = self._upsert(cell, self._before(cell.id), version)
        return op.model_copy(update={"origin": origin})

    def _delete(self, cell: NotebookNode, origin: str | None) -> Delete:
        self.cells.remove(cell)
        seq = self._next()
        self._gone[cell.id] = Gone(seq, cell.source, origin, cell)
        return Delete(seq=seq, origin=origin, id=cell.id, over=cell.source)

    def _heard(self, client: str, cell: NotebookNode) -> Upsert:
        """Tell a client that the server has what it has. The text stays whose it is."""
        version = self._note(cell, self._tracks[cell.id].current.origin, teller=client)
        return self._upsert(cell, self._before(cell.id), version).model_copy(update={"origin": client})

    def _tell_again(self, cell: NotebookNode, over: str | None) -> Upsert:
        version = self._note(cell, self._tracks[cell.id].current.origin, over)
        return self._upsert(cell, self._before(cell.id), version).model_copy(update={"origin": None})

    def _note(
        self, cell: NotebookNode, origin: str | None, over: str | None = None, teller: str | None = None
    ) -> Version:
        track = self._tracks[cell.id]
        version = Version.of(cell, self._next(), origin, over, teller)
        track.versions = [*track.versions, version][-REMEMBERED:]
        return version

    def _upsert(self, cell: NotebookNode, after: str | None, version: Version) -> Upsert:
        shown = self._tracks[cell.id].shown  # what a running cell has printed, joined to whole streams as it was told
        told = as_cell(cell).model_copy(update={"outputs": list(shown)})
        return Upsert(seq=version.seq, origin=version.origin, cell=told, after=after, over=version.over)

    def _outputs(self, cell: NotebookNode, track: Track) -> Outputs:
        return Outputs(
            seq=track.outputs_seq,
            id=cell.id,
            outputs=track.shown,
            execution_count=cell.get("execution_count"),
            state="running" if track.running else "idle",
        )

    def _state(self, cell: NotebookNode, track: Track) -> CellState:
        state = "running" if track.running else "idle"
        return CellState(seq=track.state_seq, id=cell.id, state=state, execution_count=cell.get("execution_count"))

    def _position(self, cell_id: str | None) -> int:
        """Place of a cell; -1 for None and for one that is gone, so that what follows it comes first."""
        return next((place for place, cell in enumerate(self.cells) if cell.id == cell_id), -1)

    def _before(self, cell_id: str) -> str | None:
        place = self._position(cell_id)
        return self.cells[place - 1].id if place > 0 else None

    def _next(self) -> int:
        self.seq += 1
        return self.seq
