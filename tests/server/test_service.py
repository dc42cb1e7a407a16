"""What the routes do, where two servers would be needed to see it, or a moment that no browser can choose."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from clinjup.locks import Lock
from clinjup.reporting import Journal
from clinjup.runs import NotRunningError, RunFolderError
from tests.runs.test_past_runs import killed_run

from .in_process import service_in


async def sentence_of(doing: Awaitable[Any]) -> str:
    with pytest.raises((NotRunningError, RunFolderError)) as problem:
        await doing
    return str(problem.value)


def test_what_is_told_to_a_run_that_another_program_carries_is_answered_with_that_until_it_lets_go(
    tmp_path: Path,
) -> None:
    folder = killed_run(tmp_path / "runs", "run")
    Journal.open(folder / "journal.jsonl").append("pause", {"paused": True})

    async def tell() -> None:
        lock = Lock(folder)
        service = service_in(tmp_path)
        run = await service.summary("run")
        assert (run.status, run.paused, run.seconds_left) == ("running", True, None)
        told = [
            await sentence_of(service.resume("run", {})),
            await sentence_of(service.pause("run")),
            await sentence_of(service.stop("run")),
            await sentence_of(service.answer("run", {})),
            await sentence_of(service.approve("run", "0" * 64, True)),
        ]
        for sentence in told:
            assert sentence.startswith(f"Another program carries the run in '{folder}' right now."), told
        lock.release()
        assert await sentence_of(service.pause("run")) == "The run has ended."
        assert (await service.stop("run")).status == "interrupted"

    asyncio.run(tell())
