"""Runs that no process carries any more: found by their folders, marked as interrupted, their notebooks made whole."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

from clinjup.contracts import RunStatus
from clinjup.locks import Lock, Taken
from clinjup.notebook.desk import Desk
from clinjup.notebook.jupyter import JupyterDesk
from clinjup.notebook.live import NotebookTroubleError
from clinjup.reporting import JournalError
from clinjup.reporting.journal import read_records
from clinjup.run_folder import KILLED, History, RunFolderError, read_history
from clinjup.views import RunView, view_of_history


async def look_at_past(folder: Path, desk: Desk) -> RunView | None:
    """The run in `folder` as it stands; None where the folder holds none that can be read."""
    try:
        lock = Lock(folder)  # before the journal is read: whoever owns the run may be writing it
    except Taken:
        history = _history(folder)
        return view_of_history(history, folder, elsewhere=True) if history else None
    try:
        history = _history(folder)
        if history is None:
            return None
        if isinstance(desk, JupyterDesk):
            with contextlib.suppress(NotebookTroubleError, OSError):
                await desk.recover(folder)
        _mark_interrupted(history)
    finally:
        lock.release()
    return view_of_history(history, folder)


def _history(folder: Path) -> History | None:
    try:
        return read_history(folder, finished_too=True)
    except (RunFolderError, JournalError, OSError, ValueError, KeyError):
        return None


def _mark_interrupted(history: History) -> None:
    """Write the last word that the run could not write."""
    for record in reversed(history.journal.records):
        if record.kind in {"finished", "restore"}:
            return
        if record.kind in {"intent", "resume"}:
            break
    history.journal.append("interruption", {"sentence": KILLED})
    history.journal.append("finished", {"status": RunStatus.INTERRUPTED.value, "sentence": KILLED})


def journal_of(folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """(records, what is wrong with them)."""
    scan = read_records((folder / "journal.jsonl").read_bytes())
    records = [dataclasses.asdict(record) for record in scan.records]
    return [{name: record[name] for name in ("n", "t", "kind", "data")} for record in records], list(scan.problems)
