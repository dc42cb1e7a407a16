"""A pause: the running cell ends, the next action waits."""

from __future__ import annotations

import asyncio

from clinjup.agent.planners import Planner
from clinjup.agent.state import Brief, RunState
from clinjup.contracts import Action, Plan


class Pausable:
    """A planner whose next action waits while the run is paused."""

    def __init__(self, planner: Planner, going: asyncio.Event) -> None:
        self._planner, self._going = planner, going
        self.name = planner.name

    @property
    def about(self) -> dict[str, str]:
        return self._planner.about

    async def plan(self, brief: Brief) -> Plan:
        return await self._planner.plan(brief)

    async def next_action(self, state: RunState) -> Action:
        await self._going.wait()
        return await self._planner.next_action(state)

    async def close(self) -> None:
        await self._planner.close()
