"""Which marks are shown: the threshold that keeps the clinician's limit of false marks on validation, frozen before the test opens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clinjup.contracts import Estimate, OperatingPoint
from clinjup.evaluation.detection.metrics import false_marks_at
from clinjup.evaluation.detection.parts import DetectionPart
from clinjup.kernel.errors import ClinjupError
from clinjup.learning.detection.matching import Marks

DEFAULT_LIMIT = 0.1  # false marks an image: one in ten images, where the clinician names none


def mark_threshold(marks: Sequence[Marks], part: DetectionPart, limit: float = DEFAULT_LIMIT) -> float:
    """The score that marks most boxes with at most `limit` false marks an image, halfway to the first mark that is left out.

    Of the scores that mark as many boxes it is the highest: marks below the last right one would only add false ones.
    Raises ClinjupError for a limit that is not above 0.
    """
    if limit <= 0:
        raise ClinjupError(
            f"The limit of false marks per image is {limit:g}; it must be above 0. Write 0.5 for one in two images."
        )
    ranked = part.ranked(marks)
    if not len(ranked.score):
        return 1.0
    allowed = np.flatnonzero(false_marks_at(ranked, part.weight) <= limit)
    # Scores are float32: a threshold between two of their neighbours would be rounded onto one of them.
    if not len(allowed):
        return float(np.nextafter(np.float32(ranked.score[0]), np.float32(2)))
    right = allowed[ranked.hit[allowed]]
    last = int(right[-1] if len(right) else allowed[-1])
    if last + 1 >= len(ranked.score):
        return float(ranked.score[last])
    below = ranked.score[ranked.score < ranked.score[last]]
    halfway = float(np.float32((ranked.score[last] + below[0]) / 2)) if len(below) else 0.0
    return halfway if len(below) and halfway > below[0] else float(ranked.score[last])


def rule_of(limit: float | None) -> str:
    """The rule that a threshold was found by, in words; None is the default limit."""
    words = f"most boxes marked with at most {DEFAULT_LIMIT if limit is None else limit:g} false marks per image on validation"
    return words if limit is not None else f"{words} (the limit is clinjup's default: none was named)"


def mark_point(metrics: dict[str, Estimate], threshold: float, rule: str) -> OperatingPoint:
    """The frozen threshold with what it gives: share of boxes marked, false marks an image, and both sides for whole images."""
    return OperatingPoint(
        threshold=threshold,
        rule=rule,
        sensitivity=metrics["sensitivity"],
        specificity=metrics["specificity"],
        box_sensitivity=metrics["box_sensitivity"],
        false_marks_per_image=metrics["false_marks_per_image"],
    )
