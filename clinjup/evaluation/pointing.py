"""Where the data outline something: does the Grad-CAM lie on it?

- pointing: share of the films that show it on which the highest point of the Grad-CAM lies on it, or within 2 % of the film's width (Zhang et
  al., Top-down neural attention, ECCV 2016: the pointing game).
- energy: mean share of the Grad-CAM that lies inside the outline, on the same films.

Shown, never decisive: a map can lie on the finding although the decision rests on something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from clinjup.contracts import Estimate
from clinjup.evaluation.bootstrap import Bootstrap, mean_statistic
from clinjup.evaluation.proportions import proportion
from clinjup.evaluation.ranking import FEWEST_IMAGES
from clinjup.evaluation.saliency import grad_cam

if TYPE_CHECKING:
    from clinjup.evaluation.cohort_parts import Part
    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.masks import Masks
    from clinjup.learning.trained import TrainedModel

MOST_FILMS = 200
TOLERANCE = 0.02  # of the film's width
ON_THE_FINDING = ("cam_pointing_finding", "cam_energy_finding")


def outlines_of(masks: Masks | None, part: Part, size: int, *, any_part: bool = False) -> dict[int, NDArray[np.bool_]]:
    """Position in the part -> outline [H, W], of the films that show it; `any_part`: also pixels that it only touches."""
    found = {}
    for position, index in enumerate(part.table.index):
        if masks is not None and int(index) in masks:
            mask = masks.of(int(index), size, any_part=any_part)
            if mask.any():
                found[position] = mask
    return found


def some_of(films: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """At most MOST_FILMS of them, in their order."""
    return films if len(films) <= MOST_FILMS else np.sort(np.random.default_rng(seed).choice(films, MOST_FILMS, False))


def pointing(
    model: TrainedModel,
    images: ImageCache,
    part: Part,
    outlines: dict[int, NDArray[np.bool_]],
    names: tuple[str, str],
    bootstrap: Bootstrap,
    seed: int,
) -> dict[str, Estimate]:
    """Pointing and energy under `names`, on at most MOST_FILMS of the films that have `outlines`."""
    films = some_of(np.array(sorted(outlines), np.int64), seed)
    if len(films) < FEWEST_IMAGES:
        return dict.fromkeys(names, Estimate.missing("too few images of this part outline it"))
    maps = grad_cam(model, images.pixels_of(part.table.index[films]))
    lit = maps.max(axis=(1, 2)) > 0
    if lit.sum() < FEWEST_IMAGES:
        return dict.fromkeys(names, Estimate.missing("the Grad-CAM is empty on nearly every image of the sample"))
    reach = max(1, round(TOLERANCE * images.size))
    near = [binary_dilation(outlines[at], iterations=reach) for at in films.tolist()]
    highest = [np.unravel_index(heat.argmax(), heat.shape) for heat in maps]
    hits = np.array([area[point] for area, point in zip(near, highest, strict=True)])
    inside = np.stack([outlines[at] for at in films.tolist()])
    shares = (maps * inside).sum(axis=(1, 2))[lit] / maps.sum(axis=(1, 2))[lit]
    found = (
        proportion(hits[lit], part.clusters[films[lit]]),
        bootstrap.estimate(mean_statistic(shares, films[lit]), int(lit.sum())),
    )
    chances = (float(np.mean([area.mean() for area in near])), float(inside.mean()))
    return {
        name: estimate.model_copy(update={"note": f"by chance alone {100 * chance:.0f} %"})
        for name, estimate, chance in zip(names, found, chances, strict=True)
    }
