"""Calibration: does a stated probability of 30 % come true in 30 % of the images?

Slope and intercept as in Van Calster et al., BMC Medicine 2019. The slope is the coefficient of logit(p) in a logistic regression of the
label (1 is ideal, below 1 the probabilities are too extreme); the intercept is that of the same regression with the slope held at 1, the
calibration in the large (0 is ideal, below 0 the probabilities are too high on average). Both are fitted by Newton's method on all
resamples at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinjup.evaluation.bootstrap import Statistic, Weights
from clinjup.learning.scaling import logit

ECE_BINS = 15
_STEPS = 25
_LIMIT = 1e3


def brier_statistic(probabilities: ArrayLike, labels: ArrayLike) -> Statistic:
    """Mean squared distance of probability and label (Brier 1950); 0 is perfect."""
    squares = ((np.asarray(probabilities, float) - np.asarray(labels)) ** 2).astype(np.float32)
    return lambda weights: (weights @ squares) / weights.sum(axis=1)


def ece_statistic(probabilities: ArrayLike, labels: ArrayLike, bins: int = ECE_BINS) -> Statistic:
    """Expected calibration error over `bins` bins of equal width on [0, 1] (Guo et al., ICML 2017)."""
    p = np.asarray(probabilities, float)
    members = np.eye(bins, dtype=np.float32)[np.minimum((p * bins).astype(int), bins - 1)]
    gaps = (members * (np.asarray(labels) - p)[:, None]).astype(np.float32)
    return lambda weights: np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1)


def slope_statistic(probabilities: ArrayLike, labels: ArrayLike) -> Statistic:
    """Calibration slope; NaN where the classes are perfectly separated or all probabilities are equal."""
    x = logit(probabilities)
    spread = x.std()
    if not spread > 1e-9:
        return lambda weights: np.full(len(weights), np.nan)
    standard = ((x - x.mean()) / spread).astype(np.float32)
    design = np.stack([np.ones_like(standard), standard], axis=1)
    y = np.asarray(labels, np.float32)
    start = _newton(np.ones((1, len(y)), np.float32), design, np.zeros_like(y), y, np.zeros(2))[0]

    def slope(weights: Weights) -> NDArray[Any]:
        return _newton(weights, design, np.zeros_like(y), y, np.nan_to_num(start))[:, 1] / spread

    return slope


def intercept_statistic(probabilities: ArrayLike, labels: ArrayLike) -> Statistic:
    """Calibration in the large; NaN where one class is absent."""
    offset = logit(probabilities).astype(np.float32)
    y = np.asarray(labels, np.float32)
    design = np.ones((len(y), 1), np.float32)

    def intercept(weights: Weights) -> NDArray[Any]:
        return _newton(weights, design, offset, y, np.zeros(1))[:, 0]

    return intercept


def _newton(
    weights: Weights, design: NDArray[Any], offset: NDArray[Any], labels: NDArray[Any], start: NDArray[Any]
) -> NDArray[Any]:
    """Coefficients [resamples, terms] of weighted logistic regressions; NaN where there is no finite maximum."""
    terms = design.shape[1]
    products = (design[:, :, None] * design[:, None, :]).reshape(len(labels), -1)
    beta = np.tile(start.astype(float), (len(weights), 1))
    active = np.arange(len(weights))
    for _ in range(_STEPS):
        part = weights[active]
        fitted = 1 / (1 + np.exp(-np.clip(beta[active].astype(np.float32) @ design.T + offset, -30, 30)))
        gradient = (part * (labels - fitted)) @ design
        curvature = ((part * (fitted * (1 - fitted))) @ products).reshape(-1, terms, terms).astype(float)
        solvable = np.linalg.det(curvature) > 1e-9
        beta[active[~solvable]] = np.nan
        active = active[solvable]
        step = np.linalg.solve(curvature[solvable], gradient[solvable, :, None].astype(float))[..., 0]
        beta[active] += np.clip(step, -2, 2)
        active = active[np.abs(step).max(axis=1, initial=0) > 1e-3]
        if not len(active):
            break
    beta[active] = np.nan
    beta[np.abs(beta).max(axis=1) > _LIMIT] = np.nan
    return beta
