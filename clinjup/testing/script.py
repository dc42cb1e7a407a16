"""What the scripted server can answer: a good turn, and every way in which a turn can go wrong on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Event = tuple[str, dict[str, Any]]


class Wire(Protocol):
    """One HTTP answer in the making."""

    def start(self, status: int, content_type: str, headers: dict[str, str] | None = None) -> None: ...

    def send(self, data: bytes) -> None: ...

    def end(self) -> None:
        """Finish the body as HTTP wants it."""
        ...

    def cut(self) -> None:
        """Break the connection in the middle of the body."""
        ...

    def hang(self) -> None:
        """Say nothing more until the client goes away or the server is stopped."""
        ...


class Reply(Protocol):
    """One entry of a script."""

    def play(self, wire: Wire, body: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Call:
    """A tool call of the model."""

    name: str
    input: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Says:
    """A whole turn: text and tool calls, streamed in small pieces in the wire order of the API."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    thinking: str = ""
    stop_reason: str | None = None
    usage: dict[str, int] = field(default_factory=lambda: {"input_tokens": 100, "output_tokens": 20})

    def play(self, wire: Wire, body: dict[str, Any]) -> None:
        send_events(wire, self.events(body))
        wire.end()

    def events(self, body: dict[str, Any]) -> Iterator[Event]:
        number = len(body.get("messages", []))
        message = {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "model": body.get("model", ""),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**self.usage, "output_tokens": 1},
        }
        yield "message_start", {"message": message}
        yield "ping", {}
        for index, (start, deltas) in enumerate(self._blocks(number)):
            yield "content_block_start", {"index": index, "content_block": start}
            for delta in deltas:
                yield "content_block_delta", {"index": index, "delta": delta}
            yield "content_block_stop", {"index": index}
        stop_reason = self.stop_reason or ("tool_use" if self.calls else "end_turn")
        yield (
            "message_delta",
            {
                "delta": {"stop_reason": stop_reason, "stop_sequence": None},
                "usage": {"output_tokens": self.usage["output_tokens"]},
            },
        )
        yield "message_stop", {}

    def _blocks(self, number: int) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        if self.thinking:
            deltas = [{"type": "thinking_delta", "thinking": self.thinking}]
            deltas.append({"type": "signature_delta", "signature": f"signature-{number}"})
            yield {"type": "thinking", "thinking": "", "signature": ""}, deltas
        if self.text:
            pieces = _pieces(self.text)
            yield {"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces]
        for place, call in enumerate(self.calls):
            start = {"type": "tool_use", "id": f"toolu_{number}_{place}", "name": call.name, "input": {}}
            pieces = _pieces(json.dumps(call.input))
            yield start, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


@dataclass(frozen=True)
class Broken:
    """The first `events` events of a turn, and then not the rest."""

    says: Says
    events: int
    ending: Literal["cut", "end", "hang", "error"]
    error: str = "overloaded_error"

    def play(self, wire: Wire, body: dict[str, Any]) -> None:
        send_events(wire, list(self.says.events(body))[: self.events])
        if self.ending == "cut":
            wire.cut()
        elif self.ending == "hang":
            wire.hang()
        else:
            if self.ending == "error":
                error = {"error": {"type": self.error, "message": "scripted"}}
                wire.send(_encoded("error", error))
            wire.end()


@dataclass(frozen=True)
class HttpError:
    """A status of 400 or more with the API's error body."""

    status: int
    kind: str = "api_error"
    message: str = "scripted"
    headers: dict[str, str] = field(default_factory=dict)

    def play(self, wire: Wire, body: dict[str, Any]) -> None:
        wire.start(self.status, "application/json", self.headers)
        wire.send(json.dumps({"type": "error", "error": {"type": self.kind, "message": self.message}}).encode())
        wire.end()


@dataclass(frozen=True)
class Page:
    """Any other body: a proxy's log-in page, say."""

    body: bytes = b"<!doctype html><html><body>Please log in</body></html>"
    content_type: str = "text/html"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def play(self, wire: Wire, body: dict[str, Any]) -> None:
        wire.start(self.status, self.content_type, self.headers)
        wire.send(self.body)
        wire.end()


@dataclass(frozen=True)
class _Events:
    """Exactly these bytes as an event stream."""

    chunks: tuple[bytes, ...]

    def play(self, wire: Wire, body: dict[str, Any]) -> None:
        wire.start(200, "text/event-stream")
        for chunk in self.chunks:
            wire.send(chunk)
        wire.end()


def bare_data_lines(says: Says) -> Reply:
    """A stream without `event:` lines, as some gateways send."""
    return _Events(tuple(f"data: {_data(*event)}\n\n".encode() for event in says.events({})))


def without_usage(says: Says) -> Reply:
    """A server that counts no tokens."""
    stripped = [(name, {key: value for key, value in data.items() if key != "usage"}) for name, data in says.events({})]
    return _Events(tuple(_encoded(*event) for event in stripped))


def delta_before_block() -> Reply:
    """A delta for a content block that was never started."""
    events = [event for event in Says("words").events({}) if event[0] != "content_block_start"]
    return _Events(tuple(_encoded(*event) for event in events))


def malformed_tool_call(name: str) -> Reply:
    """A tool call whose arguments are not JSON."""
    return _tool_call(name, '{"step_id": nonsense}')


def truncated_tool_call(name: str) -> Reply:
    """A tool call that stops in the middle of its arguments and yet claims to be complete."""
    return _tool_call(name, '{"step_id": "load", "source": "print(')


def _tool_call(name: str, arguments: str) -> Reply:
    events = []
    for kind, data in Says(calls=(Call(name),)).events({}):
        if kind == "content_block_delta":
            data = {**data, "delta": {"type": "input_json_delta", "partial_json": arguments}}
        events.append(_encoded(kind, data))
    return _Events(tuple(events))


def send_events(wire: Wire, events: Iterator[Event] | list[Event]) -> None:
    """Start an event stream and send these events."""
    wire.start(200, "text/event-stream")
    for event in events:
        wire.send(_encoded(*event))


def _encoded(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {_data(name, data)}\n\n".encode()


def _data(name: str, data: dict[str, Any]) -> str:
    return json.dumps({"type": name, **data}, ensure_ascii=False)


def _pieces(text: str, size: int = 400) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]
