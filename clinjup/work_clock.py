"""How long a run has worked: the one duration that panel, report and journal tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

WaitsFor = Literal["", "go_on", "answer", "approval"]
"""What a run waits for while its clock stands: somebody who ends the pause, an answer, an approval. Empty: it works."""


class WorkClock:
    """Counts seconds, and stands while the run is paused or waits for somebody. `before`: what earlier tries of the run took.

    `on_change` is called when the clock stops, with 0, and when it goes on, with the seconds that it stood.
    """

    def __init__(self, before: float = 0.0, on_change: Callable[[float], None] = lambda stood: None) -> None:
        self._before, self._on_change = before, on_change
        self._began = time.monotonic()
        self._stood = 0.0
        self._stands_since: float | None = None
        self._end: float | None = None
        self.waits_for: WaitsFor = ""

    @property
    def seconds(self) -> float:
        """What all tries have taken together, in whole milliseconds, as the journal keeps it."""
        return round(self._before + self.seconds_of_this_try, 3)

    @property
    def seconds_of_this_try(self) -> float:
        if self._end is not None:
            return self._end
        now = time.monotonic() if self._stands_since is None else self._stands_since
        return now - self._began - self._stood

    @contextmanager
    def waiting(self, for_what: WaitsFor) -> Iterator[None]:
        """Nobody works meanwhile. Not to be nested."""
        self.waits_for, self._stands_since = for_what, time.monotonic()
        self._on_change(0.0)
        try:
            yield
        finally:
            stood = time.monotonic() - self._stands_since
            self.waits_for, self._stands_since = "", None
            self._stood += stood
            self._on_change(stood)

    def end(self) -> float:
        """The run has ended: the clock stands for good. Returns `seconds`."""
        self._end = self.seconds_of_this_try
        return self.seconds
