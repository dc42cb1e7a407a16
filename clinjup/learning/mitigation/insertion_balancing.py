"""Draw the confounder into images of the class that has it more rarely, so that every class shows it equally often.

The same aim as balanced sampling, but no image is repeated: where few images of a class have the confounder, or few lack it, repeating
these means learning them by heart. The drawing is that of insertion_augmentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from clinjup.imaging.presence import presence_of
from clinjup.learning.mitigation.balanced_sampling import FEWEST_ANNOTATED
from clinjup.learning.mitigation.insertion_augmentation import drawing_of
from clinjup.learning.mitigation.registry import Treatment, mitigation

if TYPE_CHECKING:
    import pandas as pd


@mitigation(
    title="Balancing by insertion",
    explanation="During training, the confounder is drawn into images of the classes that show it more rarely, until all do equally often.",
    needs_labels=True,
)
def insertion_balancing(table: pd.DataFrame, confounder: str | None, labels: Sequence[str]) -> Treatment:
    """A batch transform for the rows that are known to be without the confounder.

    A class of which (nearly) no image is annotated counts as one that does not show it. Where no image shows it, nothing is done and a note
    says so.
    """
    name, label = str(confounder).replace("_", " "), table["label"].to_numpy()
    present = presence_of(table, str(confounder))
    known = ~np.isnan(present)
    rates, notes = {}, []
    for code in np.unique(label):
        ours = known & (label == code)
        if ours.sum() > FEWEST_ANNOTATED * known.sum():
            rates[code] = float(present[ours].mean())
    most = max(rates.values(), default=0.0)
    if most == 0:
        return Treatment(notes=[f"No training image is known to show the {name}, so nothing was balanced."])
    chance = np.zeros(len(table))
    for code in np.unique(label):
        ours, rate = label == code, rates.get(code)
        share = f"it is drawn into others until {100 * most:.0f} % do"
        if rate is None:
            chance[ours & ~known] = most
            notes.append(f"Of the training images {labels[code]} nobody said whether they show the {name}; {share}.")
        elif rate < most:
            chance[ours & (present < 0.5)] = (most - rate) / (1 - rate)
            notes.append(f"Of the training images {labels[code]}, {100 * rate:.0f} % show the {name}; {share}.")
    chances, draw = torch.from_numpy(chance), drawing_of(str(confounder))

    def insert(films: Tensor, generator: torch.Generator, rows: Tensor | None = None) -> Tensor:
        if rows is None:
            return films
        chosen = torch.nonzero(torch.rand(len(films), generator=generator) < chances[rows.cpu()]).flatten()
        if not len(chosen):
            return films
        changed = films.clone()
        changed[chosen] = draw(films[chosen], generator, share=1.0)
        return changed

    return Treatment(transform=insert, notes=notes)
