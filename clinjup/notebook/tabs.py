"""The open tabs of a notebook: who may write the file, who has been told what. Knows messages, no sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from clinjup.ops import (
    AnyOp,
    Hello,
    Ops,
    Rejoin,
    Revert,
    Save,
    Saved,
    Snapshot,
    SnapshotCell,
    Trouble,
    UserOutputs,
    Welcome,
)

if TYPE_CHECKING:
    from clinjup.notebook.live import LiveNotebook

REJOINS_WITHIN = 2.0
SECOND_TAB = "Another tab writes this notebook. Here it can be read; close the other tab to edit it here."
SHARED = (
    "This notebook is shared: everybody who has it open can edit it while the run writes in it. The shared document is saved by "
    "JupyterLab's collaboration, not by clinjup."
)

Send = Callable[[Welcome | Ops | Trouble], None]
TabMessages = Hello | Snapshot | Rejoin | UserOutputs | Saved


class OpenTab:
    """One tab on one notebook, from its side of the socket."""

    def __init__(self, path: str, send: Send, registry: Tabs) -> None:
        self.path = path
        self.send = send
        self.client = ""
        self.collaborative = False
        self.told = 0
        self.rejoined = False
        self.silent = False
        """It did not save when it was asked to, and was not heard of since."""
        self.behind = False
        """The server has written the file since this tab loaded or saved it."""
        self.needs = 0
        """The op at which the file must stand before it may be loaded here: then it holds what the tab told when it came back."""
        self.live: LiveNotebook | None = None
        self._registry = registry
        self._heard = time.monotonic()

    def quiet_seconds(self) -> float:
        """How long nothing was heard of it; while it lives it pings every few seconds."""
        return time.monotonic() - self._heard

    def tells(self, message: Rejoin, stamp: str | None, known: set[str]) -> list[SnapshotCell]:
        """What there is to merge when it comes (back), where the file is at `stamp`; sets `behind`, and adds to the `known` clients.

        One that has had no file of this run yet has an older one: nothing of it counts but what was typed since, and of that nobody
        knows what it was typed over (-1).
        """
        self.behind = not self.collaborative and None not in (message.file, stamp) and message.file != stamp
        if not self.behind:
            known.add(self.client)
        if self.client in known:
            return message.cells
        return [cell.model_copy(update={"seq": -1}) for cell in message.cells if cell.id in message.typed]

    def receive(self, message: object) -> None:
        """A message from the tab. One that is no TabMessage (a ping) only shows that it is there."""
        self.silent = False
        self._heard = time.monotonic()
        if isinstance(message, Hello):
            self.client, self.collaborative = message.client, message.collaborative
            self.told = message.since
            self.rejoined = self.behind = False
            if self.live is not None:
                self.live.tab_will_not_save(self)
            self._registry.add(self)
        elif self.live is not None and self.client:
            self.live.hear(self, message)

    def close(self) -> None:
        self._registry.remove(self)


class Tabs:
    """All tabs of this server by the notebook's contents path, and the notebooks that are live."""

    def __init__(self) -> None:
        self._tabs: dict[str, list[OpenTab]] = {}
        self._live: dict[str, LiveNotebook] = {}
        self.unsaved: dict[str, LiveNotebook] = {}
        """Notebooks of runs that have ended and could not be saved at their end, by path."""

    def live(self, path: str) -> LiveNotebook | None:
        return self._live.get(path)

    def open(self, path: str, send: Send) -> OpenTab:
        return OpenTab(path, send, self)

    def of(self, path: str) -> list[OpenTab]:
        return self._tabs.get(path, [])

    def owner(self, path: str) -> OpenTab | None:
        """The tab that writes the file: the first one, once it has rejoined, unless it fell silent."""
        first = next(iter(self.of(path)), None)
        return first if first is not None and first.rejoined and not first.silent else None

    async def owner_soon(self, path: str) -> OpenTab | None:
        """`owner`, waited for while it has been told of the run and has not answered: were the file written meanwhile, it would have to
        load the whole notebook again."""
        first = next(iter(self.of(path)), None)
        if first is not None and not first.rejoined and not first.silent:
            latest = time.monotonic() + REJOINS_WITHIN
            while not first.rejoined and first in self.of(path) and time.monotonic() < latest:
                await asyncio.sleep(0.02)
            first.silent = not first.rejoined
        return self.owner(path)

    def is_shared(self, path: str) -> bool:
        """Whether the notebook is open as a shared document (rule 13)."""
        return any(tab.collaborative for tab in self.of(path))

    def add(self, tab: OpenTab) -> None:
        tabs = self._tabs.setdefault(tab.path, [])
        if tab not in tabs:
            # The same tab after a reconnect, before its old socket was seen to be closed: it keeps its place.
            place = next((place for place, other in enumerate(tabs) if other.client == tab.client), None)
            if place is None:
                tabs.append(tab)
            else:
                old, tabs[place] = tabs[place], tab
                if old.live is not None:
                    old.live.tab_will_not_save(old)
                    old.live = None
        self.welcome(tab)

    def remove(self, tab: OpenTab) -> None:
        tabs = self._tabs.get(tab.path, [])
        if tab in tabs:
            tabs.remove(tab)
        live, tab.live = tab.live, None
        for other in tabs:
            self.welcome(other)
        if live is not None:
            live.tab_will_not_save(tab)

    def go_live(self, path: str, live: LiveNotebook) -> None:
        self._live[path] = live
        for tab in self.of(path):
            self.welcome(tab)

    def end_live(self, path: str) -> None:
        self._live.pop(path, None)
        for tab in self.of(path):
            tab.live = None
            self.welcome(tab)

    def move(self, path: str, to: str) -> None:
        """The notebook was renamed. Its tabs will open new sockets under the new path."""
        live = self._live.pop(path, None)
        if live is not None:
            self._live[to] = live
            for tab in self.of(to):
                self.welcome(tab)

    def welcome(self, tab: OpenTab) -> None:
        live = self._live.get(tab.path)
        first = self.of(tab.path)[0] is tab
        if live is None:
            tab.send(Welcome(live=False))
            return
        was_live, tab.live = tab.live is live, live
        if not was_live:
            tab.rejoined = False
        sentence = SHARED if tab.collaborative else "" if first else SECOND_TAB
        tab.send(
            Welcome(
                live=True,
                run_id=live.run_id,
                owner=first,
                seq=live.shared.seq,
                kernel_id=live.kernel_id,
                kernel_name=live.kernel_name,
                sentence=sentence,
            )
        )


class Broadcast:
    """Sends ops to the tabs of a live notebook, at most ten times a second."""

    INTERVAL = 0.1

    def __init__(self, live: LiveNotebook, tabs: Tabs) -> None:
        self._live, self._tabs = live, tabs
        self._recent: list[AnyOp] = []
        self._recent_after = live.shared.seq
        self._sent = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def news(self, ops: list[AnyOp]) -> None:
        self._recent += ops
        if self._timer is None:
            wait = max(0.0, self._sent + self.INTERVAL - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(wait, self.flush)

    def flush(self) -> None:
        """Tell every tab what it has not been told."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._sent = time.monotonic()
        seq = self._live.shared.seq
        for tab in list(self._tabs.of(self._live.contents_path)):
            if tab.live is self._live and tab.rejoined and tab.told < seq and not self._is_told_by_rtc(tab):
                tab.send(Ops(after=tab.told, until=seq, ops=self._missed(tab.told)))
                tab.told = seq
        self._recent, self._recent_after = [], seq

    def revert(self, tab: OpenTab, file_seq: int) -> None:
        """Have this tab load the file, which the server wrote behind its back, and take what came since."""
        self.flush()
        seq = self._live.shared.next_seq()
        tab.send(Ops(after=tab.told, until=file_seq, ops=[Revert(seq=seq)]))
        tab.send(Ops(after=file_seq, until=seq, ops=self._live.shared.since(file_seq)))
        tab.told = seq

    def close(self) -> None:
        """The run has ended. A tab that has not kept up loads the file, which is whole."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        seq = self._live.shared.seq
        for tab in self._tabs.of(self._live.contents_path):
            if self._is_told_by_rtc(tab):
                continue
            if tab.live is self._live and (not tab.rejoined or tab.behind or tab.told < seq):
                missed = self._live.shared.since(tab.told)
                tab.send(Ops(after=tab.told, until=seq, ops=[*missed, Revert(seq=seq + 1)]))
                tab.told = seq

    def _missed(self, told: int) -> list[AnyOp]:
        if told >= self._recent_after:
            return [op for op in self._recent if op.seq > told]
        # The notebook remembers what it holds, and not that it was asked for a save.
        asked = [op for op in self._recent if isinstance(op, Save)]
        return [*self._live.shared.since(told), *asked]

    def _is_told_by_rtc(self, tab: OpenTab) -> bool:
        """Rule 13: where the document itself is shared, one tab applies the ops and the others see them there."""
        return tab.collaborative and self._tabs.owner(self._live.contents_path) is not tab
