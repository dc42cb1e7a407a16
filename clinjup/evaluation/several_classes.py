"""Several classes: sensitivity and AUROC of each, the pairwise confusion, and averages last.

The class of interest keeps all the figures of a yes/no question (it against all others, at its operating point); beside them stand, for
every class, the share of its images that the model names rightly and the AUROC against the rest. Balanced accuracy is the mean of those
shares. What the model names is its most probable class.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import Confusion, Estimate
from clinjup.evaluation.bootstrap import Bootstrap, Statistic, Weights
from clinjup.evaluation.cohort_parts import Part
from clinjup.evaluation.metrics import binary_metrics
from clinjup.evaluation.proportions import proportion
from clinjup.evaluation.ranking import auroc_statistic
from clinjup.nouns import class_words

FEWEST_EVENTS = 10  # below this a class's own figures are given with the words that they are uncertain


def part_metrics(
    part: Part,
    predicted: NDArray[np.float64],
    scores: NDArray[np.float64],
    threshold: float,
    prevalence: float | None,
    bootstrap: Bootstrap,
) -> dict[str, Estimate]:
    """All metrics of one model on `part`: those of the class of interest and, of several classes, those of each and the averages."""
    found = binary_metrics(
        scores, part.labels, part.clusters, threshold=threshold, prevalence=prevalence, bootstrap=bootstrap
    )
    if predicted.ndim == 1:
        return found
    del found["balanced_accuracy"]  # averages come last, and mean all classes
    return found | class_metrics(part, predicted, bootstrap)


def class_metrics(part: Part, predicted: NDArray[np.float64], bootstrap: Bootstrap) -> dict[str, Estimate]:
    """`sensitivity_<class>` and `auroc_<class>` of every class, then `macro_auroc`, `accuracy` and `balanced_accuracy`."""
    named = predicted.argmax(axis=1)
    right = named == part.codes
    found: dict[str, Estimate] = {}
    free = bootstrap.without_strata()
    statistics: dict[str, Statistic] = {}
    for code, name in enumerate(part.classes):
        members = part.codes == code
        reason = f"no image of this part shows {class_words(name)}"
        estimate = proportion(right[members], part.clusters[members], reason=reason)
        if 0 < members.sum() < FEWEST_EVENTS:
            estimate = estimate.model_copy(update={"note": f"only {int(members.sum())} images, very uncertain"})
        found[f"sensitivity_{name}"] = estimate
        statistics[f"auroc_{name}"] = auroc_statistic(predicted[:, code], members.astype(int))
    present = np.unique(part.codes)
    each = [statistics[f"auroc_{part.classes[code]}"] for code in present]
    n = len(part.codes)
    averages: dict[str, Statistic] = {
        "macro_auroc": lambda weights: np.nanmean([statistic(weights) for statistic in each], axis=0),
        "accuracy": lambda weights: (weights @ right.astype(np.float32)) / weights.sum(axis=1),
        "balanced_accuracy": _balanced_accuracy(part.codes, right),
    }
    return found | free.estimates(statistics, n) | free.estimates(averages, n)


def confusion_of(part: Part, predicted: NDArray[np.float64]) -> Confusion | None:
    """How often each class was named for each; None for a yes/no question."""
    if predicted.ndim == 1:
        return None
    size = len(part.classes)
    counts = np.zeros((size, size), int)
    np.add.at(counts, (part.codes, predicted.argmax(axis=1)), 1)
    return Confusion(classes=[class_words(name) for name in part.classes], counts=counts.tolist())


def _balanced_accuracy(codes: NDArray[Any], right: NDArray[np.bool_]) -> Statistic:
    """Mean over the classes that a resample holds of the share of their images named rightly."""
    members = (codes[:, None] == np.unique(codes)[None, :]).astype(np.float32)
    hits = members * right[:, None].astype(np.float32)

    def balanced_accuracy(weights: Weights) -> NDArray[Any]:
        totals = weights @ members
        return np.nanmean(np.where(totals > 0, (weights @ hits) / np.maximum(totals, 1e-9), np.nan), axis=1)

    return balanced_accuracy
