"""A detector trained once more with a confounder drawn into its training films, boxes unchanged, so that the confounder says nothing.

The training goes on from the weights of the detector: from scratch, with as many batches, it did not even learn to leave alone what was
drawn into its own training films (synthetic wrists, 716 films, 400 batches).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clinjup.imaging.classes import label_words
from clinjup.kernel.errors import ClinjupError
from clinjup.learning.detection.targets import Target
from clinjup.learning.mitigation import SEPARATOR, BatchTransform, Treatment, mitigation_named, treatment_for
from clinjup.nouns import plural

if TYPE_CHECKING:
    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort
    from clinjup.learning.detection.detector import DetectorModel

STILL_SHOWN = 0.6  # of the detail in a box, at least; else the film stays as it was


def train_against(
    before: DetectorModel,
    cohort: Cohort,
    images: ImageCache,
    *,
    name: str,
    confounder: str | Sequence[str],
    mitigation: str = "insertion_augmentation",
    max_minutes: float = 5.0,
) -> DetectorModel:
    """The detector `before` trained on: from its weights, with its boxes, seed and number of batches, and `mitigation` against `confounder`.

    Emits a TrainingFinding and shows the curve. Raises ClinjupError where `before` was not trained in this kernel, or where `mitigation`
    changes no films.
    """
    from clinjup.learning.detection.training import train_detector

    if before.lesson is None:
        raise ClinjupError(
            f"How {before.name} was trained is not known here, so it cannot be trained once more. Run its training cell first."
        )
    confounders = [confounder] if isinstance(confounder, str) else list(confounder)
    things = " and ".join(plural(each.replace("_", " ")) for each in confounders)
    titles = " and ".join(mitigation_named(each).title for each in mitigation.split(SEPARATOR))
    lesson = replace(
        before.lesson.supervision,
        recipe=f"{before.lesson.supervision.recipe}, {things} drawn in",
        hypothesis=f"{titles} keeps the detector from marking {things}.",
        change=f"{before.name} trained on for as long again, with {things} drawn into half of its films, boxed or not; boxes unchanged",
    )
    against: dict[str, Any] = {"mitigation": mitigation, "confounder": confounders, "start": before}
    return train_detector(
        cohort, images, lesson, name=name, max_minutes=max_minutes, **against, **before.lesson.arguments
    )


def drawing_of(cohort: Cohort, mitigation: str | None, confounders: Sequence[str]) -> Treatment:
    """What `mitigation` does to the films of a detector. Raises ClinjupError where it does nothing to films, or more than that."""
    if mitigation is None:
        return Treatment()
    # What looks at the images itself trains a classifier of whole films, or needs to know which film it changes.
    if not any(mitigation_named(name).needs_images for name in mitigation.split(SEPARATOR)):
        treatment = treatment_for(cohort.part("train"), mitigation, confounders, label_words(cohort))
        if treatment.transform is not None and treatment.weights is None and treatment.loss is None:
            return treatment
    raise ClinjupError(
        f"The mitigation '{mitigation}' is none for a detector, which learns from boxes: it does more than draw into films, or does not "
        "draw. Use 'insertion_augmentation'."
    )


def drawn_in(transform: BatchTransform, films: Tensor, targets: Sequence[Target], generator: torch.Generator) -> Tensor:
    """`films` after `transform`, each film in which that would hide a box as it was."""
    changed = transform(films, generator)
    hidden = [
        any(still_shown(film, other, box) < STILL_SHOWN for box in target.boxes)
        for film, other, target in zip(films, changed, targets, strict=True)
    ]
    return torch.where(torch.tensor(hidden).view(-1, 1, 1, 1), films, changed) if any(hidden) else changed


def still_shown(film: Tensor, changed: Tensor, box: NDArray[np.float32]) -> float:
    """Share of the detail in `box` (its differences from pixel to pixel) that a changed film [C, H, W] still shows: 1 unchanged, 0 hidden."""
    x0, y0, x1, y1 = (round(float(each)) for each in box)
    before, after = (_details(each[:, max(y0, 0) : y1 + 1, max(x0, 0) : x1 + 1]) for each in (film, changed))
    power = float(before.square().sum())
    return float((before * after).sum()) / power if power > 0 else 1.0


def _details(part: Tensor) -> Tensor:
    return torch.cat([part.diff(dim=1).flatten(), part.diff(dim=2).flatten()])
