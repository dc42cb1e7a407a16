"""Going back to before a step: the run's cells stand as they stood then, and nothing that the user wrote is gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_output

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


def on_a_file(tmp_path: Path, story: Story) -> list[nbformat.NotebookNode]:
    session = NotebookSession.create(tmp_path / "notebook.ipynb", "a1b2")
    session.notebook.cells.append(new_markdown_cell("mine", id="mine"))
    three_steps(session)
    story(User(session.notebook.cells, session.save))
    session.settle()
    again = NotebookSession.open(tmp_path / "notebook.ipynb", "a1b2")  # by another process, later
    again.go_back("test", ["test"])
    return list(nbformat.read(tmp_path / "notebook.ipynb", as_version=4).cells)


def live(tmp_path: Path, story: Story) -> list[nbformat.NotebookNode]:
    async def run() -> list[nbformat.NotebookNode]:
        async with live_notebook(tmp_path) as (notebook, tabs, files):
            browser = Browser(tabs, files, "tab")

            async def up_to_date() -> None:
                await settled(browser, lambda: sources(notebook.notebook.cells) == sources(browser.tab.cells))

            await browser.take()
            three_steps(notebook)
            await up_to_date()
            story(User(browser.tab.cells, lambda: browser.open_tab.receive(browser.tab.snapshot())))
            notebook.go_back("test", ["test"])
            await up_to_date()
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


def test_a_changed_cell_has_the_runs_text_again_and_the_users_stands_below(gone_back):
    cells = gone_back(lambda user: user.edit({"train()": "train(epochs=99)", "mine": "mine, later"}))
    assert sources(cells) == ["mine, later", *BEFORE[1:], "train(epochs=99)"]
    assert cells[-1].metadata["tags"] == [KEPT_TAG] and cells[-1].cell_type == "code"


def test_what_the_user_changed_in_the_step_itself_stays(gone_back):
    cells = gone_back(lambda user: user.edit({"test()": "test(mine=True)"}))
    assert sources(cells) == [*BEFORE, "test(mine=True)"]


def test_a_snapshot_that_was_changed_or_is_gone_brings_nothing_back(tmp_path):
    def damage(user: User) -> None:
        user.edit({"load()": None})
        for file in (tmp_path / "cache" / "before_steps").glob("*.json"):
            if "load()" in file.read_text(encoding="utf-8"):
                file.write_text(file.read_text(encoding="utf-8").replace("load()", "evil()"), encoding="utf-8")

    assert sources(on_a_file(tmp_path, damage)) == [source for source in BEFORE if source != "load()"]


def test_each_state_of_a_cell_is_kept_once_and_the_last_snapshot_of_a_step_counts(tmp_path):
    snapshots = StepSnapshots(tmp_path)
    one, two = new_markdown_cell("one"), new_markdown_cell("two")
    for step, cells in {"a": [one], "b": [one, two]}.items():
        snapshots.take(step, cells)
    snapshots.take("b", [two])
    assert len(list((tmp_path / "cache" / "before_steps").glob("*.json"))) == 2
    assert sources(snapshots.before("b")) == ["two"] and snapshots.before("never") == []
    with (tmp_path / "cache" / "before_steps" / "index.jsonl").open("a", encoding="utf-8") as index:
        index.write(json.dumps({"step_id": "b", "cells": ["../../secret"]}) + '\n{"torn')
    assert snapshots.before("b") == []
