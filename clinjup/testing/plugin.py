"""The pytest plugin: the fixture `scripted_claude`, and the one switch that forbids the network (`--forbid-network`)."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from clinjup.testing.server import ScriptedClaude

# Read by clinjup.agent.provider, also in the processes that a test starts.
SWITCH = "CLINJUP_FORBID_NETWORK"


class NetworkForbiddenError(RuntimeError):
    """A test reached for the network."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch."""
    group = parser.getgroup("clinjup")
    group.addoption("--forbid-network", action="store_true", help="let no test connect to anything but this machine")


def pytest_configure(config: pytest.Config) -> None:
    """Close the network for this process and for those that it starts."""
    if config.getoption("--forbid-network"):
        os.environ[SWITCH] = "1"
        _watch_connections()


@functools.cache
def _watch_connections() -> None:
    """Once in each process (pytest-xdist's workers too): an audit hook sees every connection, and cannot be taken out again."""
    sys.addaudithook(_refuse_network)


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and os.environ.get(SWITCH):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a path is a Unix socket
        if host is not None and not _is_this_machine(str(host)):
            raise NetworkForbiddenError(f"Tests must not use the network (connection to {host}).")


def _is_this_machine(host: str) -> bool:
    return host in {"localhost", "::1", "", "0.0.0.0", "::"} or host.startswith(("127.", "::ffff:127."))


@pytest.fixture
def scripted_claude() -> Iterator[Callable[..., ScriptedClaude]]:
    """Start a scripted server: `scripted_claude([Says(...), ...])`; it is stopped after the test."""
    with ExitStack() as stack:
        yield lambda *arguments, **keywords: stack.enter_context(ScriptedClaude(*arguments, **keywords))
