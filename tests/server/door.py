"""The public doors of the server: a real Jupyter server as a process, REST, both websockets, and a tab without a browser."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import websocket

from clinjup.ops import SERVER_MESSAGE, Hello, Ops, Outputs, Ping, Rejoin, Saved, UserOutputs, Welcome
from tests.notebook.replica import Tab

PATIENCE = 120.0  # seconds that a test waits for an event before it fails


class Server:
    """A Jupyter server with clinjup, in a folder of its own."""

    def __init__(
        self,
        root: Path,
        *options: str,
        base_url: str = "/",
        command: list[str] | None = None,
        installed_config: bool = False,
    ) -> None:
        """`installed_config`: with what the packages of this environment configure, as on a user's machine."""
        self.root, self.options, self.base_url, self.command = root, options, base_url, command
        self.installed_config = installed_config
        self.token = uuid.uuid4().hex
        self.log = root.parent / f"{root.name}-server.log"
        self.start()

    def start(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        home = self.root.parent / f"{self.root.name}-home"
        folders = {"CONFIG": "config", "RUNTIME": "runtime", "DATA": "data"}
        environment = {f"JUPYTER_{name}_DIR": str(home / folder) for name, folder in folders.items()}
        environment |= {
            "JUPYTER_NO_CONFIG": "" if self.installed_config else "1",
            "OMP_NUM_THREADS": "1",
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        }
        command = self.command or [
            sys.executable,
            "-c",
            "from jupyter_server.serverapp import main; main()",
            "--ServerApp.jpserver_extensions={'clinjup.server': True}",
        ]
        with self.log.open("ab") as stream:
            self.process = subprocess.Popen(
                [
                    *command,
                    "--no-browser",
                    "--allow-root",
                    f"--ServerApp.root_dir={self.root}",
                    f"--ServerApp.port={self.port}",
                    "--ServerApp.port_retries=0",
                    "--ServerApp.ip=127.0.0.1",
                    f"--IdentityProvider.token={self.token}",
                    f"--ServerApp.base_url={self.base_url}",
                    "--KernelManager.autorestart=True",
                    *self.options,
                ],
                cwd=self.root,
                env={**os.environ, **environment},
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        started = threading.Event()
        while not self._answers():
            if self.process.poll() is not None or started.wait(0.1):
                raise AssertionError(self.log.read_text(encoding="utf-8", errors="replace")[-3000:])

    def _answers(self) -> bool:
        try:
            return self.get("api/status")[0] == 200
        except OSError:
            return False

    def kill(self) -> None:
        """As a crash would: no chance to save anything. Its kernels die, too."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def url(self, route: str) -> str:
        return f"http://127.0.0.1:{self.port}{self.base_url}{route}"

    def ask(self, method: str, route: str, body: Any = None, *, token: bool = True) -> tuple[int, Any]:
        headers = {"Authorization": f"token {self.token}"} if token else {}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url(route), data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            status, content = refused.code, refused.read()
        try:
            return status, json.loads(content)
        except ValueError:
            return status, content

    def fetch(self, route: str) -> tuple[Any, bytes]:
        """(headers, content) of a file that is there."""
        request = urllib.request.Request(self.url(route), headers={"Authorization": f"token {self.token}"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.headers, answer.read()

    def get(self, route: str, **keywords: Any) -> tuple[int, Any]:
        return self.ask("GET", route, **keywords)

    def post(self, route: str, body: Any = None, **keywords: Any) -> tuple[int, Any]:
        return self.ask("POST", route, {} if body is None else body, **keywords)

    def socket(self, route: str, *, token: bool = True) -> websocket.WebSocket:
        header = [f"Authorization: token {self.token}"] if token else []
        address = self.url(route).replace("http", "ws", 1)
        return websocket.create_connection(address, header=header, timeout=PATIENCE)

    def events(self, since: str = "") -> Iterator[dict[str, Any]]:
        """Events as they come, from one socket."""
        connection = self.socket(f"clinjup/v1/events?since={quote(since)}")
        try:
            while True:
                yield from json.loads(connection.recv())["events"]
        finally:
            connection.close()

    def run_to_end(
        self, run_id: str, on_event: Callable[[dict[str, Any]], None] = lambda event: None
    ) -> list[dict[str, Any]]:
        """All events of a run, from its first to run.finished."""
        seen = []
        for event in self.events(f"{run_id}:0"):
            if event["run_id"] == run_id:
                seen.append(event)
                on_event(event)
                if event["type"] == "run.finished":
                    return seen
        raise AssertionError("the socket was closed")

    def until(self, run_id: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first event of a run that is wanted."""
        for event in self.events(f"{run_id}:0"):
            if event["run_id"] == run_id and wanted(event):
                return event
            assert not (event["run_id"] == run_id and event["type"] == "run.finished"), event
        raise AssertionError("the socket was closed")

    def notebook(self, path: str) -> dict[str, Any]:
        """The notebook as it lies on the disk."""
        return json.loads((self.root / path).read_text(encoding="utf-8"))


def wait_until(holds: Callable[[], bool]) -> None:
    """For what only the disk shows."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


class HeadlessTab:
    """An open notebook: applies ops, sends edits, saves through the contents API when it is asked to."""

    def __init__(self, server: Server, path: str, client: str | None = None) -> None:
        self.server, self.path = server, path
        self.client = client or uuid.uuid4().hex
        self.outputs: dict[str, list[Any]] = {}
        self.troubles: list[str] = []
        self.welcomes: list[Welcome] = []
        self.ops: list[Any] = []
        self.saves = 0
        self.load()
        self.connect()

    def load(self) -> None:
        """Open the file as JupyterLab does."""
        status, model = self.server.get(f"api/contents/{quote(self.path)}?type=notebook&content=1")
        assert status == 200, model
        self.document, self.file = model["content"], model["last_modified"]
        seq = self.document["metadata"].get("clinjup", {}).get("seq", 0)
        cells = [{**cell, "source": cell["source"]} for cell in self.document["cells"]]
        self.tab = Tab.of(self.client, cells, seq)
        self.outputs = {cell["id"]: cell.get("outputs", []) for cell in self.document["cells"]}
        self.metadata = {cell["id"]: cell["metadata"] for cell in self.document["cells"]}

    def connect(self) -> None:
        self.socket = self.server.socket(f"clinjup/v1/notebooks/{quote(self.path)}/ops")
        self.send(Hello(client=self.client, since=self.tab.seq))

    def close(self) -> None:
        self.socket.close()

    def send(self, message: Any) -> None:
        self.socket.send(message.model_dump_json())

    def snapshot(self) -> None:
        self.send(self.tab.snapshot())

    def ping(self) -> None:
        self.send(Ping())

    def run_cell_by_hand(self, cell_id: str, outputs: list[dict[str, Any]], count: int) -> None:
        self.outputs[cell_id] = outputs
        self.send(UserOutputs(id=cell_id, outputs=outputs, execution_count=count))

    def receive(self) -> Any:
        """Take the next message of the server and do what it says."""
        message = SERVER_MESSAGE.validate_json(self.socket.recv())
        if isinstance(message, Welcome):
            self.welcomes.append(message)
            if message.live:
                told = self.tab.snapshot(full=True)
                self.send(Rejoin(n=told.n, seq=told.seq, file=self.file, typed=[], cells=told.cells))
        elif isinstance(message, Ops):
            self._apply(message)
        else:
            self.troubles.append(message.sentence)
        return message

    def receive_until(self, wanted: Callable[[HeadlessTab], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not wanted(self):
            self.receive()
            assert time.monotonic() < deadline, "the tab waited in vain"

    def run_is_over(self) -> bool:
        return any(welcome.live for welcome in self.welcomes) and not self.welcomes[-1].live

    def _apply(self, message: Ops) -> None:
        self.tab.apply(message.after, message.until, message.ops)
        assert not self.tab.missed
        for op in message.ops:
            self.ops.append(op)
            if op.op == "upsert":
                self.metadata[op.cell.id] = op.cell.metadata
            if op.op == "upsert" and op.cell.id not in self.outputs:
                self.outputs[op.cell.id] = list(op.cell.outputs)
            elif isinstance(op, Outputs):
                self.outputs[op.id] = list(op.outputs)
            elif op.op == "append_stream":
                stream = self.outputs[op.id][op.index]
                stream["text"] = stream["text"][: op.offset] + op.text
            elif op.op == "nbmeta":
                self.document["metadata"].update(op.metadata)
            elif op.op == "revert":
                self.load_again()
            elif op.op == "save" and self.welcomes[-1].owner:
                self.save(op.seq)
        if self.tab.waiting:
            self.snapshot()

    def load_again(self) -> None:
        """context.revert(): the file, with what the user has not told yet put back."""
        mine = {cell.id: cell.source for cell in self.tab.cells if cell.source != cell.base}
        n = self.tab.n
        self.load()
        self.tab.n = n
        for cell in self.tab.cells:
            cell.source = mine.get(cell.id, cell.source)

    def save(self, seq: int) -> None:
        """context.save(), with JupyterLab's check that nobody else wrote the file."""
        route = f"api/contents/{quote(self.path)}"
        _, now = self.server.get(f"{route}?content=0")
        assert now["last_modified"] == self.file, "the file changed on disk: JupyterLab would ask the user"
        cells = []
        for cell in self.tab.cells:
            whole = {"id": cell.id, "cell_type": cell.type, "source": cell.source}
            whole["metadata"] = self.metadata.get(cell.id, {})
            if cell.type == "code":
                whole |= {"outputs": self.outputs.get(cell.id, []), "execution_count": None}
            cells.append(whole)
        metadata = {**self.document["metadata"]}
        metadata["clinjup"] = {**metadata.get("clinjup", {}), "seq": seq}
        content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
        status, model = self.server.ask("PUT", route, {"type": "notebook", "format": "json", "content": content})
        assert status == 200, model
        self.file = model["last_modified"]
        self.saves += 1
        self.send(Saved(seq=seq))
