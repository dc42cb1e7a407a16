"""The learning rate's one cycle, stretched over the steps or, where that is shorter, over the time there is."""

from __future__ import annotations

import math

WARM_UP = 0.3  # share of the training in which the learning rate rises
START, END = 1 / 25, 1 / 250_000  # of the highest learning rate; torch's OneCycleLR has the same


def one_cycle(progress: float) -> float:
    """Factor on the highest learning rate at `progress` 0..1 (Smith and Topin, Super-Convergence, 2018), cosine both ways."""
    if progress < WARM_UP:
        return _cosine(START, 1, progress / WARM_UP)
    return _cosine(1, END, min(1.0, (progress - WARM_UP) / (1 - WARM_UP)))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


class Pace:
    """How far a training has come, 0..1, when `steps` are planned and `seconds` are granted.

    Where the time will not do for all steps, progress follows the steps that will do, so that the learning rate still comes
    down to its end. The forecast counts only once 5 % of the time is spent: a training with time to spare never depends on
    how fast the machine was.
    """

    def __init__(self, steps: int, seconds: float) -> None:
        self.steps, self.seconds = steps, seconds
        self.progress = 0.0

    def update(self, step: int, elapsed: float) -> float:
        """Progress after `step` steps that took `elapsed` seconds; it never goes back."""
        planned = float(self.steps)
        if elapsed > 0.05 * self.seconds:
            planned = min(planned, step * self.seconds / elapsed)
        self.progress = max(self.progress, min(1.0, step / planned))
        return self.progress
