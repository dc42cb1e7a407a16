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


def fit_scaling(probabilities: ArrayLike, labels: ArrayLike) -> tuple[float, float]:
    """(temperature, offset) of a logistic recalibration: logit / temperature + offset (Platt 1999); (1, 0) where a class is absent.

    A training that was balanced by class shifts all probabilities of a rare class up, which no temperature takes back.
    """
    from sklearn.linear_model import LogisticRegression

    z, y = logit(probabilities), np.asarray(labels) == 1
    if not np.isfinite(z).all() or y.all() or not y.any():
        return 1.0, 0.0
    fit = LogisticRegression(C=100.0).fit(z[:, None], y)
    slope = float(np.clip(fit.coef_[0, 0], 1 / HIGHEST, 1 / LOWEST))
    return 1 / slope, float(fit.intercept_[0])


def scaled(probabilities: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Probabilities after their logits were divided by `temperature`."""
    return 1 / (1 + np.exp(-logit(probabilities) / temperature))
