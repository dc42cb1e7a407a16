"""Bootstrap clustered by patient, vectorised over resamples.

A patient, not an image, is drawn with replacement, within the strata "has a positive image" and "has none" (Field and Welsh, J R Stat
Soc B 2007, on the cluster bootstrap). A resample is a row of weights: how often each image was drawn. A statistic maps weights
[resamples, images] to values [resamples], so the point estimate is the same statistic at weights of one. Two models judged with the same
`Bootstrap` see the same resamples: their difference is paired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinjup.contracts import Estimate

Weights = NDArray[np.float32]
Statistic = Callable[[Weights], NDArray[Any]]

RESAMPLES = 2000
NO_SPREAD = "every resample gave the same value, so the interval shows none of the uncertainty"
NO_VALUE = "no value can be computed from these images"
# At least this share of the resamples must give a value. Two patients carrying all the positives still pass (1 - e**-2 = 0.86), one does not.
MIN_VALID = 0.8
_BLOCK_CELLS = 4_000_000


class Bootstrap:
    """Resamples of the patients of one set of images.

    `patients` [images] names the cluster of each image, `labels` [images] holds 1 for positives; None leaves out the strata. Equal
    arguments give equal resamples.
    """

    def __init__(
        self, patients: ArrayLike, labels: ArrayLike | None, *, resamples: int = RESAMPLES, seed: int = 0
    ) -> None:
        self._patients, self._cluster = np.unique(np.asarray(patients).astype(str), return_inverse=True)
        self.images, self._seed = len(self._cluster), seed
        positive = np.zeros(len(self._patients), bool)
        if labels is not None:
            np.logical_or.at(positive, self._cluster, np.asarray(labels) == 1)
        self._counts = np.zeros((resamples, len(self._patients)), np.uint8)
        random = np.random.default_rng(seed)
        for stratum in (np.flatnonzero(positive), np.flatnonzero(~positive)):
            if len(stratum):
                self._counts[:, stratum] = _multiplicities(random, resamples, len(stratum))

    def without_strata(self) -> Bootstrap:
        """The same patients drawn regardless of outcome, for figures that depend on how common the target is, such as calibration."""
        return Bootstrap(self._patients[self._cluster], None, resamples=len(self._counts), seed=self._seed)

    def weights(self) -> Iterator[Weights]:
        """All resamples, in blocks [rows, images] small enough for any laptop."""
        rows = max(1, _BLOCK_CELLS // max(self.images, 1))
        for start in range(0, len(self._counts), rows):
            yield self._counts[start : start + rows, self._cluster].astype(np.float32)

    def replicates(self, statistics: Mapping[str, Statistic]) -> dict[str, NDArray[Any]]:
        """Each statistic on every resample, [resamples]; NaN where a resample gives no value."""
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in statistics}
        with np.errstate(divide="ignore", invalid="ignore"):
            for block in self.weights():
                for name, statistic in statistics.items():
                    parts[name].append(statistic(block))
        return {name: np.concatenate(values) for name, values in parts.items()}

    def point(self, statistic: Statistic) -> float:
        """The statistic on the images as they are."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(statistic(np.ones((1, self.images), np.float32))[0])

    def estimates(
        self, statistics: Mapping[str, Statistic], n: int, reasons: Mapping[str, str] | None = None
    ) -> dict[str, Estimate]:
        """Value and 95 % percentile interval of each statistic; all rest on `n` images. `reasons`: why one could have no value."""
        replicates = self.replicates(statistics)
        return {
            name: summarise(self.point(statistic), replicates[name], n, reason=(reasons or {}).get(name, NO_VALUE))
            for name, statistic in statistics.items()
        }

    def estimate(self, statistic: Statistic, n: int) -> Estimate:
        """As `estimates`, for one statistic."""
        return self.estimates({"": statistic}, n)[""]


def mean_statistic(values: ArrayLike, rows: ArrayLike) -> Statistic:
    """Mean of `values` [rows] over the images at the positions `rows`."""
    kept, numbers = np.asarray(rows, int), np.asarray(values, np.float32)

    def mean(weights: Weights) -> NDArray[Any]:
        part = weights[:, kept]
        return (part @ numbers) / part.sum(axis=1)

    return mean


def summarise(value: float, replicates: NDArray[Any], n: int, *, reason: str = NO_VALUE) -> Estimate:
    """An Estimate from a value and its replicates; missing where the value, or too many of the replicates, cannot be had."""
    if not np.isfinite(value):
        return Estimate(value=None, reason=reason, n=n)
    valid = replicates[np.isfinite(replicates)]
    if len(valid) < MIN_VALID * len(replicates):
        return Estimate(value=None, reason="it rests on too few patients for a confidence interval", n=n)
    low, high = np.percentile(valid, [2.5, 97.5])
    note = NO_SPREAD if low == high else None
    return Estimate(value=float(value), ci95=(float(low), float(high)), n=n, note=note)


def _multiplicities(random: np.random.Generator, resamples: int, size: int) -> NDArray[np.uint8]:
    """How often each of `size` patients is drawn in each resample of `size` draws, [resamples, size]."""
    counts = np.empty((resamples, size), np.uint8)
    for row in range(resamples):
        counts[row] = np.bincount(random.integers(size, size=size), minlength=size)
    return counts
