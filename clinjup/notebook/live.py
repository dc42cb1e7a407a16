"""The notebook of a run that is open in JupyterLab: every change goes to the tabs as ops, to a log, and to the file.

One writer: the first tab saves the file when it is asked to; without a tab this process does, at least once a second while there
is something to save.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from nbformat import NotebookNode

from clinjup.locks import Lock
from clinjup.notebook.cells import as_told
from clinjup.notebook.files import NotebookFiles, NotebookTroubleError
from clinjup.notebook.merge import SharedNotebook
from clinjup.notebook.oplog import OpLog
from clinjup.notebook.outputs import coalesced
from clinjup.notebook.session import NotebookSession
from clinjup.notebook.tabs import Broadcast, OpenTab, Tabs
from clinjup.notebook.user_changes import UserChanges
from clinjup.ops import AnyOp, Rejoin, Save, Saved, Snapshot, SnapshotCell, Trouble, UserOutputs

SAVE_SECONDS = 1.0
# A tab that is asked to save, and is not heard of for this long, is passed over: the server saves.
TAB_SAVES_WITHIN = 10.0
SHARED_SAVES_WITHIN = 10.0
# JupyterLab renames the file first, and tells the session, by which it is found, a moment later.
MOVES_WITHIN = 3.0
FILE = "the file"


class LiveNotebook(NotebookSession):
    """NotebookSession whose cells are shared with open tabs. Made and closed inside of an event loop."""

    def __init__(
        self,
        notebook: NotebookNode,
        run_id: str,
        *,
        folder: Path,
        contents_path: str,
        beside: bool,
        stamp: str | None,
        files: NotebookFiles,
        tabs: Tabs,
        on_change: Callable[[str, dict[str, Any]], None],
        lock: Lock,
    ) -> None:
        super().__init__(folder / "notebook.ipynb", notebook, run_id)
        clinjup = notebook.metadata.get("clinjup", {})
        self.shared = SharedNotebook(notebook, int(clinjup.get("seq", 0)))
        # A tab may have been told more than the file says (a save that an earlier run asked for): it would pass over ops up to there.
        self.shared.seq = max([self.shared.seq, *(tab.told for tab in tabs.of(contents_path))])
        notebook.metadata["clinjup"] = NotebookNode({**clinjup, "run_id": run_id})
        self.contents_path = contents_path
        self.kernel_id: str | None = None
        self.kernel_name: str | None = None
        self._files, self._tabs, self._on_change = files, tabs, on_change
        self._stamp, self._lock = stamp, lock
        self.beside = beside
        """Whether the notebook lies in the run folder."""
        self._log = OpLog(folder, contents_path)
        self._broadcast = Broadcast(self, tabs)
        self._last: str | None = None
        self._running: NotebookNode | None = None
        self._showing: asyncio.TimerHandle | None = None
        self._shown = 0.0
        self._unsaved = asyncio.Event()
        self._one_save = asyncio.Lock()
        self._asked_to_save: OpenTab | None = None
        self._tab_answered = asyncio.Event()
        self._saved_seq = self.shared.seq
        """The op at which the file stands."""
        self._sentences: set[str] = set()
        self._known: set[str] = set()
        """The tabs that have had a file of this run, or the one that it began with."""
        self._changes = UserChanges(run_id, on_change)
        self._file_reads = 0
        self._writer = asyncio.create_task(self._write_on())
        tabs.go_live(contents_path, self)

    # ------------------------------------------------------------------------------------------- the run's changes

    def mark_failed(self, cell: NotebookNode) -> None:
        super().mark_failed(cell)
        if self._here(cell):
            self._emit(self.shared.touch(cell))

    def begin(self, cell: NotebookNode) -> None:
        self._running = cell
        self._emit(self.shared.set_running(cell, True))

    def output_came(self, cell: NotebookNode) -> None:
        if self._showing is None:
            wait = max(0.0, self._shown + Broadcast.INTERVAL - time.monotonic())
            self._showing = asyncio.get_running_loop().call_later(wait, self._show, cell, True)

    def end(self, cell: NotebookNode) -> None:
        self._running = None
        self._show(cell, False)
        self.save(cell)

    def set_metadata(self, **values: Any) -> None:
        self.notebook.metadata["clinjup"].update(values)
        self._emit(self.shared.set_metadata({"clinjup": dict(self.notebook.metadata["clinjup"])}))
        self.save()

    def set_widgets(self, state: dict[str, Any]) -> None:
        self._emit(self.shared.set_metadata({"widgets": state}))

    def save(self, changed: NotebookNode | None = None, *, wait: bool = True) -> None:
        """Have the file saved soon; with `wait` what the log holds outlasts a crash from now on."""
        self._unsaved.set()
        if wait:
            self.settle()

    def settle(self) -> None:
        self._guarded(self._log.sync)

    def _remove(self, ids: list[str]) -> int:
        ops = [op for cell_id in ids for op in self.shared.remove(cell_id)]
        self._emit(ops)
        self.save()
        return len(ops)

    def _insert_at(self, cell: NotebookNode, place: int) -> None:
        self._emit(self.shared.put_at(cell, place))

    def _write_over(self, cell: NotebookNode, wanted: NotebookNode) -> None:
        # Whoever opened the notebook since does not know any more who wrote its text.
        if cell.source != wanted.source:
            self._emit(self.shared.write(cell, wanted.source, keep=True))
        if cell.cell_type == "code":
            self._emit(self.shared.show_again(cell, wanted.outputs, wanted.execution_count))

    def _insert(self, cell: NotebookNode) -> None:
        if cell.metadata["clinjup"].get("author") == "recipe":
            # Its widgets live and its outputs are filtered. Nobody else's cell, and none that was read from a file, is marked here.
            cell.metadata["trusted"] = True
        if (place := self._place_in_order(cell)) is not None:
            return self._insert_at(cell, place)
        after = self._last if self._last and self.shared.cell(self._last) is not None else None
        self._emit(self.shared.put(cell, after))
        self._last = cell.id

    def _show(self, cell: NotebookNode, running: bool) -> None:
        """Tell what the cell shows. Long outputs are told less often, so that telling takes at most a tenth of the time."""
        if self._showing is not None:
            self._showing.cancel()
            self._showing = None
        self._shown = time.monotonic()
        started = time.perf_counter()
        self._emit(self.shared.show(cell, list(coalesced(cell.get("outputs", []))), running=running))
        spent = time.perf_counter() - started
        if running and spent > 0.01:
            pause = asyncio.get_running_loop().call_later
            self._showing = pause(10 * spent, self._show_if_running, cell)

    def _show_if_running(self, cell: NotebookNode) -> None:
        self._showing = None
        if self._running is cell:
            self._show(cell, True)

    def _here(self, cell: NotebookNode) -> bool:
        return self.shared.cell(cell.id) is not None

    def _emit(self, ops: list[AnyOp]) -> None:
        if not ops:
            return
        self._guarded(lambda: self._log.append(ops))
        self._broadcast.news(ops)
        self._unsaved.set()

    # ------------------------------------------------------------------------------------------ the user's changes

    def hear(self, tab: OpenTab, message: object) -> None:
        """A message from a tab that shows this notebook."""
        if isinstance(message, Snapshot):
            if not tab.behind:
                self._known.add(tab.client)
            self._merge(tab.client, message.n, message.seq, message.cells)
        elif isinstance(message, Rejoin):
            lost = self._changes.not_the_users(self._own_cells(), message.cells) if tab.collaborative else []
            cells = tab.tells(message, self._stamp, self._known)
            deletions = not lost and tab.client in self._known
            news = self._merge(tab.client, message.n, message.seq, cells, deletions=deletions)
            self._emit([op for cell in lost for op in self.shared.touch(cell)])
            tab.rejoined = True
            self._broadcast.news([])
            tab.needs = self.shared.seq if news else 0
        elif isinstance(message, UserOutputs):
            self._emit(self.shared.take_outputs(tab.client, message.id, message.outputs, message.execution_count))
        elif isinstance(message, Saved):
            if message.ok:
                self._saved_seq = max(self._saved_seq, message.seq)
            self._tab_answered.set()
        self._catch_up(tab)

    def _catch_up(self, tab: OpenTab) -> None:
        """Have a tab load the file that was written behind its back, before it is asked to save."""
        if tab.behind and tab.rejoined and not tab.silent and self._saved_seq >= tab.needs:
            tab.behind = False
            self._broadcast.revert(tab, self._saved_seq)

    def tab_will_not_save(self, tab: OpenTab) -> None:
        """A tab was closed or says hello anew: what it was asked to save is saved here."""
        if tab is self._asked_to_save:
            self._tab_answered.set()
        self._unsaved.set()

    def _merge(self, client: str, n: int, seq: int, cells: list[SnapshotCell], *, deletions: bool = True) -> bool:
        """Returns whether the tab told anything new."""
        ops, changes = self.shared.merge(client, n, seq, cells, deletions=deletions)
        self._emit(ops)
        for change in changes:
            self._changes.tell(change)
        return bool(ops)

    # ------------------------------------------------------------------------------------------------- the file

    async def close(self) -> None:
        """Save, let go of the tabs and of the log."""
        async with self._one_save:  # a save that is under way ends first
            self._writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._writer
        whole = await self._save_now() and await self._is_in_the_file()
        self._broadcast.flush()
        self._broadcast.close()
        self._tabs.end_live(self.contents_path)
        self._lock.release()
        if not whole:
            self._tabs.unsaved[self.contents_path] = self
        with contextlib.suppress(OSError):  # told when it was written to
            self._log.close(keep=not whole)
        if not self.beside:  # the run folder always holds the notebook, wherever the user keeps theirs
            super().save(wait=False)
            super().settle()

    async def save_late(self) -> None:
        """After the run, what could not be saved at its end (the disk was full; a shared document, which saves itself, had not yet).

        Raises NotebookTroubleError while it cannot be.
        """
        if not self._tabs.is_shared(self.contents_path):
            await self._save_here()
        elif not await self._reached(self.shared.seq):
            return
        self._tabs.unsaved.pop(self.contents_path, None)
        self._log.discard()

    async def _write_on(self) -> None:
        while True:
            await self._unsaved.wait()
            started = time.monotonic()
            await self._save_now()
            await asyncio.sleep(max(0.0, SAVE_SECONDS - (time.monotonic() - started)))

    async def _save_now(self) -> bool:
        """Save now, one save at a time. Returns whether the file is whole."""
        async with self._one_save:
            self._unsaved.clear()
            try:
                if not await self._saved_by_tab():
                    await self._save_here()
            except NotebookTroubleError as trouble:
                self._tell_trouble(str(trouble))
                return False
            except OSError as fault:
                self._tell_trouble(
                    f"The notebook cannot be saved: {fault.strerror or fault}. The run goes on and keeps a log."
                )
                return False
            return True

    async def _saved_by_tab(self) -> bool:
        """Ask the first tab to save, and wait for it. False where there is none, it does not, or it has an older file."""
        if self._tabs.is_shared(self.contents_path):  # the shared document saves itself
            return True
        tab = await self._tabs.owner_soon(self.contents_path)
        if tab is None or tab.behind:
            return False
        self._asked_to_save = tab
        self._tab_answered.clear()
        seq = self.shared.next_seq()
        self._broadcast.news([Save(seq=seq)])
        self._broadcast.flush()
        # A large notebook takes its time: as long as the tab is heard of, it is saving, and two writers would meet.
        latest = time.monotonic() + 6 * TAB_SAVES_WITHIN  # it may be heard of, and wait for a word of the user
        while not self._tab_answered.is_set() and tab.quiet_seconds() < TAB_SAVES_WITHIN and time.monotonic() < latest:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._tab_answered.wait(), TAB_SAVES_WITHIN - tab.quiet_seconds() + 0.1)
        self._asked_to_save = None
        if self._saved_seq < seq:
            tab.silent = not self._tab_answered.is_set()
            return False
        self._stamp = await self._files.stamp(self.contents_path)
        if self._stamp is None:
            await self._follow_the_file()
            self._stamp = await self._files.stamp(self.contents_path)
        return self._stamp is not None

    async def _is_in_the_file(self) -> bool:
        """Rule 13: a shared document is saved by its own server, in its own time. Whether the file has reached the run's last op."""
        if not self._tabs.is_shared(self.contents_path):
            return True
        seq = self.shared.next_seq()
        self._broadcast.news([Save(seq=seq)])
        self._broadcast.flush()
        with contextlib.suppress(TimeoutError, NotebookTroubleError):
            async with asyncio.timeout(SHARED_SAVES_WITHIN):
                while not await self._reached(seq):
                    await asyncio.sleep(SAVE_SECONDS / 2)
                return True
        return False

    async def _reached(self, seq: int) -> bool:
        clinjup = (await self._files.read(self.contents_path)).metadata.get("clinjup", {})
        return clinjup.get("run_id") == self.run_id and int(clinjup.get("seq", 0)) >= seq

    async def _save_here(self) -> None:
        stamp = await self._files.stamp(self.contents_path)
        if stamp is None and self._stamp is not None:
            await self._follow_the_file()
        elif self._stamp is not None and stamp != self._stamp:
            await self._take_over_the_file()
        seq = self.notebook.metadata["clinjup"]["seq"] = self.shared.seq
        self._stamp = await self._files.write(self.contents_path, self.notebook)
        self._saved_seq = max(self._saved_seq, seq)
        for tab in self._tabs.of(self.contents_path):
            tab.behind = True
            self._catch_up(tab)

    async def _take_over_the_file(self) -> None:
        """Somebody else has written it: a tab that was closed since, or the user by other means. Their edits are taken over."""
        theirs = await self._files.read(self.contents_path)
        clinjup = theirs.metadata.get("clinjup", {})
        seq = int(clinjup.get("seq", 0)) if clinjup.get("run_id") == self.run_id else 0
        told = [as_told(cell, seq, self.shared.cell(cell.id)) for cell in theirs.cells if "id" in cell]
        self._file_reads += 1
        ops, changes = self.shared.merge(FILE, self._file_reads, seq, told)
        self._emit(ops)
        for cell in theirs.cells:
            if cell.cell_type == "code" and "id" in cell:
                self._emit(self.shared.take_outputs_of_file(FILE, cell, seq))
        for change in changes:
            self._changes.tell(change)

    async def _follow_the_file(self) -> None:
        moved = await self._moved_to()
        if moved is not None:
            self._tabs.move(self.contents_path, moved)
            self.beside = self.beside and PurePosixPath(moved).parent == PurePosixPath(self.contents_path).parent
            self.contents_path = moved
            return
        name, self._stamp = self.contents_path, None
        super().save()
        self._tell_trouble(
            f"The notebook '{name}' was deleted or moved away while the run was writing it. Nothing is lost: the run goes on, "
            f"and writes it to '{name}' again."
        )

    async def _moved_to(self) -> str | None:
        latest = time.monotonic() + MOVES_WITHIN
        while True:
            moved = await self._files.moved_to(self.contents_path, self.kernel_id)
            if moved is not None or time.monotonic() >= latest:
                return moved
            await asyncio.sleep(0.1)

    def _tell_trouble(self, sentence: str) -> None:
        """Once each, to the tabs and to whoever follows the run."""
        if sentence in self._sentences:
            return
        self._sentences.add(sentence)
        for tab in self._tabs.of(self.contents_path):
            tab.send(Trouble(sentence=sentence))
        self._on_change("text.delta", {"text": sentence, "loud": True})

    def _guarded(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as fault:
            self._tell_trouble(
                f"The log of this run cannot be written ({fault.strerror or fault}). The run goes on, but a crash of the "
                "server could now cost its last cells. Free some space."
            )
