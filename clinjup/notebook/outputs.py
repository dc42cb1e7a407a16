"""What a cell may leave in the notebook: no scripts, nothing fetched from elsewhere, no flood.

JupyterLab trusts the outputs of executed cells, so HTML and JavaScript in them would run with the page's authority, and a remote
picture would carry data past the sandbox in its address.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

from nbformat import NotebookNode

STREAM_LIMIT = 200_000  # characters of one stream kept in a cell
_FORBIDDEN_MIME = re.compile(r"(application|text)/(x-)?(javascript|ecmascript)|application/vnd\.vega", re.IGNORECASE)
# A browser takes a quote or a slash for the space before an attribute, and a backslash for a slash in an address.
_REMOTE = r"\s*(?:[\"'<]\s*)?(https?:|ftp:|wss?:|[/\\]\s*[/\\])"
_ACTIVE_HTML = re.compile(
    r"<\s*(script|iframe|frame|frameset|object|embed|applet|portal|form|meta|link|base|animate|set)(?![\w-])"
    r"|[\s\"'/]on\w+\s*=|srcdoc\s*="
    rf"|[\s\"'/:](src|srcset|href|poster|action|formaction|background|data|ping|cite)\s*={_REMOTE}"
    rf"|url\({_REMOTE}|@import|image-set\(",
    re.IGNORECASE,
)
_SCRIPT_ADDRESS = re.compile(r"(javascript|vbscript):|data:text/(html|xml)|data:image/svg", re.IGNORECASE)
_REMOTE_PICTURE = re.compile(rf"!\[[^\]]*\]\({_REMOTE}|^[> \t]*\[[^\]\n]+\]:{_REMOTE}", re.IGNORECASE | re.MULTILINE)
_HTML = {"text/html", "image/svg+xml", "text/markdown"}


def without_active_content(bundle: dict[str, Any]) -> dict[str, Any]:
    """A MIME bundle without anything that could run in the reader's browser."""
    return {
        mime: value
        for mime, value in bundle.items()
        if not _FORBIDDEN_MIME.match(mime)
        and not (mime in _HTML and _is_active(_text(value)))
        and not (mime == "text/markdown" and _REMOTE_PICTURE.search(_text(value)))
    }


def _is_active(markup: str) -> bool:
    """Whether markup could run or fetch something. It is read as it stands and as a browser reads its addresses and styles."""
    plain = html.unescape(markup)
    addresses = re.sub(r"[\x00-\x20]+", "", plain)
    styles = re.sub(r"\\([0-9a-fA-F]{1,6})\s?", lambda code: chr(min(int(code[1], 16), 0x10FFFF)), plain)
    if _SCRIPT_ADDRESS.search(addresses):
        return True
    return any(_ACTIVE_HTML.search(text) for text in (markup, plain, styles))


def coalesced(outputs: list[NotebookNode], spill: Callable[[str, str], str] | None = None) -> list[NotebookNode]:
    """New list of outputs with all pieces of one stream joined at its first place, as a terminal would have shown them.

    Of a stream that is too long to be read, head and tail are kept; `spill(stream's name, text)` may keep the whole elsewhere, and
    returns words that say where. nbclient can join streams too, but takes a time that grows with the square of the longest line.
    """
    kept: list[NotebookNode] = []
    pieces: dict[str, list[str]] = {}
    for output in outputs:
        if output.output_type != "stream":
            kept.append(output)
            continue
        if output.name not in pieces:
            kept.append(NotebookNode(output))
        pieces.setdefault(output.name, []).append(_text(output.text))
    for output in kept:
        if output.output_type == "stream":
            text = as_terminal("".join(pieces[output.name]))
            where = spill(output.name, text) if spill and len(text) > STREAM_LIMIT else ""
            output.text = _limited(text, where)
    return kept


def as_terminal(text: str) -> str:
    """What is left of `text` after carriage returns: a later piece of a line overwrites the start of an earlier one."""
    lines = []
    for line in text.split("\n"):
        shown = ""
        for piece in line.split("\r"):
            shown = piece + shown[len(piece) :]
        lines.append(shown)
    return "\n".join(lines)


def _limited(text: str, where: str) -> str:
    """Head and tail of a stream that is too long to be read."""
    if len(text) <= STREAM_LIMIT:
        return text
    half = (STREAM_LIMIT - 400) // 2  # with the words between them still within the limit: cut once, not again
    return f"{text[:half]}\n[... {len(text) - 2 * half:,} characters left out by clinjup{where} ...]\n{text[-half:]}"


def printed_text(outputs: list[NotebookNode], limit: int = 4000) -> str:
    """What a reader sees as text below the cell, head and tail, at most `limit` characters."""
    parts = []
    for output in outputs:
        if output.output_type == "stream":
            parts.append(_text(output.text))
        elif output.output_type in {"display_data", "execute_result"}:
            parts.append(_text(output.data.get("text/plain", "")))
    text = "\n".join(part for part in parts if part)
    return text if len(text) <= limit else f"{text[: limit // 2]}\n...\n{text[-limit // 2 :]}"


def _text(value: Any) -> str:
    return "".join(value) if isinstance(value, list) else str(value)
