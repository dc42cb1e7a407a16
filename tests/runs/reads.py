"""Which files were opened for reading, and whether the event loop stood still meanwhile."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

Reads = list[tuple[str, bool]]
_ending: str | None = None
_reads: Reads = []


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if _ending is not None and event == "open" and str(arguments[0]).endswith(_ending) and arguments[1] in {"r", "rb"}:
        in_the_event_loop = threading.current_thread() is threading.main_thread()
        _reads.append((Path(str(arguments[0])).parent.name, in_the_event_loop))


sys.addaudithook(_note)  # cannot be taken back; `_ending` says whether it counts


@contextmanager
def reads_of(ending: str) -> Iterator[Reads]:
    """(folder, whether in the event loop) of each file with this end of its name that is opened for reading."""
    global _ending
    _ending = ending
    _reads.clear()
    yield _reads
    _ending = None
