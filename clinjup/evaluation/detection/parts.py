"""One part of a cohort for a detector: labels of all images, true boxes of those whose boxes are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clinjup.evaluation.cohort_parts import Part, part_of
from clinjup.kernel.errors import ClassAbsentError, ClinjupError
from clinjup.learning.detection.matching import Marks, Ranked, image_weights

if TYPE_CHECKING:
    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort
    from clinjup.learning.detection import DetectorModel

NO_MARKS = Marks(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True)
class DetectionPart(Part):
    """`truth` [images]: true boxes [k, 4] in pixels of the prepared image, None where they are unknown.

    `weight` [images]: how many images one stands for where boxes matter. Where only some of the positives are boxed, each boxed one
    stands for as many positives as there are to a box, so that marks are judged at the share of positives that the part has; images
    whose boxes are unknown have weight 0. With all boxes every weight is 1.
    """

    truth: tuple[NDArray[np.float32] | None, ...] = ()
    weight: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    @property
    def known(self) -> NDArray[np.int64]:
        """Positions of the images whose boxes are known."""
        return np.flatnonzero(self.weight > 0)

    @property
    def all_known(self) -> bool:
        return bool((self.weight == 1).all())

    def ranked(self, marks: Sequence[Marks], limit: float = 0.5) -> Ranked:
        """All marks on images whose boxes are known, matched with the true boxes; positions are those of the part."""
        boxes = [np.zeros((0, 4), np.float32) if each is None else each for each in self.truth]
        shown = [each if weight > 0 else NO_MARKS for each, weight in zip(marks, self.weight, strict=True)]
        counted = [each if weight > 0 else each[:0] for each, weight in zip(boxes, self.weight, strict=True)]
        return Ranked.of(shown, counted, limit)


def detection_part(cohort: Cohort, images: ImageCache, split: str) -> DetectionPart:
    """One split with its boxes. Raises ClinjupError without images or boxes, ClassAbsentError where no positive is boxed."""
    if cohort.boxes is None:
        raise ClinjupError("This cohort was read without its boxes, so marks cannot be judged. Read it with `boxes`.")
    part = part_of(cohort, split)
    truth = tuple(
        cohort.boxes.on(images, int(index)) if int(index) in cohort.boxes else None for index in part.table.index
    )
    known = np.array([each is not None for each in truth])
    positive = part.labels == 1
    if not (known & positive).any():
        raise ClassAbsentError(split, "positive with a box")
    weight = image_weights(known, positive)
    own = {each.name: getattr(part, each.name) for each in fields(part)}
    return DetectionPart(**own, truth=truth, weight=weight)


def marks_on(model: DetectorModel, images: ImageCache, part: Part) -> list[Marks]:
    """Marks of a model on every image of a part."""
    from clinjup.learning.detection.training import marks_of

    return marks_of(model, images, part.table.index)


def scores(marks: Sequence[Marks]) -> NDArray[np.float64]:
    """Each image's own score [images]: that of its most suspicious mark."""
    return np.array([each.highest for each in marks], float)


def above(marks: Sequence[Marks], threshold: float) -> list[Marks]:
    """Only the marks that are shown at this threshold."""
    return [
        replace(each, boxes=each.boxes[each.scores >= threshold], scores=each.scores[each.scores >= threshold])
        for each in marks
    ]
