"""From a typed request to the report. The suite trains once: these tests follow one run, in this order."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from lab import MINUTES, Lab
from playwright.sync_api import expect
from server import LabServer

from clinjup.examples import EXAMPLES

USER_TEXT = "# a note of mine, written while the run trained"


@pytest.fixture(scope="module")
def story() -> dict[str, str]:
    """What one test leaves for the next."""
    return {}


def test_a_typed_request_writes_cells_into_the_open_notebook_and_trains_in_its_kernel(
    open_lab: Callable[..., Lab], story: dict[str, str], server: LabServer
) -> None:
    lab = open_lab(width=1500, height=950)
    lab.new_request()
    lab.resize_panel(420)
    lab.ask(EXAMPLES["pneumothorax"].intent)
    lab.wait_for_cells(3, timeout=2 * MINUTES)
    story["notebook"] = lab.page.evaluate("window.jupyterapp.shell.currentWidget.context.localPath")
    assert story["notebook"].endswith(".ipynb")
    lab.wait_for_step("Train: baseline", "running", timeout=5 * MINUTES)
    expect(lab.panel.get_by_role("progressbar")).to_be_visible(timeout=5 * MINUTES)
    expect(lab.panel.get_by_text("elapsed")).to_be_visible()
    expect(lab.page.locator(".jp-Clinjup-Status", has_text="Train: baseline")).to_be_visible()
    lab.screenshot("running-light")
    assert lab.serious_violations() == []
    # The user writes a cell of their own meanwhile. The tab dies once the file holds it: what was typed in the last fifth of a second
    # before that cannot be anywhere else.
    lab.page.evaluate(
        """text => {
          const notebook = window.jupyterapp.shell.currentWidget.context.model.sharedModel;
          notebook.insertCell(1, { cell_type: 'markdown', source: text, metadata: {} });
        }""",
        USER_TEXT,
    )
    deadline = time.monotonic() + MINUTES / 1000
    while USER_TEXT not in json.dumps(server.notebook(story["notebook"])):
        assert time.monotonic() < deadline, "the user's cell never reached the file"
        lab.page.wait_for_timeout(200)
    story["cells"] = str(len(lab.sources()))


def test_a_tab_opened_anew_in_training_shows_the_run_and_lost_nothing(
    open_lab: Callable[..., Lab], story: dict[str, str]
) -> None:
    lab = open_lab(theme="dark", fresh=False)
    expect(lab.panel.get_by_role("list", name="Plan")).to_be_visible()
    lab.activate_notebook(story["notebook"])
    lab.wait_for_cells(int(story["cells"]) - 1)
    lab.screenshot("reopened-dark")
    assert lab.serious_violations() == []


def test_the_run_ends_with_figures_a_report_and_findings_that_can_be_moved(
    open_lab: Callable[..., Lab], story: dict[str, str]
) -> None:
    lab = open_lab(width=1500, height=1400)
    if lab.panel.get_by_role("heading", name="Ask a clinical question").count():
        lab.panel.get_by_label("Shown run").select_option(index=1)
    end = lab.wait_for_end("Finished", timeout=8 * MINUTES)
    expect(end.get_by_text("AUROC").first).to_be_visible()
    expect(end.get_by_text("95 % CI").first).to_be_visible()
    expect(end.get_by_role("heading", name="False alarms when a chest drain is drawn in").first).to_be_visible()
    report = end.get_by_role("link", name="Read the report")
    with lab.page.context.expect_page() as opened:
        report.click()
    opened.value.wait_for_load_state()
    expect(opened.value.get_by_role("heading", level=1)).to_be_visible()  # a page, not its source
    assert opened.value.evaluate(
        "[...document.images].every(image => image.naturalWidth > 0) && document.images.length > 0"
    )
    opened.value.screenshot(path=lab.screenshots / "report.png")
    opened.value.close()

    lab.activate_notebook(story["notebook"])
    lab.wait_for_text(USER_TEXT)
    lab.show_cell("threshold_slider(test)")
    slider = lab.page.get_by_role("slider").first
    table = lab.page.locator(".jp-Notebook:visible .widget-html").filter(has_text="called positive (found)").first
    expect(table).to_contain_text("as fixed on validation")
    before = table.text_content() or ""
    slider.focus()
    for _ in range(20):
        lab.page.keyboard.press("ArrowLeft")
    expect(table).to_contain_text("fixed on validation: ")
    assert table.text_content() != before
    table.scroll_into_view_if_needed()
    lab.screenshot("threshold-slider")

    lab.show_cell("gradcam_browser(test, images")
    picture = lab.page.locator(".jp-Notebook:visible img.widget-image").last
    expect(picture).to_be_visible()
    first = picture.get_attribute("src")
    lab.page.get_by_role("slider").last.focus()
    lab.page.keyboard.press("ArrowRight")
    expect(picture).not_to_have_attribute("src", first or "")
    picture.scroll_into_view_if_needed()
    lab.screenshot("gradcam-browser")
