"""Progress of a long cell: tqdm for the notebook, a typed message for the terminal and the sidebar."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from clinjup.contracts import PROGRESS_MIME, Progress
from clinjup.kernel.findings import publish

T = TypeVar("T")


class ProgressBar:
    """A bar of `total` steps. Use as a context manager; call `advance` after each step."""

    def __init__(self, label: str, total: int, unit: str = "step") -> None:
        self.label, self.total, self.unit = label, total, unit
        # Plain text on stdout: it reads well in the saved notebook, without widgets and without stderr's red.
        self._bar = tqdm(total=total, desc=label, unit=unit, file=sys.stdout, ncols=110, mininterval=0.5)
        self._sent = 0.0

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def advance(self, steps: int = 1, detail: str = "") -> None:
        if detail:
            self._bar.set_postfix_str(detail, refresh=False)
        self._bar.update(steps)
        self._publish(detail)

    def close(self) -> None:
        self._bar.close()

    def _publish(self, detail: str) -> None:
        """Tell the run's owner, at most twice a second. A notebook re-run by hand has no owner, so nothing is sent."""
        now = time.monotonic()
        done = self._bar.n
        if "CLINJUP_RUN_ID" not in os.environ or (now - self._sent < 0.5 and done < self.total):
            return
        self._sent = now
        rate = self._bar.format_dict["rate"] or (done / max(self._bar.format_dict["elapsed"], 1e-9))
        left = (self.total - done) / rate if rate else None
        progress = Progress(
            label=self.label, done=done, total=self.total, unit=self.unit, seconds_left=left, detail=detail
        )
        publish({PROGRESS_MIME: progress.model_dump(mode="json")})


def track(items: Iterable[T], label: str, total: int, unit: str = "image") -> Iterator[T]:
    """Iterate over `items` with a progress bar of `total` steps."""
    with ProgressBar(label, total, unit) as bar:
        for item in items:
            yield item
            bar.advance()
