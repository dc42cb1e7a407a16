"""From the probability that a network states to a calibrated one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


def logit(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Log odds, with probabilities kept 1e-6 away from 0 and 1."""
    p = np.clip(np.asarray(probabilities, float), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(p / (1 - p)), float)


@dataclass(frozen=True)
class Scaling:
    """Calibrates a probability: its logit / `temperature` + `offset`. Fitted by evaluation/temperature.py."""

    temperature: float = 1.0
    offset: float = 0.0

    def __call__(self, probabilities: ArrayLike) -> NDArray[np.float64]:
        return 1 / (1 + np.exp(-logit(probabilities) / self.temperature - self.offset))

    def undone(self, probability: float) -> float:
        """What the network states where `probability` is the calibrated one."""
        return float(1 / (1 + np.exp(-(logit([probability])[0] - self.offset) * self.temperature)))

    @property
    def words(self) -> str:
        words = f"temperature {self.temperature:.2f}, fitted on validation"
        if self.offset:
            words = f"temperature {self.temperature:.2f} and offset {self.offset:.2f}, fitted on validation"
        return words
