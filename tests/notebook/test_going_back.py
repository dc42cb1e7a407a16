"""Rule 8, a checkpoint of our own: the run's cells stand as they stood before a step, and nothing that the user wrote is gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_output

from clinjup.hashing import sha256_text
from clinjup.notebook.cells import KEPT_TAG
from clinjup.notebook.session import NotebookSession
from clinjup.notebook.step_snapshots import StepSnapshots
from tests.notebook.test_live import Browser, live_notebook, settled, sources


class User:
    """Somebody who edits a notebook, in a file or in an open tab, by what its cells say."""

    def __init__(self, cells: list, save: Callable[[], None]) -> None:
        self.cells, self.save = cells, save

    def edit(self, changes: dict[str, str | None]) -> None:
        """Text -> new text; None deletes the cell."""
        for cell in list(self.cells):
            new = changes.get(cell.source, cell.source)
            if new is None:
                self.cells.remove(cell)
            else:
                cell.source = new
        self.save()


Story = Callable[[User], None]


def three_steps(session: NotebookSession) -> None:
    session.add_markdown("introduction", "# Plan")
    for step in ("load", "train", "test"):
        session.add_markdown(step, f"About {step}")
        cell = session.add_code(step, f"{step}()", attempt=1, author="recipe")
        cell.outputs = [new_output("stream", name="stdout", text=f"{step} done\n")]
        session.end(cell)


EXECUTED = {sha256_text(f"{step}()") for step in ("load", "train", "test")}


def on_a_file(tmp_path: Path, story: Story) -> list[nbformat.NotebookNode]:
    session = NotebookSession.create(tmp_path / "notebook.ipynb", "a1b2")
    session.notebook.cells.append(new_markdown_cell("mine", id="mine"))
    three_steps(session)
    story(User(session.notebook.cells, session.save))
    session.settle()
    again = NotebookSession.open(tmp_path / "notebook.ipynb", "a1b2")  # by another process, later
    again.go_back("test", ["test"], EXECUTED)
    return list(nbformat.read(tmp_path / "notebook.ipynb", as_version=4).cells)


def live(tmp_path: Path, story: Story) -> list[nbformat.NotebookNode]:
    """The run has ended, and the notebook is opened anew to go back: who wrote which text is not known any more."""

    async def run() -> list[nbformat.NotebookNode]:
        async with live_notebook(tmp_path) as (notebook, tabs, files):
            browser = Browser(tabs, files, "tab", saves=False)

            async def up_to_date(notebook: NotebookSession) -> None:
                await settled(browser, lambda: sources(notebook.notebook.cells) == sources(browser.tab.cells))

            await browser.take()
            three_steps(notebook)
            await up_to_date(notebook)
            story(User(browser.tab.cells, lambda: browser.open_tab.receive(browser.tab.snapshot())))
            document = notebook.notebook
        async with live_notebook(tmp_path, document) as (notebook, tabs, files):
            browser = Browser(tabs, files, "tab", saves=False)
            await browser.take()
            notebook.go_back("test", ["test"], EXECUTED)
            await settled(browser, lambda: sources(notebook.notebook.cells) == sources(browser.tab.cells))
            return list(notebook.notebook.cells)

    return asyncio.run(run())


@pytest.fixture(params=[on_a_file, live], ids=["file", "live"])
def gone_back(request, tmp_path) -> Callable[[Story], list[nbformat.NotebookNode]]:
    return lambda story: request.param(tmp_path, story)


BEFORE = ["mine", "# Plan", "About load", "load()", "About train", "train()"]


def test_a_step_is_taken_out(gone_back):
    assert sources(gone_back(lambda user: None)) == BEFORE


def test_cells_of_earlier_steps_that_were_deleted_are_back_in_their_place_with_their_outputs(gone_back):
    cells = gone_back(lambda user: user.edit({"# Plan": None, "load()": None, "train()": None}))
    assert sources(cells) == BEFORE
    assert [output.text for cell in cells for output in cell.get("outputs", [])] == ["load done\n", "train done\n"]
    assert not any(cell.metadata.get("trusted") for cell in cells if cell.source == "load()")


def test_a_changed_cell_reads_and_shows_what_it_did_and_the_users_stands_below(gone_back):
    def rerun(user: User) -> None:
        user.edit({"train()": "train(epochs=99)", "mine": "mine, later"})

    cells = gone_back(rerun)
    assert sources(cells) == ["mine, later", *BEFORE[1:], "train(epochs=99)"]
    assert cells[-1].metadata["tags"] == [KEPT_TAG] and cells[-1].cell_type == "code"
    assert [output.text for output in cells[-2].outputs] == ["train done\n"]
    assert [output.text for output in cells[-1].outputs] == ["train done\n"]  # what it showed when the user changed it


def test_outputs_that_were_cleared_are_back(tmp_path):
    def clear(user: User) -> None:
        for cell in user.cells:
            if cell.source in ("load()", "mine"):
                cell.outputs = [] if cell.cell_type == "code" else cell.get("outputs")
        user.save()

    cells = on_a_file(tmp_path, clear)
    assert [output.text for output in cells[3].outputs] == ["load done\n"]


def test_of_two_alike_the_one_that_is_gone_comes_back(tmp_path):
    """A step that is done again writes the same cell once more; only its id tells the two apart."""
    session = NotebookSession.create(tmp_path / "notebook.ipynb", "a1b2")
    first, second = (session.add_code("load", "load()", attempt=1, author="recipe") for _ in range(2))
    session.add_code("test", "test()", attempt=1, author="recipe")
    session.notebook.cells = [cell for cell in session.notebook.cells if cell.id != second.id]
    session.save()
    assert session.go_back("test", ["test"], EXECUTED) == (1, 1)
    assert [cell.id for cell in session.notebook.cells] == [first.id, second.id]


def test_what_the_user_changed_in_the_step_itself_stays(gone_back):
    cells = gone_back(lambda user: user.edit({"test()": "test(mine=True)"}))
    assert sources(cells) == [*BEFORE, "test(mine=True)"]


def forged(folder: Path, told: object) -> None:
    """A file that fits its own hash, in the last snapshot of the step."""
    text = json.dumps(told)
    (folder / f"{sha256_text(text)}.json").write_text(text, encoding="utf-8")
    entry = json.loads((folder / "index.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    entry["cells"].append(sha256_text(text))
    with (folder / "index.jsonl").open("a", encoding="utf-8") as index:
        index.write("\n" + json.dumps(entry))


EVIL = {"id": "evil", "cell_type": "code", "source": "evil()", "outputs": [], "execution_count": None}
ANCHOR = {"run_id": "a1b2", "step_id": "load", "source_sha256": sha256_text("evil()")}


@pytest.mark.parametrize(
    "told",
    [
        "text",
        [],
        {},
        {**EVIL, "metadata": {}},
        {**EVIL, "metadata": {"clinjup": "a1b2"}},
        {**EVIL, "metadata": {"clinjup": ANCHOR}},
    ],
    ids=["text", "list", "empty", "no anchor", "no real anchor", "code that never ran"],
)
def test_a_snapshot_that_somebody_else_wrote_brings_nothing_back(tmp_path, told):
    cells = on_a_file(tmp_path, lambda user: forged(tmp_path / "cache" / "before_steps", told))
    assert sources(cells) == BEFORE


def test_a_snapshot_that_was_changed_brings_nothing_back(tmp_path):
    def damage(user: User) -> None:
        user.edit({"load()": None})
        for file in (tmp_path / "cache" / "before_steps").glob("*.json"):
            if "load()" in file.read_text(encoding="utf-8"):
                file.write_text(file.read_text(encoding="utf-8").replace("load done", "evil"), encoding="utf-8")

    assert sources(on_a_file(tmp_path, damage)) == [source for source in BEFORE if source != "load()"]


def test_a_cell_that_comes_back_takes_no_other_cells_id(tmp_path):
    def replace(user: User) -> None:
        gone = next(cell for cell in user.cells if cell.source == "load()")
        user.cells[user.cells.index(gone)] = new_markdown_cell("mine too", id=gone.id)
        user.save()

    cells = on_a_file(tmp_path, replace)
    assert sources(cells).count("load()") == sources(cells).count("mine too") == 1
    assert len({cell.id for cell in cells}) == len(cells)


def test_each_state_of_a_cell_is_kept_once_and_the_last_snapshot_of_a_step_counts(tmp_path):
    snapshots = StepSnapshots(tmp_path)
    one, two = (new_markdown_cell(text, metadata={"clinjup": {}}) for text in ("one", "two"))
    for step, cells in {"a": [one], "b": [one, two]}.items():
        snapshots.take(step, cells)
    snapshots.take("b", [two])
    assert len(list((tmp_path / "cache" / "before_steps").glob("*.json"))) == 2
    assert sources(snapshots.before("b")) == ["two"] and snapshots.before("never") == []
    with (tmp_path / "cache" / "before_steps" / "index.jsonl").open("a", encoding="utf-8") as index:
        index.write('\n{"torn')
    snapshots.take("c", [one])
    with (tmp_path / "cache" / "before_steps" / "index.jsonl").open("a", encoding="utf-8") as index:
        index.write("\n" + json.dumps({"step_id": "b", "cells": ["../../secret"]}))
    assert sources(snapshots.before("c")) == ["one"] and snapshots.before("b") == []
