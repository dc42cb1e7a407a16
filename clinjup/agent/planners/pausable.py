"""A pause: the running cell ends, the next action waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager

from clinjup.agent.planners import Planner
from clinjup.agent.state import Brief, RunState
from clinjup.contracts import Action, Plan


class Pausable:
    """A planner whose next action waits while the run is paused, inside of `holding`."""

    def __init__(
        self, planner: Planner, going: asyncio.Event, holding: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._planner, self._going, self._holding = planner, going, holding
        self.name = planner.name

    @property
    def about(self) -> dict[str, str]:
        return self._planner.about

    async def plan(self, brief: Brief) -> Plan:
        return await self._planner.plan(brief)

    async def next_action(self, state: RunState) -> Action:
        if not self._going.is_set():
            with self._holding():
                await self._going.wait()
        return await self._planner.next_action(state)

    async def close(self) -> None:
        await self._planner.close()
