"""The canonical notebook of a run: every cell is added and changed here, and every change is saved atomically.

The disk is written by a thread of its own, one save after the other, so that a run need not stand still for it.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from clinjup.hashing import sha256_text
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
        cell: NotebookNode = new_markdown_cell(text, metadata={"clinjup": self._anchor(step_id, text)})
        self._insert(cell)
        if save:
            self.save(cell, wait=False)
        return cell

    def add_code(self, step_id: str, source: str, *, attempt: int, author: str, save: bool = True) -> NotebookNode:
        """Append a code cell. Without `save` the caller saves it, at the latest when it has run."""
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

    def remove_steps(self, steps: list[str]) -> int:
        """Take out the run's cells of these steps, but none that the user has changed. Returns how many."""
        ids = [cell.id for cell in self.notebook.cells if self._is_of(cell, steps)]
        return self._remove(ids)

    async def close(self) -> None:
        """Nothing is written any more; what was written is on the disk."""
        self.settle()

    def _is_of(self, cell: NotebookNode, steps: list[str]) -> bool:
        anchor = cell.metadata.get("clinjup", {})
        unchanged = anchor.get("source_sha256") == sha256_text(cell.source)
        return anchor.get("run_id") == self.run_id and anchor.get("step_id") in steps and unchanged

    def _remove(self, ids: list[str]) -> int:
        self.notebook.cells = [cell for cell in self.notebook.cells if cell.id not in ids]
        self.save()
        return len(ids)

    def _insert(self, cell: NotebookNode) -> None:
        self.notebook.cells.append(cell)

    def _anchor(self, step_id: str, source: str) -> dict[str, Any]:
        return {"run_id": self.run_id, "step_id": step_id, "source_sha256": sha256_text(source)}
