"""What waits for the clinician, and the stop button. By keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lab import MINUTES, Lab
from playwright.sync_api import Locator, expect
from scripted import Turns

from tests.server.claude_server import UNTIL_GO, script

WITHOUT_A_TARGET = "I want to build a model on chest X-rays. Chest drains may act as a confounder."
BRING_THE_KEYBOARD = "Control+Alt+J"


def approval(lab: Lab) -> Locator:
    return lab.panel.get_by_role("region", name="A cell waits for your approval")


@pytest.fixture
def asks_before_each_cell(open_lab: Callable[..., Lab]) -> Lab:
    lab = open_lab(width=1500)
    lab.setting(approve="each")
    yield lab
    lab.setting()


def test_questions_and_approvals_are_answered_by_keyboard_alone(asks_before_each_cell: Lab) -> None:
    lab, keys = asks_before_each_cell, asks_before_each_cell.page.keyboard
    lab.ask(WITHOUT_A_TARGET)
    questions = lab.panel.get_by_role("form", name="Questions that only you can answer")
    expect(questions).to_be_visible(timeout=MINUTES)
    lab.screenshot("question-light")
    assert lab.serious_violations() == []
    keys.press(BRING_THE_KEYBOARD)
    expect(questions.get_by_label("pneumothorax")).to_be_focused()
    keys.press("Space")
    expect(questions.get_by_label("pneumothorax")).to_be_checked()
    lab.press_until("Answer")
    keys.press("Enter")

    expect(approval(lab)).to_be_visible(timeout=2 * MINUTES)
    expect(approval(lab).get_by_text("Why you are asked:")).to_be_visible()
    code = approval(lab).get_by_label("The code of the cell")
    expect(code).to_contain_text("read_cohort")
    lab.screenshot("approval-light")
    assert lab.serious_violations() == []
    first = code.text_content()
    keys.press(BRING_THE_KEYBOARD)
    lab.press_until("Run it")
    keys.press("Enter")
    lab.wait_for_step("Load the cohort", "done", timeout=2 * MINUTES)

    expect(code).not_to_have_text(first or "", timeout=MINUTES)
    keys.press(BRING_THE_KEYBOARD)
    lab.press_until("Do not run it")
    keys.press("Enter")
    end = lab.wait_for_end("Failed", timeout=MINUTES)
    expect(end).to_contain_text("'Decode and audit the images' was left out")
    assert "" not in lab.sources(), "JupyterLab's blank cell stayed in the notebook"


def test_stop_interrupts_the_running_cell_now_and_keeps_the_kernel(open_lab: Callable[..., Lab], turns: Turns) -> None:
    lab = open_lab(width=1500)
    turns.extend(script("kept = 41", UNTIL_GO)[:-1])
    run = lab.ask(claude=True)
    lab.wait_for_text("waiting")
    expect(lab.panel.get_by_text("elapsed")).to_be_visible()
    lab.page.keyboard.press(BRING_THE_KEYBOARD)
    expect(lab.panel.get_by_role("heading", name="clinjup")).to_be_focused()
    lab.press_until("Stop")
    lab.page.keyboard.press("Enter")
    end = lab.wait_for_end("Stopped", timeout=10_000)
    expect(end.get_by_role("button", name="Go on")).to_be_visible()
    lab.wait_for_text("KeyboardInterrupt")
    shown = lab.page.locator(".jp-Clinjup-ErrorButtons").first.locator("..")
    expect(shown).to_contain_text("Traceback")
    expect(shown).to_contain_text("KeyboardInterrupt")
    shown.scroll_into_view_if_needed()
    lab.screenshot("stopped")
    assert lab.run_by_hand("print(kept + 1)") == "42\n"
    assert Path(run["folder"], "notebook.ipynb").is_file()
