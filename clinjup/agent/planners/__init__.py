"""Who decides the next action. All planners yield the same closed set of actions (contracts.Action)."""

from __future__ import annotations

from typing import Protocol

from clinjup.agent.state import Brief, RunState
from clinjup.contracts import Action, Plan


class Planner(Protocol):
    """Decides; never touches the notebook."""

    name: str

    @property
    def about(self) -> dict[str, str]:
        """Who plans, for the journal."""
        ...

    async def plan(self, brief: Brief) -> Plan: ...

    async def next_action(self, state: RunState) -> Action: ...

    async def close(self) -> None:
        """Give back what the planner holds, such as a connection."""
        ...
