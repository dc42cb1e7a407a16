"""The operating point: one rule for every model of a run, applied on validation and frozen before the test set opens.

Rule: the highest specificity whose validation sensitivity reaches the target; where several thresholds share that specificity, the most
sensitive of them, halfway to the next lower probability so that rounding cannot tip a film over.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from clinjup.contracts import OperatingPoint
from clinjup.evaluation.proportions import proportion
from clinjup.kernel.errors import ClassAbsentError, ClinjupError
from clinjup.phrases import stated_percent


def choose_threshold(probabilities: ArrayLike, labels: ArrayLike, target_sensitivity: float = 0.90) -> float:
    """Threshold at or above which an image is called positive. Arrays are [images] of validation.

    Raises ClassAbsentError without positives or negatives, ClinjupError for a target outside (0, 1] or a probability that is no number.
    """
    if not 0 < target_sensitivity <= 1:
        raise ClinjupError(
            f"The target sensitivity is {target_sensitivity}; it must lie above 0 and not above 1. Write 0.9 for 90 %."
        )
    p, y = np.asarray(probabilities, float), np.asarray(labels)
    if not np.isfinite(p).all():
        raise ClinjupError(
            f"{int((~np.isfinite(p)).sum())} of {len(p)} validation probabilities are not numbers, so no operating point can be "
            "chosen. The training has probably diverged: train again with a lower learning rate."
        )
    positives, negatives = np.sort(p[y == 1])[::-1], p[y != 1]
    for part, label in ((positives, "positive"), (negatives, "negative")):
        if not len(part):
            raise ClassAbsentError("validation", label)
    needed = math.ceil(target_sensitivity * len(positives) - 1e-9)
    at_most = positives[needed - 1]
    spared = negatives[negatives < at_most].max(initial=-np.inf)
    lowest_called = positives[positives > spared].min()
    lower = p[p < lowest_called]
    return float((lowest_called + lower.max()) / 2 if len(lower) else lowest_called)


def operating_point(
    probabilities: ArrayLike, labels: ArrayLike, patients: ArrayLike, *, threshold: float, rule: str
) -> OperatingPoint:
    """Sensitivity and specificity at a frozen `threshold`; arrays are [images]."""
    y, clusters = np.asarray(labels) == 1, np.asarray(patients)
    called = np.asarray(probabilities, float) >= threshold
    return OperatingPoint(
        threshold=threshold,
        rule=rule,
        sensitivity=proportion(called[y], clusters[y], reason="there are no positive images"),
        specificity=proportion(~called[~y], clusters[~y], reason="there are no negative images"),
    )


def rule_in_words(probabilities: ArrayLike, labels: ArrayLike, target_sensitivity: float, threshold: float) -> str:
    """The rule as it stands in results and report, with what the clinician must know where it gives nothing useful."""
    words = f"highest specificity with a validation sensitivity of at least {stated_percent(target_sensitivity)}"
    called, y = np.asarray(probabilities, float) >= threshold, np.asarray(labels) == 1
    if called[~y].all():
        words += "; it is reached only by calling every image positive"
    elif (count := int(y.sum())) * (1 - target_sensitivity) < 1:
        words += f"; with {count} positive images this means that none of them may be missed"
    return words
