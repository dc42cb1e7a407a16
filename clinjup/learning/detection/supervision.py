"""What a detector may learn from, from all boxes down to few: the steps of the ladder, one function each.

Few boxes (after Sohn et al., STAC, 2020, and Liu et al., Unbiased Teacher, ICLR 2021): a teacher marks images that are known to be
positive and were not boxed; what it is sure of becomes a pseudo-box, what it is not sure of says nothing, and an image on which it is
sure of nothing is left out: it is never background. Negative images get no pseudo-box. Validation and test never see one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import NoteFinding
from clinjup.imaging.box_overlap import overlaps
from clinjup.kernel.errors import ClassAbsentError, ClinjupError
from clinjup.kernel.findings import emit
from clinjup.learning.detection.detector import DetectorModel
from clinjup.learning.detection.matching import Marks
from clinjup.learning.detection.targets import Target
from clinjup.learning.detection.training import Supervision, validation_truth

if TYPE_CHECKING:
    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort
    from clinjup.learning.trained import TrainedModel

ALL, ONLY, NEGATIVES, PSEUDO = "all_boxes", "boxes_only", "boxes_and_negatives", "pseudo_boxes"
SURE = 0.80  # share of right marks on validation's positives that a pseudo-box must come from
UNSURE = 0.25  # of the threshold: above it a mark says nothing either way
SECOND_OPINION = 0.30  # an image that the classifier gives less is not marked, whatever its label says
_SHARES = {"boxed": 0.2, "pseudo-boxed": 0.45, "negative": 0.35}


def supervise(
    what: str,
    cohort: Cohort,
    images: ImageCache,
    *,
    teacher: DetectorModel | None = None,
    gate: TrainedModel | None = None,
    earlier: Sequence[str] = (),
) -> Supervision:
    """Supervision of the training part by one of "all_boxes", "boxes_only", "boxes_and_negatives", "pseudo_boxes".

    Pseudo-boxes need a `teacher`; `gate` is a classifier of whole images, asked for a second opinion. `earlier`: names of rounds before
    this one. Raises ClassAbsentError where nothing is boxed.
    """
    boxed, negative = _boxed(cohort), _negative(cohort)
    if not len(boxed):
        raise ClassAbsentError("train", "positive with a box")
    targets = {int(index): Target.drawn(cohort.boxes.on(images, int(index))) for index in (*boxed, *negative)}  # type: ignore[union-attr]
    if what == ALL:
        share = len(boxed) / max(len(boxed) + len(negative), 1)
        return Supervision(
            targets,
            {"boxed": (share, boxed), **({"negative": (1 - share, negative)} if len(negative) else {})},
            "all boxes and all negatives",
            "A detector trained on every box finds the fractures."
            if cohort.target == "fracture"
            else "A detector trained on every box.",
            "nothing, the reference",
        )
    if what == ONLY:
        return Supervision(
            targets,
            {"boxed": (1.0, boxed)},
            "boxed images only",
            "What does a detector learn from the boxed images alone?",
            "nothing, the reference",
        )
    if what == NEGATIVES:
        groups = {"boxed": (0.5, boxed), "negative": (0.5, negative)} if len(negative) else {"boxed": (1.0, boxed)}
        return Supervision(
            targets,
            groups,
            "boxed images, and negative ones as background",
            "Images known to be negative teach what is no finding, and need no box.",
            "negative images are added with nothing to mark, half of each batch",
        )
    if what == PSEUDO:
        if teacher is None:
            raise ClinjupError("Pseudo-boxes need a teacher: train a detector on the boxed images first.")
        pseudo = pseudo_boxes(cohort, images, teacher, gate)
        targets |= pseudo
        rows = {"boxed": boxed, "pseudo-boxed": np.array(sorted(pseudo), np.int64), "negative": negative}
        shares = {name: _SHARES[name] for name, each in rows.items() if len(each)}
        total = sum(shares.values())
        second = len(earlier) > 0
        return Supervision(
            targets,
            {name: (share / total, rows[name]) for name, share in shares.items()},
            f"pseudo-boxes by {teacher.name}, round {len(earlier) + 1}",
            "A better teacher gives better pseudo-boxes."
            if second
            else "Marks that the teacher is sure of, on images known to be positive, "
            "stand in for boxes that nobody drew.",
            f"pseudo-boxes by {teacher.name} on {len(pseudo)} positive images without a box",
        )
    raise ClinjupError(f"There is no supervision '{what}'. There is: {', '.join((ALL, ONLY, NEGATIVES, PSEUDO))}.")


def pseudo_boxes(
    cohort: Cohort, images: ImageCache, teacher: DetectorModel, gate: TrainedModel | None = None
) -> dict[int, Target]:
    """Targets of positive training images without a box, by cohort index, in pixels; those without a sure mark are not in it.

    The teacher looks at each film and at its mirror image (see `two_looks`). A mark becomes a pseudo-box from the score on at which at
    least SURE of the teacher's marks on validation's boxed positives are right; its weight is its score in relation to the surest.
    Emits a NoteFinding with what was taken.
    """
    threshold = sure_threshold(cohort, images, teacher)
    rows = _unboxed(cohort)
    if not len(rows):
        return {}
    agreed = np.ones(len(rows), bool)
    if gate is not None:
        opinion = np.concatenate(
            [gate.predict(images.pixels_of(part)) for part in np.array_split(rows, 1 + len(rows) // 512)]
        )
        agreed = opinion >= SECOND_OPINION
    found: dict[int, Target] = {}
    for row, marks, agree in zip(rows, two_looks(teacher, images, rows), agreed, strict=True):
        sure = marks.scores >= threshold
        if not agree or not sure.any():
            continue
        unsure = (marks.scores >= UNSURE * threshold) & ~sure
        weights = np.clip(marks.scores[sure] / max(float(marks.scores[sure].max()), 1e-6), 0.3, 1.0)
        weights = weights * min(1.0, 0.5 + float(marks.scores[sure].max()))
        found[int(row)] = Target(marks.boxes[sure], weights.astype(np.float32), marks.boxes[unsure])
    marks_taken = sum(len(target.boxes) for target in found.values())
    note = (
        f"{teacher.name} gave {marks_taken} pseudo-boxes on {len(found)} of {len(rows)} positive training images without a box (score of at "
        f"least {threshold:.2f}); {int((~agreed).sum())} images were held back by the classifier of whole images. No box was made on a "
        "negative image, none in validation or test; an image without a sure mark is not used."
    )
    emit(NoteFinding(sentence=note), note)
    return found


def two_looks(teacher: DetectorModel, images: ImageCache, rows: Sequence[int]) -> list[Marks]:
    """Marks that the teacher makes on a film and on its mirror image: places and scores averaged; a mark without a partner counts half."""
    found = []
    for part in np.array_split(np.asarray(rows, np.int64), 1 + len(rows) // 256):
        pixels = images.pixels_of(part)
        mirrored = teacher.marks(np.ascontiguousarray(pixels[:, :, ::-1]))
        for one, other in zip(teacher.marks(pixels), mirrored, strict=True):
            found.append(_agreed(one, _unmirrored(other, images.size)))
    return found


def _unmirrored(marks: Marks, size: int) -> Marks:
    boxes = marks.boxes.copy()
    boxes[:, [0, 2]] = size - marks.boxes[:, [2, 0]]
    return Marks(boxes, marks.scores)


def _agreed(one: Marks, other: Marks) -> Marks:
    boxes, scores = one.boxes.copy(), 0.5 * one.scores
    if len(one.scores) and len(other.scores):
        shared = overlaps(one.boxes, other.boxes)
        partner = shared.argmax(axis=1)
        paired = shared.max(axis=1) >= 0.5
        boxes[paired] = (one.boxes[paired] + other.boxes[partner[paired]]) / 2
        scores[paired] += 0.5 * other.scores[partner[paired]]
    order = np.argsort(-scores, kind="stable")
    return Marks(boxes[order], scores[order])


def sure_threshold(cohort: Cohort, images: ImageCache, teacher: DetectorModel) -> float:
    """Lowest score from which on at least SURE of the teacher's marks on validation's boxed positives hit; 0.5 where none is."""
    truth = {index: boxes for index, boxes in validation_truth(cohort, images).items() if len(boxes)}
    scores, right = [], []
    for boxes, marks in zip(truth.values(), two_looks(teacher, images, list(truth)), strict=True):
        scores += marks.scores.tolist()
        right += (overlaps(marks.boxes, boxes).max(axis=1) >= 0.5).tolist() if len(marks.scores) else []
    order = np.argsort(scores)[::-1]
    precision = np.cumsum(np.array(right, float)[order]) / (1 + np.arange(len(order)))
    enough = np.flatnonzero(precision >= SURE)
    return float(np.clip(np.array(scores)[order][enough[-1]], 0.10, 0.70)) if len(enough) else 0.5


def _train(cohort: Cohort) -> NDArray[np.int64]:
    if cohort.boxes is None:
        raise ClinjupError(
            "This cohort was read without its boxes, so no detector can learn from it. Read it with `boxes`."
        )
    return cohort.part("train").index.to_numpy(np.int64)


def _boxed(cohort: Cohort) -> NDArray[np.int64]:
    places = cohort.boxes.places if cohort.boxes else {}
    return np.array([row for row in _train(cohort) if len(places.get(int(row), ()))], np.int64)


def _negative(cohort: Cohort) -> NDArray[np.int64]:
    places = cohort.boxes.places if cohort.boxes else {}
    return np.array([row for row in _train(cohort) if int(row) in places and not len(places[int(row)])], np.int64)


def _unboxed(cohort: Cohort) -> NDArray[np.int64]:
    """Training images known to be positive whose boxes are unknown."""
    labels = cohort.table["label"]
    return np.array(
        [row for row in _train(cohort) if labels.at[row] == 1 and int(row) not in cohort.boxes],
        np.int64,  # type: ignore[operator]
    )
