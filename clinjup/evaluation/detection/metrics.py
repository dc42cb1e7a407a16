"""What a detector is judged by, each figure with a 95 % interval from a bootstrap clustered by patient.

- AP50, AP50-95: COCO's average precision; the value comes from torchmetrics with faster-coco-eval where every image is boxed, else from
  the same definition with weights (see parts.DetectionPart).
- FROC: share of the boxes that are marked at a given number of false marks an image (Bunch et al., SPIE 1977; Chakraborty, Med Phys 1989).
- AUROC of images and of studies (the images of one patient's visit), by the most suspicious mark.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import Estimate
from clinjup.evaluation.bootstrap import Bootstrap, Statistic, Weights
from clinjup.evaluation.detection.parts import DetectionPart, scores
from clinjup.evaluation.proportions import proportion
from clinjup.evaluation.ranking import auroc_statistic
from clinjup.learning.detection.matching import Marks, Ranked, average_precision

FALSE_MARKS = (0.1, 0.5, 1.0)  # an image, at which FROC's sensitivity is read off
LIMITS = tuple(np.round(np.arange(0.5, 1.0, 0.05), 2))
_ROWS = 100  # resamples at a time: one row holds a number for each mark
_ANYWHERE = "of whole images with the finding; one that gets a mark counts, wherever the mark lies"
_PARTIAL = "weighted: boxed positives stand for all positives of the part"


def froc_key(false_marks: float) -> str:
    """'sensitivity_at_0.5_false_marks'."""
    return f"sensitivity_at_{false_marks:g}_false_marks"


def detection_metrics(
    marks: Sequence[Marks],
    part: DetectionPart,
    threshold: float,
    bootstrap: Bootstrap,
    *,
    studies: NDArray[Any] | None = None,
) -> dict[str, Estimate]:
    """All figures of one model on one part, at the mark threshold that was frozen. `studies` [images] names the visit of each image."""
    ranked = part.ranked(marks)
    n = len(part.known)
    statistics: dict[str, Statistic] = {
        "ap50": weighted_in_rows(part, lambda weights: average_precision(ranked, weights)),
        **{froc_key(each): weighted_in_rows(part, _froc(ranked, part, each)) for each in FALSE_MARKS},
        "box_sensitivity": weighted_in_rows(part, share_marked(ranked, threshold)),
        "false_marks_per_image": weighted_in_rows(part, false_marks_shown(ranked, threshold)),
        "auroc": auroc_statistic(scores(marks), part.labels),
    }
    found = bootstrap.estimates(statistics, n)
    boxes = sum(len(each) for each in part.truth if each is not None)
    for name in ("box_sensitivity", *map(froc_key, FALSE_MARKS)):
        found[name] = found[name].model_copy(update={"n": boxes})
    found["auroc"] = found["auroc"].model_copy(update={"n": len(part.labels)})
    found["ap50_95"] = _strict(marks, part, bootstrap, n)
    if part.all_known:
        map50, map_all = coco_average_precision(marks, part)
        found["ap50"] = found["ap50"].model_copy(update={"value": map50})
        found["ap50_95"] = found["ap50_95"].model_copy(update={"value": map_all})
    else:
        for name in (*(name for name in statistics if name != "auroc"), "ap50_95"):
            found[name] = found[name].model_copy(update={"note": _PARTIAL})
    if studies is not None:
        found["study_auroc"] = study_auroc(scores(marks), part, studies, bootstrap)
    called, positive = scores(marks) >= threshold, part.labels == 1
    of_films = proportion(called[positive], part.clusters[positive], reason="there are no positive images")
    found["sensitivity"] = of_films.model_copy(update={"note": _ANYWHERE})
    found["specificity"] = proportion(
        ~called[~positive], part.clusters[~positive], reason="there are no negative images"
    )
    order = [
        "ap50",
        "ap50_95",
        "box_sensitivity",
        "false_marks_per_image",
        *map(froc_key, FALSE_MARKS),
        "auroc",
        "study_auroc",
    ]
    return {name: found[name] for name in [*order, "sensitivity", "specificity"] if name in found}


def coco_average_precision(marks: Sequence[Marks], part: DetectionPart) -> tuple[float, float]:
    """(AP50, AP50-95) of the images whose boxes are known, by torchmetrics with faster-coco-eval, unweighted."""
    import torch
    from torchmetrics.detection import MeanAveragePrecision

    metric = MeanAveragePrecision(backend="faster_coco_eval", iou_type="bbox")
    metric.warn_on_many_detections = False
    for position in part.known:
        each, boxes = marks[position], part.truth[position]
        assert boxes is not None
        metric.update(
            [
                {
                    "boxes": torch.from_numpy(np.ascontiguousarray(each.boxes)),
                    "scores": torch.from_numpy(np.ascontiguousarray(each.scores)),
                    "labels": torch.zeros(len(each.scores), dtype=torch.int64),
                }
            ],
            [
                {
                    "boxes": torch.from_numpy(np.ascontiguousarray(boxes)),
                    "labels": torch.zeros(len(boxes), dtype=torch.int64),
                }
            ],
        )
    found = metric.compute()
    return float(found["map_50"]), float(found["map"])


def false_marks_at(ranked: Ranked, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """False marks an image when the marks down to each one are shown, [marks]."""
    return np.cumsum(weight[ranked.image] * ~ranked.hit) / weight.sum()


def froc_curve(ranked: Ranked, weight: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False marks an image, and share of boxes marked, as more marks are shown."""
    found = np.cumsum(weight[ranked.image] * ranked.hit) / max(float(weight @ ranked.boxes), 1e-9)
    return np.r_[0.0, false_marks_at(ranked, weight)], np.r_[0.0, found]


def study_auroc(
    image_scores: NDArray[np.float64], part: DetectionPart, studies: NDArray[Any], bootstrap: Bootstrap
) -> Estimate:
    """AUROC of visits: a visit is positive if any of its images is, and as suspicious as its most suspicious image."""
    _, first, study = np.unique(studies, return_index=True, return_inverse=True)
    score, label = np.full(len(first), -np.inf), np.zeros(len(first), int)
    np.maximum.at(score, study, image_scores)
    np.maximum.at(label, study, part.labels)
    of_studies = auroc_statistic(score, label)
    # A patient is drawn with all of their images, so any image of a visit carries the weight of the visit.
    return bootstrap.estimate(lambda weights: of_studies(weights[:, first]), len(first))


def weighted_in_rows(part: DetectionPart, statistic: Callable[[Weights], NDArray[Any]]) -> Statistic:
    """The statistic under image weights times resample weights, a few rows at a time."""

    def weighted(weights: Weights) -> NDArray[Any]:
        rows = weights * part.weight[None, :]
        blocks = [statistic(rows[start : start + _ROWS]) for start in range(0, len(rows), _ROWS)]
        return np.concatenate(blocks) if blocks else np.zeros(0)

    return weighted


def _froc(ranked: Ranked, part: DetectionPart, limit: float) -> Callable[[Weights], NDArray[Any]]:
    def sensitivity(weights: Weights) -> NDArray[Any]:
        each = weights[:, ranked.image]
        wrong = np.cumsum(each * ~ranked.hit, axis=1) / weights.sum(axis=1, keepdims=True)
        found = (each * ranked.hit * (wrong <= limit)).sum(axis=1)
        return found / (weights @ ranked.boxes)

    return sensitivity


def share_marked(ranked: Ranked, threshold: float) -> Callable[[Weights], NDArray[Any]]:
    """Share of the boxes with a mark of at least `threshold`, for each row of image weights."""
    shown = ranked.score >= threshold
    per_image = np.bincount(ranked.image[shown & ranked.hit], minlength=len(ranked.boxes)).astype(float)
    return lambda weights: (weights @ per_image) / (weights @ ranked.boxes)


def false_marks_shown(ranked: Ranked, threshold: float) -> Callable[[Weights], NDArray[Any]]:
    """Marks of at least `threshold` that hit no box, an image, for each row of image weights."""
    shown = ranked.score >= threshold
    per_image = np.bincount(ranked.image[shown & ~ranked.hit], minlength=len(ranked.boxes)).astype(float)
    return lambda weights: (weights @ per_image) / weights.sum(axis=1)


def _strict(marks: Sequence[Marks], part: DetectionPart, bootstrap: Bootstrap, n: int) -> Estimate:
    """AP50-95: the mean of average precision over overlaps of 0.50, 0.55 ... 0.95. A quarter of the resamples, because it is ten curves."""
    ranked = [part.ranked(marks, float(limit)) for limit in LIMITS]
    few = Bootstrap(part.clusters, part.labels, resamples=500)
    statistic = weighted_in_rows(
        part, lambda weights: np.mean([average_precision(each, weights) for each in ranked], axis=0)
    )
    return few.estimate(statistic, n)
