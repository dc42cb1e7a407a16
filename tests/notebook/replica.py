"""A tab's half of the protocol, as the head of clinjup/server/protocol.py tells it, without a browser."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from clinjup.notebook.versions import merged
from clinjup.ops import Delete, Order, Revert, Snapshot, SnapshotCell, Upsert


@dataclass
class TabCell:
    id: str
    type: str
    source: str
    base: str | None = None
    seq: int = 0
    metadata: dict[str, Any] = field(default_factory=dict)
    told_metadata: dict[str, Any] = field(default_factory=dict)
    attachments: dict[str, Any] = field(default_factory=dict)
    told_attachments: dict[str, Any] = field(default_factory=dict)

    def know(self, metadata: dict[str, Any], attachments: dict[str, Any]) -> None:
        self.told_metadata, self.told_attachments = copy.deepcopy(metadata), dict(attachments)

    def take(self, metadata: dict[str, Any], attachments: dict[str, Any]) -> None:
        """What is no text: taken over where the server changed it; what the user has changed since stays."""
        self.metadata = _mine_wins(self.told_metadata, self.metadata, metadata)
        self.attachments = _mine_wins(self.told_attachments, self.attachments, attachments)
        self.know(metadata, attachments)


@dataclass
class Tab:
    """A replica of the notebook with a user in front of it."""

    client: str
    cells: list[TabCell] = field(default_factory=list)
    seq: int = 0
    n: int = 0
    waiting: bool = False
    missed: bool = False
    """It saw that an op was missed and has to say hello."""

    @classmethod
    def of(cls, client: str, cells: list[dict[str, Any]], seq: int = 0) -> Tab:
        opened = [TabCell(c["id"], c["cell_type"], c["source"], c["source"], seq) for c in cells]
        for cell, file in zip(opened, cells, strict=True):
            cell.take(file.get("metadata", {}), file.get("attachments") or {})
        return cls(client, opened, seq)

    def ids(self) -> list[str]:
        return [cell.id for cell in self.cells]

    def find(self, cell_id: str | None) -> TabCell | None:
        return next((cell for cell in self.cells if cell.id == cell_id), None)

    def apply(self, after: int, until: int, ops: list[Any]) -> None:
        if after > self.seq:
            self.missed = True
            return
        for op in ops:
            if op.seq > self.seq:
                self._apply(op)
                if not isinstance(op, Revert):  # the file says at which op it stands
                    self.seq = op.seq
        self.seq = max(self.seq, until)

    def _apply(self, op: Any) -> None:
        if isinstance(op, Upsert):
            self._upsert(op)
        elif isinstance(op, Delete) and op.origin != self.client:
            cell = self.find(op.id)
            if cell is not None and cell.source in (cell.base, op.over):
                self.cells.remove(cell)
            elif cell is not None:
                self.waiting = True
        elif isinstance(op, Order) and op.origin != self.client:
            rank = {cell_id: place for place, cell_id in enumerate(op.ids)}
            placed = sorted((cell for cell in self.cells if cell.id in rank), key=lambda cell: rank[cell.id])
            for place, cell in enumerate(self.cells):
                if cell.id not in rank:
                    placed.insert(placed.index(self.cells[place - 1]) + 1 if place else 0, cell)
            self.cells = placed

    def _upsert(self, op: Upsert) -> None:
        cell, told = self.find(op.cell.id), op.cell
        rest = (told.metadata, told.attachments or {})
        if op.origin == self.client:
            if cell is not None:
                cell.base, cell.seq = told.source, op.seq
                cell.know(*rest)
            return
        if cell is None:
            above = self.find(op.after)
            place = self.cells.index(above) + 1 if above else 0 if op.after is None else len(self.cells)
            cell = TabCell(told.id, told.cell_type, told.source, told.source, op.seq)
            self.cells.insert(place, cell)
        cell.take(*rest)
        if cell.source in (cell.base, op.over, told.source):
            cell.source = cell.base = told.source
            cell.type, cell.seq = told.cell_type, op.seq
        else:
            self.waiting = True

    def snapshot(self, *, full: bool = False) -> Snapshot:
        self.n += 1
        self.waiting = False
        cells = [
            SnapshotCell(
                id=cell.id,
                type=cell.type,
                source=None if cell.source == cell.base and not full else cell.source,
                seq=cell.seq,
                metadata=cell.metadata if full or cell.metadata != cell.told_metadata else None,
                attachments=cell.attachments if full or cell.attachments != cell.told_attachments else None,
            )
            for cell in self.cells
        ]
        return Snapshot(n=self.n, seq=self.seq, cells=cells)


def _mine_wins(known: dict[str, Any], mine: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """src/replica/merged.ts"""
    contested = {
        name: mine.get(name)
        for name in known | told
        if name != "tags" and told.get(name) != known.get(name) != mine.get(name) != told.get(name)
    }
    result = {**merged(known, mine, told), **contested}
    return {name: copy.deepcopy(value) for name, value in result.items() if value is not None}
