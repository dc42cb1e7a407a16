"""Draw the training images so that rare classes are seen more often.

Each class is drawn in proportion to the square root of its frequency (Mahajan et al., Exploring the limits of weakly supervised
pretraining, ECCV 2018): drawing all equally often would repeat a class of 20 images until the network knows them by heart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from clinjup.learning.mitigation.registry import Treatment, mitigation

if TYPE_CHECKING:
    import pandas as pd


@mitigation(
    title="Class-balanced sampling",
    explanation="Images of rare classes are drawn more often during training, by the square root of how rare they are.",
    needs_labels=False,
    against="imbalance",
)
def class_balanced_sampling(table: pd.DataFrame, confounder: str | None, labels: Sequence[str]) -> Treatment:
    """Weights 1 / sqrt(images of the class), which give each class a mass of sqrt(images)."""
    codes = table["label"].to_numpy(np.int64)
    weights = 1 / np.sqrt(np.bincount(codes)[codes])
    return Treatment(weights=weights / weights.sum())
