"""One owner for a run folder and for a notebook, among all programs of this machine. Let go of when the program ends, however."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: two servers on one folder are not told apart there
    fcntl = None  # type: ignore[assignment]


class Taken(Exception):
    """Somebody else owns it."""


class Lock:
    """Owns `path` from construction until `release`. Raises Taken. The lock file lies beside no data of the user."""

    def __init__(self, path: Path) -> None:
        owner = os.getuid() if hasattr(os, "getuid") else "user"
        folder = Path(tempfile.gettempdir()) / f"clinjup-locks-{owner}"
        folder.mkdir(mode=0o700, exist_ok=True)
        name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:24]
        self._file: IO[bytes] | None = (folder / name).open("ab")
        if fcntl is not None:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as held:
                self._file.close()
                raise Taken(str(path)) from held

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
