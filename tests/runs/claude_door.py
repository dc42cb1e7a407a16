"""Runs with a scripted model through the public doors, and what their journals say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat

from clinjup.contracts import Approval, Event, Question, Results, RunRequest
from clinjup.reporting.journal import read_records
from clinjup.runs import RunManager
from clinjup.testing import ScriptedClaude
from tests.conftest import REQUEST
from tests.runs.door import run_in_process


def request(server: ScriptedClaude, data: Path, folder: Path, **changes: Any) -> RunRequest:
    settings = {"intent": REQUEST, "approval": Approval.NONE, **changes}
    return RunRequest(data=str(data), out=str(folder), planner="claude", base_url=server.url, **settings)


def ask_claude(
    server: ScriptedClaude,
    data: Path,
    folder: Path,
    on_event: Callable[[RunManager, str, Event], None] | None = None,
    **changes: Any,
) -> tuple[Results, list[Question], list[Event]]:
    """A run in this process; with `on_event` somebody sits there to answer and approve."""
    return run_in_process(request(server, data, folder, **changes), on_event=on_event)


def journal(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()]
    return [line["data"] for line in lines if line["kind"] == kind]


def assert_whole(folder: Path) -> None:
    """Notebook and journal of an ended run are complete, valid, and know each other."""
    notebook = nbformat.read(folder / "notebook.ipynb", as_version=4)
    nbformat.validate(notebook)
    scan = read_records((folder / "journal.jsonl").read_bytes())
    assert not scan.problems and not scan.torn
    assert scan.records[-1].kind == "finished"
    assert notebook.metadata["clinjup"]["journal_head"] == scan.head
    executed = [record.data for record in scan.records if record.kind == "execution"]
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.metadata["clinjup"]["source_sha256"] for cell in cells] == [
        attempt["source_sha256"] for attempt in executed
    ]
