"""A live notebook and its tabs in one process, so that a save can be held at the moment that matters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from clinjup.locks import Lock
from clinjup.notebook.live import LiveNotebook
from clinjup.notebook.oplog import read_log
from clinjup.notebook.tabs import SHARED, Tabs
from clinjup.ops import Hello, Ops, Rejoin, Saved, Welcome
from tests.notebook.replica import Tab

HANG = 5.0  # seconds; without a mend these waits take a minute


class Files:
    """Notebook files in a folder. A write waits at `gate` once it holds what it will write."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.writes = folder, 0
        self.at, self.session_at = "nb.ipynb", "nb.ipynb"
        self.browsers: list[Browser] = []
        self.gate, self.reached = asyncio.Event(), asyncio.Event()
        self.gate.set()

    async def stamp(self, path: str) -> str | None:
        return str(self.writes) if path == self.at else None

    async def read(self, path: str) -> NotebookNode:
        return nbformat.read(self.folder / path, as_version=4)

    async def write(self, path: str, notebook: NotebookNode) -> str:
        text = nbformat.writes(notebook)
        self.reached.set()
        await self.gate.wait()
        (self.folder / path).write_text(text, encoding="utf-8")
        self.at = path
        self.writes += 1
        return str(self.writes)

    async def moved_to(self, path: str, kernel_id: str | None) -> str | None:
        return self.session_at if self.session_at != path else None


class Browser:
    """A tab that does what the server says; `saves` tells how it answers when it is asked to save."""

    def __init__(
        self, tabs: Tabs, files: Files, client: str, *, saves: bool = True, told: int = 0, shared: bool = False
    ) -> None:
        self.files, self.saves, self.asked, self.loaded, self.inbox, self.shared = files, saves, 0, 0, [], shared
        document = nbformat.read(files.folder / "nb.ipynb", as_version=4)
        self.file, self.typed = str(files.writes), []
        self.tab = Tab.of(client, document.cells, int(document.metadata.get("clinjup", {}).get("seq", 0)))
        self.tab.seq = max(self.tab.seq, told)
        self.open_tab = tabs.open("nb.ipynb", self.inbox.append)
        self.hello()

    def hello(self) -> None:
        self.open_tab.receive(Hello(client=self.tab.client, since=self.tab.seq, collaborative=self.shared))

    async def take(self) -> None:
        """Take all messages that have come, and those that they bring."""
        while self.inbox:
            message = self.inbox.pop(0)
            if isinstance(message, Welcome) and message.live:
                told = self.tab.snapshot(full=True)
                self.open_tab.receive(
                    Rejoin(n=told.n, seq=told.seq, file=self.file, typed=self.typed, cells=told.cells)
                )
            elif isinstance(message, Ops):
                self.tab.apply(message.after, message.until, message.ops)
                assert not self.tab.missed
                for op in message.ops:
                    if op.op == "revert":
                        await self._load()
                    elif op.op == "save":
                        self.asked += 1
                        if self.shared:
                            await self._save_shared(op.seq)
                            continue
                        if self.saves:
                            self.files.writes += 1
                            self.file = str(self.files.writes)
                        self.open_tab.receive(Saved(seq=op.seq, ok=self.saves))

    async def _save_shared(self, seq: int) -> None:
        """What the collaboration server does with the shared document, some time after it was changed."""
        if self.saves:
            cells = [nbformat.v4.new_markdown_cell(cell.source, id=cell.id) for cell in self.tab.cells]
            document = nbformat.v4.new_notebook(cells=cells, metadata={"clinjup": {"run_id": "a1b2", "seq": seq}})
            await self.files.write("nb.ipynb", document)

    async def _load(self) -> None:
        self.loaded += 1
        self.file = str(self.files.writes)
        document = await self.files.read("nb.ipynb")
        n = self.tab.n
        self.tab = Tab.of(self.tab.client, document.cells, int(document.metadata.get("clinjup", {}).get("seq", 0)))
        self.tab.n = n
        self.open_tab.receive(self.tab.snapshot())


@asynccontextmanager
async def live_notebook(
    folder: Path,
    notebook: NotebookNode | None = None,
    *,
    told_before: int = 0,
    opened_before: bool = False,
    opened_with: NotebookNode | None = None,
    on_change: Callable[..., None] = lambda *_: None,
) -> AsyncIterator[tuple[LiveNotebook, Tabs, Files]]:
    """`opened_before`: a Browser (files.browsers) shows it before the run, or an older file, `opened_with`.

    `told_before`: a tab was open before the run, and an earlier one told it ops up to this.
    """
    run, files, tabs = folder / "run", Files(folder), Tabs()
    run.mkdir(exist_ok=True)
    notebook = notebook or nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("mine", id="mine")])
    if opened_with:
        nbformat.write(opened_with, folder / "nb.ipynb")
        files.browsers.append(Browser(tabs, files, "tab"))
        files.writes += 1
    nbformat.write(notebook, folder / "nb.ipynb")
    if told_before:
        tabs.open("nb.ipynb", lambda _: None).receive(Hello(client="tab", since=told_before))
    if opened_before:
        files.browsers.append(Browser(tabs, files, "tab"))
    live = LiveNotebook(
        notebook,
        "a1b2",
        folder=run,
        contents_path="nb.ipynb",
        beside=False,
        stamp=str(files.writes),
        files=files,
        tabs=tabs,
        on_change=on_change,
        lock=Lock(folder / "nb.ipynb"),
    )
    try:
        yield live, tabs, files
    finally:
        files.gate.set()
        for tab in list(tabs.of("nb.ipynb")):
            tab.close()
        await asyncio.wait_for(live.close(), HANG)


def sources(cells: list[NotebookNode]) -> list[str]:
    return [cell.source for cell in cells]


async def settled(browser: Browser, holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(HANG):
        while not holds():
            await browser.take()
            await asyncio.sleep(0.02)  # ops come at most ten times a second


def test_a_cell_written_while_the_file_is_being_saved_reaches_the_tab_that_loads_that_file(tmp_path: Path) -> None:
    """Rule 7: the tab takes the file for what it is, an older state, and is told what came since."""

    async def story() -> None:
        async with live_notebook(tmp_path) as (live, tabs, files):
            files.gate.clear()
            live.save()
            await asyncio.wait_for(files.reached.wait(), HANG)
            browser = Browser(tabs, files, "tab")
            await browser.take()
            cell = live.add_markdown("s1", "written meanwhile")
            files.gate.set()
            await settled(browser, lambda: "written meanwhile" in [each.source for each in browser.tab.cells])
            await settled(browser, lambda: files.writes >= 1 and browser.open_tab.told == live.shared.seq)
            assert live.shared.cell(cell.id) is not None, "the tab's snapshot took the cell away"
            assert sources(live.notebook.cells) == [each.source for each in browser.tab.cells]

    asyncio.run(story())


def test_a_run_that_starts_in_an_open_notebook_does_not_make_its_tab_load_it_again(tmp_path: Path) -> None:
    """A long notebook takes seconds to be drawn anew, and the run's first outputs would wait for it."""

    async def story() -> None:
        document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("mine", id="mine")])
        async with live_notebook(tmp_path, document, opened_before=True) as (live, tabs, files):
            (browser,) = files.browsers
            live.add_markdown("s1", "a cell")  # the file is to be written before the tab has answered
            await asyncio.sleep(0.1)
            tabs.welcome(browser.open_tab)  # the kernel is there
            await settled(browser, lambda: browser.asked >= 1 and live.shared.cell("mine") is not None)
            await settled(browser, lambda: sources(live.notebook.cells) == [each.source for each in browser.tab.cells])
            tabs.welcome(browser.open_tab)  # another tab was closed
            live.add_markdown("s2", "another cell")
            await settled(browser, lambda: browser.asked >= 2)
            assert (browser.loaded, sources(live.notebook.cells)) == (0, ["mine", "a cell", "another cell"])

    asyncio.run(story())


@pytest.mark.parametrize(
    ("typed", "kept"), [(None, ["mine, saved elsewhere"]), ("typed here", ["mine, saved elsewhere", "typed here"])]
)
def test_a_tab_with_an_older_file_takes_back_nothing_and_loses_nothing(
    tmp_path: Path, typed: str | None, kept: list[str]
) -> None:
    """Another tab has saved the notebook, and started the run: what this one shows is older, but for what was typed in it."""

    async def story() -> None:
        old, new = (
            nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text, id="mine")])
            for text in ("mine", "mine, saved elsewhere")
        )
        async with live_notebook(tmp_path, new, opened_with=old) as (live, tabs, files):
            (browser,) = files.browsers
            browser.typed = ["mine"] if typed else []
            browser.tab.cells[0].source = typed or "mine"
            await browser.take()
            tabs.welcome(browser.open_tab)  # the kernel is there
            await settled(browser, lambda: sources(live.notebook.cells) == [each.source for each in browser.tab.cells])
            assert (sources(live.notebook.cells), browser.loaded > 0) == (kept, True)

    asyncio.run(story())


@pytest.mark.parametrize("saves", [True, False], ids=["after its tab saved it", "before its tab could"])
def test_a_notebook_that_is_renamed_is_followed_though_its_session_hears_of_it_later(
    tmp_path: Path, saves: bool
) -> None:
    async def story() -> None:
        async with live_notebook(tmp_path) as (live, tabs, files):
            browser = Browser(tabs, files, "tab", saves=saves)
            await browser.take()
            files.at = "renamed.ipynb"
            (tmp_path / "nb.ipynb").rename(tmp_path / "renamed.ipynb")
            asyncio.get_running_loop().call_later(0.5, setattr, files, "session_at", "renamed.ipynb")
            live.add_markdown("s1", "a cell")
            await settled(browser, lambda: live.contents_path == "renamed.ipynb")
            assert files.at == "renamed.ipynb" and not (tmp_path / "nb.ipynb").exists()

    asyncio.run(story())


def test_a_tab_that_cannot_save_is_not_waited_for(tmp_path: Path) -> None:
    """Rule 5: it says so, and the server saves."""

    async def story() -> None:
        async with live_notebook(tmp_path) as (live, tabs, files):
            browser = Browser(tabs, files, "tab", saves=False)
            await browser.take()
            live.add_markdown("s1", "a cell")
            await settled(browser, lambda: files.writes >= 1)
            assert "a cell" in sources((await files.read("nb.ipynb")).cells)

    asyncio.run(story())


def test_a_tab_that_says_hello_instead_of_saving_is_not_waited_for(tmp_path: Path) -> None:
    """It missed an op, and with it perhaps the one that asked it to save."""

    async def story() -> None:
        async with live_notebook(tmp_path) as (live, tabs, files):
            browser = Browser(tabs, files, "tab")
            await browser.take()
            live.add_markdown("s1", "a cell")
            async with asyncio.timeout(HANG):
                while not any(isinstance(each, Ops) and each.ops[-1].op == "save" for each in browser.inbox):
                    await asyncio.sleep(0.02)
            browser.inbox.clear()
            browser.hello()
            await settled(browser, lambda: files.writes >= 1)
            assert "a cell" in sources((await files.read("nb.ipynb")).cells)

    asyncio.run(story())


def test_a_tab_that_has_just_loaded_the_file_is_asked_to_save_the_next_time(tmp_path: Path) -> None:
    async def story() -> None:
        async with live_notebook(tmp_path) as (live, tabs, files):
            browser = Browser(tabs, files, "tab", saves=False)
            await browser.take()
            live.add_markdown("s1", "a cell")
            await settled(browser, lambda: files.writes >= 1 and not browser.open_tab.behind)
            browser.saves, browser.asked = True, 0
            live.add_markdown("s1", "another")
            await settled(browser, lambda: browser.asked >= 1)

    asyncio.run(story())


def test_saves_never_meet(tmp_path: Path) -> None:
    """An older state that is written last would be what is left in the file."""

    async def story() -> None:
        async with live_notebook(tmp_path) as (live, _, files):
            files.gate.clear()
            live.save()
            await asyncio.wait_for(files.reached.wait(), HANG)
            files.reached.clear()
            live.add_markdown("s1", "later")
            closing = asyncio.create_task(live.close())
            await asyncio.sleep(0.05)
            assert not files.reached.is_set(), "a second save began while the first was under way"
            files.gate.set()
            await asyncio.wait_for(closing, HANG)
            assert "later" in sources((await files.read("nb.ipynb")).cells)

    asyncio.run(story())


def test_a_tab_that_was_told_more_than_the_file_says_passes_over_nothing(tmp_path: Path) -> None:
    """After an earlier run on the same notebook."""

    async def story() -> None:
        async with live_notebook(tmp_path, told_before=40) as (live, tabs, files):
            browser = Browser(tabs, files, "tab", told=40)
            await browser.take()
            live.add_markdown("s1", "the first cell of the next run")
            await settled(browser, lambda: len(browser.tab.cells) == 2)

    asyncio.run(story())


def test_rule_13_a_shared_document_is_told_in_one_tab_and_saved_by_itself(tmp_path: Path) -> None:
    async def story() -> None:
        async with live_notebook(tmp_path) as (live, tabs, files):
            first, second = (Browser(tabs, files, name, shared=True) for name in ("first", "second"))
            welcomes = [each.inbox[-1] for each in (first, second)]
            assert [each.sentence for each in welcomes] == [SHARED, SHARED]
            await first.take()
            await second.take()
            live.add_markdown("s1", "from the run")
            await settled(first, lambda: len(first.tab.cells) == 2)
            first.tab.cells[0].source = "mine, edited"
            first.open_tab.receive(first.tab.snapshot())
            assert sources(live.notebook.cells) == ["mine, edited", "from the run"]
            closing = asyncio.create_task(live.close())
            await settled(first, closing.done)
            await closing
            assert files.writes == first.asked == 1, "the server wrote behind the shared document's back"
            assert sources((await files.read("nb.ipynb")).cells) == ["mine, edited", "from the run"]
            assert not any(isinstance(each, Ops) for each in second.inbox)
            assert read_log(tmp_path / "run") is None and not tabs.unsaved

    asyncio.run(story())


def test_rule_13_the_log_is_kept_where_the_shared_document_did_not_reach_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clinjup.notebook.live.SHARED_SAVES_WITHIN", 0.5)

    async def story() -> None:
        async with live_notebook(tmp_path) as (live, tabs, files):
            browser = Browser(tabs, files, "tab", shared=True, saves=False)
            await browser.take()
            live.add_markdown("s1", "from the run")
            closing = asyncio.create_task(live.close())
            await settled(browser, closing.done)
            await closing
            assert files.writes == 0
            _, ops = read_log(tmp_path / "run") or ("", [])
            assert "from the run" in [op.cell.source for op in ops if op.op == "upsert"]
            await live.save_late()
            assert files.writes == 0 and tabs.unsaved, "written behind the back of a document that is still shared"
            browser.open_tab.close()
            await live.save_late()
            assert "from the run" in sources((await files.read("nb.ipynb")).cells)

    asyncio.run(story())


def test_rule_13_cells_that_a_shared_document_lost_in_a_crash_are_put_back_and_not_taken_for_deleted(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with live_notebook(tmp_path) as (live, _, _):
            live.add_markdown("introduction", "# Plan")
            live.add_code("load", "load()", attempt=1, author="recipe")
            document = live.notebook
        async with live_notebook(tmp_path, document) as (live, tabs, files):
            browser = Browser(tabs, files, "tab", shared=True)
            del browser.tab.cells[1:]
            await settled(browser, lambda: len(browser.tab.cells) == 3)
            assert [cell.source for cell in browser.tab.cells] == ["mine", "# Plan", "load()"]
            del browser.tab.cells[2]  # and now by the user
            browser.open_tab.receive(browser.tab.snapshot())
            assert sources(live.notebook.cells) == ["mine", "# Plan"]

    asyncio.run(story())


def test_what_was_told_of_a_cell_is_over_once_it_is_not_so_any_more(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []

    async def story() -> None:
        def hear(_: str, data: dict[str, str]) -> None:
            told.append((data["change"], data["step_id"]))

        async with live_notebook(tmp_path, on_change=hear) as (live, tabs, files):
            browser = Browser(tabs, files, "tab")
            await browser.take()
            live.add_code("load", "load()", attempt=1, author="recipe")
            live.add_code("train", "train()", attempt=1, author="recipe")
            await settled(browser, lambda: len(browser.tab.cells) == 3)

            async def say() -> None:
                browser.open_tab.receive(browser.tab.snapshot())
                await settled(browser, lambda: browser.tab.seq == live.shared.seq)

            cells = browser.tab.cells
            for text in ("load(1)", "load(12)", "load()", "load(3)"):
                cells[1].source = text
                await say()
            deleted = cells.pop(2)
            await say()
            cells.append(deleted)
            await say()
            for place, text in ((2, "train(1)"), (1, cells[1].source)):  # deleted, and there again with another text
                deleted = cells.pop(place)
                await say()
                deleted.source = text
                cells.insert(place, deleted)
                await say()

    asyncio.run(story())
    assert told == [
        *(("edited", "load"), ("taken_back", "load"), ("edited", "load")),
        *(("deleted", "train"), ("taken_back", "train")),
        *(("deleted", "train"), ("taken_back", "train"), ("edited", "train")),
        *(("deleted", "load"), ("taken_back", "load"), ("edited", "load")),
    ]
