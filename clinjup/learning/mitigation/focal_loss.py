"""Let images that are already decided rightly weigh less: Lin et al., Focal loss for dense object detection, ICCV 2017, with gamma 2.

Classes are weighed by the inverse square root of their frequency, as a milder form of the paper's alpha: with the plain inverse a class of
20 images would outweigh everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clinjup.learning.mitigation.registry import Treatment, mitigation

if TYPE_CHECKING:
    import pandas as pd

GAMMA = 2.0


@mitigation(
    title="Focal loss",
    explanation="Images that the network already gets right weigh less, so that the hard and rare ones are not drowned by the common class.",
    needs_labels=False,
    against="imbalance",
)
def focal_loss(table: pd.DataFrame, confounder: str | None, labels: Sequence[str]) -> Treatment:
    """Focal loss with class weights whose mean over the training images is 1."""
    labels_here = table["label"].to_numpy(np.int64)
    counts = np.maximum(np.bincount(labels_here, minlength=2), 1)
    each = 1 / np.sqrt(counts)
    alpha = torch.tensor(each / each[labels_here].mean(), dtype=torch.float32)

    def loss(logits: Tensor, labels: Tensor, rows: Tensor | None = None) -> Tensor:
        if logits.shape[1] == 1:
            logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
        entropy = functional.cross_entropy(logits, labels, reduction="none")
        return (alpha.to(logits.device)[labels] * (1 - torch.exp(-entropy)) ** GAMMA * entropy).mean()

    return Treatment(loss=loss)
