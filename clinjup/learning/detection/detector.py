"""A trained detector: what it was trained as, its curve, marks for films, and how long one film takes."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clinjup.learning.batches import input_of
from clinjup.learning.checkpoints import read_checkpoint
from clinjup.learning.compute import best_device
from clinjup.learning.detection.interface import architecture_named
from clinjup.learning.detection.matching import Marks

if TYPE_CHECKING:
    from clinjup.learning.detection.training import Lesson

_FILMS_AT_ONCE = 64
KIND = "detector"  # in a checkpoint: what kind of model it holds


@dataclass
class DetectorModel:
    """A detector in evaluation mode. `history`: one row a check on validation (step, train_loss, validation_ap50, kept).

    `recipe` says what it learned from ("all boxes", "boxes only", ...); `hypothesis` and `change` are those of the experiment.
    `lesson`: how it was trained, known only in the kernel that trained it.
    """

    name: str
    architecture: str
    recipe: str
    hypothesis: str
    change: str
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
    synthetic: bool = False
    mitigation: str | None = None
    confounder: str | None = None
    lesson: Lesson | None = None

    def marks(self, pixels: NDArray[np.uint8]) -> list[Marks]:
        """Marks of films uint8 `[N, H, W]` or `[N, H, W, 3]`, in their pixels. Raises ValueError for films of another size."""
        found: list[Marks] = []
        with torch.inference_mode():
            for start in range(0, len(pixels), _FILMS_AT_ONCE):
                found += self.network.detect(self._as_input(pixels[start : start + _FILMS_AT_ONCE]))  # type: ignore[operator]
        return found

    def score(self, pixels: NDArray[np.uint8], patients: pd.DataFrame | None = None) -> NDArray[np.float32]:
        """Each film's own score `[N]`: that of its most suspicious mark. What is known of the `patients` is not used."""
        return np.array([marks.highest for marks in self.marks(pixels)], np.float32)

    def _as_input(self, pixels: NDArray[np.uint8]) -> Tensor:
        return input_of(pixels, self.network, self.name, self.image_size, self.channels)

    def latency(self, pixels: NDArray[np.uint8], *, films: int = 60) -> tuple[float, float]:
        """(median, 95th percentile) in milliseconds that one film takes on one core of the CPU, film by film, as at a workplace.

        Where the network lives on a graphics card, a copy of it is timed: the computer that it is meant for may have none.
        """
        on_cpu = replace(self, network=copy.deepcopy(self.network).to("cpu"))
        threads = torch.get_num_threads()
        seconds = []
        torch.set_num_threads(1)
        try:
            for position in range(min(5, len(pixels))):  # the first films pay for what is set up once
                on_cpu.marks(pixels[position : position + 1])
            for position in range(films):
                film = pixels[position % len(pixels)][None]
                began = time.perf_counter()
                on_cpu.marks(film)
                seconds.append(time.perf_counter() - began)
        finally:
            torch.set_num_threads(threads)
        return float(1000 * np.median(seconds)), float(1000 * np.percentile(seconds, 95))


def detector_from_state(state: dict[str, Any], checkpoint: str) -> DetectorModel:
    """The detector that a checkpoint holds."""
    about = state["model"]
    network = architecture_named(about["architecture"]).build(about["channels"], about["image_size"], False)
    network.load_state_dict(state["weights"])
    network = network.to(best_device(), memory_format=torch.channels_last).eval()
    return DetectorModel(
        seconds=state["seconds"],
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        checkpoint=checkpoint,
        history=pd.DataFrame(state["history"]),
        network=network,
        **about,
    )


def is_detector(path: str | Path) -> bool:
    """Whether the checkpoint at `path` holds a detector. Raises ClinjupError where it cannot be read."""
    return read_checkpoint(path).get("kind") == KIND


def load_detector(path: str | Path) -> DetectorModel:
    """A detector from its checkpoint. Raises ClinjupError where the file is gone, damaged or holds no detector."""
    return detector_from_state(read_checkpoint(path), str(path))
