"""Markdown that a model wrote, made harmless: a reader's browser fetches remote pictures, and that tells others what it knows."""

from __future__ import annotations

import re

_PICTURE = re.compile(r"!\[(?P<alt>[^\]]*)\](\((?P<target>[^)]*)\)|\[[^\]]*\])?")
_REFERENCE = re.compile(r"^(\s{0,3})\[([^\]]+)\]:\s*\S+.*$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>[^)]*)\)")
_LOCAL = re.compile(r"<?(plots/[\w./ -]+|attachment:[\w.-]+|#[\w-]*)>?(\s+\"[^\"]*\")?$")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")


def safe_markdown(text: str) -> str:
    """`text` without pictures and links that lead out of the run folder, and with HTML shown as text."""
    text = _TAG.sub("&lt;", text)
    text = _REFERENCE.sub(r"\1", text)
    text = _PICTURE.sub(lambda hit: hit[0] if _is_local(hit["target"]) else f"[picture left out: {hit['alt']}]", text)
    return _LINK.sub(
        lambda hit: hit[0] if _is_local(hit["target"]) else f"{hit['text']} (`{hit['target'].strip('`')}`)", text
    )


def _is_local(target: str | None) -> bool:
    return target is not None and ".." not in target and bool(_LOCAL.match(target.strip()))
