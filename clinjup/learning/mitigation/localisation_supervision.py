"""Teach the network where the finding lies, where the data outline it: a second head predicts the outline from the same feature maps.

A drain tells that there was a pneumothorax, but not where it is, so features that find the place have to look at the pleura. Radiographs of
pneumothorax with the pleura annotated in the image: Rueckel et al., Eur Radiol 2021, doi 10.1007/s00330-021-07833-w. The head is left out
once training has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from clinjup.kernel.errors import ClinjupError
from clinjup.learning.mitigation.registry import Study, Treatment, mitigation
from clinjup.learning.outlines import read_outlines
from clinjup.nouns import in_number

if TYPE_CHECKING:
    import pandas as pd


@mitigation(
    title="Localisation supervision",
    explanation="During training, a second head learns where the finding lies, from the outlines that the data bring.",
    needs_labels=False,
    against="shortcuts",
    needs_images=True,
)
def localisation_supervision(
    table: pd.DataFrame, confounder: str | None, labels: Sequence[str], study: Study
) -> Treatment:
    """Outlines of the finding for the rows that have one; ClinjupError where the data bring none of it."""
    finding = study.cohort.target
    outlines = read_outlines(study.cohort, finding, table, study.images.size)
    if not outlines.drawn:
        raise ClinjupError(
            f"No training film has an outline of {finding.replace('_', ' ')}, so there is no place to learn from."
        )
    note = in_number(
        len(outlines.drawn),
        "The network also learns where {finding} lies, from the outlines on {n} of {all} training films.",
        finding=finding.replace("_", " "),
        all=len(table),
    )
    return Treatment(outlines=outlines, notes=[note])
