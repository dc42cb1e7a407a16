"""What the run is told of the user's changes to its notebook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbformat import NotebookNode

from clinjup.hashing import sha256_text
from clinjup.notebook.merge import Change
from clinjup.ops import SnapshotCell

SENTENCES = {
    "deleted": "You deleted a cell of the run; what it computed stays in the journal.",
    "edited": "You edited a cell of the run; `clinjup verify` will show it as edited.",
    "kept_beside": "You and the run changed the same cell; your text stands in a cell of its own below.",
}
TAKEN_BACK = "The cell reads as the run wrote it again."
BROUGHT_BACK = "The deleted cell is there again."


class UserChanges:
    """Only what concerns a cell of this run, once each; the user's other cells are the user's business."""

    def __init__(self, run_id: str, on_change: Callable[[str, dict[str, Any]], None]) -> None:
        self.run_id, self._on_change = run_id, on_change
        self._told: set[tuple[str, str]] = set()
        self._met_shared = False

    def not_the_users(self, own: list[NotebookNode], present: list[SnapshotCell]) -> list[NotebookNode]:
        """Cells of the run that a shared document lacks where the run first meets it: nobody deleted them.

        After a crash jupyter-collaboration takes the document back to the file, which it saves only once no change has come for a while.
        """
        if self._met_shared:
            return []
        self._met_shared = True
        ids = {cell.id for cell in present}
        return [cell for cell in own if cell.id not in ids]

    def tell(self, change: Change) -> None:
        cell = change.cell
        anchor = cell.metadata.get("clinjup", {})
        if anchor.get("run_id") != self.run_id:
            return
        as_written = anchor.get("source_sha256") == sha256_text(cell.source)
        how = "edited" if change.how == "brought_back" else change.how
        if change.how == "brought_back" or (how == "edited" and as_written):
            self._take_back(change, TAKEN_BACK if as_written else BROUGHT_BACK)
        if (how == "edited" and as_written) or (how, cell.id) in self._told:
            return
        self._told.add((how, cell.id))
        self._publish(change, how, SENTENCES[how])

    def _take_back(self, change: Change, sentence: str) -> None:
        before = self._told & {("edited", change.cell.id), ("deleted", change.cell.id)}
        if before:
            self._told -= before
            self._publish(change, "taken_back", sentence)

    def _publish(self, change: Change, how: str, sentence: str) -> None:
        step_id = change.cell.metadata["clinjup"].get("step_id", "")
        self._on_change(
            "notebook.changed", {"cell_id": change.cell.id, "step_id": step_id, "change": how, "sentence": sentence}
        )
