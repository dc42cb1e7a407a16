"""Whose outputs may run scripts when a notebook is opened again. Jupyter decides by the signature that it gives a file when it is saved."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from nbformat.v4 import new_code_cell, new_notebook, new_output
from traitlets.config import Config

from clinjup.locks import Lock
from clinjup.notebook.jupyter import JupyterDesk
from clinjup.notebook.live import LiveNotebook
from clinjup.notebook.oplog import read_log, replay
from clinjup.ops import Hello, Rejoin, Snapshot, UserOutputs

from .replica import Tab

SCRIPT = new_output("display_data", data={"text/html": "<script>window.hacked = 1</script>"})
FIGURE = new_output("display_data", data={"text/html": "<b>fine</b>"})
RUN = "a1b2"


def desk_of(folder: Path) -> JupyterDesk:
    notary = {"db_file": str(folder / "signatures.db"), "secret_file": str(folder / "secret")}
    root = folder / "root"
    root.mkdir()
    contents = AsyncLargeFileManager(root_dir=str(root), config=Config(NotebookNotary=notary))
    return JupyterDesk(contents, None, None, root)


def trusted_after(folder: Path, story: Callable[[LiveNotebook, JupyterDesk], Any], *cells: Any) -> list[bool]:
    """Which code cells are trusted when the notebook is opened after a run with this story."""

    async def whole() -> list[bool]:
        desk = desk_of(folder)
        nbformat.write(new_notebook(cells=list(cells)), desk.root / "nb.ipynb")
        (folder / "run").mkdir()
        live = LiveNotebook(
            await desk.read("nb.ipynb"),
            RUN,
            folder=folder / "run",
            contents_path="nb.ipynb",
            beside=False,
            stamp=await desk.stamp("nb.ipynb"),
            files=desk,
            tabs=desk.tabs,
            on_change=lambda *_: None,
            lock=Lock(desk.root / "nb.ipynb"),
        )
        story(live, desk)
        await live.close()
        return [bool(cell.metadata.get("trusted")) for cell in (await desk.read("nb.ipynb")).cells]

    return asyncio.run(whole())


def open_tab(live: LiveNotebook, desk: JupyterDesk) -> Any:
    """A tab as JupyterLab opens it, and what it sends when the run begins."""
    tab, opened = Tab.of("tab", live.notebook.cells), desk.tabs.open("nb.ipynb", lambda _: None)
    opened.receive(Hello(client="tab"))
    told = tab.snapshot(full=True)
    opened.receive(Rejoin(n=told.n, seq=told.seq, file=live._stamp, typed=[], cells=told.cells))
    return tab, opened


def put(live: LiveNotebook, author: str, output: Any) -> None:
    cell = live.add_code("s1", "show()", attempt=1, author=author)
    live.begin(cell)
    cell.outputs = [output]
    live.end(cell)


def test_a_script_in_a_notebook_from_elsewhere_stays_untrusted_when_the_tab_of_a_run_was_closed(tmp_path: Path) -> None:
    def story(live: LiveNotebook, desk: JupyterDesk) -> None:
        _, opened = open_tab(live, desk)
        put(live, "recipe", FIGURE)
        opened.close()

    foreign = new_code_cell("", outputs=[SCRIPT], metadata={"clinjup": {"author": "recipe", "run_id": RUN}})
    assert trusted_after(tmp_path, story, foreign) == [False, False]


def test_a_notebook_whose_outputs_are_all_those_of_recipes_is_trusted(tmp_path: Path) -> None:
    """Or its sliders would be dead when it is opened again."""

    def story(live: LiveNotebook, desk: JupyterDesk) -> None:
        open_tab(live, desk)[1].close()
        put(live, "recipe", FIGURE)

    assert trusted_after(tmp_path, story, new_code_cell("mine = 1")) == [True, True]


def test_what_a_model_wrote_is_not_trusted(tmp_path: Path) -> None:
    def story(live: LiveNotebook, desk: JupyterDesk) -> None:
        put(live, "claude", FIGURE)

    assert trusted_after(tmp_path, story) == [False]


def test_a_cell_that_the_user_ran_is_trusted_as_jupyterlab_trusts_it(tmp_path: Path) -> None:
    def story(live: LiveNotebook, desk: JupyterDesk) -> None:
        tab, opened = open_tab(live, desk)
        tab.cells[0].metadata = {**tab.cells[0].metadata, "trusted": True}
        opened.receive(tab.snapshot())
        opened.receive(UserOutputs(id="mine", outputs=[copy.deepcopy(FIGURE)], execution_count=1))
        opened.close()

    assert trusted_after(tmp_path, story, new_code_cell("show()", id="mine", outputs=[SCRIPT])) == [True]


def test_outputs_that_were_written_into_the_file_by_other_means_bring_no_trust(tmp_path: Path) -> None:
    def story(live: LiveNotebook, desk: JupyterDesk) -> None:
        tab, opened = open_tab(live, desk)
        tab.cells[0].metadata = {**tab.cells[0].metadata, "trusted": True}  # as JupyterLab marks a new cell
        opened.receive(tab.snapshot())
        opened.close()
        theirs = new_notebook(cells=[new_code_cell("mine = 1", id="mine", outputs=[SCRIPT])])
        nbformat.write(theirs, desk.root / "nb.ipynb")

    assert trusted_after(tmp_path, story, new_code_cell("mine = 1", id="mine")) == [False]


def test_a_log_of_a_killed_run_brings_no_trust(tmp_path: Path) -> None:
    """A run folder may come from a colleague."""
    logged: list[Any] = []

    def story(live: LiveNotebook, desk: JupyterDesk) -> None:
        put(live, "recipe", SCRIPT)
        logged.append(read_log(tmp_path / "run"))

    trusted_after(tmp_path, story, new_code_cell("", id="mine"))
    ((_, ops),) = logged
    mine = new_code_cell("", id="mine", metadata={"trusted": True})
    notebook = new_notebook(cells=[mine])
    shown = next(op for op in ops if op.op == "outputs")
    assert replay(notebook, [*ops, shown.model_copy(update={"id": "mine", "seq": ops[-1].seq + 1})])
    assert [cell.outputs for cell in notebook.cells] == [[SCRIPT], [SCRIPT]]
    assert not any(cell.metadata.get("trusted") for cell in notebook.cells)


def test_what_the_tab_saved_last_is_taken_over_from_the_file(tmp_path: Path) -> None:
    """Tags, pictures, cleared outputs: whatever the tab had no time to tell before it was closed."""
    kept: list[Any] = []

    def story(live: LiveNotebook, desk: JupyterDesk) -> None:
        tab, opened = open_tab(live, desk)
        told: Snapshot = tab.snapshot()
        opened.receive(told)
        opened.close()
        note = nbformat.v4.new_markdown_cell(
            "see", id="note", metadata={"tags": ["mine"]}, attachments={"x.png": {"image/png": "AAAA"}}
        )
        theirs = new_notebook(cells=[note, new_code_cell("plot()", id="plot")])
        nbformat.write(theirs, desk.root / "nb.ipynb")
        kept.append(live.notebook)

    note = nbformat.v4.new_markdown_cell("see", id="note")
    trusted_after(tmp_path, story, note, new_code_cell("plot()", id="plot", outputs=[FIGURE]))
    note, plot = kept[0].cells
    assert note.metadata["tags"] == ["mine"] and note.attachments == {"x.png": {"image/png": "AAAA"}}
    assert plot.outputs == []
