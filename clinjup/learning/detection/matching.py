"""Which marks hit a box: overlap, greedy matching, average precision. Plain numpy; the definitions are COCO's.

Lin et al., Microsoft COCO, ECCV 2014: marks in the order of their score, each takes the best box still free that it overlaps by at
least the limit; precision interpolated at 101 recalls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinjup.imaging.box_overlap import overlaps

Boxes = NDArray[np.float32]  # [k, 4] x0, y0, x1, y1
MOST_MARKS = 8  # on one image, of any detector
RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class Marks:
    """What a detector marks on one image: `boxes` [k, 4] in pixels of the prepared image, `scores` [k], highest first."""

    boxes: Boxes
    scores: NDArray[np.float32]

    @property
    def highest(self) -> float:
        """The image's own score: that of its most suspicious mark, 0 without any."""
        return float(self.scores[0]) if len(self.scores) else 0.0

    def from_score(self, threshold: float) -> Marks:
        """The marks that reach `threshold`."""
        kept = self.scores >= threshold
        return Marks(self.boxes[kept], self.scores[kept])


def hits(marks: Marks, truth: Boxes, limit: float = 0.5) -> NDArray[np.bool_]:
    """Per mark whether it hits a box that no higher mark has taken, [k]."""
    found = np.zeros(len(marks.scores), bool)
    if not len(truth) or not len(marks.scores):
        return found
    shared = overlaps(marks.boxes, truth)
    free = np.ones(len(truth), bool)
    for position in range(len(found)):
        candidates = np.where(free, shared[position], -1.0)
        best = int(candidates.argmax())
        if candidates[best] >= limit:
            free[best], found[position] = False, True
    return found


@dataclass(frozen=True)
class Ranked:
    """All marks of a set of images, highest score first: whose they are, and whether they hit."""

    image: NDArray[np.int64]
    score: NDArray[np.float64]
    hit: NDArray[np.bool_]
    boxes: NDArray[np.int64]  # true boxes of each image, [images]

    @classmethod
    def of(cls, marks: Sequence[Marks], truth: Sequence[Boxes], limit: float = 0.5) -> Ranked:
        """Marks and true boxes, one entry an image."""
        image = np.repeat(np.arange(len(marks)), [len(each.scores) for each in marks])
        score = np.concatenate([each.scores for each in marks]) if len(marks) else np.zeros(0)
        hit = np.concatenate([hits(each, boxes, limit) for each, boxes in zip(marks, truth, strict=True)] or [[]])
        order = np.argsort(-score, kind="stable")
        counts = np.array([len(boxes) for boxes in truth], np.int64)
        return cls(image[order], score[order].astype(float), hit[order].astype(bool), counts)


def image_weights(known: NDArray[np.bool_], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How many images each one stands for where marks are judged [images]; 0 where its boxes are not `known`.

    Where only some of the positives are boxed, each boxed one stands for as many positives as there are to a box.
    """
    weight = known.astype(float)
    boxed = known & positive
    weight[boxed] = positive.sum() / max(int(boxed.sum()), 1)
    return weight


def average_precision(ranked: Ranked, weights: NDArray[np.floating] | None = None) -> NDArray[np.float64]:
    """Area under the interpolated precision-recall curve for each row of image `weights` [resamples, images]; NaN without boxes."""
    rows = np.ones((1, len(ranked.boxes))) if weights is None else np.asarray(weights, float)
    total = rows @ ranked.boxes
    each = rows[:, ranked.image]
    found, wrong = np.cumsum(each * ranked.hit, axis=1), np.cumsum(each * ~ranked.hit, axis=1)
    values = np.full(len(rows), np.nan)
    for row in range(len(rows)):
        if total[row] <= 0:
            continue
        called = found[row] + wrong[row]
        precision = np.divide(found[row], called, out=np.zeros_like(called), where=called > 0)
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        recall = found[row] / total[row]
        at = np.searchsorted(recall, RECALLS - 1e-12, side="left")
        values[row] = np.where(at < len(recall), np.append(precision, 0.0)[np.minimum(at, len(recall))], 0.0).mean()
    return values
