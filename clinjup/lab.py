"""`clinjup lab`: JupyterLab that asks nobody anything, leaves no unguarded port open, and shows the clinjup panel."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from clinjup.server.mcp_port import EXTENSION


def arguments(folder: Path, more: list[str]) -> list[str]:
    """Command line of JupyterLab for `folder`. `more`, the user's own options, come last and win."""
    settings = resources.files("clinjup").joinpath("lab_settings")
    root = (
        [] if any(option.startswith("--ServerApp.root_dir") for option in more) else [f"--ServerApp.root_dir={folder}"]
    )
    return [
        *root,
        f"--ServerApp.jpserver_extensions={{'clinjup.server': True, '{EXTENSION}': False}}",
        f"--LabApp.app_settings_dir={settings}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        *more,
    ]


def launch(folder: Path, more: list[str]) -> None:
    """Start JupyterLab in this process; returns when it ends."""
    os.environ["FASTMCP_CHECK_FOR_UPDATES"] = "off"
    from jupyterlab.labapp import LabApp

    LabApp.launch_instance(argv=arguments(folder.resolve(), more))
