"""Runs that no process carries any more: found by their folders, marked as interrupted, their notebooks made whole."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from pathlib import Path
from typing import Any

from clinjup.contracts import RunStatus
from clinjup.locks import Lock, Taken
from clinjup.notebook.desk import Desk
from clinjup.notebook.files import NotebookTroubleError
from clinjup.notebook.jupyter import JupyterDesk
from clinjup.reporting import JournalError
from clinjup.reporting.journal import read_records
from clinjup.run_folder import KILLED, History, RunFolderError, read_history, tie_to_journal
from clinjup.views import RunView, view_of_history


class PastRuns:
    """Looks at folders of runs. A journal that has not changed since is not read again, and none is read in the event loop."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._seen: dict[Path, tuple[tuple[int, int, bool], RunView]] = {}

    async def look(self, folder: Path) -> RunView | None:
        """The run in `folder` as it stands; None where the folder holds none that can be read."""
        try:
            lock = Lock(folder)  # before the journal is read: whoever owns the run may be writing it
        except Taken:
            view = await self._view(folder, owned=False)
            if view is None or view.waits_for:
                return view
            now = time.time()  # time goes by also while no record is written
            return dataclasses.replace(view, elapsed=view.elapsed + max(0.0, now - view.as_of), as_of=now)
        try:
            view = await self._view(folder, owned=True)
            if view is not None and isinstance(self._desk, JupyterDesk):
                with contextlib.suppress(NotebookTroubleError, OSError):
                    await self._desk.recover(folder)
            return view
        finally:
            lock.release()

    async def _view(self, folder: Path, *, owned: bool) -> RunView | None:
        try:
            seen = self._seen.get(folder)
            if seen is not None and seen[0] == (*_state(folder), owned):
                return seen[1]
            # Taken before it is read: what another program writes meanwhile is read the next time.
            state, view = await asyncio.to_thread(lambda: (_state(folder), _read(folder, owned)))
            if owned:
                state = _state(folder)  # with the last word that was written for the run
        except (RunFolderError, JournalError, OSError, ValueError, KeyError):
            return None
        self._seen[folder] = ((*state, owned), view)
        return view


def _state(folder: Path) -> tuple[int, int]:
    """(time in ns, bytes) of the journal, which is only ever added to."""
    file = (folder / "journal.jsonl").stat()
    return file.st_mtime_ns, file.st_size


def _read(folder: Path, owned: bool) -> RunView:
    history = read_history(folder, finished_too=True, owned=owned)
    if owned:
        with contextlib.suppress(OSError):  # on a full or read-only disk it is shown as interrupted all the same
            _mark_interrupted(history)
            tie_to_journal(history, folder)
    return view_of_history(history, folder, elsewhere=not owned)


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
