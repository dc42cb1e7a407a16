"""The one interface of all detectors, and the networks by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from clinjup.kernel.errors import ClinjupError, WeightsUnavailableError
from clinjup.learning.detection.matching import Marks
from clinjup.learning.detection.targets import Target


class DetectionNetwork(Protocol):
    """A module that learns from Targets and gives Marks. Images are float 0..1 `[N, C, H, W]`, boxes in their pixels."""

    def loss(self, images: Tensor, targets: Sequence[Target]) -> Tensor:
        """Scalar loss of a batch, in training mode."""

    def detect(self, images: Tensor) -> list[Marks]:
        """Marks of each image, in evaluation mode."""


@dataclass(frozen=True)
class Architecture:
    """A detector by name. `build(channels, image_size, pretrained)`; `light`: meant to train from scratch on a laptop."""

    name: str
    title: str
    build: Callable[[int, int, bool | str], nn.Module]
    light: bool
    learning_rate: float


def architectures() -> dict[str, Architecture]:
    """All detectors, the light one first."""
    from clinjup.learning.detection.heatmap import HeatMapDetector
    from clinjup.learning.detection.torchvision_detectors import NAMES, build_torchvision

    known = [
        Architecture(
            "heat_map",
            "centre heat map, from scratch",
            lambda channels, size, pretrained: _from_scratch(HeatMapDetector(channels), pretrained),
            True,
            3e-3,
        )
    ]
    for name, title in NAMES.items():
        known.append(
            Architecture(
                name,
                title,
                lambda channels, size, pretrained, name=name: build_torchvision(name, size, pretrained),  # type: ignore[misc]
                False,
                1e-4,
            )
        )
    return {item.name: item for item in known}


def _from_scratch(network: nn.Module, pretrained: bool | str) -> nn.Module:
    if pretrained:
        raise WeightsUnavailableError("none are published for 'heat_map'")
    return network


def architecture_named(name: str) -> Architecture:
    """The detector called `name`. Raises ClinjupError with the names that exist."""
    known = architectures()
    if name not in known:
        raise ClinjupError(f"There is no detector called '{name}'. There are: {', '.join(known)}.")
    return known[name]
