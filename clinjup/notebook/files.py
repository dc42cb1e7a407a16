"""Where the notebooks of live runs are kept: what is asked of it, and what is said when it fails."""

from __future__ import annotations

from typing import Protocol

from nbformat import NotebookNode


class NotebookTroubleError(Exception):
    """The notebook file cannot be read or written. The sentence says why and what to do."""

    def __init__(self, sentence: str, *, missing: bool = False) -> None:
        super().__init__(sentence)
        self.missing = missing


class NotebookFiles(Protocol):
    """Where notebook files are kept (Jupyter's contents manager). All methods raise NotebookTroubleError."""

    async def stamp(self, path: str) -> str | None:
        """Changes whenever the file is written; None where there is none."""
        ...

    async def read(self, path: str) -> NotebookNode: ...

    async def write(self, path: str, notebook: NotebookNode) -> str | None:
        """Returns the new stamp."""
        ...

    async def moved_to(self, path: str, kernel_id: str | None) -> str | None:
        """The notebook's new path, where the user renamed or moved it."""
        ...
