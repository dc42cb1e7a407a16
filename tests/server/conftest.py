"""One server for each worker; tests that kill or configure theirs start their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .door import HeadlessTab, Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("jupyter") / "root"
    root.mkdir()
    running = Server(root)
    yield running
    running.close()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """`own_server(*options, base_url=...)` starts a server that ends with the test."""
    started: list[Server] = []

    def start(*options: str, **keywords: Any) -> Server:
        root = tmp_path / f"root{len(started)}"
        root.mkdir()
        started.append(Server(root, *options, **keywords))
        return started[-1]

    yield start
    for running in started:
        running.close()


@pytest.fixture
def open_tab() -> Iterator[Callable[..., HeadlessTab]]:
    """`open_tab(server, path)`; all are closed after the test."""
    tabs: list[HeadlessTab] = []

    def open_one(server: Server, path: str, client: str | None = None) -> HeadlessTab:
        tabs.append(HeadlessTab(server, path, client))
        return tabs[-1]

    yield open_one
    for tab in tabs:
        tab.close()
