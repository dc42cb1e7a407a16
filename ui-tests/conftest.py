"""A real JupyterLab with clinjup on a small synthetic cohort, and Debian's chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from lab import CHROMIUM, CHROMIUM_SWITCHES, TRACK_SOCKETS, Lab
from playwright.sync_api import Browser, BrowserContext, Page, expect
from scripted import Turns
from server import LabServer

from clinjup.testing import ScriptedClaude

SCREENSHOTS = Path(__file__).parent / "screenshots"
PATIENTS = 60
expect.set_options(timeout=30_000)  # a busy machine is not a fault of the panel


def pytest_sessionstart() -> None:
    if shutil.which(CHROMIUM) is None:
        sentence = f"The browser tests need chromium, and there is none at {CHROMIUM} (apt-get install chromium)."
        if os.environ.get("CI") == "true":
            pytest.exit(sentence, returncode=1)
        pytest.exit(sentence + " They were not run.", returncode=0)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    return {"executable_path": CHROMIUM, "args": CHROMIUM_SWITCHES}


@pytest.fixture(scope="session")
def all_turns() -> Turns:
    return Turns()


@pytest.fixture
def turns(all_turns: Turns) -> Iterator[Turns]:
    """The turns of the scripted model: empty before the test, and used up after it."""
    all_turns.clear()
    yield all_turns
    assert not len(all_turns), "the run did not get as far as this test was written for"


@pytest.fixture(scope="session")
def claude(all_turns: Turns) -> Iterator[ScriptedClaude]:
    with ScriptedClaude(all_turns) as scripted:
        yield scripted


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, claude: ScriptedClaude) -> Iterator[LabServer]:
    lab_server = LabServer(tmp_path_factory.mktemp("lab"), {"ANTHROPIC_BASE_URL": claude.url})
    lab_server.write_cohort(PATIENTS)
    lab_server.start()
    yield lab_server
    lab_server.stop()


@pytest.fixture(scope="session")
def origins() -> Iterator[set[str]]:
    """The origins of all requests of all pages. No request leaves the machine."""
    seen: set[str] = set()
    yield seen
    assert seen, "no request was recorded"
    assert {urlsplit(origin).hostname for origin in seen} == {"localhost"}


@pytest.fixture
def open_lab(browser: Browser, server: LabServer, origins: set[str]) -> Iterator[Callable[..., Lab]]:
    """Opens JupyterLab in a fresh browser window, or `beside` another tab of the same browser; an error in a page fails the test."""
    windows: list[BrowserContext] = []
    errors: list[str] = []

    def open_window(
        *, width: int = 1400, height: int = 900, theme: str = "light", fresh: bool = True, beside: Lab | None = None
    ) -> Lab:
        if beside is None:
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
            windows.append(context)
            context.add_init_script(TRACK_SOCKETS)
            context.on("request", lambda request: origins.add(_origin(request.url)))
            context.on("weberror", lambda error: errors.append(error.error.stack or str(error.error)))
        else:
            context = beside.page.context
        page: Page = context.new_page()
        page.on("websocket", lambda socket: origins.add(_origin(socket.url)))
        lab = Lab(page, server.url, SCREENSHOTS)
        lab.open(fresh=fresh, theme=theme)
        return lab

    yield open_window
    for window in windows:
        window.close()
    # JupyterLab asks for the checkpoints after each save, and does not catch that a server which was killed then says nothing.
    assert not [error for error in errors if not ("Failed to fetch" in error and "listCheckpoints" in error)]


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return (
        f"{parts.scheme}://{parts.netloc}" if parts.netloc else "http://localhost"
    )  # data: and blob: stay in the page
