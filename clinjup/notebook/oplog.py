"""Every op of a run's notebook, appended to a file: what the notebook file has not been told yet survives a crash."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from pydantic import TypeAdapter

from clinjup.notebook.cells import KEPT_TAG
from clinjup.ops import AnyOp, AppendStream, CellState, Delete, NotebookMetadata, Order, Outputs, Upsert

LOG_NAME = "cache/ops.jsonl"
_OP: TypeAdapter[AnyOp] = TypeAdapter(AnyOp)


class OpLog:
    """Append-only log of one run. Its first line names the notebook."""

    def __init__(self, folder: Path, notebook: str) -> None:
        self.path = folder / LOG_NAME
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("a", encoding="utf-8", newline="\n")
        if self._file.tell() == 0:
            self._file.write(json.dumps({"notebook": notebook}) + "\n")
            self.sync()

    def append(self, ops: Iterable[AnyOp]) -> None:
        for op in ops:
            self._file.write(op.model_dump_json() + "\n")
        self._file.flush()

    def sync(self) -> None:
        """Make what was appended outlast a power cut."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self, *, keep: bool) -> None:
        """`keep` the log where the notebook file may lack something."""
        try:
            self._file.close()
        finally:
            if not keep:
                self.discard()

    def discard(self) -> None:
        """The notebook file lacks nothing."""
        self.path.unlink(missing_ok=True)


def read_log(folder: Path) -> tuple[str, list[AnyOp]] | None:
    """(contents path of the notebook, ops) of an unfinished run; None where there is no log. A torn last line is left out."""
    try:
        lines = (folder / LOG_NAME).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    try:
        notebook = json.loads(lines[0])["notebook"]
    except (IndexError, ValueError, KeyError):
        return None
    ops: list[AnyOp] = []
    for line in lines[1:]:
        try:
            ops.append(_OP.validate_json(line))
        except ValueError:
            break
    return notebook, ops


def replay(notebook: NotebookNode, ops: list[AnyOp]) -> bool:
    """Apply to a notebook file the ops that it was saved without. Text that neither side knew of stays, in a cell below.

    A log lies in a run folder, which may come from elsewhere: the outputs that it brings are not trusted to run scripts, until the
    user trusts the notebook or runs the cell again. Returns whether there were any ops.
    """
    clinjup = notebook.metadata.setdefault("clinjup", NotebookNode())
    saved = int(clinjup.get("seq", 0))
    missing = [op for op in ops if op.seq > saved]
    for op in missing:
        _apply(notebook, op)
    if missing:
        clinjup.update(seq=missing[-1].seq)
    return bool(missing)


def _apply(notebook: NotebookNode, op: AnyOp) -> None:
    cells: list[NotebookNode] = notebook.cells
    places = {cell.id: place for place, cell in enumerate(cells)}
    if isinstance(op, Upsert):
        _upsert(cells, places, op)
    elif isinstance(op, Order):
        rank = {cell_id: place for place, cell_id in enumerate(op.ids)}
        last = 0
        keys = {}
        for cell in cells:
            last = keys[cell.id] = rank.get(cell.id, last)
        cells.sort(key=lambda cell: keys[cell.id])
    elif isinstance(op, NotebookMetadata):
        for name, value in op.metadata.items():
            notebook.metadata[name] = NotebookNode(value) if isinstance(value, dict) else value
    elif isinstance(op, Delete):
        if op.id in places and cells[places[op.id]].source == op.over:
            del cells[places[op.id]]
    elif isinstance(op, Outputs | AppendStream | CellState) and op.id in places:
        _show(cells[places[op.id]], op)


def _upsert(cells: list[NotebookNode], places: dict[str, int], op: Upsert) -> None:
    fresh = _node(op.cell.model_dump())
    if op.cell.id not in places:
        place = places[op.after] + 1 if op.after in places else 0 if op.after is None else len(cells)
        cells.insert(place, fresh)
        return
    place = places[op.cell.id]
    old = cells[place]
    cells[place] = fresh
    if op.over is not None and old.source not in (op.over, op.cell.source):
        anchor = {"tags": [KEPT_TAG], "clinjup": {"kept_from": old.id}}
        kept = _node({**old, "id": f"kept-{op.seq}-{old.id}"[:64], "metadata": anchor})
        cells.insert(place + 1, kept)


def _show(cell: NotebookNode, op: Outputs | AppendStream | CellState) -> None:
    if cell.cell_type != "code":
        return
    cell.metadata.pop("trusted", None)
    if isinstance(op, Outputs):
        cell.outputs = [NotebookNode(output) for output in op.outputs]
        cell.execution_count = op.execution_count
    elif isinstance(op, AppendStream) and op.index < len(cell.outputs):
        stream = cell.outputs[op.index]
        stream["text"] = stream.get("text", "")[: op.offset] + op.text
    elif isinstance(op, CellState) and op.execution_count is not None:
        cell.execution_count = op.execution_count


def _node(cell: dict[str, Any]) -> NotebookNode:
    kept = {name: cell[name] for name in ("id", "cell_type", "source") if name in cell}
    node = NotebookNode(kept)
    metadata = cell.get("metadata") or {}
    node.metadata = NotebookNode({name: value for name, value in metadata.items() if name != "trusted"})
    if cell["cell_type"] == "code":
        node.outputs = [NotebookNode(output) for output in cell.get("outputs") or []]
        node.execution_count = cell.get("execution_count")
    elif cell.get("attachments"):
        node.attachments = NotebookNode(cell["attachments"])
    return node
