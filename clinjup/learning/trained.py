"""A trained model: what it was trained as, its curve, and probabilities for films."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clinjup.contracts import TrainingFinding
from clinjup.learning.architectures import Standardised, build_network
from clinjup.learning.batches import input_of
from clinjup.learning.cam import Reshape, find_cam_layer
from clinjup.learning.checkpoints import read_checkpoint
from clinjup.learning.compute import best_device
from clinjup.learning.curves import draw_history
from clinjup.learning.ensemble import Ensemble
from clinjup.learning.fusion import Fusion

_FILMS_AT_ONCE = 64


@dataclass
class TrainedModel:
    """A network in evaluation mode with all that is needed to use and to describe it.

    `history`: one row an epoch (epoch, train_loss, validation_loss, validation_auroc; NaN where validation lacks a class).
    `positive`: code of the class that counts as positive; `settings`: the arguments of `train` that its name does not tell;
    `upright`: its images have an up and a down; `fusion`: fields of learning/fusion.py where patient data are joined with the image;
    `members`: networks that judge together (learning/ensemble.py), the history is the first one's.
    `network` takes float 0..1 `[N, C, H, W]` (see `as_input`) and gives logits, `[N, 1]` for two classes, else `[N, classes]`.
    """

    name: str
    architecture: str
    mitigation: str | None
    seed: int
    seconds: float
    parameters: int
    checkpoint: str
    history: pd.DataFrame
    network: nn.Module
    image_size: int
    channels: int
    target: str
    classes: list[str]
    confounder: str | None = None
    synthetic: bool = False
    positive: int = 1
    upright: bool = True
    settings: dict[str, Any] = field(default_factory=dict)
    fusion: dict[str, Any] | None = None
    members: int = 1

    def predict(self, pixels: NDArray[np.uint8], patients: pd.DataFrame | None = None) -> NDArray[np.float32]:
        """P(target) `[N]` of films uint8 `[N, H, W]` or `[N, H, W, 3]`; for more than two classes `[N, classes]`.

        Images without an up and a down are judged in all four quarter turns, and the logits averaged: no turn is the right one.
        `patients` [N] holds covariates for a model that takes them; without it everybody counts as average.

        Computed in float32 whatever the precision of the training, so that a film gets the same probability on a machine
        that trains otherwise. Raises ValueError for films of another size than the model was trained on.
        """
        parts, turns = [], range(1 if self.upright else 4)
        with torch.inference_mode():
            for start in range(0, len(pixels), _FILMS_AT_ONCE):
                images = self.as_input(pixels[start : start + _FILMS_AT_ONCE])
                logits = torch.stack([self.network(torch.rot90(images, turn, (2, 3))) for turn in turns])
                parts.append(probabilities(logits.mean(dim=0)).cpu().numpy())
        empty = (0,) if len(self.classes) == 2 else (0, len(self.classes))
        found = np.concatenate(parts) if parts else np.zeros(empty, np.float32)
        return found if self.fusion is None else Fusion(**self.fusion).apply(found, patients)

    def score(self, pixels: NDArray[np.uint8], patients: pd.DataFrame | None = None) -> NDArray[np.float32]:
        """P(class of interest) `[N]`: the target, or of several classes the one with priority."""
        found = self.predict(pixels, patients)
        return found if found.ndim == 1 else found[:, self.positive]

    def as_input(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Films as `network` takes them, on its device: float 0..1 `[N, C, H, W]`."""
        return input_of(pixels, self.network, self.name, self.image_size, self.channels)

    @property
    def cam_layers(self) -> list[nn.Module]:
        """The modules that Grad-CAM hooks: the last feature maps of each network."""
        return [layer for layer, _ in self._cam]

    @property
    def cam_reshape(self) -> Reshape | None:
        """Turns the output of a cam layer into `[N, C, h, w]` where it is not (transformers); grad-cam's `reshape_transform`."""
        return self._cam[0][1]

    @cached_property
    def _cam(self) -> list[tuple[nn.Module, Reshape | None]]:
        networks = self.network.members if isinstance(self.network, Ensemble) else [self.network]
        return [find_cam_layer(network, self.channels, self.image_size) for network in networks]

    @property
    def described(self) -> str:
        """What judges, in words: the network, how many of it, what lies on top."""
        networks = self.architecture if self.members == 1 else f"mean of {self.members} {self.architecture}"
        return networks if self.fusion is None else f"{networks} and logistic regression"

    @property
    def epochs(self) -> int:
        """How many passes over the training part it took."""
        return int(self.history["epoch"].max())

    def finding(self, state: dict[str, Any], *, stopped: str | None = None) -> TrainingFinding:
        """What results and report say of the training whose `state` the checkpoint holds; `stopped` says more than that, if need be."""
        return TrainingFinding(
            name=self.name,
            architecture=self.described,
            mitigation=self.mitigation,
            parameters=self.parameters,
            seconds=round(self.seconds, 1),
            seed=self.seed,
            epochs=self.epochs,
            stopped=stopped or state["stopped"],
            precision=state["precision"],
            device=state["device"],
            checkpoint=self.checkpoint,
        )

    def plot_history(self) -> Path:
        """Show the learning curve and save it as plots/training_NAME.png; returns the path."""
        second_head = "localisation_supervision" in (self.mitigation or "").split("+")
        return draw_history(self.name, self.history, synthetic=self.synthetic, second_head=second_head)


def probabilities(logits: Tensor) -> Tensor:
    """P(target) `[N]` of logits `[N, 1]`; the probability of each class `[N, classes]` of logits `[N, classes]`."""
    logits = logits.float()
    return torch.sigmoid(logits[:, 0]) if logits.shape[1] == 1 else torch.softmax(logits, dim=1)


def load_model(checkpoint: str | Path) -> TrainedModel:
    """The model that `train` saved as `checkpoint`. Raises ClinjupError where the file is gone or damaged."""
    return model_from_state(read_checkpoint(checkpoint), str(checkpoint))


def model_from_state(state: dict[str, Any], checkpoint: str) -> TrainedModel:
    """The model in the state of a checkpoint."""
    about = state["model"]
    outputs = 1 if len(about["classes"]) == 2 else len(about["classes"])
    with torch.random.fork_rng():  # the first weights are drawn at random, and not kept
        networks = [
            Standardised(
                build_network(
                    about["architecture"], outputs=outputs, channels=about["channels"], image_size=about["image_size"]
                )
            )
            for _ in range(about.get("members", 1))
        ]
    network = networks[0] if len(networks) == 1 else Ensemble(networks)
    network.load_state_dict(state["weights"])
    network = network.to(best_device()).to(memory_format=torch.channels_last).eval()
    return TrainedModel(
        **about,
        checkpoint=checkpoint,
        history=pd.DataFrame(state["history"]),
        seconds=state["seconds"],
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        network=network,
    )
