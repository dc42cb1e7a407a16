"""Tell rare classes apart although they are rare: logits are shifted by the log of the class frequencies while the network trains.

Menon et al., Long-tail learning via logit adjustment, ICLR 2021: the minimiser of this loss is best for balanced accuracy. The network is
used without the shift, so its probabilities are those of classes that are equally common.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clinjup.learning.mitigation.registry import Loss, Treatment, mitigation

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike


@mitigation(
    title="Logit adjustment",
    explanation="The network is told how common each class is, so that it need not learn to answer with the common one.",
    needs_labels=False,
    against="imbalance",
)
def logit_adjustment(table: pd.DataFrame, confounder: str | None, labels: Sequence[str]) -> Treatment:
    """Cross-entropy of the logits plus the log of each class's share of the training images."""
    return Treatment(loss=adjusted_cross_entropy(np.bincount(table["label"].to_numpy(np.int64), minlength=2)))


def adjusted_cross_entropy(seen: ArrayLike) -> Loss:
    """Cross-entropy of the logits plus the log of each class's share of what the network is shown: `seen` [classes], in any unit."""
    counts = np.maximum(np.asarray(seen, float), 0.5)
    prior = torch.tensor(np.log(counts / counts.sum()), dtype=torch.float32)

    def loss(logits: Tensor, labels: Tensor, rows: Tensor | None = None) -> Tensor:
        shift = prior.to(logits.device)
        if logits.shape[1] == 1:
            return functional.binary_cross_entropy_with_logits(logits[:, 0] + shift[1] - shift[0], labels.float())
        return functional.cross_entropy(logits + shift, labels)

    return loss
