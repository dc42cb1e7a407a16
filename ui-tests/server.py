"""`clinjup lab` in a process group of its own, that tests may kill and start again on the same folder."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_SECONDS = 240

CONFIG = """
from jupyterlab.galata import configure_jupyter_server
configure_jupyter_server(c)
c.ServerApp.root_dir = {root!r}
c.ServerApp.port = {port}
c.ServerApp.port_retries = 0
c.ServerApp.open_browser = False
c.IdentityProvider.token = {token!r}
c.LabApp.user_settings_dir = {settings!r}
c.LabApp.workspaces_dir = {workspaces!r}
"""

CLINJUP = [sys.executable, "-c", "from clinjup.cli import main; main()"]


@dataclass
class LabServer:
    """One server on one folder. `root` is what JupyterLab shows."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0
    token: str = ""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def write_cohort(self, patients: int) -> None:
        """The cohort of the pneumothorax example, smaller than what a click would write, so that training takes seconds."""
        cohort = self.root / "clinjup-runs" / "data-pneumothorax-0"
        command = [*CLINJUP, "data", "pneumothorax", "--out", str(cohort), "--patients", str(patients)]
        subprocess.run(command, check=True, capture_output=True)

    def start(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        if not self.port:
            with socket.socket() as free:
                free.bind(("localhost", 0))
                self.port = free.getsockname()[1]
        settings = self.folder / "settings"
        config = self.folder / "config.py"
        config.write_text(
            CONFIG.format(
                root=str(self.root),
                port=self.port,
                token=self.token,
                settings=str(settings),
                workspaces=str(self.folder / "workspaces"),
            )
        )
        environment = {
            **os.environ,
            "JUPYTER_RUNTIME_DIR": str(self.folder / "runtime"),
            "JUPYTER_CONFIG_DIR": str(self.folder / "config"),
            "JUPYTER_DATA_DIR": str(self.folder / "data"),
            "OMP_NUM_THREADS": "1",
            "HOME": str(self.folder),
            **self.environment,
        }
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*CLINJUP, "lab", str(self.root), "--allow-root", "--config", str(config)],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_ready()

    def kill(self) -> None:
        """SIGKILL, as a power cut would: no handler runs. Kernels die with it."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        for child in self._kernels():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()

    def forget_logins(self, token: str) -> None:
        """Start again with another token; no cookie is taken any more."""
        self.stop()
        (self.folder / "runtime" / "jupyter_cookie_secret").unlink()
        self.token = token
        self.start()

    def kill_kernel(self, notebook: str) -> None:
        """SIGKILL the kernel of a notebook, as the system does when memory runs out."""
        with urllib.request.urlopen(f"{self.url}/api/sessions", timeout=10) as answer:
            sessions = json.load(answer)
        (kernel,) = [each["kernel"]["id"] for each in sessions if each["path"] == notebook]
        # A sandboxed kernel has its connection file elsewhere; its command names the run folder.
        processes = self._kernels(kernel) or self._kernels(str((self.root / notebook).parent))
        assert processes, "the kernel has no process"
        for process in processes:
            with contextlib.suppress(ProcessLookupError):  # a sandbox ends with what ran in it
                os.kill(process, signal.SIGKILL)

    def notebook(self, path: str) -> dict[str, Any]:
        """The notebook as it lies on the disk."""
        return dict(json.loads((self.root / path).read_text(encoding="utf-8")))

    def _kernels(self, *named: str) -> list[int]:
        """Process ids of this server's kernels, or of those whose command names all of this, too."""
        mine = (str(self.folder), *named)
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    command = (entry / "cmdline").read_bytes().decode(errors="replace")
                except OSError:
                    continue
                if "ipykernel" in command and all(text in command for text in mine):
                    found.append(int(entry.name))
        return found

    def _wait_until_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/api", timeout=10):
                    return
            except OSError:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(timeout=0.3)
                    break
        self.stop()
        raise RuntimeError(f"JupyterLab did not start:\n{(self.folder / 'server.log').read_text()[-3000:]}")
