"""Runs cells in an IPython kernel that the run owns, and reads Findings and Progress off their outputs."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete, DeadKernelError
from nbclient.util import ensure_async
from nbformat import NotebookNode

from clinjup.contracts import FINDING_MIME, PROGRESS_MIME, CellError, Progress
from clinjup.notebook.outputs import coalesced, printed_text, without_active_content
from clinjup.notebook.provisioner import SandboxProvisioner
from clinjup.secret_names import is_secret

DIED = "The kernel that ran this cell stopped, most often because memory ran out."
RESTARTED = (
    "The kernel was restarted or shut down while this cell ran, most often from JupyterLab's menu. What it had in "
    "memory is gone."
)

# The reply is sent before the kernel says that it is idle; an interrupt at that very moment leaves it out.
REPLY_WITHIN = 3.0

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class CellOutcome:
    """What running one cell gave."""

    ok: bool
    seconds: float
    findings: list[dict[str, Any]] = field(default_factory=list)
    text: str = ""
    error: CellError | None = None
    kernel_died: bool = False

    @property
    def interrupted(self) -> bool:
        return self.error is not None and self.error.name == "KeyboardInterrupt"


class _Client(NotebookClient):
    """nbclient, with findings and progress picked out and active content kept out."""

    died_by_itself = False
    restarted = False
    """Somebody restarted the kernel, or shut it down, while a cell ran."""

    reply_lost = False
    """The kernel is idle again and has not answered: it was interrupted outside of the cell's code."""
    _idle_since: float | None = None

    def note_death(self) -> None:
        """Jupyter found the kernel dead and is about to start it anew."""
        self.died_by_itself = True

    def listen(self, on_progress: Callable[[Progress], None], on_output: Callable[[], None]) -> None:
        self._on_progress, self._on_output = on_progress, on_output
        self._idle_since, self.reply_lost = None, False
        self.findings: list[dict[str, Any]] = []

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        content = msg["content"]
        if msg["msg_type"] in {"display_data", "execute_result", "update_display_data"}:
            data = content["data"]
            if PROGRESS_MIME in data:
                self._on_progress(Progress.model_validate(data[PROGRESS_MIME]))
                return None
            if FINDING_MIME in data:
                self.findings.append(data[FINDING_MIME])
            content["data"] = without_active_content(data)
        try:
            output = super().process_message(msg, cell, cell_index)
        except CellExecutionComplete:
            self._idle_since = time.monotonic()
            raise
        if output is not None or msg["msg_type"] in {"update_display_data", "clear_output"}:
            self._on_output()
        return output

    async def _async_poll_kernel_alive(self) -> None:
        """Also a kernel that was restarted has died: its names are gone, and it will not answer this request. Nor will one that is idle."""
        started_as = kernel_pid(self.km)
        while True:
            await asyncio.sleep(0.5)
            changed = kernel_pid(self.km) != started_as
            self.reply_lost = self._idle_since is not None and time.monotonic() - self._idle_since > REPLY_WITHIN
            if self.reply_lost or changed or self.km is None or not await ensure_async(self.km.is_alive()):
                self.restarted = (changed or self.is_shut_down()) and not self.died_by_itself
                assert self.task_poll_for_reply is not None
                self.task_poll_for_reply.cancel()
                return

    def is_shut_down(self) -> bool:
        """Whether somebody has the kernel stopped right now."""
        return bool(getattr(self.km, "shutting_down", False))


class KernelExecutor:
    """One kernel for one run. Its working directory is the run folder."""

    def __init__(self, folder: Path, run_id: str, on_progress: Callable[[Progress], None]) -> None:
        self.folder = folder
        self.run_id = run_id
        self._on_progress = on_progress
        self._manager: AsyncKernelManager | None = None
        self._client: _Client | None = None
        self._sockets: tempfile.TemporaryDirectory[str] | None = None
        self._running: asyncio.Future[None] | None = None
        self._was_interrupted = False
        self.stopped = False
        """Nothing runs any more: whoever stops a run may do so before its kernel has started."""
        self.sandbox: tuple[Path, ...] | None = None
        """Set before `start`: the folders that a sandboxed kernel may read; None = no sandbox."""

    @property
    def pid(self) -> int | None:
        return kernel_pid(self._manager)

    async def enter_sandbox(self, readable: Sequence[Path]) -> bool:
        """Have the kernel start in the sandbox, where it may read these folders and files. False where this kernel cannot."""
        self.sandbox = tuple(readable)
        return True

    async def start(self) -> None:
        # The interpreter that runs clinjup, whatever kernel specifications the user has installed.
        manager = AsyncKernelManager()
        manager._kernel_spec = KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="Python 3 (clinjup run)",
            language="python",
        )
        if os.name == "posix":
            # Sockets in a private folder instead of TCP ports that every account of the machine can reach.
            self._sockets = tempfile.TemporaryDirectory(prefix="clinjup-", ignore_cleanup_errors=True)
            manager.transport = "ipc"
            manager.connection_file = str(Path(self._sockets.name) / "kernel.json")
        if self.sandbox is not None:
            manager._kernel_spec.interrupt_mode = "message"  # signals do not reach into the sandbox
            folders = [str(folder) for folder in self.sandbox]
            manager.provisioner = SandboxProvisioner(parent=manager, kernel_spec=manager._kernel_spec, data=folders)
        self._manager = manager
        client = new_client(manager)
        client.extra_arguments = ["--HistoryManager.enabled=False"]
        log = (self.folder / "cache").joinpath("kernel.log")
        log.parent.mkdir(exist_ok=True)
        with log.open("ab") as stream:
            await client.async_start_new_kernel(
                cwd=str(self.folder), env=kernel_environment(self.run_id), stdout=stream, stderr=stream
            )
        await client.async_start_new_kernel_client()
        self._client = client

    async def run(self, cell: NotebookNode, on_output: Callable[[], None] = lambda: None) -> CellOutcome:
        """Run `cell` (its outputs are filled in place). Errors in the cell are outcomes, not exceptions."""
        if self.stopped:
            return _interrupted()
        assert self._client is not None, "start() first"
        client = self._client
        client.listen(self._on_progress, on_output)
        client.nb.cells = [cell]
        pid = self.pid
        started = time.monotonic()
        self._running = asyncio.get_running_loop().create_future()
        self._was_interrupted = False
        try:
            await client.async_execute_cell(cell, 0)
            died = False
        except DeadKernelError:
            died = not client.reply_lost
        finally:
            self._running.set_result(None)
        seconds = time.monotonic() - started
        cell.outputs = coalesced(cell.outputs, lambda stream, text: self._spill(f"{cell.id}-{stream}.txt", text))
        error = next((_cell_error(output) for output in cell.outputs if output.output_type == "error"), None)
        if error is None and (self._was_interrupted or client.reply_lost):
            # An interrupt can hit IPython outside of the cell's code, also while it tells the first one: that leaves no error.
            error = CellError(name="KeyboardInterrupt", message="", traceback="", signature="KeyboardInterrupt")
        if error is not None and error.name == "KeyboardInterrupt" and not self._was_interrupted:
            # Whoever restarts a kernel interrupts it first.
            died = client.restarted = client.is_shut_down() or self.pid != pid
        if died:
            error = _kernel_gone("KernelRestarted", RESTARTED) if client.restarted else _kernel_gone("KernelDied", DIED)
        return CellOutcome(
            ok=error is None,
            seconds=seconds,
            findings=client.findings,
            text=printed_text(cell.outputs),
            error=error,
            kernel_died=died,
        )

    def _spill(self, name: str, text: str) -> str:
        """Keep a flood of text in the run folder. Returns words that say where; none where the disk does not take it."""
        folder = self.folder / "outputs"
        try:
            folder.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError:
            return ""
        return f", the whole is in {folder.name}/{name} of the run folder"

    def widget_state(self) -> dict[str, Any]:
        """Notebook metadata that keeps the widgets of this kernel alive for readers."""
        if self._client is None or not self._client.widget_state:
            return {}
        self._client.set_widgets_metadata()
        return dict(self._client.nb.metadata.get("widgets", {}))

    async def interrupt(self) -> None:
        """Interrupt the running cell and return once it has ended; no cell runs after it.

        Said again every second: an interrupt that arrives before the kernel has begun with the cell is lost.
        """
        self.stopped = True
        running = self._running
        self._was_interrupted = True
        while self._manager is not None and await self._manager.is_alive():
            await self._manager.interrupt_kernel()
            if running is None or (await asyncio.wait({running}, timeout=1))[0]:
                return

    async def shutdown(self) -> None:
        if self._client is None:
            return
        client, self._client, self._manager = self._client, None, None
        client.shutdown_kernel = "immediate"
        # First: its heartbeat is a thread that opens sockets anew while the kernel is silent, and zmq waits without end
        # for a socket that is opened while its context is closed.
        if client.kc is not None:
            client.kc.stop_channels()
            client.kc = None
        await asyncio.shield(client._async_cleanup_kernel())
        if self._sockets is not None:
            self._sockets.cleanup()


def _interrupted() -> CellOutcome:
    sentence = "Stopped before the cell ran."
    error = CellError(name="KeyboardInterrupt", message=sentence, traceback="", signature="KeyboardInterrupt")
    return CellOutcome(ok=False, seconds=0.0, error=error)


def _kernel_gone(name: str, sentence: str) -> CellError:
    return CellError(name=name, message=sentence, traceback="", signature=name)


def new_client(manager: Any) -> _Client:
    """nbclient on a kernel, with the settings that every run has."""
    client = _Client(
        NotebookNode(cells=[], metadata=NotebookNode()),
        km=manager,
        timeout=None,
        allow_errors=True,
        store_widget_state=True,
        record_timing=True,
        startup_timeout=120,
    )
    # A dead kernel is told by the run, in a sentence. Its own logger: the one it comes with is the Jupyter server's.
    client.log = logging.getLogger("clinjup.kernel")
    client.log.setLevel("CRITICAL")
    return client


def kernel_pid(manager: Any) -> int | None:
    """Process id of a kernel, where it has one here."""
    return getattr(getattr(manager, "provisioner", None), "pid", None)


def kernel_environment(run_id: str) -> dict[str, str]:
    """The environment of a run's kernel: ours without secrets."""
    environment = {name: value for name, value in os.environ.items() if not is_secret(name)}
    return {
        **environment,
        "CLINJUP_RUN_ID": run_id,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONUTF8": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _cell_error(output: NotebookNode) -> CellError:
    traceback = _ANSI.sub("", "\n".join(output.get("traceback", [])))
    message = _ANSI.sub("", str(output.evalue))
    return CellError(
        name=output.ename,
        message=message,
        traceback=traceback[-4000:],
        signature=error_signature(output.ename, message, traceback),
    )


def error_signature(name: str, message: str, traceback: str) -> str:
    """Type, last frame and message with numbers taken out: equal for the same mistake made twice."""
    frames = re.findall(r"(?:File|Cell In\[\d+\],?)\s*(\S*?)(?::\d+|, line \d+)", traceback)
    normalised = re.sub(r"\d+(\.\d+)?", "#", message)
    return f"{name}|{frames[-1] if frames else ''}|{normalised[:200]}"
