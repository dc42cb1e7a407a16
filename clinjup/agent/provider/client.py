"""One turn of a conversation over the wire, on the Anthropic SDK's streaming interface (anthropic 2.12).

The SDK's own retries are off: it does not retry what breaks in the middle of a stream, and every attempt must be counted.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clinjup.agent.provider.faults import ProviderError, as_provider_error
from clinjup.agent.provider.server import Server
from clinjup.agent.provider.usage import Usage, price_of
from clinjup.agent.state import Gate, GateRefusedError

if TYPE_CHECKING:
    import anthropic

MAX_OUTPUT_TOKENS = 16_000
MAX_TURN_CHARACTERS = 400_000  # a server that ignores max_tokens is broken off here
_TRIES = 3
_LONGEST_PAUSE = 30.0


@dataclass(frozen=True)
class Prompt:
    """What the model is asked. Everything before the newest messages must stay the same from turn to turn."""

    system: str
    tools: list[dict[str, Any]]
    messages: list[dict[str, Any]]


@dataclass(frozen=True)
class Turn:
    """A complete answer. `content` is in the form in which it goes back into the conversation."""

    content: list[dict[str, Any]]
    stop_reason: str
    refusal: str = ""

    @property
    def text(self) -> str:
        return "".join(block["text"] for block in self.content if block["type"] == "text")

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Tool calls that may be carried out: those of a turn that ended for their sake."""
        return (
            [block for block in self.content if block["type"] == "tool_use"] if self.stop_reason == "tool_use" else []
        )


@dataclass
class _Progress:
    """How far a stream has come."""

    started: bool = False
    characters: int = 0
    text: list[str] = field(default_factory=list)
    arguments: dict[int, str] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)


class Provider:
    """A model on a server, behind the gate. Counts requests and tokens of all attempts, failed ones too."""

    def __init__(
        self,
        server: Server,
        gate: Gate,
        *,
        backoff_seconds: float = 1.0,
        read_seconds: float = 600.0,
        turn_seconds: float = 900.0,
    ) -> None:
        import anthropic
        import httpx2

        self.server = server
        self.requests = 0
        self.usage = Usage()
        self.strict = server.native
        self._gate = gate
        self._backoff = backoff_seconds
        self._turn_seconds = turn_seconds
        timeout = httpx2.Timeout(read_seconds, connect=5.0)
        self._client = anthropic.AsyncAnthropic(
            base_url=server.base_url,
            api_key=server.key,
            max_retries=0,
            timeout=timeout,
            middleware=[self._through_the_gate],
            open_telemetry=False,  # a tracer would be a second way out
            default_headers=None if server.native else {"anthropic-version": "2023-06-01"},
            # No redirects: the gate agreed to this destination. No proxy between us and a server on this machine.
            http_client=httpx2.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=not server.local),
        )

    @property
    def cost(self) -> float:
        """US dollars so far, by list price."""
        return self.usage.cost(price_of(self.server.model, local=self.server.local))

    async def close(self) -> None:
        await self._client.close()

    def said(self, *texts: str) -> None:
        """The clinician said this to the model, so the gate may let its words pass."""
        self._gate.said(*texts)

    # ----------------------------------------------------------------------------------------------------- asking

    async def turn(
        self,
        prompt: Prompt,
        *,
        on_text: Callable[[str], None] = lambda text: None,
        before_request: Callable[[], None] = lambda: None,
    ) -> Turn:
        """One answer. A stream that breaks is thrown away and asked for again, up to three times in all.

        `before_request` may raise to stop before any attempt. Raises ProviderError; cancelling closes the connection.
        """
        for attempt in range(1, _TRIES + 1):
            before_request()
            try:
                return await self._stream(self._body(prompt), on_text)
            except ProviderError as fault:
                if not fault.retryable or attempt == _TRIES:
                    raise
                pause = self._backoff * 2 ** (attempt - 1) if fault.retry_after is None else fault.retry_after
                await asyncio.sleep(min(pause, _LONGEST_PAUSE))
        raise AssertionError("unreachable")

    async def probe(self) -> None:
        """Find out, before anything else, whether this server can carry a run. Raises ProviderError.

        Anthropic's own API is asked about the model, which costs nothing; any other server for one tiny tool call.
        """
        if self.server.native:
            async with self._faults(_Progress()):
                model = await self._client.models.retrieve(self.server.model)
            if model.capabilities is not None and model.capabilities.structured_outputs is not None:
                self.strict = model.capabilities.structured_outputs.supported
            return
        try:
            turn = await self.turn(_PROBE)
        except ProviderError as fault:
            if fault.kind != "unknown_model":
                raise
            raise await self._unknown_model() from fault
        if not any(call["name"] == "report" and call["input"].get("word") for call in turn.calls):
            raise self._error("no_tools")

    async def models(self) -> list[str]:
        """The models that the server offers. Raises ProviderError."""
        async with self._faults(_Progress()):
            return [model.id async for model in self._client.models.list()]

    async def _unknown_model(self) -> ProviderError:
        try:
            names = await self.models()
        except ProviderError:
            names = []
        known = f" It has: {', '.join(names[:10])}." if names else ""
        return self._error("unknown_model", detail=known)

    # --------------------------------------------------------------------------------------------------- the wire

    async def _stream(self, body: dict[str, Any], on_text: Callable[[str], None]) -> Turn:
        progress = _Progress()
        try:
            async with (
                self._faults(progress),
                asyncio.timeout(self._turn_seconds),
                self._client.messages.stream(**body) as stream,
            ):
                async for event in stream:
                    progress.started = True
                    self._follow(event, progress, on_text)
                message = stream.current_message_snapshot
        finally:
            self.usage += progress.usage
        if message.stop_reason is None:
            # The body ended early; the SDK says nothing about it.
            raise self._error("cut", retryable=True, partial="".join(progress.text))
        details = getattr(message, "stop_details", None)
        refusal = (getattr(details, "explanation", None) or "") if message.stop_reason == "refusal" else ""
        content = [
            kept
            for index, block in enumerate(message.content)
            if (kept := self._block(block, progress.arguments.get(index, ""), message.stop_reason)) is not None
        ]
        return Turn(content, message.stop_reason, refusal)

    def _follow(self, event: Any, progress: _Progress, on_text: Callable[[str], None]) -> None:
        if event.type == "text":
            progress.text.append(event.text)
            on_text(event.text)
        if event.type == "content_block_delta":
            delta = event.delta
            piece = (
                getattr(delta, "partial_json", None)
                or getattr(delta, "text", None)
                or getattr(delta, "thinking", None)
                or ""
            )
            progress.characters += len(piece)
            if delta.type == "input_json_delta":
                progress.arguments[event.index] = progress.arguments.get(event.index, "") + piece
            if progress.characters > MAX_TURN_CHARACTERS:
                raise self._error("too_long", detail=f"{MAX_TURN_CHARACTERS:,}", partial="".join(progress.text)[:2000])
        elif event.type == "message_start":
            progress.usage = _usage(event.message.usage)
        elif event.type == "message_delta":
            final = _usage(event.usage)
            progress.usage = Usage(
                final.input or progress.usage.input,
                final.output,
                final.cache_written or progress.usage.cache_written,
                final.cache_read or progress.usage.cache_read,
            )

    def _block(self, block: Any, arguments: str, stop_reason: str) -> dict[str, Any] | None:
        """A content block as it goes back into the conversation; None for one that must not."""
        if block.type == "text":
            return {"type": "text", "text": block.text} if block.text.strip() else None
        if block.type == "tool_use":
            if stop_reason != "tool_use":
                return None  # cut off by max_tokens: partial or empty input
            return {"type": "tool_use", "id": block.id, "name": block.name, "input": self._arguments(block, arguments)}
        if block.type == "thinking":
            # Signed by Anthropic, and wanted back unchanged; elsewhere it is only long.
            return (
                {"type": "thinking", "thinking": block.thinking, "signature": block.signature}
                if self.server.native
                else None
            )
        return dict(block.model_dump(mode="json", exclude_none=True))

    def _arguments(self, block: Any, arguments: str) -> dict[str, Any]:
        """The whole input of a tool call. The SDK parses what has come so far, and would hand out half of one."""
        if not arguments:
            return dict(block.input)
        try:
            value = json.loads(arguments)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise self._error("malformed", detail="a tool call without complete arguments", retryable=True)
        return value

    def _body(self, prompt: Prompt) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.server.model,
            "max_tokens": MAX_OUTPUT_TOKENS,
            "tools": [
                tool if self.strict else {k: v for k, v in tool.items() if k != "strict"} for tool in prompt.tools
            ],
            "system": [{"type": "text", "text": prompt.system}],
            "messages": prompt.messages,
        }
        if self.server.native:
            # One mark at the end of what never changes, one that the server moves along with the conversation.
            body["system"][0]["cache_control"] = {"type": "ephemeral"}
            body["cache_control"] = {"type": "ephemeral"}
            body["tool_choice"] = {"type": "auto", "disable_parallel_tool_use": True}
        return body

    async def _through_the_gate(
        self, request: anthropic.APIRequest, call_next: anthropic.AsyncCallNext
    ) -> anthropic.AsyncAPIResponse[Any]:
        destination = self.server.base_url
        if os.environ.get("CLINJUP_FORBID_NETWORK") and not self.server.local:
            raise self._error("forbidden")
        body = dict(request.json) if isinstance(request.json, dict) else {}
        try:
            allowed = self._gate.outbound(body, destination)
        except GateRefusedError:
            raise
        except Exception as fault:
            raise GateRefusedError(f"the privacy gate failed ({type(fault).__name__}).") from None
        self.requests += 1
        if allowed:
            # The messages last, so that two turns' bytes agree up to the newest message.
            ordered = {name: value for name, value in allowed.items() if name != "messages"}
            request = request.copy(body={**ordered, "messages": allowed["messages"]})
        return await call_next(request)

    @asynccontextmanager
    async def _faults(self, progress: _Progress) -> AsyncIterator[None]:
        try:
            yield
        except Exception as fault:
            raise as_provider_error(
                fault,
                destination=self.server.base_url,
                model=self.server.model,
                streaming=progress.started,
                partial="".join(progress.text),
            ) from fault

    def _error(self, kind: Any, **about: Any) -> ProviderError:
        return ProviderError(kind, destination=self.server.base_url, model=self.server.model, **about)


def _usage(reported: Any) -> Usage:
    return Usage(
        reported.input_tokens or 0,
        reported.output_tokens or 0,
        getattr(reported, "cache_creation_input_tokens", None) or 0,
        getattr(reported, "cache_read_input_tokens", None) or 0,
    )


_PROBE = Prompt(
    system="You are asked for one tool call, nothing else.",
    tools=[
        {
            "name": "report",
            "description": "Report that you are ready.",
            "input_schema": {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
        }
    ],
    messages=[{"role": "user", "content": "Call the tool report with the word 'ready'."}],
)
