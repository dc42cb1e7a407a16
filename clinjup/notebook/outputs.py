"""What a cell may leave in the notebook: no scripts, nothing fetched from elsewhere, no flood.

JupyterLab trusts the outputs of executed cells, so HTML and JavaScript in them would run with the page's authority, and a remote
picture would carry data past the sandbox in its address.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from nbformat import NotebookNode

STREAM_LIMIT = 200_000  # characters of one stream kept in a cell
_FORBIDDEN_MIME = {"application/javascript", "application/x-javascript", "text/javascript"}
_ACTIVE_HTML = re.compile(
    r"<\s*(script|iframe|object|embed|form|meta|link|base)\b|\son\w+\s*=|javascript:"
    r"|\b(src|srcset|href|poster|action)\s*=\s*[\"']?\s*(https?:)?//|url\(\s*[\"']?\s*(https?:)?//",
    re.IGNORECASE,
)
_REMOTE_PICTURE = re.compile(r"!\[[^\]]*\]\(\s*<?\s*(https?:)?//", re.IGNORECASE)


def without_active_content(bundle: dict[str, Any]) -> dict[str, Any]:
    """A MIME bundle without anything that could run in the reader's browser."""
    return {
        mime: value
        for mime, value in bundle.items()
        if mime not in _FORBIDDEN_MIME
        and not (mime in {"text/html", "image/svg+xml", "text/markdown"} and _ACTIVE_HTML.search(_text(value)))
        and not (mime == "text/markdown" and _REMOTE_PICTURE.search(_text(value)))
    }


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
