"""Short runs: the Claude planner against the scripted server, so that cells are of the test's choosing and cost no training."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.agent.claude_runs import finishes, proposes, runs, step
from tests.conftest import REQUEST

from .door import Server

# Ends when the test puts a file into the run folder: whatever is to happen while a cell runs happens before.
UNTIL_GO = """import time
from pathlib import Path

print("waiting")
while not Path("cache/go").exists():
    time.sleep(0.02)
print("gone on")
"""


# Without an evaluation of the test part a model cannot finish as completed. These runs are too short for one.
ENDED = "failed"


def script(*cells: str, **named: str) -> list[Any]:
    """A plan with a step for each cell, then the cells, then the end."""
    sources = {**{f"s{number}": source for number, source in enumerate(cells, start=1)}, **named}
    cells_of_it = [runs(name, source) for name, source in sources.items()]
    return [proposes(*[step(name) for name in sources]), *cells_of_it, finishes("That was all.", ENDED)]


def empty_notebook(server: Server, path: str, *cells: dict[str, Any], **metadata: Any) -> str:
    """A notebook of the user, with an ordinary Python kernel. Returns its path."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {
        "cells": list(cells),
        "metadata": {"kernelspec": kernel, **metadata},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    status, answer = server.ask(
        "PUT", f"api/contents/{path}", {"type": "notebook", "format": "json", "content": content}
    )
    assert status in {200, 201}, answer
    return path


def code(cell_id: str, source: str) -> dict[str, Any]:
    return {
        "id": cell_id,
        "cell_type": "code",
        "source": source,
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }


def markdown(cell_id: str, source: str) -> dict[str, Any]:
    return {"id": cell_id, "cell_type": "markdown", "source": source, "metadata": {}}


def start(server: Server, claude: Any, data: Path, notebook: str | None, **more: Any) -> dict[str, Any]:
    """Start a run; its summary."""
    body = {"intent": REQUEST, "data": str(data), "notebook": notebook, "planner": "claude", "base_url": claude.url}
    status, run = server.post("clinjup/v1/runs", {**body, "budget_minutes": 10, **more})
    assert status == 201, run
    return run


def let_go(run: dict[str, Any], gate: str = "go") -> None:
    """End the cell that waits (UNTIL_GO)."""
    Path(run["folder"], "cache", gate).touch()


def in_kernel(server: Server, notebook: str, source: str) -> str:
    """What the user sees who runs `source` in the notebook's kernel: the text that it prints, or its error."""
    from jupyter_client import BlockingKernelClient
    from jupyter_client.session import Session

    _, sessions = server.get("api/sessions")
    kernel = next(session["kernel"]["id"] for session in sessions if session["path"] == notebook)
    file = next((server.root.parent / f"{server.root.name}-home" / "runtime").glob(f"kernel-{kernel}.json"))
    info = json.loads(file.read_text(encoding="utf-8"))
    client = BlockingKernelClient(connection_file=str(file), session=Session(key=info["key"].encode()))
    client.load_connection_file()
    client.start_channels()
    printed: list[str] = []
    try:
        client.wait_for_ready(timeout=60)
        client.execute_interactive(
            source,
            timeout=60,
            output_hook=lambda message: printed.append(
                message["content"].get("text") or message["content"].get("evalue") or ""
            ),
        )
    finally:
        client.stop_channels()
    return "".join(printed)


def copy_of(cohort: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(cohort, tmp_path / "data"))
