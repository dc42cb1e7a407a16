"""Interval of a proportion (sensitivity, specificity, false alarms) of images that cluster in patients.

Wilson's score interval (J Am Stat Assoc 1927) at the effective sample size, the number of images divided by the design effect of the
clusters (Rao and Scott, Biometrics 1992). With one image a patient this is the plain Wilson interval. Unlike a bootstrap it stays honest at
the edge: 20 of 20 found is 84 to 100 %, not 100 to 100 %.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinjup.contracts import Estimate

Z_95 = 1.959963984540054  # 97.5 % quantile of the standard normal distribution


def wilson(share: float, n: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a `share` observed in `n` (effective, so not always whole) trials."""
    centre = share + Z_95**2 / (2 * n)
    half = Z_95 * np.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
    low, high = (centre - half) / (1 + Z_95**2 / n), (centre + half) / (1 + Z_95**2 / n)
    return float(max(low, 0.0)), float(min(high, 1.0))


def effective_size(outcomes: NDArray[Any], patients: ArrayLike) -> float:
    """Images [n] of outcome 0/1 counted as independent ones; the number of patients where all outcomes are equal."""
    _, cluster = np.unique(np.asarray(patients).astype(str), return_inverse=True)
    share = outcomes.mean()
    if share in (0.0, 1.0):
        return float(cluster.max() + 1)
    residuals = np.bincount(cluster, weights=outcomes - share)
    design_effect = (residuals**2).sum() / (len(outcomes) * share * (1 - share))
    return float(len(outcomes) / max(design_effect, 1.0))


def proportion(outcomes: ArrayLike, patients: ArrayLike, *, reason: str = "there is no such image") -> Estimate:
    """Share of true `outcomes` [images], with its interval; `reason` is said where there are no images."""
    values = np.asarray(outcomes, float)
    if not len(values):
        return Estimate(value=None, reason=reason, n=0)
    share = float(values.mean())
    return Estimate(value=share, ci95=wilson(share, effective_size(values, patients)), n=len(values))
