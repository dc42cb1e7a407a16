"""The canonical notebook of a run: every cell is added and changed here, and every change is saved atomically."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from clinjup.notebook.writing import NotebookText

# A long cell is written to disk at most this often while its outputs stream in.
SAVE_EVERY_SECONDS = 1.0


def source_sha256(source: str) -> str:
    """Hash of a cell's source, as journalled and as `clinjup verify` recomputes it."""
    return hashlib.sha256(source.encode("utf-8")).hexdigest()


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
        self._saved = 0.0

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
            self.save(cell, flush=False)
        return cell

    def add_code(self, step_id: str, source: str, *, attempt: int, author: str) -> NotebookNode:
        anchor = {**self._anchor(step_id, source), "attempt": attempt, "author": author}
        cell: NotebookNode = new_code_cell(source, metadata={"clinjup": anchor})
        self._insert(cell)
        self.save(cell, flush=False)
        return cell

    def begin(self, cell: NotebookNode) -> None:
        """The cell is about to run."""

    def output_came(self, cell: NotebookNode) -> None:
        """A running cell shows something new."""
        if time.monotonic() - self._saved > SAVE_EVERY_SECONDS:
            self.save(cell, flush=False)
            self._saved = time.monotonic()

    def end(self, cell: NotebookNode) -> None:
        """The cell has run; what it shows is final."""
        self.save(cell)

    def mark_failed(self, cell: NotebookNode) -> None:
        """Keep a failed attempt, collapsed; a reader who runs the whole notebook again passes over its error."""
        cell.metadata["jupyter"] = {"source_hidden": True, "outputs_hidden": True}
        cell.metadata["tags"] = ["clinjup-failed-attempt", "raises-exception"]
        self.save(cell)

    def set_metadata(self, **values: Any) -> None:
        self.notebook.metadata["clinjup"].update(values)
        self.save()

    def set_widgets(self, state: dict[str, Any]) -> None:
        """State of ipywidgets, so that a reader sees them without a kernel. Saved with the next change."""
        self.notebook.metadata["widgets"] = state

    def save(self, changed: NotebookNode | None = None, *, flush: bool = True) -> None:
        """Write beside the file and move into place: a crash leaves the old notebook or the new one, never half of one.

        `changed` says that no older cell but this one differs from the last time, which makes long notebooks quick to save.
        Without `flush` a power cut may cost what was saved last; a finished cell is always flushed.
        """
        partial = self.path.with_suffix(".ipynb.part")
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            file.write(self._text.text(self.notebook, changed) + "\n")
            if flush:
                file.flush()
                os.fsync(file.fileno())
        os.replace(partial, self.path)

    def _insert(self, cell: NotebookNode) -> None:
        self.notebook.cells.append(cell)

    def _anchor(self, step_id: str, source: str) -> dict[str, Any]:
        return {"run_id": self.run_id, "step_id": step_id, "source_sha256": source_sha256(source)}
