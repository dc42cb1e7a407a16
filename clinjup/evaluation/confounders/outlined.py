"""Where the data outline the confounder: what happens when it is taken out, and does the Grad-CAM point at it?

- removal_flip_rate: of the films with the disease and the confounder that are rightly called positive, the share that is not any more once
  the confounder is taken out. The disease is still there, so these were called positive for the confounder.
- removal_placebo_flip_rate: the same share when the mirror image of the outline is taken out instead; near zero if filling alone changes
  nothing.
- cam_pointing, cam_energy_outlined: see pointing.py. Shown, never decisive.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import Estimate
from clinjup.evaluation.confounders.registry import Case, confounder_check
from clinjup.evaluation.pointing import outlines_of, pointing, some_of
from clinjup.evaluation.proportions import proportion
from clinjup.evaluation.ranking import FEWEST_IMAGES
from clinjup.evaluation.take_out import take_out
from clinjup.phrases import counted

FIELDS = ("removal_flip_rate", "removal_placebo_flip_rate", "cam_pointing", "cam_energy_outlined")


@confounder_check(
    "outlined",
    question="Does the finding go when the confounder is taken out, and does the Grad-CAM point at it?",
    fields=FIELDS,
    decides=False,
)
def outlined(case: Case) -> dict[str, Estimate]:
    """Decisions on films without their outlined confounder, and where the Grad-CAM is highest."""
    masks = outlines_of(case.masks, case.part, case.images.size, any_part=True)
    if len(masks) < FEWEST_IMAGES:
        why = (
            f"the data do not outline the {case.name}"
            if case.masks is None
            else "too few images of this part outline it"
        )
        return dict.fromkeys(FIELDS, Estimate.missing(why))
    looked_at = pointing(case.model, case.images, case.part, masks, FIELDS[2:], case.bootstrap, case.seed)
    return _removal(case, np.array(sorted(masks)), masks) | looked_at


def _removal(case: Case, films: NDArray[np.int64], masks: dict[int, NDArray[np.bool_]]) -> dict[str, Estimate]:
    found = some_of(films[(case.part.labels[films] == 1) & (case.probabilities[films] >= case.threshold)], case.seed)
    if len(found) < FEWEST_IMAGES:
        reason = f"only {counted(len(found), 'image')} with the disease and an outlined {case.name} called positive"
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
