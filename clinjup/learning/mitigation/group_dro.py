"""Let the group of films that fares worst count most: Sagawa et al., Distributionally robust neural networks for group shifts, ICLR 2020.

Groups are label x confounder, drawn equally often as the authors do; where the confounder is estimated, a film counts in each of its two
groups by its probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from clinjup.learning.mitigation.balanced_sampling import balanced_sampling
from clinjup.learning.mitigation.groups import expected_groups
from clinjup.learning.mitigation.registry import Treatment, mitigation

if TYPE_CHECKING:
    import pandas as pd

STEP = 0.01  # how fast the weights of the groups follow their losses
_LEAST = 1e-3  # films of a group in a batch, below which it has no loss


@mitigation(
    title="Group DRO",
    explanation="Images with and without the confounder, of both classes, are four groups; the group that fares worst counts most.",
    needs_labels=True,
)
def group_dro(table: pd.DataFrame, confounder: str | None, labels: Sequence[str]) -> Treatment:
    """Balanced draws, and a loss that is the sum of the groups' mean losses, weighed by how they fared so far."""
    balanced = balanced_sampling(table, confounder, labels)
    groups = torch.tensor(expected_groups(table, str(confounder)), dtype=torch.float32)
    return Treatment(weights=balanced.weights, loss=GroupLoss(groups), notes=balanced.notes)


class GroupLoss(nn.Module):
    """`groups` [rows, groups]: how far each film of the training table belongs to each group.

    A module, so that `weights` [groups] are saved and restored with an unfinished training.
    """

    groups: Tensor
    weights: Tensor

    def __init__(self, groups: Tensor) -> None:
        super().__init__()
        self.register_buffer("groups", groups, persistent=False)
        self.register_buffer("weights", torch.ones(groups.shape[1]) / groups.shape[1])

    def forward(self, logits: Tensor, labels: Tensor, rows: Tensor | None = None) -> Tensor:
        """mitigation.registry.Loss; the weights follow the losses of the films of training."""
        if logits.shape[1] == 1:
            each = functional.binary_cross_entropy_with_logits(logits[:, 0], labels.float(), reduction="none")
        else:
            each = functional.cross_entropy(logits, labels, reduction="none")
        if rows is None:
            return each.mean()
        members = self.groups[rows]
        mass = members.sum(dim=0)
        there = mass > _LEAST
        losses = (members * each.unsqueeze(1)).sum(dim=0)[there] / mass[there]
        with torch.no_grad():
            self.weights[there] *= torch.exp(STEP * losses.detach().float())
            self.weights /= self.weights.sum()
        weights = self.weights[there]
        return (weights * losses).sum() / weights.sum()
