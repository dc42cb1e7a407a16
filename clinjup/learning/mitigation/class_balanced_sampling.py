"""Draw the training images so that rare classes are seen more often, and take off what imbalance is left.

Each class is drawn in proportion to the square root of its frequency (Mahajan et al., Exploring the limits of weakly supervised
pretraining, ECCV 2018): drawing all equally often would repeat a class of 20 images until the network knows them by heart. What is drawn
then is still unbalanced, which the loss allows for: by the shares drawn, because those of the table would correct twice (Ren et al., Balanced
meta-softmax, NeurIPS 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from clinjup.learning.mitigation.logit_adjustment import adjusted_cross_entropy
from clinjup.learning.mitigation.registry import Treatment, mitigation

if TYPE_CHECKING:
    import pandas as pd


@mitigation(
    title="Class-balanced sampling",
    explanation="Images of rare classes are drawn more often, by the square root of how rare they are; the loss allows for the rest.",
    needs_labels=False,
    against="imbalance",
)
def class_balanced_sampling(table: pd.DataFrame, confounder: str | None, labels: Sequence[str]) -> Treatment:
    """Weights 1 / sqrt(images of the class), which give each class a mass of sqrt(images); logits adjusted by these masses."""
    codes = table["label"].to_numpy(np.int64)
    masses = np.sqrt(np.bincount(codes, minlength=2))
    weights = 1 / masses[codes]
    return Treatment(weights=weights / weights.sum(), loss=adjusted_cross_entropy(masses))
