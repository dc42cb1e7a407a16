"""Where a run works: a notebook, and a kernel to run its cells on."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from clinjup.contracts import Progress
from clinjup.notebook.executor import KernelExecutor
from clinjup.notebook.files import NotebookTroubleError
from clinjup.notebook.session import NotebookSession
from clinjup.notebook.workspace import NotebookWorkspace, Publish


class Desk(Protocol):
    """Gives every run its workspace."""

    async def open(
        self, folder: Path, run_id: str, notebook: str | None, publish: Publish, *, sandboxed: bool = False
    ) -> NotebookWorkspace:
        """The workspace of a run in `folder`. `notebook`: which one, in the desk's own terms; None = one in the folder.

        `sandboxed` asks for a kernel that suits code which a model writes. Raises NotebookTroubleError.
        """
        ...


class OwnDesk:
    """Without JupyterLab: notebook.ipynb in the run folder, and a kernel of the run's own."""

    async def open(
        self, folder: Path, run_id: str, notebook: str | None, publish: Publish, *, sandboxed: bool = False
    ) -> NotebookWorkspace:
        file = folder / "notebook.ipynb"
        session = _opened(file, run_id) if file.is_file() else NotebookSession.create(file, run_id)

        def tell(progress: Progress) -> None:
            publish("cell.progress", progress.model_dump())

        return NotebookWorkspace(session, KernelExecutor(folder, run_id, tell), publish)


def _opened(file: Path, run_id: str) -> NotebookSession:
    try:
        return NotebookSession.open(file, run_id)
    except Exception as fault:  # nbformat raises whatever its parsing runs into
        raise NotebookTroubleError(
            f"The notebook '{file}' cannot be read as one ({type(fault).__name__}); it was changed or only half copied. Put a whole copy "
            "back, or start a new run."
        ) from fault
