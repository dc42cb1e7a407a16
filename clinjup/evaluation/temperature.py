"""Temperature scaling: logits divided by one number, fitted on validation (Guo et al., On calibration of modern neural networks, ICML 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinjup.learning.scaling import Scaling, logit

LOWEST, HIGHEST = 0.05, 20.0


def fit_scaling(probabilities: ArrayLike, labels: ArrayLike, *, balanced: bool = False) -> Scaling:
    """The scaling with the least log loss of `probabilities` [images] against `labels` [images]; none where a class is absent.

    The offset is 0 unless training was `balanced`: that moves all probabilities of a rare class up, which no temperature takes back (Platt,
    Advances in Large Margin Classifiers, 1999).
    """
    z, y = logit(probabilities), np.asarray(labels) == 1
    if not np.isfinite(z).all() or y.all() or not y.any():
        return Scaling()
    plain = Scaling(_temperature(z, y))
    if not balanced:
        return plain
    from sklearn.linear_model import LogisticRegression

    fit = LogisticRegression(C=100.0).fit(z[:, None], y)
    slope = float(fit.coef_[0, 0])
    # Outside, the offset would belong to a slope that is not used.
    return Scaling(1 / slope, float(fit.intercept_[0])) if 1 / HIGHEST < slope < 1 / LOWEST else plain


def _temperature(z: NDArray[np.float64], y: NDArray[np.bool_]) -> float:
    from scipy.optimize import minimize_scalar

    sign = np.where(y, 1.0, -1.0)

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, -sign * z / np.exp(log_temperature)).mean())

    found = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded")
    return float(np.exp(found.x))
