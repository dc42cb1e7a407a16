"""Notebooks and outputs that are larger or worse than usual."""

from __future__ import annotations

import json
from collections.abc import Callable

from lab import MINUTES, Lab
from playwright.sync_api import expect
from scripted import Turns
from server import LabServer

from tests.server.claude_server import UNTIL_GO, let_go, script

FIVE_MEGABYTES = """import io

import numpy as np
from IPython.display import Image, display
from PIL import Image as Picture

for number in range(50):
    print(f'{number:02d}' + 'x' * 99_997)
print('the end of it')
noise, file = np.random.default_rng(0).integers(0, 255, (1300, 1300, 3), dtype=np.uint8), io.BytesIO()
Picture.fromarray(noise).save(file, 'png')
display(Image(file.getvalue()))
"""
# What the policy cannot read in the source, the filter of outputs has to keep out.
HOSTILE = """from IPython.display import HTML, display
from clinjup.contracts import NoteFinding
from clinjup.kernel import emit

word, less = 'tpircs'[::-1], chr(60)
attack = less + word + '>window.hacked = 1' + less + '/' + word + '>'
display(HTML('<b>bold</b>'))
display(HTML(attack))
display(HTML(less + 'img src=x ' + 'rorreno'[::-1] + '="window.hacked = 2">'))
display(HTML(less + 'img src="x"' + 'rorreno'[::-1] + '="window.hacked = 4">'))
display(HTML(less + 'img/' + 'rorreno'[::-1] + '="window.hacked = 5"/src=x>'))
display({'application/java' + word: 'window.hacked = 3', 'text/plain': 'a picture'}, raw=True)
display({'image/svg+xml': less + 'svg xmlns="http://www.w3.org/2000/svg">' + attack + less + '/svg>'}, raw=True)
emit(NoteFinding(sentence=attack), attack)
"""


def notebook_of(cells: int) -> dict[str, object]:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {
        "cells": [
            {"id": f"c{n}", "cell_type": "markdown", "source": f"## Note {n}\nWhat was thought.", "metadata": {}}
            for n in range(cells)
        ],
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def test_a_run_in_a_notebook_of_500_cells_writes_and_keeps_all_of_them(
    open_lab: Callable[..., Lab], turns: Turns, server: LabServer
) -> None:
    (server.root / "long.ipynb").write_text(json.dumps(notebook_of(500)), encoding="utf-8")
    lab = open_lab(width=1500)
    lab.activate_notebook("long.ipynb")
    lab.wait_for_cells(500)
    turns.extend(script("print('in the long notebook')"))
    lab.ask(notebook="long.ipynb", claude=True)
    lab.wait_for_end("Failed", timeout=2 * MINUTES)
    lab.wait_for_text("in the long notebook")
    shown = lab.sources()
    assert len(shown) > 500 and shown[:500] == [f"## Note {n}\nWhat was thought." for n in range(500)]
    assert ["".join(cell["source"]) for cell in server.notebook("long.ipynb")["cells"]] == shown
    lab.screenshot("500-cells")


def test_five_megabytes_of_output_arrive_and_scripts_in_outputs_do_not_run(
    open_lab: Callable[..., Lab], turns: Turns, server: LabServer
) -> None:
    lab = open_lab(width=1500)
    turns.extend(script(FIVE_MEGABYTES, HOSTILE))
    run = lab.ask(claude=True)
    waiting = lab.panel.get_by_role("region", name="A cell waits for your approval")
    end = lab.panel.get_by_role("region", name="How the run ended")
    expect(waiting.or_(end)).to_be_visible(timeout=2 * MINUTES)
    if waiting.count():
        waiting.get_by_role("button", name="Run it", exact=True).click()
    lab.wait_for_end("Failed", timeout=2 * MINUTES)
    lab.wait_for_text("the end of it")
    lab.wait_for_text("characters left out by clinjup")
    lab.show_cell("tpircs")
    lab.screenshot("hostile-output")
    shown = lab.page.locator(".jp-Notebook:visible .jp-RenderedHTMLCommon b", has_text="bold")
    shown.scroll_into_view_if_needed()
    expect(shown).to_be_visible()
    expect(lab.page.locator(".jp-Clinjup-Output")).to_contain_text("<script>")
    lab.screenshot("hostile-output")
    assert lab.page.evaluate("() => window.hacked") is None
    pictures = [
        output["data"]["image/png"]
        for cell in server.notebook(run["notebook"])["cells"]
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 1 and len("".join(pictures[0])) > 5_000_000

    lab.page.reload()  # and not when the file is opened again
    lab.ready()
    lab.activate_notebook(run["notebook"])
    lab.wait_for_text("the end of it")
    lab.show_cell("tpircs")
    shown.scroll_into_view_if_needed()
    expect(shown).to_be_visible()
    assert lab.page.evaluate("() => window.hacked") is None


def foreign_notebook() -> dict[str, object]:
    """One that a colleague sent, with scripts in its outputs."""
    notebook = notebook_of(1)
    sentence = '<img src=x onerror="window.hacked = 1"><script>window.hacked = 1</script>'
    finding = {"application/vnd.clinjup.result+json": {"kind": "note", "sentence": sentence}, "text/plain": sentence}
    html = {"text/html": "<b>bold</b><script>window.hacked = 2</script><img src=x onerror='window.hacked = 3'>"}
    outputs = [{"output_type": "display_data", "metadata": {}, "data": data} for data in (finding, html)]
    cell = {"id": "o", "cell_type": "code", "source": "", "metadata": {}, "execution_count": 1, "outputs": outputs}
    notebook["cells"] = [cell]
    return notebook


def test_scripts_in_a_notebook_that_came_from_elsewhere_do_not_run(
    open_lab: Callable[..., Lab], server: LabServer
) -> None:
    (server.root / "foreign.ipynb").write_text(json.dumps(foreign_notebook()), encoding="utf-8")
    lab = open_lab()
    lab.activate_notebook("foreign.ipynb")
    expect(lab.page.locator(".jp-Clinjup-Output")).to_contain_text("<script>")
    expect(lab.page.locator(".jp-RenderedHTMLCommon b", has_text="bold")).to_be_visible()
    assert lab.page.evaluate("() => window.hacked") is None


def test_scripts_in_a_notebook_from_elsewhere_do_not_run_either_once_a_run_has_written_in_it(
    open_lab: Callable[..., Lab], turns: Turns, server: LabServer
) -> None:
    """The tab is closed in the middle, so that the server writes the file and not the browser."""
    (server.root / "foreign-run.ipynb").write_text(json.dumps(foreign_notebook()), encoding="utf-8")
    lab = open_lab(width=1500)
    lab.activate_notebook("foreign-run.ipynb")
    turns.extend(script(UNTIL_GO, "print('written without a tab')"))
    run = lab.ask(notebook="foreign-run.ipynb", claude=True)
    lab.wait_for_text("waiting")
    assert lab.page.evaluate("() => window.hacked") is None
    lab.page.close()
    let_go(run)

    again = open_lab(width=1500)
    again.activate_notebook("foreign-run.ipynb")
    again.wait_for_text("written without a tab")
    again.wait_for_text("gone on")
    expect(again.page.locator(".jp-Notebook:visible .jp-Clinjup-Output")).to_contain_text("<script>")
    shown = again.page.locator(".jp-Notebook:visible .jp-RenderedHTMLCommon b", has_text="bold")
    shown.scroll_into_view_if_needed()
    expect(shown).to_be_visible()
    again.screenshot("foreign-notebook-after-a-run")
    assert again.page.evaluate("() => window.hacked") is None
