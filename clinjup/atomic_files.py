"""Files that are either whole or absent. Imports nothing of ours."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path


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


def is_full(fault: BaseException | None) -> bool:
    """Whether the disk, or what this user may take of it, has no room left; also where `fault` only came of that."""
    while fault is not None:
        if isinstance(fault, OSError) and fault.errno in {errno.ENOSPC, errno.EDQUOT}:
            return True
        fault = fault.__cause__ or fault.__context__
    return False
