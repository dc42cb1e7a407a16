"""Temperature scaling: logits divided by one number, fitted on validation (Guo et al., On calibration of modern neural networks, ICML 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinjup.evaluation.calibration import logit

LOWEST, HIGHEST = 0.05, 20.0


def fit_temperature(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """The temperature with the least log loss of `probabilities` [images] against `labels` [images]; 1 where a class is absent."""
    from scipy.optimize import minimize_scalar

    z, y = logit(probabilities), np.asarray(labels) == 1
    if not np.isfinite(z).all() or y.all() or not y.any():
        return 1.0
    sign = np.where(y, 1.0, -1.0)

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, -sign * z / np.exp(log_temperature)).mean())

    found = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded")
    return float(np.exp(found.x))


def scaled(probabilities: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Probabilities after their logits were divided by `temperature`."""
    return 1 / (1 + np.exp(-logit(probabilities) / temperature))
