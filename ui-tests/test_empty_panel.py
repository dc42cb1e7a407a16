"""The first minute: what somebody sees who has just opened JupyterLab."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lab import MINUTES, Lab
from playwright.sync_api import expect

from clinjup.examples import EXAMPLES


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_offers_the_five_requests_and_all_of_them_can_be_tried(open_lab: Callable[..., Lab], theme: str) -> None:
    lab = open_lab(theme=theme)
    lab.new_request()
    examples = lab.panel.get_by_role("list", name="Examples on synthetic data").get_by_role("button")
    expect(examples).to_have_count(5)
    expect(examples.filter(has_text="later version")).to_have_count(0)
    expect(lab.panel.get_by_text("offline", exact=False).first).to_be_visible()
    expect(lab.panel.get_by_text("no cost")).to_be_visible()
    lab.screenshot(f"empty-{theme}")
    assert lab.serious_violations() == []


def test_one_click_on_an_example_starts_a_run_on_its_synthetic_data(open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(width=1500)
    lab.new_request()
    lab.click_example("Pneumothorax")
    expect(lab.panel.locator("blockquote")).to_have_text(EXAMPLES["pneumothorax"].intent, timeout=2 * MINUTES)
    lab.wait_for_cells(2, timeout=2 * MINUTES)
    lab.stop()
    lab.wait_for_end("Stopped", timeout=MINUTES)


@pytest.mark.parametrize("width", [250, 700])
def test_nothing_is_cut_off_in_a_narrow_or_wide_panel(open_lab: Callable[..., Lab], width: int) -> None:
    lab = open_lab()
    lab.new_request()
    lab.resize_panel(width)
    box = lab.panel.bounding_box()
    assert box is not None and abs(box["width"] - width) < 30
    too_wide = lab.panel.evaluate(
        "panel => [...panel.querySelectorAll('*')].filter(n => n.scrollWidth > n.clientWidth + 1"
        " && getComputedStyle(n).overflowX !== 'visible' && !n.matches('.jp-Clinjup-Hidden, textarea, input, select'))"
        ".map(n => n.className)"
    )
    assert too_wide == []
    lab.screenshot(f"empty-{width}", panel_only=True)


def test_a_request_without_a_folder_is_asked_for_one_and_nothing_starts(open_lab: Callable[..., Lab]) -> None:
    lab = open_lab()
    lab.new_request()
    request = lab.panel.get_by_label("What do you want to find out?")
    request.fill("Diagnose pneumothorax")
    request.press("Enter")
    expect(lab.panel.get_by_role("alert")).to_have_text("Name the folder with the images.")


def test_an_unusable_folder_is_told_in_a_sentence(open_lab: Callable[..., Lab]) -> None:
    lab = open_lab()
    lab.new_request()
    lab.panel.get_by_label("Folder with the images", exact=True).fill("no/such/folder")
    request = lab.panel.get_by_label("What do you want to find out?")
    request.fill("Diagnose pneumothorax on chest X-rays")
    request.press("Enter")
    alert = lab.panel.get_by_role("alert")
    expect(alert).to_contain_text("no/such/folder")
    expect(request).to_have_value("Diagnose pneumothorax on chest X-rays")


def test_the_panel_speaks_german_when_asked_to(open_lab: Callable[..., Lab]) -> None:
    lab = open_lab()
    lab.new_request()
    lab.setting(language="de")
    try:
        shown = lab.panel.get_by_label("Gezeigter Lauf")
        if shown.count():  # the page was loaded again, and a run that can go on is shown first
            shown.select_option(label="Neue Anfrage")
        expect(lab.panel.get_by_role("heading", name="Stellen Sie eine klinische Frage")).to_be_visible()
        expect(lab.panel.get_by_role("button", name="Handgelenksfrakturen markieren")).to_be_visible()
    finally:
        lab.setting()
