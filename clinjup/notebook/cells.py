"""Cells as a shared notebook makes them, and as they travel."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode

from clinjup.ops import Cell, SnapshotCell

# Of a cell that holds what the user wrote where the run's text stands now.
KEPT_TAG = "clinjup-kept"


def new_cell(cell_type: str, source: str, cell_id: str, metadata: dict[str, Any]) -> NotebookNode:
    """An nbformat cell; a code cell without outputs."""
    cell = NotebookNode(cell_type=cell_type, id=cell_id, metadata=NotebookNode(metadata), source=source)
    if cell_type == "code":
        cell.update(outputs=[], execution_count=None)
    return cell


def as_cell(cell: NotebookNode) -> Cell:
    """The cell as it travels."""
    return Cell(
        id=cell.id,
        cell_type=cell.cell_type,
        source=cell.source,
        metadata=dict(cell.metadata),
        outputs=list(cell.get("outputs", [])),
        execution_count=cell.get("execution_count"),
        attachments=cell.get("attachments"),
    )


def growth(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> tuple[int, int, str] | None:
    """(index, old length, added text) where only the last stream grew; None where more changed."""
    if old == new:
        return len(new) - 1, 0, ""
    if not new or len(old) != len(new) or old[:-1] != new[:-1]:
        return None
    before, after = old[-1], new[-1]
    if before.get("output_type") != "stream" or before.get("name") != after.get("name"):
        return None
    if after.get("output_type") != "stream" or not after["text"].startswith(before["text"]):
        return None
    return len(new) - 1, len(before["text"]), after["text"][len(before["text"]) :]


def as_told(cell: NotebookNode, seq: int, mine: NotebookNode | None) -> SnapshotCell:
    """A cell of a file that was written elsewhere; `mine` is what is held of it.

    Jupyter marks all cells of a file as trusted or none: a cell that is held keeps its own mark.
    """
    metadata = {name: value for name, value in cell.metadata.items() if mine is None or name != "trusted"}
    attachments = cell.get("attachments", {}) if cell.cell_type != "code" else None
    return SnapshotCell(
        id=cell.id, type=cell.cell_type, source=cell.source, seq=seq, metadata=metadata, attachments=attachments
    )
