"""The operating point: one rule for every model of a run, applied on validation and frozen before the test set opens.

Rule: the highest specificity whose validation sensitivity reaches the target; where several thresholds share that specificity, the most
sensitive of them, halfway to the next lower probability so that rounding cannot tip a film over. Who names a specificity gets the mirror
image: the highest sensitivity whose validation specificity reaches it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinjup.contracts import OperatingPoint
from clinjup.evaluation.proportions import proportion
from clinjup.kernel.errors import ClassAbsentError, ClinjupError
from clinjup.phrases import stated_percent


def choose_threshold(probabilities: ArrayLike, labels: ArrayLike, target_sensitivity: float = 0.90) -> float:
    """Threshold at or above which an image is called positive. Arrays are [images] of validation.

    Raises ClassAbsentError without positives or negatives, ClinjupError for a target outside (0, 1] or a probability that is no number.
    """
    p, y = _checked(probabilities, labels, target_sensitivity, "sensitivity")
    positives, negatives = np.sort(p[y == 1])[::-1], p[y != 1]
    needed = math.ceil(target_sensitivity * len(positives) - 1e-9)
    at_most = positives[needed - 1]
    spared = negatives[negatives < at_most].max(initial=-np.inf)
    return calling(positives[positives > spared].min(), p)


def specific_threshold(probabilities: ArrayLike, labels: ArrayLike, target: float) -> tuple[float, str]:
    """(threshold, rule in words) with the highest sensitivity whose specificity reaches `target`; arrays are [images] of validation.

    Of several thresholds that find the same positives, the most specific. Raises like `choose_threshold`.
    """
    p, y = _checked(probabilities, labels, target, "specificity")
    positives, negatives = p[y == 1], np.sort(p[y != 1])[::-1]
    alarms = math.floor((1 - target) * len(negatives) + 1e-9)
    spared = negatives[alarms] if alarms < len(negatives) else -np.inf
    words = f"highest sensitivity with a validation specificity of at least {stated_percent(target)}"
    found = positives[positives > spared]
    if not len(found):
        return float(np.nextafter(p.max(), np.inf)), f"{words}; it is reached only by calling no image positive"
    return calling(found.min(), p), words


def _checked(probabilities: ArrayLike, labels: ArrayLike, target: float, what: str) -> tuple[NDArray, NDArray]:
    if not 0 < target <= 1:
        raise ClinjupError(f"The target {what} is {target}; it must lie above 0 and not above 1. Write 0.9 for 90 %.")
    p, y = np.asarray(probabilities, float), np.asarray(labels)
    if not np.isfinite(p).all():
        raise ClinjupError(
            f"{int((~np.isfinite(p)).sum())} of {len(p)} validation probabilities are not numbers, so no operating point can be "
            "chosen. The training has probably diverged: train again with a lower learning rate."
        )
    for here, label in ((y == 1, "positive"), (y != 1, "negative")):
        if not here.any():
            raise ClassAbsentError("validation", label)
    return p, y


def calling(lowest: float, p: NDArray) -> float:
    """A threshold that calls `lowest` positive, halfway to the next lower probability."""
    lower = p[p < lowest]
    return float((lowest + lower.max()) / 2 if len(lower) else lowest)


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
