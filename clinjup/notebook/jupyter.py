"""Runs in JupyterLab: notebooks through the contents manager, cells on the kernel of the notebook's session. No tornado here."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.session import Session
from nbclient.util import ensure_async
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from clinjup.atomic_files import is_full
from clinjup.contracts import Progress
from clinjup.locks import Lock, Taken
from clinjup.notebook.executor import CellOutcome, KernelExecutor, kernel_pid, new_client
from clinjup.notebook.files import NotebookTroubleError
from clinjup.notebook.live import LiveNotebook
from clinjup.notebook.oplog import LOG_NAME, read_log, replay
from clinjup.notebook.provisioner import KERNEL_NAME, KERNEL_TITLE
from clinjup.notebook.session import empty_notebook
from clinjup.notebook.tabs import Tabs
from clinjup.notebook.whole_files import write_live_notebooks_whole
from clinjup.notebook.workspace import NotebookWorkspace, Publish
from clinjup.renamed_notebook import notebook_of_run
from clinjup.reporting.journal import JOURNAL_NAME, read_records

BUSY_AFTER = 1.0
MAX_NOTEBOOK_BYTES = 150 * 2**20


class JupyterDesk:
    """Where the runs of a Jupyter server work. Takes the server's managers; `root` is the server's root folder."""

    def __init__(self, contents: Any, sessions: Any, kernels: Any, root: Path) -> None:
        self.contents, self.sessions, self.kernels, self.root = contents, sessions, kernels, root.resolve()
        self.tabs = Tabs()
        write_live_notebooks_whole(contents, lambda file: self.tabs.live(self.contents_path(file) or "") is not None)

    async def open(
        self, folder: Path, run_id: str, notebook: str | None, publish: Publish, *, sandboxed: bool = False
    ) -> LiveWorkspace:
        """The workspace of a run: on the notebook with this contents path, or on a new one in the run folder.

        Raises NotebookTroubleError where the notebook cannot carry a run.
        """
        path = self.now_at(
            (notebook or self.contents_path(folder / "notebook.ipynb") or f"clinjup-{run_id}.ipynb").strip("/"),
            folder,
            run_id,
        )
        try:
            lock = self._lock(path)
        except Taken as taken:
            raise NotebookTroubleError(
                f"Another run is writing '{path}'. Two runs in one notebook would mix their cells; wait for its end, stop it, or "
                "start this one in another notebook."
            ) from taken
        try:
            return await self._open(path, folder, run_id, publish, sandboxed, lock)
        except BaseException:
            lock.release()
            raise

    def now_at(self, path: str, folder: Path, run_id: str) -> str:
        """The contents path of the run's notebook that was at `path`: another one where it was renamed in the run folder."""
        if (self.root / path).is_file():
            return path
        try:
            heads = [record.hash for record in read_records((folder / JOURNAL_NAME).read_bytes()).records]
        except OSError:
            heads = []
        renamed = notebook_of_run(folder, run_id, heads)
        return (self.contents_path(renamed[0]) if renamed else None) or path

    def _lock(self, path: str) -> Lock:
        """One run a notebook, whichever server carries it. Raises Taken."""
        if self.tabs.live(path) is not None:
            raise Taken(path)
        return Lock(self.root / path)

    async def _open(
        self, path: str, folder: Path, run_id: str, publish: Publish, sandboxed: bool, lock: Lock
    ) -> LiveWorkspace:
        if (unsaved := self.tabs.unsaved.get(path)) is not None:
            await unsaved.save_late()
            self.tabs.unsaved.pop(path, None)  # a shared document, which holds it: two runs must not both write
        if await self.stamp(path) is None:
            fresh = empty_notebook(run_id)
            if sandboxed:
                fresh.metadata["kernelspec"].update(name=KERNEL_NAME, display_name=KERNEL_TITLE)
            await self.write(path, fresh)
        document = await self.read(path)
        language = document.metadata.get("kernelspec", {}).get("language") or document.metadata.get(
            "language_info", {}
        ).get("name")
        if language and language != "python":
            raise NotebookTroubleError(
                f"'{path}' is a notebook for {language}, and clinjup's cells are Python. Start the run in a new notebook, or "
                "choose a Python kernel for this one first."
            )
        live = LiveNotebook(
            document,
            run_id,
            folder=folder,
            contents_path=path,
            beside=(self.root / path).parent.resolve() == folder.resolve(),
            stamp=await self.stamp(path),
            files=self,
            tabs=self.tabs,
            on_change=publish,
            lock=lock,
        )
        kernel = SessionKernel(self, live, folder, run_id, publish)
        return LiveWorkspace(live, kernel, publish)

    async def recover(self, folder: Path) -> bool:
        """Bring a notebook up to what the log of its killed run holds. Returns whether anything was missing."""
        found = read_log(folder)
        if found is None:
            return False
        path, ops = found
        self._undo_half_a_save(path)
        try:
            notebook = await self.read(path)
        except NotebookTroubleError as trouble:
            if not trouble.missing:
                raise
            notebook = empty_notebook("")
            path = self.contents_path(folder / "notebook.ipynb") or path
        missing = replay(notebook, ops)
        if missing:
            await self.write(path, notebook)
        (folder / LOG_NAME).unlink(missing_ok=True)
        return missing

    def _undo_half_a_save(self, path: str) -> None:
        """Jupyter saves in place and keeps the old file beside it meanwhile: after a crash that one is whole."""
        file = self.root / path
        old = file.with_name(f".~{file.name}")
        if not old.is_file():
            return
        try:
            json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            os.replace(old, file)

    def contents_path(self, file: Path) -> str | None:
        """The contents path of a file; None where it does not lie below the server's root."""
        try:
            return file.resolve().relative_to(self.root).as_posix()
        except ValueError:
            return None

    async def session_of(self, path: str) -> dict[str, Any] | None:
        """Jupyter's session of a notebook, with its kernel, where there is one."""
        for session in await self.sessions.list_sessions():
            if session["path"].strip("/") == path and session["kernel"]["id"] in self.kernels:
                return dict(session)
        return None

    # --------------------------------------------------------------------------------- notebook.live.NotebookFiles

    async def stamp(self, path: str) -> str | None:
        try:
            model = await ensure_async(self.contents.get(path, content=False, type="notebook"))
        except Exception as problem:
            if getattr(problem, "status_code", None) == 404:
                return None
            raise self._trouble(path, problem) from problem
        return _stamp(model)

    async def read(self, path: str) -> NotebookNode:
        try:
            size = (await ensure_async(self.contents.get(path, content=False, type="notebook"))).get("size") or 0
            if size > MAX_NOTEBOOK_BYTES:
                raise NotebookTroubleError(
                    f"'{path}' holds {size / 2**20:.0f} MB, most of it outputs; a browser cannot follow a run in it. Clear its "
                    "outputs (Edit > Clear Outputs of All Cells), or start the run in a new notebook."
                )
            model = await ensure_async(self.contents.get(path, content=True, type="notebook"))
        except NotebookTroubleError:
            raise
        except Exception as problem:
            raise self._trouble(path, problem) from problem
        notebook: NotebookNode = nbformat.from_dict(model["content"])
        if not all("id" in cell for cell in notebook.cells):  # older than nbformat 4.5
            nbformat.validator.normalize(notebook)
            _, notebook = nbformat.validator.normalize({**notebook, "nbformat_minor": 5})
            notebook = nbformat.from_dict(notebook)
        return notebook

    async def write(self, path: str, notebook: NotebookNode) -> str | None:
        try:
            model = await ensure_async(
                self.contents.save({"type": "notebook", "format": "json", "content": notebook}, path)
            )
        except Exception as problem:
            raise self._trouble(path, problem) from problem
        return _stamp(model)

    async def moved_to(self, path: str, kernel_id: str | None) -> str | None:
        for session in await self.sessions.list_sessions():
            if session["kernel"]["id"] == kernel_id and session["path"].strip("/") != path:
                moved = session["path"].strip("/")
                return moved if await self.stamp(moved) is not None else None
        return None

    @staticmethod
    def _trouble(path: str, problem: Exception) -> NotebookTroubleError:
        status = getattr(problem, "status_code", None)
        said = getattr(problem, "log_message", None) or str(problem)
        if status == 404:
            return NotebookTroubleError(f"There is no notebook '{path}'.", missing=True)
        if status == 403 or "ermission" in said or "ead-only" in said:
            return NotebookTroubleError(
                f"The notebook '{path}' is read-only, so the run's cells cannot be saved in it. Make it writable or start the run "
                "in a new notebook. What the run has written so far is kept in its folder."
            )
        if is_full(problem):
            return NotebookTroubleError(
                f"The disk is full, so '{path}' cannot be saved. Free some space; the run tries again by itself."
            )
        return NotebookTroubleError(f"The notebook '{path}' cannot be read or saved: {said}")


class LiveWorkspace(NotebookWorkspace):
    """agent.state.Workspace on a live notebook and the kernel of its session, which outlives the run."""

    session: LiveNotebook
    executor: SessionKernel


class SessionKernel(KernelExecutor):
    """Runs cells on the kernel of the notebook's session, beside the user's own."""

    def __init__(self, desk: JupyterDesk, live: LiveNotebook, folder: Path, run_id: str, publish: Publish) -> None:
        def progress(told: Progress) -> None:
            publish("cell.progress", told.model_dump())

        super().__init__(folder, run_id, progress)
        self._desk, self._live, self._publish = desk, live, publish
        self._scrub = False
        self._in_cell = False
        self._waiting: asyncio.Future[None] | None = None
        # At once, beside the planning: a kernel takes a second to start.
        self._session: asyncio.Task[dict[str, Any]] | None = self._starting()

    async def enter_sandbox(self, readable: Sequence[Path]) -> bool:
        """The sandbox is a kernel of its own kind; a notebook that has another kernel keeps that one."""
        self._scrub = True
        session = await self._its_session()
        return bool(session["kernel"]["name"] == KERNEL_NAME)

    async def start(self) -> None:
        session = await self._its_session()
        manager = self._desk.kernels.get_kernel(session["kernel"]["id"])
        client = new_client(manager)
        manager.add_restart_callback(client.note_death, "restart")
        # Its own session, by which kernel/owner.py tells our cells from the user's; the key is the kernel's.
        signing = Session(key=manager.session.key, signature_scheme=manager.session.signature_scheme)
        client.kc = manager.client(session=signing)
        client.kc.start_channels()
        client.kc.allow_stdin = False
        self._manager, self._client = manager, client
        await self._until_free()
        setup = _BEGIN.format(session=signing.session, run_id=self.run_id, folder=str(self.folder), scrub=self._scrub)
        begun = await super().run(new_code_cell(setup))
        if not begun.ok:
            reason = begun.error.message if begun.error else ""
            await self.shutdown()
            raise NotebookTroubleError(
                f"The kernel of '{self._live.contents_path}' ({session['kernel']['name']}) cannot run clinjup's cells: {reason}. "
                "Choose the Python kernel that clinjup is installed in (Kernel > Change Kernel), then resume the run."
            )

    async def run(self, cell: NotebookNode, on_output: Callable[[], None] = lambda: None) -> CellOutcome:
        await self._until_free()
        self._in_cell = True
        try:
            return await super().run(cell, on_output)
        finally:
            self._in_cell = False

    async def interrupt(self) -> None:
        """Interrupt our cell. The user's own cell, which ours may be waiting for, goes on."""
        self.stopped = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
        if self._in_cell:
            await super().interrupt()

    async def shutdown(self) -> None:
        """Let go of the kernel; it is the notebook's and lives on. A dead one is left to the server to restart."""
        if self._session is not None and self._session.done():
            self._session = None
        # One that still starts is left to it. Cancelled halfway, the server would keep a kernel that it cannot tell of: from then on
        # it answers every GET of api/kernels with 500.
        client, self._client = self._client, None
        if client is None or client.kc is None:
            return
        manager = self._manager
        if manager is not None:
            manager.remove_restart_callback(client.note_death, "restart")
        if manager is not None and not await ensure_async(manager.is_alive()):
            with_restart = getattr(self._desk.kernels, "restart_kernel", None)
            if with_restart is not None and self._live.kernel_id in self._desk.kernels:
                await ensure_async(with_restart(self._live.kernel_id))
        client.kc.stop_channels()

    async def _its_session(self) -> dict[str, Any]:
        if self._session is None:
            self._session = self._starting()
        return await asyncio.shield(self._session)

    def _starting(self) -> asyncio.Task[dict[str, Any]]:
        session = asyncio.create_task(self._kernel_session())
        session.add_done_callback(
            lambda done: done.cancelled() or done.exception()
        )  # also where nobody waits for it any more
        return session

    async def _kernel_session(self) -> dict[str, Any]:
        """The session of the notebook, started where there is none."""
        path = self._live.contents_path
        session = await self._desk.session_of(path)
        if session is None:
            name = self._live.notebook.metadata.get("kernelspec", {}).get("name")
            try:
                session = await self._desk.sessions.create_session(
                    path=path, name=path.rsplit("/", 1)[-1], type="notebook", kernel_name=name
                )
            except Exception as problem:
                raise NotebookTroubleError(
                    f"The kernel '{name}' of '{path}' did not start: {getattr(problem, 'log_message', None) or problem}. "
                    "Choose another kernel for the notebook, then resume the run."
                ) from problem
        assert session is not None
        self._live.kernel_id, self._live.kernel_name = session["kernel"]["id"], session["kernel"]["name"]
        now = self._live.contents_path  # it may have been renamed meanwhile, or the run may have ended
        if self._desk.tabs.live(now) is self._live:
            self._desk.tabs.go_live(now, self._live)
        return session

    async def _until_free(self) -> None:
        """Wait until the kernel has done what the user gave it. A kernel answers one request after the other."""
        assert self._client is not None and self._client.kc is not None
        kc = self._client.kc
        pid = kernel_pid(self._manager)
        answered = asyncio.ensure_future(_answer_to(kc, kc.kernel_info()))
        self._waiting = asyncio.get_running_loop().create_future()
        waited, told = 0.0, False
        try:
            while not answered.done() and not self._waiting.done():
                await asyncio.wait({answered, self._waiting}, timeout=BUSY_AFTER, return_when=asyncio.FIRST_COMPLETED)
                waited += BUSY_AFTER
                if answered.done() or self._waiting.done():
                    break
                if kernel_pid(self._manager) != pid:  # restarted meanwhile: ask the new one
                    return
                if self._busy() and not told:
                    told = True
                    sentence = "The kernel is busy with another cell of this notebook; the run waits until it is done."
                    self._publish("text.delta", {"text": sentence, "loud": True})
        finally:
            answered.cancel()
            self._waiting = None

    def _busy(self) -> bool:
        return getattr(self._manager, "execution_state", "busy") == "busy"


_BEGIN = (
    "__import__('clinjup.kernel.owner', fromlist=['begin']).begin({session!r}, {run_id!r}, {folder!r}, scrub={scrub})"
)


async def _answer_to(kc: Any, request: str) -> None:
    """Wait for the reply to a request of ours on the shell channel."""
    while True:
        message = await kc.shell_channel.get_msg(timeout=None)
        if message["parent_header"].get("msg_id") == request:
            return


def _stamp(model: dict[str, Any]) -> str:
    """As the browser is told it."""
    return str(model["last_modified"].isoformat()).replace("+00:00", "Z")
