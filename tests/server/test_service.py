"""What the routes do, where two servers would be needed to see it, or a moment that no browser can choose."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.services.contents.filemanager import AsyncFileContentsManager
from nbformat.v4 import new_notebook

from clinjup.faults import sentence_for
from clinjup.locks import Lock
from clinjup.notebook.live import LiveNotebook
from clinjup.ops import Hello
from clinjup.reporting import Journal
from clinjup.runs import JupyterDesk, NotebookTroubleError, NotRunningError, RunFolderError
from clinjup.server.problems import problem_of
from tests.runs.reads import reads_of
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


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT], ids=["disk", "quota"])
def test_a_full_disk_and_a_used_up_quota_are_told_in_a_sentence_wherever_they_are_met(
    number: int, tmp_path: Path
) -> None:
    fault = OSError(number, os.strerror(number), "journal.jsonl")

    class FullContents(AsyncFileContentsManager):
        async def _save_notebook(self, *arguments: Any, **keywords: Any) -> None:
            raise fault

    async def save() -> None:
        await JupyterDesk(FullContents(root_dir=str(tmp_path)), None, None, tmp_path).write("nb.ipynb", new_notebook())

    with pytest.raises(NotebookTroubleError, match="The disk is full"):
        asyncio.run(save())
    assert sentence_for(fault).startswith("The disk is full, so the run stopped.")
    assert problem_of(fault)[1].sentence.startswith("The disk of the server is full")


def test_tabs_hear_of_the_kernel_of_a_notebook_that_was_renamed_while_the_kernel_started(tmp_path: Path) -> None:
    class Sessions:
        """One that the user starts the kernel of, and renames the notebook of, at the moment that it is looked for."""

        live: LiveNotebook

        async def list_sessions(self) -> list[dict[str, Any]]:
            desk.tabs.move("old.ipynb", "new.ipynb")
            self.live.contents_path = "new.ipynb"
            return [{"path": "old.ipynb", "kernel": {"id": "kernel", "name": "python3"}}]

    sessions = Sessions()
    desk = JupyterDesk(AsyncFileContentsManager(root_dir=str(tmp_path)), sessions, {"kernel": None}, tmp_path)

    async def start() -> list[str | None]:
        told: list[str | None] = []
        tab = desk.tabs.open("new.ipynb", lambda message: told.append(getattr(message, "kernel_id", None)))
        tab.receive(Hello(client="tab"))
        workspace = await desk.open(tmp_path / "run", "run", "old.ipynb", lambda event, data: None)
        sessions.live = workspace.session
        assert (await workspace.executor._its_session())["kernel"]["id"] == "kernel"
        await workspace.session.close()
        return told

    assert "kernel" in asyncio.run(start())


def test_the_notebook_of_a_run_that_has_ended_is_looked_for_once_and_outside_the_event_loop(tmp_path: Path) -> None:
    folder = killed_run(tmp_path / "runs", "run")
    renamed = folder / "pneumothorax.ipynb"
    renamed.write_text(json.dumps({"cells": [], "metadata": {"clinjup": {"run_id": "run"}}}), encoding="utf-8")

    async def look() -> None:
        service = service_in(tmp_path)

        async def listed() -> str:
            return (await service.runs()).runs[0].notebook

        with reads_of(".ipynb") as reads:
            assert await listed() == "runs/run/pneumothorax.ipynb"
            assert reads == [("run", False)]
            assert await listed() == "runs/run/pneumothorax.ipynb"
            assert len(reads) == 1
            renamed.rename(folder / "pneumo.ipynb")
            assert await listed() == "runs/run/pneumo.ipynb"
            assert len(reads) == 2

    asyncio.run(look())
