"""jupyter-ai's MCP server listens on a port of this machine without any authentication. Told, and how to turn it off."""

from __future__ import annotations

import socket
from typing import Any

EXTENSION = "jupyter_server_mcp"
DEFAULT_PORT = 3001
OFF = "--MCPExtensionApp.mcp_port=0"


def warning(server: Any) -> str:
    """A sentence where this server has that port open; empty where it has not."""
    extensions = getattr(getattr(server, "extension_manager", None), "extension_apps", {})
    ports = [getattr(app, "mcp_port", 0) for app in extensions.get(EXTENSION, ())]
    return _sentence(ports[0]) if ports and ports[0] else ""


def is_open(port: int = DEFAULT_PORT) -> bool:
    """Whether something on this machine listens there."""
    with socket.socket() as probe:
        probe.settimeout(0.3)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _sentence(port: int) -> str:
    return (
        f"jupyter-ai's MCP server listens on port {port} without a password: any program of this machine can use it to read and "
        f"write your files. Start with `clinjup lab`, or with `jupyter lab {OFF}`, to have it closed."
    )
