"""The scripted server: plays one reply per request to /v1/messages and keeps every request for the test to look at."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from clinjup.testing.script import Call, HttpError, Reply, Says, Wire

Entry = Reply | Callable[[dict[str, Any]], Reply]


@dataclass(frozen=True)
class RecordedRequest:
    """One request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(self.raw)) if self.raw else {}


class ScriptedClaude:
    """A Messages API on a loopback port. Use as a context manager; give `url` as the base URL.

    `script` is played in order; an entry may be a function of the request's body. After its end every request is answered with
    an error. Probes (a request that offers only the tool `report`) and the model list are answered without using up the script.
    """

    def __init__(
        self,
        script: Iterable[Entry] = (),
        *,
        models: tuple[str, ...] = ("claude-opus-5-5",),
        probe: Reply | None = None,
    ) -> None:
        self.requests: list[RecordedRequest] = []
        self.disconnected = threading.Event()
        self._script: Iterator[Entry] = iter(script)
        self._models = models
        self._probe = probe or Says(calls=(Call("report", {"word": "ready"}),))
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False

    def __enter__(self) -> ScriptedClaude:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def turns(self) -> list[RecordedRequest]:
        """The requests for a turn, probes left out."""
        return [request for request in self.requests if request.path == "/v1/messages" and not _is_probe(request.body)]

    def answer(self, request: RecordedRequest, wire: Wire) -> None:
        """Play the next reply of the script (called by the HTTP handler)."""
        with self._lock:
            self.requests.append(request)
            reply = self._reply(request)
        reply.play(wire, request.body)

    def _reply(self, request: RecordedRequest) -> Reply:
        if request.path.startswith("/v1/models"):
            return _ModelList(self._models, request.path)
        if request.path != "/v1/messages":
            return HttpError(404, "not_found_error", f"no such path: {request.path}")
        if _is_probe(request.body):
            return self._probe
        entry = next(self._script, HttpError(418, "script_over", "the script of this test has no more replies"))
        return entry if hasattr(entry, "play") else entry(request.body)

    def wait_for_client_to_leave(self, connection: socket.socket) -> None:
        connection.settimeout(0.05)
        while not self._stopping.is_set():
            try:
                if not connection.recv(1, socket.MSG_PEEK):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        self.disconnected.set()


def _is_probe(body: dict[str, Any]) -> bool:
    return [tool["name"] for tool in body.get("tools", [])] == ["report"]


@dataclass(frozen=True)
class _ModelList:
    models: tuple[str, ...]
    path: str

    def play(self, wire: Wire, body: dict[str, Any]) -> None:
        entries = [
            {
                "id": name,
                "type": "model",
                "display_name": name,
                "created_at": "2026-01-01T00:00:00Z",
                "lifecycle": "active",
                "capabilities": {"structured_outputs": {"supported": True}},
                "max_input_tokens": 1_000_000,
            }
            for name in self.models
        ]
        _, _, name = self.path.partition("/v1/models/")
        found: dict[str, Any] | None = {"data": entries, "has_more": False, "first_id": None, "last_id": None}
        if name:
            found = next((entry for entry in entries if entry["id"] == name), None)
        if found is None:
            HttpError(404, "not_found_error", f"model: {name}").play(wire, body)
            return
        wire.start(200, "application/json")
        wire.send(json.dumps(found).encode())
        wire.end()


def _handler(owner: ScriptedClaude) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # many small writes would each wait 40 ms for the client's acknowledgement

        def do_POST(self) -> None:
            self._serve()

        def do_GET(self) -> None:
            self._serve()

        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            path = self.path.partition("?")[0]
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                owner.answer(RecordedRequest(self.command, path, headers, raw), self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
                owner.disconnected.set()

        # clinjup.testing.script.Wire

        def start(self, status: int, content_type: str, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("transfer-encoding", "chunked")
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()

        def send(self, data: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

        def end(self) -> None:
            self.wfile.write(b"0\r\n\r\n")

        def cut(self) -> None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def hang(self) -> None:
            self.close_connection = True
            owner.wait_for_client_to_leave(self.connection)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: the requests are kept in `ScriptedClaude.requests`."""

    return Handler
