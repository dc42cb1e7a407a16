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
from clinjup.kernel.errors import ClinjupError
from clinjup.learning.mitigation.insertion_augmentation import drawing_of
from clinjup.learning.mitigation.registry import Treatment, mitigation

if TYPE_CHECKING:
    import pandas as pd


@mitigation(
    title="Balancing by insertion",
    explanation="During training, the confounder is drawn into images of the classes that show it more rarely, until all show it equally often.",
    needs_labels=True,
)
def insertion_balancing(table: pd.DataFrame, confounder: str | None, labels: Sequence[str]) -> Treatment:
    """A batch transform for the rows that are known to be without the confounder. Raises ClinjupError where no class shows it."""
    name, label = str(confounder).replace("_", " "), table["label"].to_numpy()
    present = presence_of(table, str(confounder))
    rates = {code: float(np.nanmean(present[label == code])) for code in np.unique(label)}
    most = max(rates.values())
    if not most > 0:
        raise ClinjupError(f"No training image is known to show the {name}, so there is nothing to balance.")
    chance = np.zeros(len(table))
    for code, rate in rates.items():
        chance[(label == code) & (present < 0.5)] = 0 if rate == most else (most - rate) / (1 - rate)
    chances, draw = torch.from_numpy(chance), drawing_of(str(confounder))

    def insert(films: Tensor, generator: torch.Generator, rows: Tensor | None = None) -> Tensor:
        if rows is None:
            return films
        chosen = torch.nonzero(torch.rand(len(films), generator=generator) < chances[rows]).flatten()
        if not len(chosen):
            return films
        changed = films.clone()
        changed[chosen] = draw(films[chosen], generator, share=1.0)
        return changed

    notes = [
        f"Of the training images {labels[code]}, {100 * rate:.0f} % show the {name}; it is drawn into others at random until {100 * most:.0f} % do."
        for code, rate in rates.items()
        if rate < most
    ]
    return Treatment(transform=insert, notes=notes)
