"""What is written down of a run at its end."""

from __future__ import annotations

from typing import Any

from clinjup.agent.state import RunState
from clinjup.contracts import CellCounts, StepStatus
from clinjup.run_folder import History


def how_it_stands(state: RunState | None, seconds: float) -> dict[str, Any]:
    """What only the process that carries a run knows, for whoever reads the journal after it: {seconds, steps, notes}."""
    steps = state.plan.steps if state else []
    running = StepStatus.RUNNING
    states = {step.id: "pending" if step.status is running else step.status.value for step in steps}
    return {
        "seconds": seconds,
        "steps": states,
        "notes": {step.id: step.note for step in steps if step.note},
    }


def cell_counts(history: History) -> CellCounts:
    """The cells of all tries of a run."""
    attempts = history.executions
    failed = [attempt for attempt in attempts if not attempt["ok"]]
    repaired = [attempt for attempt in attempts if attempt["ok"] and attempt["repair"]]
    return CellCounts(executed=len(attempts), repaired=len(repaired), failed=len(failed))
