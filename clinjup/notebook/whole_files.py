"""Notebooks of live runs are replaced as a whole when they are saved, so that whoever opens one never meets half a file.

Jupyter writes in place. A run saves about once a second, so a second tab, or one that loads the file again, would sooner or later find
it empty ("Unreadable Notebook").
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def write_live_notebooks_whole(contents: Any, is_live: Callable[[Path], bool]) -> None:
    """Have a contents manager that writes files write those that are live as a whole. Others keep their way."""
    in_place = getattr(contents, "atomic_writing", None)
    if in_place is None:  # it keeps its notebooks elsewhere than in files
        return

    @contextmanager
    def writing(os_path: str, *arguments: Any, **keywords: Any) -> Iterator[Any]:
        way = _as_a_whole if is_live(Path(os_path)) and os.path.exists(os_path) else in_place
        with contents.perm_to_403(os_path), way(os_path, *arguments, **keywords) as file:
            yield file

    contents.atomic_writing = writing


@contextmanager
def _as_a_whole(os_path: str, text: bool = True, encoding: str = "utf-8", **_: Any) -> Iterator[Any]:
    target = os.path.realpath(os_path)
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os_path)
    handle, partial = tempfile.mkstemp(prefix=".~", suffix=".part", dir=os.path.dirname(target))
    try:
        with open(handle, "w" if text else "wb", encoding=encoding if text else None) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, partial)
        os.replace(partial, target)
    except BaseException:
        os.unlink(partial)
        raise
