"""Where requests go and what may be said there: address, key, model."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from clinjup.agent.provider.faults import ProviderError

DEFAULT_MODEL = "claude-opus-5-5"
_ANTHROPIC = "https://api.anthropic.com"


@dataclass(frozen=True)
class Server:
    """One Messages API. `native` is Anthropic's own, which knows prompt caching and strict tools; others get the plain protocol."""

    base_url: str
    key: str
    model: str = DEFAULT_MODEL
    native: bool = True

    @classmethod
    def choose(
        cls, *, model: str | None = None, base_url: str | None = None, environment: Mapping[str, str] = os.environ
    ) -> Server:
        """The server that options and environment name. Raises ProviderError when its key is missing.

        ANTHROPIC_API_KEY goes to Anthropic and to remote servers that were named on purpose (a gateway of the hospital, say),
        never to a server on this machine: local ones take any key, or ANTHROPIC_AUTH_TOKEN where they want one.
        """
        url = _without_path(base_url or environment.get("ANTHROPIC_BASE_URL") or _ANTHROPIC)
        native = (urlsplit(url).hostname or "").endswith("anthropic.com")
        token = environment.get("ANTHROPIC_AUTH_TOKEN", "").strip()
        if is_loopback(url):
            key = token or "local"
        else:
            key = environment.get("ANTHROPIC_API_KEY", "").strip() or token
            if not key:
                raise ProviderError("no_key", destination=url)
        return cls(url, key, model or environment.get("ANTHROPIC_MODEL") or DEFAULT_MODEL, native)

    @property
    def local(self) -> bool:
        return is_loopback(self.base_url)


def is_loopback(url: str) -> bool:
    """Whether this address can only be a program on this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _without_path(url: str) -> str:
    """The SDK adds /v1/messages itself; people paste addresses with it."""
    url = url.strip()
    if "://" not in url:
        url = f"http://{url}" if is_loopback(f"http://{url}") else f"https://{url}"
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ProviderError("bad_address", destination=url)
    url = url.rstrip("/")
    for path in ("/v1/messages", "/v1"):
        url = url.removesuffix(path)
    return url
