"""The sidebar in a real browser (the harness of ui-tests/): how soon it can be used, how fast cells and outputs arrive, how fast it stops.

Needs what the browser suite needs: chromium, and the labextension built and linked (`make ui-browser` does both).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.report import markdown_table, median_and_range, record

sys.path.insert(0, str(Path(__file__).parents[1] / "ui-tests"))

OPENINGS, REQUESTS, STOPS, STARTS = 5, 5, 3, 9
STAMPS, STAMP_SECONDS = 60, 0.25
CELLS = 500
BATCHES, EVENTS_A_BATCH = 200, 50
PATIENTS = 60

Row = tuple[str, list[float], str, float | None]

# From inside the page: the first animation frame in which JupyterLab is restored, and in which the panel is there.
WATCH_START = """
  window.seen = {};
  const note = name => { window.seen[name] ??= performance.now(); };
  const look = () => {
    if (window.jupyterapp && !window.asked) {
      window.asked = true;
      window.jupyterapp.restored.then(() => note('lab'));
    }
    if (document.querySelector('.jp-Clinjup-Request')) note('box');
    if (document.querySelector('.jp-Clinjup-Example')) note('examples');
    if (!(window.seen.lab && window.seen.examples)) requestAnimationFrame(look);
  };
  look();
"""

# Stamps that a cell prints (seconds since 1970, in brackets), and when each was in the notebook's model.
WATCH_STAMPS = """() => {
  window.arrived = {};
  const notebook = window.jupyterapp.shell.currentWidget.context.model.sharedModel;
  const look = () => {
    for (const cell of notebook.cells.slice(-3)) {
      for (const output of cell.getOutputs?.() ?? []) {
        for (const [, stamp] of String(output.text ?? '').matchAll(/<(\\d+\\.\\d+)>/g)) {
          window.arrived[stamp] ??= (performance.timeOrigin + performance.now()) / 1000;
        }
      }
    }
  };
  notebook.changed.connect(look);
}"""
STAMPING = f"""import time

for _ in range({STAMPS}):
    print(f'<{{time.time():.4f}}>', flush=True)
    time.sleep({STAMP_SECONDS})
"""


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks ui")
    parser.add_argument("--record", action="store_true", help="write the table into RESULTS.md")
    options = parser.parse_args(argv)
    rows = [*measure_server(), *measure_browser()]
    reached = [limit is None or statistics.median(values) <= limit for _, values, _, limit in rows]
    table = [
        [
            f"{words}, {unit}",
            len(values),
            median_and_range(values),
            "" if limit is None else f"<= {limit:g}",
            "" if limit is None else "reached" if ok else "missed",
        ]
        for (words, values, unit, limit), ok in zip(rows, reached, strict=True)
    ]
    text = (
        f"Offline planner on a synthetic cohort of {PATIENTS} patients; cells of a test's choosing by the scripted model server; "
        "Debian's headless chromium on the machine that also runs the server and the kernel.\n\n"
        + markdown_table(["", "n", "median (range)", "target", ""], table)
    )
    print(text)
    if options.record:
        record("ui", "python -m benchmarks ui --record", text)
    return 0 if all(reached) else 1


# ------------------------------------------------------------------------------------------------------- the server


def measure_server() -> list[Row]:
    """Start-up of a Jupyter server with and without the extension, in turns."""
    with_it, without = [], []
    for _ in range(STARTS):
        without.append(_start_seconds(False))
        with_it.append(_start_seconds(True))
    more = [1000 * (a - b) for a, b in zip(with_it, without, strict=True)]
    torch = float("torch" in _modules_of_a_server())
    return [
        ("processor time that the server extension adds to a start", more, "ms", 150),
        ("the server process has imported torch (1 = yes)", [torch], "", 0),
    ]


_START = """
import sys
from jupyter_server.serverapp import ServerApp

app = ServerApp()
app.initialize(["--no-browser", "--allow-root", "--port=0", "--ServerApp.jpserver_extensions={'clinjup.server': %s}",
                "--ServerApp.root_dir=" + sys.argv[1]], starter_extension=None)
print(' '.join(sys.modules))
"""


def _start(with_extension: bool) -> str:
    with tempfile.TemporaryDirectory(prefix="clinjup-ui-") as folder:
        environment = {**os.environ, "JUPYTER_NO_CONFIG": "1", "HOME": folder, "JUPYTER_CONFIG_DIR": folder}
        environment["JUPYTER_RUNTIME_DIR"] = environment["JUPYTER_DATA_DIR"] = folder
        command = [sys.executable, "-c", _START % with_extension, folder]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def _start_seconds(with_extension: bool) -> float:
    """Processor seconds from nothing to a server that would listen next."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _start(with_extension)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _modules_of_a_server() -> set[str]:
    modules = set(_start(True).split())
    assert "clinjup.server.extension" in modules, "the extension was not loaded"
    return modules


# ------------------------------------------------------------------------------------------------------ the browser


def measure_browser() -> list[Row]:
    from playwright.sync_api import sync_playwright

    with (
        tempfile.TemporaryDirectory(prefix="clinjup-ui-") as folder,
        sync_playwright() as playwright,
        _server(Path(folder)) as (server, turns),
        _chromium(playwright) as browser,
    ):
        rows = measure_opening(browser, server)
        rows += measure_request(browser, server)
        rows += measure_ops(browser, server, turns)
        rows += measure_events(browser, server, turns)
        rows += measure_stop(browser, server)
    return rows


@contextmanager
def _server(folder: Path) -> Iterator[tuple[Any, Any]]:
    from scripted import Turns
    from server import LabServer

    from clinjup.testing import ScriptedClaude

    turns = Turns()
    with ScriptedClaude(turns) as claude:
        server = LabServer(folder, {"ANTHROPIC_BASE_URL": claude.url})
        server.write_cohort(PATIENTS)
        server.start()
        try:
            yield server, turns
        finally:
            server.stop()


@contextmanager
def _chromium(playwright: Any) -> Iterator[Any]:
    from lab import CHROMIUM, CHROMIUM_SWITCHES

    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_SWITCHES)
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def _lab(browser: Any, server: Any, *, script: str = "") -> Iterator[Any]:
    from lab import Lab

    context = browser.new_context(viewport={"width": 1500, "height": 950})
    if script:
        context.add_init_script(script)
    lab = Lab(context.new_page(), server.url, Path(tempfile.gettempdir()))
    try:
        lab.open(fresh=True)
        yield lab
    finally:
        context.close()


def measure_opening(browser: Any, server: Any) -> list[Row]:
    box, examples = [], []
    for _ in range(OPENINGS + 1):
        with _lab(browser, server, script=WATCH_START) as lab:
            lab.page.wait_for_function("() => window.seen.lab && window.seen.box && window.seen.examples")
            seen = lab.page.evaluate("() => window.seen")
            box.append(max(0.0, seen["box"] - seen["lab"]))
            examples.append(max(0.0, seen["examples"] - seen["lab"]))
    return [
        ("JupyterLab restored until the request box is there", box[1:], "ms", 300),
        ("JupyterLab restored until the examples are there", examples[1:], "ms", 300),
        ("the same on the first page of a server, which imports what runs need", examples[:1], "ms", None),
    ]


def measure_request(browser: Any, server: Any) -> list[Row]:
    """From Enter to the first cell; nothing runs (approval plan-only), so that only the way to the notebook is measured."""
    from lab import DATA, REQUEST

    seconds = []
    with _lab(browser, server) as lab:
        lab.setting(approve="plan-only")
        for _ in range(REQUESTS):
            lab.new_request()
            lab.panel.get_by_label("Folder with the images", exact=True).fill(DATA)
            lab.panel.get_by_label("What do you want to find out?").fill(REQUEST)
            lab.page.evaluate(
                """() => {
                  const front = window.jupyterapp.shell.currentWidget;
                  const look = () => {
                    const now = window.jupyterapp.shell.currentWidget;
                    const cells = now?.context?.model?.sharedModel?.cells ?? [];
                    if (now !== front && cells.some(cell => cell.getSource())) window.firstCell = performance.now();
                    else requestAnimationFrame(look);
                  };
                  window.firstCell = 0;
                  document.addEventListener('keydown', () => { window.pressed = performance.now(); }, { once: true, capture: true });
                  look();
                }"""
            )
            lab.panel.get_by_label("What do you want to find out?").press("Enter")
            lab.page.wait_for_function("() => window.firstCell > 0", timeout=60_000)
            seconds.append(lab.page.evaluate("() => (window.firstCell - window.pressed) / 1000"))
            lab.wait_for_end("Finished", timeout=60_000)
        lab.setting()
    return [("Enter to the first cell in the open notebook, offline planner", seconds, "s", 1.5)]


def measure_ops(browser: Any, server: Any, turns: Any) -> list[Row]:
    """From print() in the kernel to the text in the model of an open notebook of 500 cells."""
    from tests.server.claude_server import script

    cells = [{"id": f"c{n}", "cell_type": "markdown", "source": f"Note {n}", "metadata": {}} for n in range(CELLS)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (server.root / "long.ipynb").write_text(json.dumps(document), encoding="utf-8")
    with _lab(browser, server) as lab:
        lab.activate_notebook("long.ipynb")
        lab.wait_for_cells(CELLS)
        lab.page.evaluate(WATCH_STAMPS)
        turns.extend(script(STAMPING))
        lab.ask(notebook="long.ipynb", claude=True)
        lab.wait_for_end("Failed", timeout=120_000)
        arrived = lab.page.evaluate("() => window.arrived")
    delays = [1000 * (at - float(stamp)) for stamp, at in arrived.items()]
    assert len(delays) == STAMPS, f"{len(delays)} of {STAMPS} stamps arrived"
    return [(f"print() in the kernel to the open notebook of {CELLS} cells", delays, "ms", 100)]


def measure_events(browser: Any, server: Any, turns: Any) -> list[Row]:
    """Scripting time of the main thread for each batch, from the events socket to the drawn panel; 10,000 findings in one run."""
    from tests.server.claude_server import UNTIL_GO, script

    turns.extend(script(UNTIL_GO)[:-1])
    sockets: list[Any] = []

    def between(socket: Any) -> None:
        beyond = socket.connect_to_server()
        socket.on_message(beyond.send)
        beyond.on_message(socket.send)
        sockets.append(socket)

    with _lab(browser, server) as lab:
        lab.page.route_web_socket(re.compile(r"/clinjup/v1/events"), between)
        lab.page.reload()
        lab.ready()
        run = lab.ask(claude=True)
        lab.wait_for_text("waiting")
        devtools = lab.page.context.new_cdp_session(lab.page)
        devtools.send("Performance.enable")

        def scripting() -> float:
            metrics = devtools.send("Performance.getMetrics")["metrics"]
            return 1000 * next(each["value"] for each in metrics if each["name"] == "ScriptDuration")

        spent, seq = [], 100_000
        for _ in range(BATCHES):
            finding = {"kind": "note", "sentence": "A finding like any other, long enough to fill a line of the panel."}
            events = [
                {
                    "v": 1,
                    "run_id": run["id"],
                    "seq": seq + n,
                    "ts": time.time(),
                    "type": "result",
                    "data": {"step_id": "s1", "finding": {**finding, "sentence": f"{seq + n}. {finding['sentence']}"}},
                }
                for n in range(EVENTS_A_BATCH)
            ]
            seq += EVENTS_A_BATCH
            before = scripting()
            sockets[-1].send(json.dumps({"v": 1, "events": events}))
            lab.page.wait_for_timeout(100)  # as far apart as the server sends them
            spent.append(scripting() - before)
        rows = lab.panel.locator(".jp-Clinjup-Timeline-row").count()
        lab.stop()
        lab.wait_for_end("Stopped", timeout=60_000)
    return [
        (
            f"scripting of the main thread per batch of {EVENTS_A_BATCH} events, {seq - 100_000:,} in all",
            spent,
            "ms",
            16,
        ),
        ("rows of the list that are in the page then", [float(rows)], "rows", 100),
    ]


def measure_stop(browser: Any, server: Any) -> list[Row]:
    """From the click on Stop in training to the cell's end."""
    seconds = []
    with _lab(browser, server) as lab:
        run = lab.ask()
        for number in range(STOPS):
            lab.wait_for_step("Train: baseline", "running", timeout=120_000)
            lab.panel.get_by_role("progressbar").wait_for(timeout=60_000)
            clicked = time.monotonic()
            lab.stop()
            lab.page.wait_for_function(
                """() => {
                  const cells = window.jupyterapp.shell.currentWidget.context.model.sharedModel.cells;
                  return cells.every(cell => cell.executionState !== 'running');
                }"""
            )
            seconds.append(time.monotonic() - clicked)
            end = lab.wait_for_end("Stopped", timeout=60_000)
            if number + 1 < STOPS:
                end.get_by_role("button", name="Go on").click()
        assert run["id"]
    return [("click on Stop to the end of a cell that trains", seconds, "s", 1)]
