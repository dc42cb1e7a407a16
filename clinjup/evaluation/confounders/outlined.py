"""Where the data outline the confounder: what happens when it is taken out, and does the Grad-CAM point at it?

- removal_flip_rate: of the films with the disease and the confounder that are rightly called positive, the share that is not any more once
  the confounder is taken out. The disease is still there, so these were called positive for the confounder.
- removal_placebo_flip_rate: the same share when the mirror image of the outline is taken out instead; near zero if filling alone changes
  nothing.
- cam_pointing: share of the films with the confounder on which the highest point of the Grad-CAM lies on it, or within 2 % of the film's
  width (Zhang et al., Top-down neural attention, ECCV 2016: the pointing game). Shown, never decisive.
- cam_energy_outlined: mean share of the Grad-CAM that lies inside the outline, on the same films. Shown, never decisive.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from clinjup.contracts import Estimate
from clinjup.evaluation.bootstrap import mean_statistic
from clinjup.evaluation.confounders.registry import Case, confounder_check
from clinjup.evaluation.proportions import proportion
from clinjup.evaluation.ranking import FEWEST_IMAGES
from clinjup.evaluation.saliency import grad_cam
from clinjup.evaluation.take_out import take_out
from clinjup.phrases import counted

MOST_FILMS = 200
TOLERANCE = 0.02  # of the film's width
FIELDS = ("removal_flip_rate", "removal_placebo_flip_rate", "cam_pointing", "cam_energy_outlined")


@confounder_check(
    "outlined",
    question="Does the finding go when the confounder is taken out, and does the Grad-CAM point at it?",
    fields=FIELDS,
    decides=False,
)
def outlined(case: Case) -> dict[str, Estimate]:
    """Decisions on films without their outlined confounder, and where the Grad-CAM is highest; at most MOST_FILMS films."""
    masks = _masks(case)
    if len(masks) < FEWEST_IMAGES:
        why = (
            f"the data do not outline the {case.name}"
            if case.masks is None
            else "too few films of this part outline it"
        )
        return dict.fromkeys(FIELDS, Estimate.missing(why))
    films = np.array(sorted(masks))
    return _removal(case, films, masks) | _attention(case, _some(films, case.seed), masks)


def _masks(case: Case) -> dict[int, NDArray[np.bool_]]:
    """Position in the part -> outline [H, W] of the confounder, of the films that show it."""
    found = {}
    for position, index in enumerate(case.part.table.index):
        if case.masks is not None and int(index) in case.masks:
            mask = case.masks.of(int(index), case.images.size)
            if mask.any():
                found[position] = mask
    return found


def _some(films: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    return films if len(films) <= MOST_FILMS else np.sort(np.random.default_rng(seed).choice(films, MOST_FILMS, False))


def _removal(case: Case, films: NDArray[np.int64], masks: dict[int, NDArray[np.bool_]]) -> dict[str, Estimate]:
    found = _some(films[(case.part.labels[films] == 1) & (case.probabilities[films] >= case.threshold)], case.seed)
    if len(found) < FEWEST_IMAGES:
        reason = f"only {counted(len(found), 'film')} with the disease and an outlined {case.name} called positive"
        return dict.fromkeys(FIELDS[:2], Estimate.missing(reason))
    pixels, patients = case.images.pixels_of(case.part.table.index[found]), case.part.table.iloc[found]
    without = np.stack([take_out(film, masks[at]) for film, at in zip(pixels, found.tolist(), strict=True)])
    mirrored = np.stack(
        [take_out(film, masks[at][:, ::-1] & ~masks[at]) for film, at in zip(pixels, found.tolist(), strict=True)]
    )
    return {
        name: proportion(case.model.score(changed, patients) < case.threshold, case.part.clusters[found])
        for name, changed in zip(FIELDS, (without, mirrored), strict=False)
    }


def _attention(case: Case, films: NDArray[np.int64], masks: dict[int, NDArray[np.bool_]]) -> dict[str, Estimate]:
    maps = grad_cam(case.model, case.images.pixels_of(case.part.table.index[films]))
    lit = maps.max(axis=(1, 2)) > 0
    if lit.sum() < FEWEST_IMAGES:
        return dict.fromkeys(FIELDS[2:], Estimate.missing("the Grad-CAM is empty on nearly every film of the sample"))
    reach = max(1, round(TOLERANCE * case.images.size))
    near = [binary_dilation(masks[at], iterations=reach) for at in films.tolist()]
    highest = [np.unravel_index(heat.argmax(), heat.shape) for heat in maps]
    hits = np.array([area[point] for area, point in zip(near, highest, strict=True)])
    outlines = np.stack([masks[at] for at in films.tolist()])
    shares = (maps * outlines).sum(axis=(1, 2))[lit] / maps.sum(axis=(1, 2))[lit]
    found = {
        "cam_pointing": proportion(hits[lit], case.part.clusters[films[lit]]),
        "cam_energy_outlined": case.bootstrap.estimate(mean_statistic(shares, films[lit]), int(lit.sum())),
    }
    chances = (float(np.mean([area.mean() for area in near])), float(outlines.mean()))
    return {
        name: estimate.model_copy(update={"note": f"by chance alone {100 * chance:.0f} %"})
        for (name, estimate), chance in zip(found.items(), chances, strict=True)
    }
