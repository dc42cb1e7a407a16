"""The canonical notebook of a run: every cell is added and changed here, and every change is saved atomically.

The disk is written by a thread of its own, one save after the other, so that a run need not stand still for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from clinjup.hashing import sha256_text
from clinjup.notebook.cells import KEPT_TAG, new_cell
from clinjup.notebook.step_snapshots import StepSnapshots
from clinjup.notebook.writing import NotebookText

# A cell that runs this long is written to disk before it ends, and then at most this often while its outputs stream in.
SAVE_EVERY_SECONDS = 0.5


def empty_notebook(run_id: str) -> NotebookNode:
    """A notebook without cells, for the kernel that JupyterLab calls python3."""
    notebook: NotebookNode = new_notebook(
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},
            "language_info": {"name": "python"},
            "clinjup": {"run_id": run_id},
        }
    )
    return notebook


class NotebookSession:
    """A notebook file with one writer.

    Cells are anchored to `metadata.clinjup.step_id`, never to nbformat's cell ids, which other tools rewrite.
    """

    def __init__(self, path: Path, notebook: NotebookNode, run_id: str) -> None:
        self.path = path
        self.notebook = notebook
        self.run_id = run_id
        self._text = NotebookText()
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="clinjup-notebook")
        self._newest: Future[None] | None = None
        self._saving: asyncio.TimerHandle | None = None
        self._snapshots = StepSnapshots(path.parent)
        self._step = ""
        self._again: set[str] = set()
        self._order: list[str] = []

    @classmethod
    def create(cls, path: Path, run_id: str) -> NotebookSession:
        session = cls(path, empty_notebook(run_id), run_id)
        session.save()
        return session

    @classmethod
    def open(cls, path: Path, run_id: str) -> NotebookSession:
        return cls(path, nbformat.read(path, as_version=4), run_id)

    def add_markdown(self, step_id: str, text: str, *, save: bool = True) -> NotebookNode:
        """Append a markdown cell. Without `save` it goes to disk with the code cell that follows."""
        self._enter(step_id)
        cell: NotebookNode = new_markdown_cell(text, metadata={"clinjup": self._anchor(step_id, text)})
        self._insert(cell)
        if save:
            self.save(cell, wait=False)
        return cell

    def add_code(self, step_id: str, source: str, *, attempt: int, author: str, save: bool = True) -> NotebookNode:
        """Append a code cell. Without `save` the caller saves it, at the latest when it has run."""
        self._enter(step_id)
        anchor = {**self._anchor(step_id, source), "attempt": attempt, "author": author}
        cell: NotebookNode = new_code_cell(source, metadata={"clinjup": anchor})
        self._insert(cell)
        if save:
            self.save(cell, wait=False)
        return cell

    def begin(self, cell: NotebookNode) -> None:
        """The cell is about to run."""
        self.output_came(cell)

    def output_came(self, cell: NotebookNode) -> None:
        """A running cell shows something new. A short cell is written once, when it ends; a long one can be watched."""

        def save() -> None:
            self._saving = None
            self.save(cell, wait=False)

        if self._saving is None:
            self._saving = asyncio.get_running_loop().call_later(SAVE_EVERY_SECONDS, save)

    def end(self, cell: NotebookNode) -> None:
        """The cell has run, or was given up; what it shows is final."""
        if self._saving is not None:
            self._saving.cancel()
            self._saving = None
        self.save(cell, wait=False)

    def mark_failed(self, cell: NotebookNode) -> None:
        """Keep a failed attempt, collapsed; a reader who runs the whole notebook again passes over its error. Save it then."""
        cell.metadata["jupyter"] = {"source_hidden": True, "outputs_hidden": True}
        cell.metadata["tags"] = ["clinjup-failed-attempt", "raises-exception"]

    def use_kernel(self, name: str, title: str) -> None:
        """The kernel that Jupyter starts when somebody opens the notebook; saved with the next change."""
        self.notebook.metadata["kernelspec"] = {"name": name, "display_name": title, "language": "python"}

    def set_metadata(self, **values: Any) -> None:
        self.notebook.metadata["clinjup"].update(values)
        self.save()

    def set_widgets(self, state: dict[str, Any]) -> None:
        """State of ipywidgets, so that a reader sees them without a kernel. Saved with the next change."""
        self.notebook.metadata["widgets"] = state

    def save(self, changed: NotebookNode | None = None, *, wait: bool = True) -> None:
        """Write beside the file and move into place: a crash leaves the old notebook or the new one, never half of one.

        `changed` says that no older cell but this one differs from the last time, which makes long notebooks quick to save.
        Without `wait` it is on the disk once `settle` has returned.
        """
        self._newest = self._disk.submit(self._write, self._text.pieces(self.notebook, changed))
        if wait:
            self.settle()

    def settle(self) -> None:
        """Return when the newest save is on the disk. Raises OSError when it could not be written."""
        newest, self._newest = self._newest, None
        if newest is not None:
            newest.result()

    def _write(self, pieces: list[bytes]) -> None:
        partial = self.path.with_suffix(".ipynb.part")
        with partial.open("wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, self.path)

    def go_back(self, step_id: str, steps: list[str], executed: Collection[str]) -> tuple[int, int]:
        """Put the run's cells back as they stood before `step_id`; `steps` are that step and all after it.

        Only what reads as the run wrote it comes back, of code only what the journal says was `executed` (hashes of sources). Nothing that
        the user wrote goes: their own cells stay as they are, and their text in a cell of the run stays there (in a step that is taken out)
        or stands in a cell below, with what it had shown. Returns how many cells were taken out, and how many brought back.
        """
        wanted = [cell for cell in self._snapshots.before(step_id) if self._may_come_back(cell, steps, executed)]
        removed = self._remove([cell.id for cell in self._own_cells() if self._is_of(cell, steps)])
        pairs = self._paired(wanted)
        brought_back, above = 0, None
        for cell, present in pairs:
            if present is None:
                above = self._put_back(cell, self._place_below(above))
                brought_back += 1
                continue
            if present.source != cell.source or present.get("outputs") != cell.get("outputs"):
                self._write_over(present, cell)
                brought_back += 1
            above = present
        self._step = ""
        self.save()
        return removed, brought_back

    def redo(self, steps: Collection[str], order: Sequence[str]) -> None:
        """Take out the run's cells of `steps`; their new ones come where `order`, that of the plan, wants them, above later steps.

        What the user changed stays as it is.
        """
        self._again, self._order = self._again | set(steps), list(order)
        self._remove([cell.id for cell in self._own_cells() if self._is_of(cell, steps)])

    async def close(self) -> None:
        """Nothing is written any more; what was written is on the disk."""
        self.settle()

    def _enter(self, step_id: str) -> None:
        """Keep the run's cells as they stand before a step; one step may write several cells."""
        if step_id != self._step:
            self._step = step_id
            # A full disk is told where the notebook is saved; without a snapshot less is brought back.
            with contextlib.suppress(OSError):
                self._snapshots.take(step_id, self._own_cells())

    def _own_cells(self) -> list[NotebookNode]:
        return [cell for cell in self.notebook.cells if cell.metadata.get("clinjup", {}).get("run_id") == self.run_id]

    def _is_of(self, cell: NotebookNode, steps: Collection[str]) -> bool:
        """Whether a cell belongs to one of these steps and reads as the run wrote it."""
        anchor = cell.metadata["clinjup"]
        return anchor.get("step_id") in steps and anchor.get("source_sha256") == sha256_text(cell.source)

    def _may_come_back(self, cell: NotebookNode, steps: list[str], executed: Collection[str]) -> bool:
        anchor = cell.metadata["clinjup"]
        digest = sha256_text(cell.source)
        if (
            anchor.get("run_id") != self.run_id
            or anchor.get("step_id") in steps
            or anchor.get("source_sha256") != digest
        ):
            return False
        return cell.cell_type == "markdown" or digest in executed

    def _paired(self, wanted: list[NotebookNode]) -> list[tuple[NotebookNode, NotebookNode | None]]:
        """Each cell with the one in the notebook that it is now: by its id, else (other tools rewrite ids) by its anchor; None: gone."""
        present = {cell.id: cell for cell in self._own_cells()}
        by_id = {cell.id: present.pop(cell.id) for cell in wanted if cell.id in present}
        pairs: list[tuple[NotebookNode, NotebookNode | None]] = []
        for cell in wanted:
            found = by_id.pop(cell.id, None)
            if found is None:
                alike = (each for each in present.values() if each.metadata["clinjup"] == cell.metadata["clinjup"])
                found = next(alike, None)
                if found is not None:
                    del present[found.id]
            pairs.append((cell, found))
        return pairs

    def _place_below(self, above: NotebookNode | None) -> int:
        """Where a cell goes that stood below `above`; None: it was the run's first."""
        cells = self.notebook.cells
        if above is not None:
            return next(place for place, cell in enumerate(cells) if cell is above) + 1
        own = self._own_cells()
        return next(place for place, cell in enumerate(cells) if cell is own[0]) if own else len(cells)

    def _put_back(self, cell: NotebookNode, place: int) -> NotebookNode:
        if any(cell.id == other.id for other in self.notebook.cells):  # somebody else's cell has taken its id
            cell.id = uuid.uuid4().hex
        self._insert_at(cell, place)
        return cell

    def _insert_at(self, cell: NotebookNode, place: int) -> None:
        self.notebook.cells.insert(place, cell)

    def _write_over(self, cell: NotebookNode, wanted: NotebookNode) -> None:
        """Let a cell read and show `wanted` again; what the user wrote in it goes into a cell below, with its outputs."""
        if cell.source != wanted.source:
            kept = new_cell(cell.cell_type, cell.source, uuid.uuid4().hex, {"tags": [KEPT_TAG]})
            kept.update({name: cell[name] for name in ("outputs", "execution_count") if name in cell})
            self._insert_at(kept, self._place_below(cell))
        cell.update({name: wanted[name] for name in ("source", "outputs", "execution_count") if name in wanted})

    def _remove(self, ids: list[str]) -> int:
        self.notebook.cells = [cell for cell in self.notebook.cells if cell.id not in ids]
        self.save()
        return len(ids)

    def _insert(self, cell: NotebookNode) -> None:
        place = self._place_in_order(cell)
        self._insert_at(cell, len(self.notebook.cells) if place is None else place)

    def _place_in_order(self, cell: NotebookNode) -> int | None:
        """Where the cell of a step that is done again goes: above the run's cells of later steps. None where there are none."""
        step_id = cell.metadata["clinjup"]["step_id"]
        if step_id not in self._again:
            return None
        later = self._order[self._order.index(step_id) + 1 :]
        above = None
        for place, other in enumerate(self.notebook.cells):
            anchor = other.metadata.get("clinjup", {})
            if anchor.get("run_id") != self.run_id:
                continue
            if anchor.get("step_id") in later:
                return place if above is None else above + 1
            above = place
        return None

    def _anchor(self, step_id: str, source: str) -> dict[str, Any]:
        return {"run_id": self.run_id, "step_id": step_id, "source_sha256": sha256_text(source)}
