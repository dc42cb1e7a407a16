"""jupyter-ai's MCP server lets every program of this machine in, without any authentication. Told, and how to turn it off.

Its setting `mcp_port=0` does not turn it off: it then takes any free port. Only leaving the extension out does.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

EXTENSION = "jupyter_server_mcp"
OFF = f"--ServerApp.jpserver_extensions=\"{{'{EXTENSION}': False}}\""
_WAY_OUT = f"Start with `clinjup lab` instead, which leaves it out, or with `jupyter lab {OFF}`."

SENTENCE = (
    f"jupyter-ai's MCP server lets any program of this machine read and write your files without a password. {_WAY_OUT}"
)


def warning(server: Any) -> str:
    """A sentence where this Jupyter server has loaded it; empty where it has not."""
    loaded = getattr(getattr(server, "extension_manager", None), "extensions", {})
    entry = loaded.get(EXTENSION)
    if entry is None or not getattr(entry, "enabled", False):
        return ""
    return SENTENCE


def warning_before_start() -> str:
    """The same for who has not started JupyterLab yet; empty where it is not installed."""
    if find_spec(EXTENSION) is None:
        return ""
    return (
        "under plain `jupyter lab`, jupyter-ai's MCP server listens on port 3001 without a password: any program of this machine "
        f"can use it to read and write your files. {_WAY_OUT}"
    )
