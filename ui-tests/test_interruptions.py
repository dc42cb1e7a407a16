"""What goes wrong in real life: the network, the kernel, the server. None of these runs trains."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from lab import MINUTES, Lab
from playwright.sync_api import Browser, expect
from scripted import Turns
from server import LabServer

from tests.server.claude_server import UNTIL_GO, let_go, script

LOST = "No connection to the server."


def test_thirty_seconds_offline_lose_neither_the_users_edits_nor_the_runs_cells(
    open_lab: Callable[..., Lab], turns: Turns, server: LabServer
) -> None:
    lab = open_lab(width=1500)
    path = lab.new_notebook("before the run")
    turns.extend(script(UNTIL_GO, "print('written while the browser was offline')"))
    run = lab.ask(notebook=path, claude=True)
    lab.wait_for_text("waiting")
    lab.pull_the_cable()
    expect(lab.panel.get_by_text(LOST)).to_be_visible()
    lab.screenshot("offline")
    lab.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0 }")
    lab.command("notebook:insert-cell-above")
    lab.command("notebook:change-cell-to-markdown")
    lab.command("notebook:enter-edit-mode")
    lab.page.keyboard.type("typed offline")
    let_go(run)
    lab.page.wait_for_timeout(30_000)  # the issue's own figure: long enough for pings and leases to run out
    assert "written while" in json.dumps(server.notebook(path)), "the run waited for the browser"
    lab.plug_it_in()
    expect(lab.panel.get_by_text(LOST)).not_to_be_visible()
    lab.wait_for_end("Failed", timeout=MINUTES)
    lab.wait_for_text("written while the browser was offline")
    assert "typed offline" in lab.sources() and "before the run" in lab.sources()
    lab.close_connection_dialogs()
    lab.save_by_hand()
    whole = json.dumps(server.notebook(path))
    assert "typed offline" in whole and "written while the browser was offline" in whole
    lab.screenshot("online-again")


def test_a_killed_kernel_is_told_in_a_sentence_and_the_notebook_is_whole(
    open_lab: Callable[..., Lab], turns: Turns, server: LabServer
) -> None:
    lab = open_lab(width=1500)
    turns.extend(script("print('first')", UNTIL_GO))
    run = lab.ask(claude=True)
    lab.wait_for_text("waiting")
    server.kill_kernel(run["notebook"])
    lab.wait_for_end("Failed", timeout=MINUTES)
    expect(lab.panel.get_by_text("kernel that ran this cell stopped").first).to_be_visible()
    lab.screenshot("kernel-killed")
    whole = json.dumps(server.notebook(run["notebook"]))
    assert "first" in whole and "waiting" in whole
    assert lab.run_by_hand("print(6 * 7)") == "42\n"


def test_a_killed_server_leaves_a_whole_notebook_and_a_run_that_goes_on(
    open_lab: Callable[..., Lab], turns: Turns, server: LabServer
) -> None:
    lab = open_lab(width=1500)
    path = lab.new_notebook("mine")
    first = script("print('first')", UNTIL_GO)
    turns.extend(first[:-1])
    run = lab.ask(notebook=path, claude=True)
    lab.wait_for_text("waiting")
    lab.page.evaluate(
        "() => { window.jupyterapp.shell.currentWidget.context.model.sharedModel.cells[0].setSource('mine, edited') }"
    )
    before = lab.sources()
    server.kill()
    expect(lab.panel.get_by_text(LOST)).to_be_visible(timeout=MINUTES)
    lab.screenshot("server-gone")
    server.start()
    end = lab.wait_for_end("Stopped", timeout=2 * MINUTES)
    expect(lab.panel.get_by_text(LOST)).not_to_be_visible()
    lab.screenshot("server-back")
    assert set(before) <= set(lab.sources()), "what was in the tab is not there any more"
    on_disk = ["".join(cell["source"]) for cell in server.notebook(path)["cells"]]
    assert set(before) - {"mine, edited"} <= set(on_disk), "what the run had written is not in the file"

    turns.extend(first[2:])
    let_go(run)
    lab.close_connection_dialogs()
    end.get_by_role("button", name="Go on").click()
    lab.wait_for_end("Failed", timeout=2 * MINUTES)
    lab.wait_for_text("gone on")
    assert Path(run["folder"], "report.html").is_file()
    assert "mine, edited" in lab.sources()
    assert "mine, edited" in json.dumps(server.notebook(path)), "the edit never reached the file"


def test_a_login_that_has_expired_is_told_in_a_sentence(browser: Browser, tmp_path: Path) -> None:
    server = LabServer(tmp_path, token="first")
    server.start()
    context = browser.new_context()
    try:
        lab = Lab(context.new_page(), server.url, tmp_path)
        lab.page.goto(f"{server.url}/lab?token=first")
        lab.ready()
        server.forget_logins("second")
        expect(lab.panel.get_by_text("You are not logged in to this server any more")).to_be_visible(timeout=MINUTES)
    finally:
        context.close()
        server.stop()
