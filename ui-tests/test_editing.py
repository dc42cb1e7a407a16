"""The user's own hands in the notebook while a run works in it: edits, two tabs, two runs."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from lab import MINUTES, Lab
from playwright.sync_api import expect
from scripted import Turns
from server import LabServer

from tests.server.claude_server import UNTIL_GO, let_go, script

SECOND = UNTIL_GO.replace("cache/go", "cache/second").replace("waiting", "waiting again")


def on_disk(server: LabServer, path: str) -> list[str]:
    return ["".join(cell["source"]) for cell in server.notebook(path)["cells"]]


def select(lab: Lab, source: str) -> None:
    lab.page.evaluate(
        """source => {
          const { content, context } = window.jupyterapp.shell.currentWidget;
          const cells = context.model.sharedModel.cells;
          content.activeCellIndex = cells.findIndex(cell => cell.getSource() === source);
          content.mode = 'command';
          window.jupyterapp.shell.activateById(window.jupyterapp.shell.currentWidget.id);
        }""",
        source,
    )


def type_at_the_end_of(lab: Lab, source: str, text: str, *, delay: float = 0) -> None:
    select(lab, source)
    lab.command("notebook:enter-edit-mode")
    lab.page.keyboard.press("Control+End")
    lab.page.keyboard.type(text, delay=delay)


def test_cells_that_the_user_edits_moves_deletes_and_brings_back_stay_so_while_the_run_works(
    open_lab: Callable[..., Lab], turns: Turns, server: LabServer
) -> None:
    lab = open_lab(width=1500)
    path = lab.new_notebook("one", "two", "three", "four")
    turns.extend(script(UNTIL_GO, SECOND, "print('third cell')"))
    run = lab.ask(notebook=path, claude=True)
    lab.wait_for_text("waiting")

    type_at_the_end_of(lab, "one", " and a half")
    lab.command("notebook:enter-command-mode")
    select(lab, "two")
    lab.command("notebook:delete-cell")
    select(lab, "four")
    lab.command("notebook:move-cell-up")
    lab.page.wait_for_timeout(1000)  # what is done within half a second is one step for JupyterLab's undo
    select(lab, "three")
    lab.command("notebook:delete-cell")
    lab.command("notebook:undo-cell-action")
    let_go(run)  # the run writes its next cell between what the user does
    lab.wait_for_text("waiting again")
    lab.command("notebook:insert-cell-below")
    lab.command("notebook:change-cell-to-markdown")
    lab.command("notebook:enter-edit-mode")
    lab.page.keyboard.type("written while the second cell ran")
    lab.command("notebook:enter-command-mode")
    let_go(run, "second")
    lab.wait_for_end("Failed", timeout=MINUTES)
    lab.wait_for_text("third cell")
    lab.screenshot("edited")

    shown = lab.sources()
    assert "two" not in shown
    mine = [source for source in shown if source in {"one and a half", "four", "three"}]
    assert mine == ["one and a half", "four", "three"]
    assert shown.count("written while the second cell ran") == 1
    assert [source for source in shown if "cache/go" in source] and [s for s in shown if "cache/second" in s]
    assert on_disk(server, path) == shown
    expect(lab.page.locator(".jp-Dialog")).to_have_count(0)


def test_after_going_back_to_before_a_step_the_panel_says_so_and_the_run_goes_on_from_there(
    open_lab: Callable[..., Lab], turns: Turns, server: LabServer
) -> None:
    lab = open_lab(width=1500)
    path = lab.new_notebook("mine")
    turns.extend(script("print('first')", "print('second')"))
    lab.ask(notebook=path, claude=True)
    lab.wait_for_end("Failed", timeout=MINUTES)
    lab.wait_for_text("print('second')")
    select(lab, "print('first')")
    lab.command("notebook:delete-cell")
    assert "print('first')" not in lab.sources()  # and not saved

    lab.panel.get_by_role("button", name='Go back to before "S2"').click()
    lab.page.locator(".jp-Dialog").get_by_role("button", name="Go back").click()
    end = lab.wait_for_end("Stopped", timeout=MINUTES)
    expect(end).to_contain_text("taken out from 'S2' on, and 1 above put back")
    lab.wait_for_text("print('first')")
    lab.wait_for_step("S1", "done")
    lab.wait_for_step("S2", "pending")
    lab.page.wait_for_function(
        """source => {
          const { cells } = window.jupyterapp.shell.currentWidget.context.model.sharedModel;
          return cells.every(cell => cell.getSource() !== source);
        }""",
        arg="print('second')",
    )
    lab.screenshot("gone-back")
    assert lab.serious_violations() == []

    turns.extend(script(s2="print('second, again')")[1:])
    end.get_by_role("button", name="Go on").click()
    lab.wait_for_end("Failed", timeout=2 * MINUTES)
    lab.wait_for_text("second, again")
    lab.wait_for_step("S2", "done")
    assert "mine" in lab.sources() and "print('first')" in lab.sources()
    assert on_disk(server, path) == lab.sources()


def test_a_second_tab_follows_read_only_and_takes_over_when_the_first_is_closed(
    open_lab: Callable[..., Lab], turns: Turns, server: LabServer
) -> None:
    lab = open_lab(width=1500)
    path = lab.new_notebook("mine")
    turns.extend(script(UNTIL_GO, SECOND))
    run = lab.ask(notebook=path, claude=True)
    lab.wait_for_text("waiting")
    second = open_lab(beside=lab)
    second.activate_notebook(path)
    banner = second.page.locator(".jp-Clinjup-Banner")
    expect(banner).to_contain_text("Another tab writes this notebook")
    expect(banner).to_be_visible()  # it has a height
    assert second.page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets[0].readOnly")
    let_go(run)
    second.wait_for_text("waiting again")
    second.screenshot("second-tab")

    lab.page.close()
    expect(banner).not_to_be_visible()
    second.page.bring_to_front()
    # A user's hand: the edit mode of a notebook that nobody has touched is JupyterLab's own doing, and is left when the file is loaded anew.
    second.page.locator(".jp-Notebook:visible .jp-Cell", has_text="mine").first.click()
    type_at_the_end_of(second, "mine", ", edited in the second tab")
    second.screenshot("second-takes-over")
    let_go(run, "second")
    second.wait_for_end("Failed", timeout=MINUTES)
    state = second.page.evaluate(
        """() => {
          const cell = window.jupyterapp.shell.currentWidget.content.widgets[0];
          return [cell.readOnly, cell.syncEditable, cell.editor?.getOption('readOnly'), cell.model.getMetadata('editable')];
        }"""
    )
    assert "mine, edited in the second tab" in second.sources(), f"the first cell cannot be edited: {state}"
    assert on_disk(server, path) == second.sources()
    assert "editable" not in json.dumps(server.notebook(path)), "the read-only tab marked the cells for everyone"


def test_what_is_typed_while_a_second_run_starts_in_a_notebook_stands_there_once(
    open_lab: Callable[..., Lab], turns: Turns, server: LabServer
) -> None:
    lab = open_lab(width=1500)
    path = lab.new_notebook("mine")
    turns.extend(script("print('the first run')"))
    lab.ask(notebook=path, claude=True)
    lab.wait_for_end("Failed", timeout=MINUTES)
    lab.wait_for_text("the first run")
    turns.extend(script(UNTIL_GO))
    run = lab.ask(notebook=path, claude=True)
    type_at_the_end_of(lab, "mine", ", and a line that takes its time to be typed", delay=80)
    lab.wait_for_text("waiting")
    let_go(run)
    lab.wait_for_end("Failed", timeout=MINUTES)
    assert [text for text in lab.sources() if "mine" in text] == ["mine, and a line that takes its time to be typed"]
    assert on_disk(server, path) == lab.sources()


@pytest.mark.parametrize("starts", ["first", "second"])
def test_what_was_typed_in_one_of_two_tabs_is_kept_when_a_run_starts_from_there(
    open_lab: Callable[..., Lab], turns: Turns, server: LabServer, starts: str
) -> None:
    first = open_lab(width=1500)
    path = first.new_notebook("mine")
    second = open_lab(beside=first)
    second.activate_notebook(path)
    second.wait_for_cells(1)
    lab = {"first": first, "second": second}[starts]
    lab.page.bring_to_front()
    type_at_the_end_of(lab, "mine", ", and more")
    turns.extend(script(UNTIL_GO))
    run = lab.ask(notebook=path, claude=True)
    for tab in (first, second):
        tab.wait_for_text("waiting")
    let_go(run)
    lab.wait_for_end("Failed", timeout=MINUTES)
    for tab in (first, second):
        tab.wait_for_text("gone on")
        assert [text for text in tab.sources() if "mine" in text] == ["mine, and more"]
    assert "mine, and more" in on_disk(server, path)


def test_two_runs_in_two_notebooks_keep_to_their_own_whatever_tab_is_in_front(
    open_lab: Callable[..., Lab], turns: Turns, server: LabServer
) -> None:
    lab = open_lab(width=1500)
    first, second = lab.new_notebook("first"), lab.new_notebook("second")
    plans = {name: script(f"name = '{name}'", UNTIL_GO, "print('this is', name)") for name in ("first", "second")}
    runs = {}
    for path, name in ((first, "first"), (second, "second")):
        turns.extend(plans[name][:3])
        lab.activate_notebook(path)
        runs[name] = lab.ask(notebook=path, claude=True)
        lab.wait_for_text("waiting")
    lab.activate_notebook(first)
    for name in ("second", "first"):
        turns.extend(plans[name][3:])
        let_go(runs[name])
        lab.panel.get_by_label("Shown run").select_option(runs[name]["id"])
        lab.wait_for_end("Failed", timeout=MINUTES)
        lab.activate_notebook(second)  # the notebook that the other run does not write
    for path, name, other in ((first, "first", "second"), (second, "second", "first")):
        lab.activate_notebook(path)
        lab.wait_for_text(f"this is {name}")
        sources = lab.sources()
        assert name in sources and f"name = '{name}'" in sources
        assert other not in sources and f"name = '{other}'" not in sources
        assert on_disk(server, path) == sources
    lab.screenshot("two-runs")
