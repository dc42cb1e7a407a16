"""AUROC and AUPRC under many weightings of the same images at once: sorted once, then cumulative sums of weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinjup.evaluation.bootstrap import Statistic, Weights

FEWEST_IMAGES = 3  # of each kind; an AUROC of fewer says nothing


def auroc_statistic(probabilities: ArrayLike, labels: ArrayLike, rows: ArrayLike | None = None) -> Statistic:
    """Area under the ROC curve, ties counted half (Hanley and McNeil, Radiology 1982). `rows`: positions of the images that count."""
    ranking = _Ranking(probabilities, labels, rows)

    def auroc(weights: Weights) -> NDArray[Any]:
        positives, negatives = ranking.totals(weights)
        below = np.cumsum(negatives, axis=1) - 0.5 * negatives
        return (positives * below).sum(axis=1) / (positives.sum(axis=1) * negatives.sum(axis=1))

    return auroc


def auprc_statistic(probabilities: ArrayLike, labels: ArrayLike, rows: ArrayLike | None = None) -> Statistic:
    """Area under the precision-recall curve as average precision, without interpolation (as scikit-learn computes it)."""
    ranking = _Ranking(probabilities, labels, rows)

    def auprc(weights: Weights) -> NDArray[Any]:
        positives, negatives = (totals[:, ::-1] for totals in ranking.totals(weights))
        found = np.cumsum(positives, axis=1)
        called = found + np.cumsum(negatives, axis=1)
        precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
        return (precision * positives).sum(axis=1) / positives.sum(axis=1)

    return auprc


class _Ranking:
    """Images in ascending order of probability, equal probabilities in one group."""

    def __init__(self, probabilities: ArrayLike, labels: ArrayLike, rows: ArrayLike | None) -> None:
        scores, truth = np.asarray(probabilities), np.asarray(labels)
        kept = np.arange(len(scores)) if rows is None else np.asarray(rows)
        self._order = kept[np.argsort(scores[kept], kind="stable")]
        ordered = scores[self._order]
        self._starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.zeros(0, int)
        self._positive = (truth[self._order] == 1).astype(np.float32)

    def totals(self, weights: Weights) -> tuple[NDArray[Any], NDArray[Any]]:
        """Weight of positives and of negatives per group of equal probability, each [resamples, groups]."""
        if not len(self._starts):
            return np.zeros((len(weights), 1)), np.zeros((len(weights), 1))
        ordered = weights[:, self._order]
        positives = ordered * self._positive
        negatives = ordered - positives
        return tuple(np.add.reduceat(part, self._starts, axis=1, dtype=np.float64) for part in (positives, negatives))  # type: ignore[return-value]
