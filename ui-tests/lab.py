"""What a clinician does in JupyterLab, in words of the panel: by roles and labels, as a screen reader sees it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
MINUTES = 60_000
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
_SWITCHES = "no-sandbox disable-gpu disable-quic no-first-run disable-background-networking disable-component-update disable-sync"
CHROMIUM_SWITCHES = [f"--{switch}" for switch in _SWITCHES.split()]
# Chromium's offline mode leaves open websockets alone; a cable that is pulled out does not.
TRACK_SOCKETS = """
  window.openSockets = [];
  window.WebSocket = class extends WebSocket {
    constructor(...given) { super(...given); window.openSockets.push(this); }
  };
"""
EXAMPLES = re.compile("Examples on synthetic data|Beispiele mit synthetischen Daten")
# The folder of the suite's cohort, as a clinician would write it into the panel, and what they want to know.
DATA = "clinjup-runs/data-pneumothorax-0"
REQUEST = "I want to diagnose pneumothorax on chest X-rays. Chest drains may act as a confounder."


class Lab:
    """One browser window with JupyterLab."""

    def __init__(self, page: Page, url: str, screenshots: Path) -> None:
        self.page, self.url, self.screenshots = page, url, screenshots

    @property
    def panel(self) -> Locator:
        return self.page.get_by_role("region", name="clinjup", exact=True)

    def open(self, *, fresh: bool = False, theme: str = "light") -> None:
        self.page.goto(f"{self.url}/lab{'?reset' if fresh else ''}")
        self.ready()
        name = "JupyterLab Dark" if theme == "dark" else "JupyterLab Light"
        if self.page.evaluate("document.body.dataset.jpThemeName") != name:
            self.command("apputils:change-theme", theme=name)
            self.page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=name)

    def ready(self) -> None:
        """JupyterLab is there, and the panel has heard from the server."""
        # A second tab is sent to a workspace of its own once it has looked for others: whatever is asked may meet that navigation.
        self.page.wait_for_function(
            """() => {
              window.jupyterapp?.restored.then(() => { window.isRestored = true; });
              return window.isRestored;
            }""",
            timeout=MINUTES,
        )
        self.page.wait_for_selector(".jp-Clinjup-Panel[aria-busy=false]")
        examples = self.panel.get_by_role("list", name=EXAMPLES).get_by_role("button")
        expect(examples.first.or_(self.panel.locator("blockquote"))).to_be_visible()

    def command(self, command: str, **arguments: object) -> None:
        self.page.evaluate(
            "async ([command, arguments]) => { await window.jupyterapp.commands.execute(command, arguments) }",
            [command, arguments],
        )

    def new_request(self) -> None:
        """The empty panel, whatever run is shown."""
        shown = self.panel.get_by_label("Shown run")
        if shown.count():
            shown.select_option(label="New request")
        expect(self.panel.get_by_role("heading", name="Ask a clinical question")).to_be_visible()

    def ask(
        self, request: str = REQUEST, *, data: str = DATA, notebook: str | None = None, claude: bool = False
    ) -> dict[str, Any]:
        """Type a request and send it with Enter; returns the run's summary once the panel shows it."""
        self.new_request()
        earlier = {run["id"] for run in self.runs()}
        self.panel.get_by_label("Folder with the images", exact=True).fill(data)
        if notebook is not None:
            self.panel.get_by_label("Write into").select_option(notebook)
        planner = self.panel.get_by_label("Planner")
        if claude or planner.count():
            planner.select_option("claude" if claude else "offline")
        box = self.panel.get_by_label("What do you want to find out?")
        box.fill(request)
        box.press("Enter")
        expect(self.panel.locator("blockquote")).to_have_text(request, timeout=MINUTES)
        (started,) = [run for run in self.runs() if run["id"] not in earlier]
        return started

    def runs(self) -> list[dict[str, Any]]:
        """All runs as the server tells them, newest first."""
        answer = self.page.request.get(f"{self.url}/clinjup/v1/runs")
        assert answer.ok, answer.text()
        return list(answer.json()["runs"])

    def setting(self, **values: str) -> None:
        """Write the user's settings, as the Settings Editor does."""
        self.page.evaluate(
            "async text => { await window.jupyterapp.serviceManager.settings.save('clinjup:panel', text) }",
            json.dumps(values),
        )
        self.page.reload()
        self.ready()

    def press_until(self, name: str, key: str = "Tab") -> None:
        """Press a key until what has this text has the keyboard."""
        for _ in range(60):
            if self.page.evaluate("document.activeElement?.textContent") == name:
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"the keyboard never reached '{name}'")

    def pull_the_cable(self) -> None:
        self.page.context.set_offline(True)
        self.page.evaluate("() => window.openSockets.forEach(socket => socket.close())")

    def plug_it_in(self) -> None:
        self.page.context.set_offline(False)

    def click_example(self, title: str) -> None:
        self.panel.get_by_role("button", name=title).click()

    def step(self, title: str) -> Locator:
        return self.panel.get_by_role("list", name="Plan").get_by_role("listitem").filter(has_text=title)

    def wait_for_step(self, title: str, status: str, timeout: float = 3 * MINUTES) -> None:
        expect(self.step(title)).to_have_attribute("data-status", status, timeout=timeout)

    def wait_for_end(self, heading: str, timeout: float = 6 * MINUTES) -> Locator:
        end = self.panel.get_by_role("region", name="How the run ended")
        expect(end.get_by_role("heading", name=heading).first).to_be_visible(timeout=timeout)
        return end

    def stop(self) -> None:
        self.panel.get_by_role("button", name="Stop").click()

    def resize_panel(self, width: int) -> None:
        """Drag the edge of the sidebar until the panel has this width."""
        handle = self.page.locator("#jp-main-split-panel > .lm-SplitPanel-handle:not(.lm-mod-hidden)").last
        box, now = handle.bounding_box(), self.panel.bounding_box()
        assert box is not None and now is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + 300
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + now["width"] - width, y, steps=4)
        self.page.mouse.up()

    # ------------------------------------------------------------------------------------------ the open notebook

    @property
    def path(self) -> str:
        """Of the notebook in front."""
        return str(self.page.evaluate("window.jupyterapp.shell.currentWidget.context.localPath"))

    def new_notebook(self, *cells: str) -> str:
        """A notebook of the user's own, in front, with these markdown cells; returns its path."""
        self.command("notebook:create-new", kernelName="python3")
        self.wait_for_cells(1)
        self.page.evaluate(
            """async cells => {
              const { context } = window.jupyterapp.shell.currentWidget;
              await context.sessionContext.ready;
              const notebook = context.model.sharedModel;
              notebook.transact(() => {
                cells.forEach((source, index) => notebook.insertCell(index, { cell_type: 'markdown', source, metadata: {} }));
                notebook.deleteCell(cells.length); // JupyterLab's blank one
              });
              await context.save();
            }""",
            list(cells),
        )
        return self.path

    def close_connection_dialogs(self) -> None:
        """JupyterLab tells a lost connection, and a save that it cut off, with dialogs of its own, which stay when it is back."""
        dialog = self.page.locator(".jp-Dialog", has_text=re.compile("Server Connection Error|File Save Error"))
        while dialog.count():
            dialog.get_by_role("button", name=re.compile("Close|Dismiss")).first.click()
            self.page.wait_for_timeout(300)  # the next one comes when this one is gone

    def save_by_hand(self) -> None:
        """Save the notebook in front: nothing is asked, and nothing is left to save."""
        self.page.evaluate(
            """() => {
              window.saved = false;
              void window.jupyterapp.shell.currentWidget.context.save().then(() => { window.saved = true; });
            }"""
        )
        self.page.wait_for_function("() => window.saved || document.querySelector('.jp-Dialog')")
        asked = self.page.locator(".jp-Dialog").all_inner_texts()
        assert asked == [], f"JupyterLab asks: {asked}"

    def show_cell(self, text: str) -> None:
        """Scroll the notebook in front to the code cell with this text."""
        self.page.evaluate(
            """async text => {
              const { content, context } = window.jupyterapp.shell.currentWidget;
              const index = context.model.sharedModel.cells.findIndex(
                cell => cell.cell_type === 'code' && cell.getSource().includes(text)
              );
              content.activeCellIndex = index;
              await content.scrollToItem(index);
            }""",
            text,
        )

    def run_by_hand(self, source: str) -> str:
        """Put a cell at the end of the notebook in front, run it as the user does, and return what it printed."""
        return str(
            self.page.evaluate(
                """async source => {
                  const { context, content } = window.jupyterapp.shell.currentWidget;
                  const notebook = context.model.sharedModel;
                  notebook.insertCell(notebook.cells.length, { cell_type: 'code', source, metadata: { trusted: true } });
                  content.activeCellIndex = notebook.cells.length - 1;
                  await window.jupyterapp.commands.execute('notebook:run-cell');
                  return context.model.sharedModel.cells.at(-1).getOutputs().map(output => output.text ?? output.evalue).join('');
                }""",
                source,
            )
        )

    def wait_for_text(self, text: str, timeout: float = MINUTES) -> None:
        """Some cell of the notebook in front holds this text, or shows it."""
        self.page.wait_for_function(
            """text => {
              const cells = window.jupyterapp.shell.currentWidget?.context?.model?.sharedModel?.cells ?? [];
              return cells.some(cell => JSON.stringify(cell.toJSON()).includes(text));
            }""",
            arg=text,
            timeout=timeout,
        )

    @property
    def cells(self) -> Locator:
        return self.page.locator(".jp-Notebook:visible .jp-Cell")

    def sources(self) -> list[str]:
        """The text of all cells of the notebook in front."""
        return self.page.evaluate(
            """() => {
              const notebook = window.jupyterapp.shell.currentWidget;
              return notebook.context.model.sharedModel.cells.map(cell => cell.getSource());
            }"""
        )

    def wait_for_cells(self, count: int, timeout: float = MINUTES) -> None:
        """At least so many cells stand in the notebook in front."""
        self.page.wait_for_function(
            """count => {
              const cells = window.jupyterapp.shell.currentWidget?.context?.model?.sharedModel?.cells;
              return cells && cells.length >= count;
            }""",
            arg=count,
            timeout=timeout,
        )

    def activate_notebook(self, path: str) -> None:
        self.command("docmanager:open", path=path)
        self.page.wait_for_function(
            "path => window.jupyterapp.shell.currentWidget?.context?.localPath === path", arg=path
        )

    # ---------------------------------------------------------------------------------------------------- checks

    def screenshot(self, name: str, *, panel_only: bool = False) -> None:
        self.screenshots.mkdir(exist_ok=True)
        target = self.panel if panel_only else self.page
        target.screenshot(path=self.screenshots / f"{name}.png")

    def serious_violations(self) -> list[str]:
        """What axe-core finds in the panel, serious or critical."""
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("async () => (await axe.run('#jp-Clinjup-panel')).violations")
        return [
            json.dumps({"id": each["id"], "nodes": [node["html"][:200] for node in each["nodes"]]})
            for each in found
            if each["impact"] in {"serious", "critical"}
        ]
