"""What a detector is trained towards: boxes with weights, regions that say nothing, images that are background throughout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clinjup.learning.augment import change_exposure

ZOOM, SHIFT = 0.10, 0.06


def _none() -> NDArray[np.float32]:
    return np.zeros((0, 4), np.float32)


@dataclass(frozen=True)
class Target:
    """One image. `boxes` [k, 4] in pixels of the prepared image; `weights` [k] (1 for a box that a person drew).

    `unsure` [m, 4]: regions that count neither as target nor as background. An image whose boxes are unknown has no Target:
    it is never background.
    """

    boxes: NDArray[np.float32] = field(default_factory=_none)
    weights: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    unsure: NDArray[np.float32] = field(default_factory=_none)

    @classmethod
    def drawn(cls, boxes: NDArray[np.float32]) -> Target:
        """Boxes that a person drew; an empty array is an image that was looked at and shows nothing."""
        return cls(np.asarray(boxes, np.float32).reshape(-1, 4), np.ones(len(boxes), np.float32))


def augment_with_boxes(
    images: Tensor, targets: Sequence[Target], generator: torch.Generator
) -> tuple[Tensor, list[Target]]:
    """A changed copy of `images`, float `[N, C, H, W]` in 0..1, and the targets moved along.

    Mirrored left to right, zoomed, shifted, exposed differently. Not rotated: the box around a turned fracture would be a guess.
    """
    count, size = len(images), images.shape[-1]
    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    zoom = 1 + ZOOM * (2 * torch.rand(count, 2, generator=generator) - 1)
    shift = 2 * SHIFT * (2 * torch.rand(count, 2, generator=generator) - 1)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = mirror * zoom[:, 0], zoom[:, 1], shift
    grid = torch.nn.functional.affine_grid(theta.to(images.device), list(images.shape), align_corners=False)
    moved = torch.nn.functional.grid_sample(images, grid, padding_mode="zeros", align_corners=False)
    scale, offset = torch.stack([mirror * zoom[:, 0], zoom[:, 1]], 1).numpy(), shift.numpy()
    changed = [
        Target(
            _moved(each.boxes, scale[i], offset[i], size), each.weights, _moved(each.unsure, scale[i], offset[i], size)
        )
        for i, each in enumerate(targets)
    ]
    return change_exposure(moved, generator), changed


def _moved(
    boxes: NDArray[np.float32], scale: NDArray[np.float32], shift: NDArray[np.float32], size: int
) -> NDArray[np.float32]:
    """Boxes under the inverse of output -> input: `input = scale * output + shift`, in units of half the image."""
    if not len(boxes):
        return boxes
    corners = ((boxes.reshape(-1, 2, 2) * (2 / size) - 1) - shift) / scale
    corners = (corners + 1) * (size / 2)
    low, high = corners.min(axis=1), corners.max(axis=1)
    return np.clip(np.concatenate([low, high], axis=1), 0, size).astype(np.float32)
