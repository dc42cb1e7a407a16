"""Waiting for something that takes long, unless the run is stopped meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

Result = TypeVar("Result")


async def unless_stopped(work: Awaitable[Result], stopped: asyncio.Event) -> Result | None:
    """The result of `work`; None once the run is stopped, which also cancels what is under way."""
    doing = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (doing, stopping):
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
    if not stopped.is_set():
        return doing.result()
    if not doing.cancelled():
        doing.exception()  # what it ended with no longer matters, and is not told by asyncio either
    return None
