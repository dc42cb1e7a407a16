"""A training that goes on where it was killed: all of its state after each epoch, beside the checkpoint of the best weights.

The file is Lightning's own checkpoint (weights, optimizer, loops, callbacks) with what that does not know: the generator of the
augmentation, the number of the pass, the pace. It is gone as soon as the training has ended.
"""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

if TYPE_CHECKING:
    from clinjup.learning.batches import Batches
    from clinjup.learning.classifier import Classifier

_OURS = "clinjup"


class SaveEachEpoch(Callback):
    """Writes the state of the training to `path` after each epoch, whole or not at all."""

    def __init__(self, path: Path, identity: str, batches: Batches) -> None:
        self.path, self.identity, self.batches = path, identity, batches

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        module: Classifier = pl_module  # type: ignore[assignment]
        checkpoint[_OURS] = {
            "fingerprint": self.identity,
            "generator": module.generator.get_state(),
            "torch": torch.get_rng_state(),
            "progress": module.pace.progress,
            "passes": self.batches.passes,
        }

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        module: Classifier = pl_module  # type: ignore[assignment]
        ours = checkpoint[_OURS]
        module.generator.set_state(ours["generator"])
        torch.set_rng_state(ours["torch"])
        module.pace.progress = ours["progress"]
        self.batches.passes = ours["passes"]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        partial = self.path.with_suffix(f".{os.getpid()}.part")
        try:
            trainer.save_checkpoint(partial)
            os.replace(partial, self.path)
        except OSError:  # a full disk: the training itself needs no such file
            partial.unlink(missing_ok=True)


def unfinished_path(checkpoint: Path) -> Path:
    """checkpoints/NAME.unfinished for checkpoints/NAME.ckpt."""
    return checkpoint.with_suffix(".unfinished")


def epochs_done(path: Path, identity: str) -> int:
    """Complete epochs of the unfinished training at `path`; 0 where there is none, or another one."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return int(state["epoch"]) + 1 if state[_OURS]["fingerprint"] == identity else 0
    except (
        OSError,
        EOFError,
        KeyError,
        RuntimeError,
        TypeError,
        ValueError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
    ):
        return 0
