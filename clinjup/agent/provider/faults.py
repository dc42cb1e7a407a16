"""Every way in which a model call can fail, in one exception with a sentence for the clinician."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from clinjup.agent.state import GateRefusedError

if TYPE_CHECKING:
    import anthropic

FaultKind = Literal[
    "no_key",
    "bad_address",
    "forbidden",
    "gate",
    "auth",
    "billing",
    "unknown_model",
    "no_tools",
    "network",
    "timeout",
    "rate_limit",
    "overloaded",
    "server",
    "cut",
    "malformed",
    "not_an_api",
    "too_long",
    "context_window",
    "history",
    "request",
    "refusal",
    "lost",
]

_SENTENCES: dict[FaultKind, str] = {
    "no_key": "No key for Claude was found, so nothing was sent. Set ANTHROPIC_API_KEY, name a server of your own with "
    "--base-url, or leave --planner out to work offline.",
    "bad_address": "'{destination}' is not the address of a server. It looks like http://localhost:11434.",
    "forbidden": "The network is closed by CLINJUP_FORBID_NETWORK, so nothing was sent to {destination}.",
    "gate": "Nothing was sent to {destination}: {detail}",
    "auth": "{destination} did not accept the key. Check ANTHROPIC_API_KEY.",
    "billing": "The account behind the key has no credit left at {destination}. Top it up, or work offline.",
    "unknown_model": "{destination} does not know the model '{model}'.{detail} Name another one with --model.",
    "no_tools": "The model '{model}' at {destination} does not call tools, so it cannot plan a run. Name another one with --model.",
    "network": "{destination} cannot be reached. Check the network connection and --base-url.",
    "timeout": "{destination} did not answer in time.",
    "rate_limit": "{destination} limits how much may be asked, and the limit is reached for now.",
    "overloaded": "{destination} is overloaded at the moment.",
    "server": "{destination} had a fault of its own ({detail}).",
    "cut": "The connection to {destination} broke in the middle of an answer.",
    "malformed": "{destination} sent an answer that cannot be read ({detail}).",
    "not_an_api": "What answers at {destination} is not a Messages API; it may be a proxy's page or another program. Check "
    "--base-url (without /v1).",
    "too_long": "The model's answer grew beyond {detail} characters and was broken off.",
    "context_window": "The conversation no longer fits into the model's memory.",
    "history": "{destination} did not accept the conversation so far ({detail}).",
    "request": "{destination} did not accept the request ({detail}).",
    "refusal": "The model declined to go on{detail}. Safety filters also catch sound medical work now and then.",
    "lost": "The model did not come up with a usable next action{detail}.",
}


class ProviderError(Exception):
    """A model call failed. `retryable`: sending the same again may help; `partial`: text that had come before the fault."""

    def __init__(
        self,
        kind: FaultKind,
        *,
        destination: str = "the server",
        model: str = "",
        detail: str = "",
        retryable: bool = False,
        retry_after: float | None = None,
        partial: str = "",
    ) -> None:
        super().__init__(_SENTENCES[kind].format(destination=destination, model=model, detail=detail[:300]))
        self.kind = kind
        self.retryable = retryable
        self.retry_after = retry_after
        self.partial = partial


_BY_STATUS: dict[int, FaultKind] = {401: "auth", 403: "auth", 402: "billing", 404: "unknown_model", 408: "timeout"}
_BY_TYPE: dict[str, FaultKind] = {
    "overloaded_error": "overloaded",
    "rate_limit_error": "rate_limit",
    "authentication_error": "auth",
    "permission_error": "auth",
    "billing_error": "billing",
    "not_found_error": "unknown_model",
    "invalid_request_error": "request",
    "timeout_error": "timeout",
}
_PASSING = {"network", "timeout", "rate_limit", "overloaded", "server"}


def as_provider_error(
    fault: Exception, *, destination: str, model: str, streaming: bool, partial: str = ""
) -> ProviderError:
    """Wrap what the SDK let through (2.12: see the list of faults in the agent reference).

    `streaming`: part of an answer had come, so that the same request may well succeed when it is sent again.
    """
    import anthropic
    import httpx2

    kind: FaultKind
    retry_after: float | None = None
    detail = ""
    if isinstance(fault, ProviderError):
        return fault
    if isinstance(fault, GateRefusedError):
        kind, detail, streaming = "gate", str(fault), False
    elif isinstance(fault, anthropic.APIStatusError):
        kind, detail = _status_kind(fault)
        retry_after = _retry_after(fault)
        streaming = streaming and kind in {*_PASSING, "cut"}
    elif isinstance(fault, (anthropic.APITimeoutError, httpx2.TimeoutException, TimeoutError)):
        kind = "timeout"
    elif isinstance(fault, anthropic.APIConnectionError):
        kind = "network"
    elif isinstance(fault, httpx2.TransportError):
        kind = "cut"
    elif isinstance(fault, AssertionError):
        # No event ever came: the SDK has no message to show.
        kind = "not_an_api"
    elif isinstance(fault, AttributeError):
        kind, detail = "malformed", "it does not count tokens in its stream, which a newer version of the server may"
    else:
        kind, detail = "malformed", type(fault).__name__
    return ProviderError(
        kind,
        destination=destination,
        model=model,
        detail=detail,
        retryable=streaming or kind in _PASSING,
        retry_after=retry_after,
        partial=partial,
    )


def _status_kind(fault: anthropic.APIStatusError) -> tuple[FaultKind, str]:
    status, message = fault.status_code, str(fault.api_message or "")
    lowered = message.lower()
    if "prompt is too long" in lowered or ("context" in lowered and ("exceed" in lowered or "too long" in lowered)):
        return "context_window", message
    if status == 400 and "thinking" in lowered:
        return "history", message
    if status == 413:
        return "context_window", message
    kind = _BY_TYPE.get(str(fault.type or "")) or _BY_STATUS.get(status)
    if kind is not None:
        return kind, "" if kind == "unknown_model" else message
    if status == 429:
        return "rate_limit", message
    if status == 529:
        return "overloaded", message
    if status >= 500 or status == 200:
        return "server", message or f"status {status}"
    if 300 <= status < 400:
        return "not_an_api", ""
    return "request", message or f"status {status}"


def _retry_after(fault: anthropic.APIStatusError) -> float | None:
    try:
        return float(fault.response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
