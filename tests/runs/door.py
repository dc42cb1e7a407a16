"""The public doors of a run: the command line as a process, and RunManager in this one."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clinjup.contracts import Event, Question, Results, RunRequest
from clinjup.runs import RunManager

COMMAND = [sys.executable, "-c", "from clinjup.cli import main; main()"]


@dataclass
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def clinjup(*arguments: str | Path, **keywords: Any) -> Said:
    """Run the command line; nobody sits at the terminal."""
    finished = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=600,
        **keywords,
    )
    assert "Traceback" not in finished.stderr, finished.stderr
    return Said(finished.returncode, finished.stdout, finished.stderr)


def run_in_process(
    request: RunRequest,
    after_preflight: Callable[[], None] = lambda: None,
    on_event: Callable[[RunManager, str, Event], None] | None = None,
) -> tuple[Results, list[Question], list[Event]]:
    """Submit a request; `after_preflight` runs when the data were checked and before the first cell."""

    async def follow() -> tuple[Results, list[Question], list[Event]]:
        manager = RunManager()
        run_id = await manager.submit(request, interactive=on_event is not None)
        after_preflight()
        events = []
        async for event in manager.subscribe(run_id):
            events.append(event)
            if on_event is not None:
                on_event(manager, run_id, event)
        return *await manager.wait(run_id), events

    return asyncio.run(follow())


def tree_digest(folder: Path) -> dict[str, str]:
    """Hash of every file of a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
