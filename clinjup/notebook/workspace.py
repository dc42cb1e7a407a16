"""The agent's hands: puts cells into the run's notebook, runs them, keeps what they gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from clinjup.contracts import CellError, Plan, StepStatus
from clinjup.hashing import sha256_text
from clinjup.notebook.executor import CellOutcome, KernelExecutor
from clinjup.notebook.session import NotebookSession

Publish = Callable[[str, dict[str, Any]], None]


class NotebookWorkspace:
    """agent.state.Workspace on a notebook file and a kernel of the run's own."""

    def __init__(self, session: NotebookSession, executor: KernelExecutor, publish: Publish) -> None:
        self.session = session
        self.executor = executor
        self._publish = publish
        self._started = False

    async def add_markdown(self, step_id: str, text: str) -> None:
        cell = self.session.add_markdown(step_id, text)
        self._publish("cell.inserted", {"step_id": step_id, "cell_id": cell.id, "type": "markdown"})

    async def place_code(self, step_id: str, source: str, *, author: str) -> None:
        cell = self.session.add_code(step_id, source, attempt=0, author=author)
        self._publish("cell.inserted", {"step_id": step_id, "cell_id": cell.id, "type": "code"})

    async def run_code(
        self, step_id: str, source: str, *, attempt: int, author: str, introduction: str = ""
    ) -> CellOutcome:
        """Insert a cell, below its introduction in markdown, and run it. A failed one is kept, collapsed."""
        await self._ensure_kernel()
        if introduction:
            note = self.session.add_markdown(step_id, introduction, save=False)
            self._publish("cell.inserted", {"step_id": step_id, "cell_id": note.id, "type": "markdown"})
        cell = self.session.add_code(step_id, source, attempt=attempt, author=author, save=False)
        told = {"step_id": step_id, "cell_id": cell.id, "attempt": attempt}
        self._publish("cell.inserted", {**told, "type": "code"})
        self._publish("cell.started", told)
        self.session.begin(cell)
        try:
            outcome = await self.executor.run(cell, on_output=lambda: self.session.output_came(cell))
            if not outcome.ok:
                self.session.mark_failed(cell)
        finally:
            self.session.end(cell)
        self._publish("cell.finished", {**told, "ok": outcome.ok, "seconds": round(outcome.seconds, 2)})
        return outcome

    async def revive(self, plan: Plan, closed: Mapping[str, str | None]) -> dict[str, CellError | None]:
        """Start a fresh kernel and run the last good cell of each finished step again; their outputs are not kept.

        Returns the steps that are lost, with the error of each; None: the user took its cell out or changed it. What rests on a lost step
        does not run. `closed`: steps that are not done again, with their code, which runs where the cell is gone; the first that is lost
        ends it. Nothing is lost where the run was stopped.
        """
        await self.executor.shutdown()
        self._started = False
        await self._ensure_kernel()
        last = {step_id: cell.source for step_id, cell in self._last_good_cells().items()}
        lost: dict[str, CellError | None] = {}
        for step in plan.steps:
            if step.status is not StepStatus.DONE or step.id in plan.resting_on(lost):
                continue
            source = last.get(step.id, closed.get(step.id))
            if source is None:
                lost[step.id] = None
            else:
                outcome = await self.executor.run(new_code_cell(source))
                if outcome.interrupted:
                    return {}
                if not outcome.ok:
                    lost[step.id] = outcome.error
                if outcome.kernel_died:
                    break
            if step.id in lost and step.id in closed:
                break
        return {} if self.executor.stopped else lost

    async def close(self) -> None:
        widgets = self.executor.widget_state()
        if widgets:
            self.session.set_widgets(widgets)
        await self.executor.shutdown()

    async def _ensure_kernel(self) -> None:
        if not self._started:
            await self.executor.start()
            self._started = True

    def kept_steps(self) -> set[str]:
        """Steps whose last cell stands in the notebook as it was written and did not fail."""
        return set(self._last_good_cells())

    def _last_good_cells(self) -> dict[str, NotebookNode]:
        last: dict[str, NotebookNode] = {}
        for cell in self.session.notebook.cells:
            anchor = cell.metadata.get("clinjup", {})
            step_id = anchor.get("step_id") if anchor.get("run_id") == self.session.run_id else None
            unchanged = anchor.get("source_sha256") == sha256_text(cell.source)
            failed = "clinjup-failed-attempt" in cell.metadata.get("tags", [])
            if cell.cell_type == "code" and step_id and unchanged and not failed:
                last[step_id] = cell
        return last
