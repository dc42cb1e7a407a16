"""Files that are either whole or absent, and their fingerprints."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes as hex, read in blocks (checkpoints are large)."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    """SHA-256 of a text's UTF-8 bytes as hex; a lone surrogate counts as its escape."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write `content` beside `path` and move it into place, so that no reader ever sees half a file."""
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    partial = path.with_name(path.name + ".part")
    with partial.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, path)


def copy_atomic(source: Path, target: Path) -> None:
    """Copy the bytes of `source` to `target` in one visible step."""
    partial = target.with_name(target.name + ".part")
    shutil.copyfile(source, partial)
    os.replace(partial, target)
