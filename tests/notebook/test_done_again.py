"""A resumed run does steps again whose cell is gone, and those that rest on them: in the plan's order, in their place."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell

from clinjup.contracts import Plan, Step
from clinjup.notebook.session import NotebookSession
from tests.notebook.test_live import Browser, live_notebook, settled, sources

ORDER = ["load", "split", "look", "train"]


def write(session: NotebookSession, steps: Collection[str]) -> None:
    for step in steps:
        session.add_markdown(step, f"About {step}")
        session.end(session.add_code(step, f"{step}()", attempt=1, author="recipe"))


def begun(session: NotebookSession, changes: dict[str, str | None]) -> None:
    """A notebook in which the user then changes texts; None deletes the cell."""
    session.add_markdown("introduction", "# Plan")
    write(session, ORDER)
    cells = session.notebook.cells
    cells.insert(next(i for i, cell in enumerate(cells) if cell.source == "About look"), new_markdown_cell("a note"))
    kept = [cell for cell in cells if changes.get(cell.source, "") is not None]
    for cell in kept:
        cell.source = changes.get(cell.source) or cell.source
    session.notebook.cells = kept
    session.save()


def on_a_file(folder: Path, changes: dict[str, str | None], again: list[str], then: list[str]) -> list[str]:
    begun(NotebookSession.create(folder / "notebook.ipynb", "a1b2"), changes)
    session = NotebookSession.open(folder / "notebook.ipynb", "a1b2")
    session.redo(again, ORDER)
    write(session, [*again, *then])
    session.settle()
    return sources(nbformat.read(folder / "notebook.ipynb", as_version=4).cells)


def live(folder: Path, changes: dict[str, str | None], again: list[str], then: list[str]) -> list[str]:
    session = NotebookSession.create(folder / "before.ipynb", "a1b2")
    begun(session, changes)

    async def run() -> list[str]:
        async with live_notebook(folder, session.notebook) as (notebook, tabs, files):
            browser = Browser(tabs, files, "tab", saves=False)
            await browser.take()
            notebook.redo(again, ORDER)
            write(notebook, [*again, *then])
            await settled(browser, lambda: sources(notebook.notebook.cells) == sources(browser.tab.cells))
            return sources(notebook.notebook.cells)

    return asyncio.run(run())


@pytest.fixture(params=[on_a_file, live], ids=["file", "live"])
def done_again(request, tmp_path):
    return lambda changes, again, then=(): request.param(tmp_path, changes, again, list(then))


def test_a_step_that_nothing_rests_on_stands_above_the_later_ones_again(done_again):
    assert done_again({"look()": None}, ["look"], ["test"]) == [
        *("# Plan", "About load", "load()", "About split", "split()", "About look", "look()", "a note"),
        *("About train", "train()", "About test", "test()"),
    ]


def test_a_first_step_brings_all_that_rest_on_it_into_the_plans_order_and_leaves_the_users_words(done_again):
    cells = done_again({"load()": None, "split()": "split(mine=True)"}, ["load", "split", "train"])
    assert cells == [
        *("# Plan", "About load", "load()", "split(mine=True)", "About split", "split()"),
        *("a note", "About look", "look()", "About train", "train()"),
    ]


def test_the_steps_that_rest_on_others_are_found_and_one_that_names_none_may_rest_on_any():
    def step(name: str, *depends_on: str) -> Step:
        return Step(id=name, title=name, recipe=name, depends_on=list(depends_on))

    steps = [step("load"), step("split", "load"), step("look", "split"), step("train", "split"), step("test", "train")]
    plan = Plan(objective="", steps=steps)
    assert plan.resting_on({"load"}) == ["load", "split", "look", "train", "test"]
    assert plan.resting_on({"look"}) == ["look"]
    assert plan.resting_on({"train"}) == ["train", "test"]
    assert plan.resting_on(set()) == []
    assert Plan(objective="", steps=[*steps, step("own")]).resting_on({"look"}) == ["look", "own"]
