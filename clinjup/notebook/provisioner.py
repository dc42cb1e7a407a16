"""The kernel provisioner 'clinjup-sandbox': starts a kernel inside of the sandbox, reached through sockets in a private folder."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import List, Unicode

from clinjup.notebook.sandbox import Sandbox, outer_environment
from clinjup.weights import checkpoint_files

PROVISIONER = "clinjup-sandbox"
KERNEL_NAME = "clinjup-sandbox"
KERNEL_TITLE = "Python 3 (clinjup sandbox)"


class SandboxProvisioner(LocalProvisioner):
    """LocalProvisioner in the sandbox. The kernel's working directory is the only folder that it may write to.

    Fails with SandboxError where there is no sandbox: a kernel that is called sandboxed is sandboxed, or does not start.
    """

    data = List(
        Unicode(),
        config=True,
        help="Folders and files that the kernel may read; empty = the data, and the weights, of the run it starts in.",
    )
    _private: tempfile.TemporaryDirectory[str] | None = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        run = Path(kwargs.get("cwd") or ".").resolve()
        sockets = self._sockets()
        kwargs = await super().pre_launch(**kwargs)
        readable = [Path(path) for path in self.data] or _readable_in_run(run)
        sandbox = Sandbox(run, tuple(path for path in readable if path.exists()))
        kwargs["cmd"] = sandbox.command(kwargs["cmd"], sockets=sockets, environment=kwargs["env"])
        kwargs["env"] = outer_environment()
        return kwargs

    async def cleanup(self, restart: bool = False) -> None:
        await super().cleanup(restart=restart)
        if self._private is not None and not restart:
            self._private.cleanup()
            self._private = None

    def _sockets(self) -> Path:
        """A private folder for the kernel's sockets; that of the manager where it has one already."""
        manager: Any = self.parent
        if manager.transport != "ipc":
            self._private = tempfile.TemporaryDirectory(prefix="clinjup-", ignore_cleanup_errors=True)
            manager.transport = "ipc"
            manager.cache_ports = False
            manager.connection_file = str(Path(self._private.name) / "kernel.json")
        folder = Path(manager.connection_file).parent
        manager.ip = str(folder / "kernel-ipc")
        return folder


def _readable_in_run(run: Path) -> list[Path]:
    """The data folder, and the weights to start from, that the journal of the run names; nothing where the folder is no run."""
    found: list[Path] = []
    try:
        with (run / "journal.jsonl").open(encoding="utf-8") as stream:
            for record in map(json.loads, stream):
                if record["kind"] == "intent":
                    found += checkpoint_files(record["data"]["request"].get("pretrained"))
                if record["kind"] == "profile":
                    return [*found, Path(record["data"]["root"])]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return []
