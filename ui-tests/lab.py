"""What a clinician does in JupyterLab, in words of the panel: by roles and labels, as a screen reader sees it."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
MINUTES = 60_000


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
        self.page.wait_for_function("() => window.jupyterapp", timeout=MINUTES)
        self.page.evaluate("async () => { await window.jupyterapp.restored }")
        expect(self.panel).to_be_visible()

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
