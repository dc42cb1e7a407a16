"""Draw the training films so that the confounder says nothing about the label.

Idrissi et al., Simple data balancing achieves competitive worst-group-accuracy, CLeaR 2022: drawing each group equally often is as good
as more elaborate methods wherever the groups are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from clinjup.imaging.presence import presence_of
from clinjup.learning.mitigation.registry import Treatment, mitigation
from clinjup.nouns import with_article

if TYPE_CHECKING:
    import pandas as pd

FEWEST_ANNOTATED = 0.01  # of the annotated films; a label with a smaller share of them counts as not annotated
FEWEST_EXPECTED = 0.5  # films of a cell, where the confounder is estimated
FEWEST_DRAWN = 0.2  # of the films drawn, for each of two labels, however unevenly they are annotated


@mitigation(
    title="Balanced sampling",
    explanation="During training, images with and without the confounder are drawn equally often, among positives and negatives alike.",
    needs_labels=True,
)
def balanced_sampling(table: pd.DataFrame, confounder: str | None, labels: Sequence[str]) -> Treatment:
    """Weights that give each cell of label x confounder the same mass among the films on which the confounder is known.

    Films on which it is unknown keep the share of their label that they have by nature. Where only one label is annotated,
    its films with and without the confounder are balanced and the labels keep their shares. An empty cell cannot be filled:
    the others are balanced, and a note says so. Where a film's confounder is estimated, it belongs to both cells by its probability.
    """
    label = table["label"].to_numpy()
    present = presence_of(table, str(confounder))
    known = ~np.isnan(present)
    name = str(confounder).replace("_", " ")
    noun = with_article(name)
    codes = np.unique(label)
    annotated = [value for value in codes if (known & (label == value)).sum() > FEWEST_ANNOTATED * known.sum()]
    if not annotated:
        return Treatment(notes=[f"No training image says whether it shows {noun}, so nothing was balanced."])

    weights = np.ones(len(table))
    masses, notes = {}, []
    for value in codes:
        ours = label == value
        members = np.where(ours & known, present, 0.0)
        cells = [np.where(ours & known, 1 - present, 0.0), members]
        filled = [cell for cell in cells if cell.sum() >= FEWEST_EXPECTED]
        masses[value] = ours.mean()
        if value not in annotated:
            continue
        share = (ours & known).sum() / ours.sum()
        weights[ours & known] = 0
        for cell in filled:
            weights += cell * (share * ours.sum() / len(filled) / cell.sum())
        if len(annotated) == len(codes):
            masses[value] = len(filled) / share
        is_said = "is likely" if (table[str(confounder)].isna() & known & ours).any() else "is known"
        notes += [
            f"No training image {labels[value]} {is_said} {known_as}: there the two stay tied together."
            for cell, known_as in zip(cells, (f"to be free of {noun}", f"to show {noun}"), strict=True)
            if cell.sum() < FEWEST_EXPECTED
        ]
    if len(annotated) == len(codes):
        masses = _bounded(masses)
    else:
        annotated_on = " and ".join(labels[value] for value in annotated)
        notes.append(f"The {name} is annotated only on images {annotated_on}, so only these were balanced.")
    for value in codes:
        ours = label == value
        weights[ours] *= masses[value] / weights[ours].sum()
    unknown = int((~known).sum())
    if unknown:
        notes.append(
            f"On {unknown} of {len(table)} training images the {name} is unknown; they were drawn as often as before."
        )
    return Treatment(weights=weights / weights.sum(), notes=notes)


def _bounded(masses: dict[int, float]) -> dict[int, float]:
    """`masses` scaled to a sum of 1, none far below its even share, so that a label annotated on few films does not drown the other."""
    total = sum(masses.values())
    lowest = 2 * FEWEST_DRAWN / len(masses)
    bounded = {value: max(mass / total, lowest) for value, mass in masses.items()}
    return {value: mass / sum(bounded.values()) for value, mass in bounded.items()}
