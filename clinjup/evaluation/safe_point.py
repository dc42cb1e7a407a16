"""Operating points for somebody who fears the missed case: a sensitivity that holds for the next patients, and a harm ratio.

A sensitivity that was reached on 117 cases is not reached on the next 117. So the threshold is taken at which the one-sided 95 % lower
bound of the sensitivity (Clopper and Pearson, Biometrika 1934) reaches the target, on out-of-fold predictions of training and validation
together where there are such. Patients (or lesions) are counted, not images: how far the images of one are missed together cannot be told
from a handful of misses, and an estimate of it would make one miss worth more than none.

Networks of different folds need not share a scale. What is carried over from them to the final model is therefore not a probability but
the false-alarm rate at which each positive is found, its placement value (Pepe and Cai, Biometrics 2004). On validation the final model
reaches the target in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinjup.evaluation.cohort_parts import Part
from clinjup.evaluation.operating_point import calling, choose_threshold
from clinjup.learning.scaling import Scaling, logit
from clinjup.phrases import stated_percent

if TYPE_CHECKING:
    from clinjup.learning.cross_fit import OutOfFold

CONFIDENCE = 0.95


def lower_bound(found: ArrayLike, clusters: ArrayLike) -> float:
    """One-sided 95 % lower bound of the share of true `found` [images], as of so many cases as there are `clusters`."""
    from scipy.stats import beta

    share, n = float(np.mean(np.asarray(found, float))), len(np.unique(np.asarray(clusters).astype(str)))
    hits, misses = share * n, (1 - share) * n
    return float(beta.ppf(1 - CONFIDENCE, hits, misses + 1)) if hits > 0 else 0.0


def miss_bound(found: ArrayLike, clusters: ArrayLike) -> float:
    """One-sided 95 % upper bound of the miss rate; with no miss in n cases this is about 3 / n, the rule of three."""
    return 1 - lower_bound(found, clusters)


def safe_threshold(
    probabilities: NDArray[np.float64], part: Part, target: float, out_of_fold: OutOfFold | None = None
) -> tuple[float, str]:
    """(threshold, rule in words) for the final model, whose `probabilities` [images] on validation are given.

    Raises like `choose_threshold`.
    """
    positive = part.labels == 1
    reached = choose_threshold(probabilities, part.labels, target)
    if out_of_fold is None:
        placements = _placements(probabilities, part.labels, np.zeros(len(probabilities), int))
        clusters, source = part.clusters[positive], "validation"
    else:
        placements = _placements(out_of_fold.scores, out_of_fold.labels, out_of_fold.fold)
        clusters, source = out_of_fold.clusters[out_of_fold.labels == 1], "out-of-fold"
    rate, bound = _rate(placements, clusters, target)
    threshold = min(_threshold_at(rate, probabilities, positive), reached)
    found = int((placements <= rate).sum())
    words = (
        f"highest specificity at which the one-sided 95 % lower bound of the sensitivity reaches {stated_percent(target)}: "
        f"{found} of {len(placements)} {source} positives found, bound {bound * 100:.1f} %"
    )
    if bound < target:
        groups = len(set(clusters.tolist()))
        words = (
            f"the highest sensitivity that can be had: no {source} positive is missed. {len(placements)} positives of {groups} groups show "
            f"no more than a sensitivity of {bound * 100:.1f} % (one-sided 95 % lower bound), so {stated_percent(target)} cannot be promised"
        )
    if out_of_fold is not None:
        found = int((probabilities[positive] >= threshold).sum())
        words += f"; on validation it finds {found} of {int(positive.sum())}"
    return threshold, words


def harm_threshold(
    ratio: float, scaling: Scaling, *, seen: float, prevalence: float | None = None
) -> tuple[float, str]:
    """(threshold, rule in words) that weighs a missed case as `ratio` false alarms: calibrated probability 1 / (1 + ratio).

    Pauker and Kassirer, NEJM 1980. The threshold is given for probabilities as the network states them. `scaling` calibrates them for images
    of which the share `seen` has the finding; a stated `prevalence` moves all odds by one factor (Saerens et al., Neural Computation 2002).
    """
    wanted = here = 1 / (1 + ratio)
    if prevalence is not None:
        stated, shown = (float(logit([share])[0]) for share in (prevalence, seen))
        here = float(1 / (1 + np.exp(-(logit([wanted])[0] + shown - stated))))
    words = (
        f"a missed case counts as much as {ratio:g} false alarms, so an image is called positive from a calibrated probability of "
        f"{wanted * 100:.1f} % on ({scaling.words})"
    )
    if prevalence is not None:
        words += (
            f"; that is the probability at a prevalence of {stated_percent(prevalence)}, among the validation images, of which "
            f"{seen * 100:.1f} % have the finding, it is {here * 100:.1f} %"
        )
    return scaling.undone(here), words


def _placements(scores: NDArray[Any], labels: NDArray[Any], fold: NDArray[Any]) -> NDArray[np.float64]:
    """For each positive the share of its fold's negatives with at least its score, in the order of the images."""
    found = np.full(len(scores), np.nan)
    for number in np.unique(fold):
        here = fold == number
        negatives = np.sort(scores[here & (labels != 1)])
        cases = here & (labels == 1)
        found[cases] = 1 - np.searchsorted(negatives, scores[cases], side="left") / max(len(negatives), 1)
    return found[labels == 1]


def _rate(placements: NDArray[np.float64], clusters: NDArray[Any], target: float) -> tuple[float, float]:
    """The lowest false-alarm rate whose sensitivity has a lower bound of at least `target`, else the one that finds all; and the bound."""
    bound = 0.0
    for rate in np.unique(placements):
        bound = lower_bound(placements <= rate, clusters)
        if bound >= target:
            return float(rate), bound
    return float(placements.max()), bound


def _threshold_at(rate: float, probabilities: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Threshold that calls at least `rate` of the negatives positive, and all positives whose placement is at most `rate`."""
    negatives = np.sort(probabilities[~positive])[::-1]
    called = int(np.ceil(rate * len(negatives) - 1e-9))
    if called >= len(negatives):
        return 0.0
    above = probabilities[probabilities > negatives[called]]
    lowest = min(above.min(initial=np.inf), negatives[called - 1] if called else np.inf)
    return calling(lowest, probabilities) if np.isfinite(lowest) else (1 + float(negatives[0])) / 2
