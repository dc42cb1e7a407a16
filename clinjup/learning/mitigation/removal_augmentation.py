"""Take the confounder out of training films at random, where the data say where it lies, so that films with it can be seen without.

What lay under it is filled in from its surroundings (normalised convolution, Knutsson and Westin, CVPR 1993). Like insertion, it shares
nothing with what evaluation does to a film. Used together with insertion: insertion_augmentation+removal_augmentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from clinjup.kernel.errors import ClinjupError
from clinjup.learning.mitigation.registry import Study, Treatment, mitigation
from clinjup.learning.outlines import read_outlines

if TYPE_CHECKING:
    import pandas as pd

SHARE = 0.5  # of the films on which the confounder is drawn
MARGIN = 1  # pixels around it that are filled too: its edge is blurred
_REACHES = (2, 4, 8, 16, 32, 64)  # pixels; what the nearest surroundings cannot fill, farther ones do


@mitigation(
    title="Removal augmentation",
    explanation="During training, the confounder is taken out of half of the images on which the data say where it lies.",
    needs_labels=False,
    needs_images=True,
)
def removal_augmentation(table: pd.DataFrame, confounder: str | None, labels: Sequence[str], study: Study) -> Treatment:
    """A batch transform for the rows whose mask is drawn; ClinjupError where the data bring no masks of `confounder`."""
    if confounder is None:
        raise ClinjupError("Removal augmentation takes a confounder out of the images, and none is named.")
    outlines = read_outlines(study.cohort, confounder, table, study.images.size, any_part=True)
    drawn = outlines.drawn
    if not drawn:
        raise ClinjupError(
            f"No training film has a mask of the {confounder.replace('_', ' ')}, so there is nothing to take out."
        )

    def remove(films: Tensor, generator: torch.Generator, rows: Tensor | None = None) -> Tensor:
        if rows is None:
            return films
        lot = torch.rand(len(films), generator=generator) < SHARE
        chosen = [at for at, row in enumerate(rows.tolist()) if lot[at] and row in drawn]
        if not chosen:
            return films
        there = outlines.of(rows[chosen].tolist()).to(films.device)
        changed = films.clone()
        changed[chosen] = fill(films[chosen], there)
        return changed

    name = confounder.replace("_", " ")
    note = (
        f"The {name} is taken out of half of the {len(drawn)} training films (of {len(table)}) on which it is outlined."
    )
    return Treatment(transform=remove, notes=[note])


def fill(films: Tensor, there: Tensor) -> Tensor:
    """`films` [N, C, H, W] with what lies under `there` [N, 1, H, W] (0 or 1), and a margin, replaced by its surroundings."""
    left = functional.max_pool2d(there, 2 * MARGIN + 1, stride=1, padding=MARGIN)
    filled = films * (1 - left)
    known = 1 - left
    for reach in _REACHES:
        if not (known < 1).any():
            break
        weight = _blur(known, reach)
        found = _blur(filled, reach) / weight.clamp_min(1e-6)
        now = ((known < 1) & (weight > 0.05)).float()
        filled = filled + now * found
        known = torch.maximum(known, now)
    return filled


def _blur(images: Tensor, reach: int) -> Tensor:
    """Mean over a square of 2 * `reach` + 1 pixels, with nothing outside of the film."""
    return functional.avg_pool2d(images, 2 * reach + 1, stride=1, padding=reach, count_include_pad=True)
