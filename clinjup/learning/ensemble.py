"""Networks that judge together: their logits are averaged (deep ensemble, Lakshminarayanan et al., NeurIPS 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from clinjup.learning.checkpoints import checkpoint_path, read_checkpoint, save_checkpoint

if TYPE_CHECKING:
    from clinjup.learning.trained import TrainedModel


class Ensemble(nn.Module):
    """Takes what its `members` take, and gives the mean of their logits."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, images: Tensor) -> Tensor:
        return torch.stack([member(images) for member in self.members]).mean(dim=0)


def joined(models: Sequence[TrainedModel]) -> TrainedModel:
    """The ensemble of `models`, all trained in one way; named as the first, saved as checkpoints/NAME.ensemble.ckpt."""
    from clinjup.learning.trained import model_from_state

    states = [read_checkpoint(Path(model.checkpoint)) for model in models]
    weights = {
        f"members.{number}.{key}": value
        for number, state in enumerate(states)
        for key, value in state["weights"].items()
    }
    first, path = states[0], checkpoint_path(f"{models[0].name}.ensemble")
    state = {
        **first,
        "weights": weights,
        "model": {**first["model"], "members": len(models)},
        "seconds": sum(model.seconds for model in models),
    }
    save_checkpoint(path, state)
    return model_from_state(state, path.as_posix())
