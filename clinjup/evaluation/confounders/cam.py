"""Share of the Grad-CAM that lies on the inserted confounder; shown, never decisive.

A high share says that the model looks at the confounder. A low share acquits nobody: it can be driven to zero while the reliance stays,
and the map is coarse (one cell of the last convolution covers many pixels). By chance alone the share is that of the confounder's area.
"""

from __future__ import annotations

import numpy as np

from clinjup.contracts import Estimate
from clinjup.evaluation.bootstrap import mean_statistic
from clinjup.evaluation.confounders.insertion import film_random, insertable_films, not_insertable
from clinjup.evaluation.confounders.registry import Case, confounder_check
from clinjup.evaluation.insertion import inserter_for
from clinjup.evaluation.saliency import grad_cam
from clinjup.nouns import with_article

MOST_FILMS = 64


@confounder_check(
    "cam",
    question="How much of the Grad-CAM lies on the inserted confounder?",
    fields=("cam_energy_in_mask",),
    decides=False,
)
def cam(case: Case) -> dict[str, Estimate]:
    """Mean share of Grad-CAM energy inside the mask of the inserted confounder, on at most MOST_FILMS films."""
    inserter = inserter_for(case.confounder)
    films, _ = insertable_films(case)
    reason = (
        f"no way to draw {with_article(case.name)} into an image is known"
        if inserter is None
        else not_insertable(case, films)
    )
    if not hasattr(case.model, "cam_layers"):
        reason = "a detector shows where it looks by its marks"
    if inserter is None or reason:
        return {"cam_energy_in_mask": Estimate.missing(reason)}
    if len(films) > MOST_FILMS:
        films = np.sort(np.random.default_rng(case.seed).choice(films, MOST_FILMS, replace=False))
    pixels = case.images.pixels_of(case.part.table.index[films])
    drawn = [inserter.insert(film, film_random(case, at)) for film, at in zip(pixels, films, strict=True)]
    masks = np.stack([mask for _, mask in drawn])
    maps = grad_cam(case.model, np.stack([film for film, _ in drawn]))
    energy = maps.sum(axis=(1, 2))
    lit = energy > 0
    if not lit.any():
        return {"cam_energy_in_mask": Estimate.missing("the Grad-CAM is empty on every image of the sample")}
    shares = (maps * masks).sum(axis=(1, 2))[lit] / energy[lit]
    found = case.bootstrap.estimate(mean_statistic(shares, films[lit]), int(lit.sum()))
    note = f"the {case.name} covers {masks.mean() * 100:.1f} % of these images"
    return {"cam_energy_in_mask": found.model_copy(update={"note": note})}
