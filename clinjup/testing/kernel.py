"""A kernel that computes nothing: the interface of KernelExecutor, with outcomes by a function of the cell's source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from clinjup.contracts import CellError
from clinjup.notebook.executor import CellOutcome

Behaviour = Callable[[str], CellOutcome | Exception | None]


class ScriptedKernel:
    """Runs every cell at once. `behave(source)` gives an outcome, an exception that the cell raises, or None for success."""

    def __init__(self, behave: Behaviour = lambda source: None) -> None:
        self.behave = behave
        self.sources: list[str] = []
        self.starts = 0
        self.stopped = False

    async def start(self) -> None:
        self.starts += 1

    async def run(self, cell: NotebookNode, on_output: Callable[[], None] = lambda: None) -> CellOutcome:
        self.sources.append(cell.source)
        result = self.behave(cell.source)
        if isinstance(result, CellOutcome):
            outcome = result
        elif isinstance(result, Exception):
            name, message = type(result).__name__, str(result)
            error = CellError(name=name, message=message, traceback=f"{name}: {message}", signature=f"{name}|{message}")
            outcome = CellOutcome(ok=False, seconds=0.01, error=error)
        else:
            outcome = CellOutcome(ok=True, seconds=0.01)
        if outcome.text:
            cell.outputs = [new_output("stream", name="stdout", text=outcome.text)]
        on_output()
        return outcome

    async def interrupt(self) -> None:
        """Nothing runs long enough."""

    def widget_state(self) -> dict[str, Any]:
        return {}

    async def shutdown(self) -> None:
        """Nothing to end."""
