"""Where a request goes, and whether that can only be this machine. Read from the spelling of the address, which must be plain."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

_PLAIN_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(:\d{1,5})?")
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]*|\d+)")


class DestinationRefusedError(Exception):
    """Nothing may be sent there. The sentence says why and what to do (exit 2)."""


@dataclass(frozen=True)
class Destination:
    """A server: `url` without path, and whether only programs on this machine can answer there."""

    url: str
    host: str
    loopback: bool


def check_destination(url: str, *, local_only: bool = False) -> Destination:
    """The server at `url`. Raises DestinationRefusedError for an address that can be misread, or one that leaves the machine.

    An address is read the same way by everybody only when it is plain: scheme, host, port. User names, numbers instead of an
    address (2130706433), other writings of an IP (0177.1, ::ffff:127.0.0.1) and names that merely begin or end like a local
    one are refused, because the name that a person sees would not be the machine that answers.
    """
    if not url.isascii() or re.search(r"[\s\\%@#?]", url):
        raise _refused(url, "it holds signs that an address of a server does not need")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _refused(url, "it cannot be read as an address") from None
    if parts.scheme not in {"http", "https"} or not host or not _PLACE.fullmatch(parts.netloc):
        raise _refused(url, "it does not begin with http:// or https:// and a host")
    loopback = _is_loopback(url, host, bracketed="[" in parts.netloc)
    if local_only and not loopback:
        raise DestinationRefusedError(
            f"With --local-only nothing leaves this machine, and '{host}' is not this machine. Name a server on this machine, "
            "such as http://localhost:11434, or leave --local-only out."
        )
    shown = f"[{host}]" if ":" in host else host
    return Destination(f"{parts.scheme}://{shown}{f':{port}' if port else ''}", host, loopback)


def _is_loopback(url: str, host: str, *, bracketed: bool) -> bool:
    if bracketed:
        try:
            address = ipaddress.IPv6Address(host)
        except ValueError:
            raise _refused(url, "its IPv6 address cannot be read") from None
        if address.ipv4_mapped is not None or address.scope_id is not None:
            raise _refused(url, "it hides an address in another one")
        return address == ipaddress.IPv6Address("::1")
    if not _PLAIN_HOST.fullmatch(host):
        raise _refused(url, "its host is not written plainly")
    if all(_NUMBER.fullmatch(part) for part in host.split(".")):
        try:
            return ipaddress.IPv4Address(host).is_loopback
        except ValueError:
            raise _refused(url, "its host is a number, not an address written as four numbers") from None
    return host == "localhost" and _resolves_to_loopback(host)


def _resolves_to_loopback(host: str) -> bool:
    """`localhost` is this machine unless somebody changed the hosts file."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(str(address).partition("%")[0]).is_loopback for address in found)


def _refused(url: str, why: str) -> DestinationRefusedError:
    return DestinationRefusedError(
        f"The server address '{url[:100]}' is not used: {why}. Write it as http://localhost:11434 or https://host.example:8000."
    )
