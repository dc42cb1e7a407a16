"""The metrics of a binary classifier, each with a 95 % interval that respects patients.

Sensitivity and specificity carry Wilson intervals at the effective sample size (see proportions.py); everything else carries the
percentile interval of a bootstrap clustered by patient (see bootstrap.py), stratified by outcome except for calibration: strata hold the
number of positives still, and an intercept owes much of its uncertainty to just that. A metric that cannot be had is missing, with its
reason.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinjup.contracts import Estimate
from clinjup.evaluation.bootstrap import Bootstrap, Statistic, Weights, summarise
from clinjup.evaluation.calibration import brier_statistic, ece_statistic, intercept_statistic, slope_statistic
from clinjup.evaluation.proportions import proportion
from clinjup.evaluation.ranking import FEWEST_IMAGES, auprc_statistic, auroc_statistic
from clinjup.phrases import counted

METRICS = (
    "auroc",
    "auprc",
    "sensitivity",
    "specificity",
    "ppv",
    "npv",
    "balanced_accuracy",
    "brier",
    "ece",
    "calibration_slope",
    "calibration_intercept",
)
LOWER_IS_BETTER = frozenset({"brier", "ece"})
_REASONS = {
    "ppv": "no image was called positive",
    "npv": "no image was called negative",
    "calibration_slope": "the probabilities are all equal or separate the classes perfectly",
}


def binary_metrics(
    probabilities: ArrayLike,
    labels: ArrayLike,
    patients: ArrayLike,
    *,
    threshold: float,
    prevalence: float | None = None,
    bootstrap: Bootstrap | None = None,
) -> dict[str, Estimate]:
    """All of METRICS at `threshold` (an image is called positive at or above it). All arrays are [images].

    `prevalence` is what PPV and NPV are stated at; None takes that of these images. Pass the same `bootstrap` for several models to pair
    them.
    """
    p, y = np.asarray(probabilities, float), np.asarray(labels)
    clusters = np.asarray(patients)
    positive, n = y == 1, len(y)
    absent = _absent_class(positive)
    if absent:
        return dict.fromkeys(METRICS, Estimate(value=None, reason=absent, n=n))
    called = p >= threshold
    shares = {
        "sensitivity": proportion(called[positive], clusters[positive]),
        "specificity": proportion(~called[~positive], clusters[~positive]),
    }
    if too_few := _too_few(positive):
        return dict.fromkeys(METRICS, Estimate(value=None, reason=too_few, n=n)) | shares
    resamples = bootstrap or Bootstrap(clusters, y)
    stated = positive.mean() if prevalence is None else prevalence
    source = "that of these images" if prevalence is None else "as stated"
    statistics: dict[str, Statistic] = {
        "auroc": auroc_statistic(p, y),
        "auprc": auprc_statistic(p, y),
        "ppv": _predictive_value(called, positive, stated, called_positive=True),
        "npv": _predictive_value(called, positive, stated, called_positive=False),
        "balanced_accuracy": lambda weights: np.mean(_rates(weights, called, positive), axis=0),
    }
    calibration: dict[str, Statistic] = {
        "brier": brier_statistic(p, y),
        "calibration_slope": slope_statistic(p, y),
        "calibration_intercept": intercept_statistic(p, y),
    }
    free = resamples.without_strata()
    found = resamples.estimates(statistics, n, _REASONS) | free.estimates(calibration, n, _REASONS)
    found["ece"] = _calibration_error(free, ece_statistic(p, y), n)
    found |= shares
    for name in ("ppv", "npv"):
        if found[name].value is not None:
            notes = [f"at a prevalence of {stated * 100:.1f} %, {source}", found[name].note]
            found[name] = found[name].model_copy(update={"note": "; ".join(filter(None, notes))})
    return {name: found[name] for name in METRICS}


def _calibration_error(resamples: Bootstrap, statistic: Statistic, n: int) -> Estimate:
    """ECE with its interval. A resample is noisier than the images, so its error is larger: the replicates are centred on the value."""
    value, replicates = resamples.point(statistic), resamples.replicates({"ece": statistic})["ece"]
    return summarise(value, np.maximum(replicates - replicates.mean() + value, 0), n)


def _absent_class(positive: NDArray[Any]) -> str:
    if not len(positive):
        return "there are no images"
    if positive.all():
        return "there are no negative images"
    return "" if positive.any() else "there are no positive images"


def _too_few(positive: NDArray[Any]) -> str:
    """Why nothing but the two proportions can be said; an AUROC of 1.00 from one positive image would be taken for a result."""
    rarer = min((int(positive.sum()), "positive image"), (int((~positive).sum()), "negative image"))
    return f"only {counted(*rarer)}; at least {FEWEST_IMAGES} are needed" if rarer[0] < FEWEST_IMAGES else ""


def _rates(weights: Weights, called: NDArray[Any], positive: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Sensitivity and specificity of every resample."""
    parts = np.stack([called & positive, positive, ~called & ~positive, ~positive], axis=1).astype(np.float32)
    found, positives, spared, negatives = (weights @ parts).T
    return found / positives, spared / negatives


def _predictive_value(
    called: NDArray[Any], positive: NDArray[Any], prevalence: float, *, called_positive: bool
) -> Statistic:
    """PPV or NPV by Bayes' rule, from sensitivity and specificity at the stated prevalence."""

    def predictive_value(weights: Weights) -> NDArray[Any]:
        sensitivity, specificity = _rates(weights, called, positive)
        if called_positive:
            right, wrong = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
        else:
            right, wrong = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
        return right / (right + wrong)

    return predictive_value
