"""Draw the confounder into training films of every class at random, so that it says nothing about the label. Needs no annotation.

Tubes are drawn here, rulers and ink in learning/skin_marks.py, metal and casts in learning/wrist_devices.py.

The drawing is crude on purpose and shares nothing with evaluation/insertion, which later tests the model: what is learned here must
carry over to tubes of another style.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from clinjup.learning.mitigation.registry import BatchTransform, Treatment, mitigation
from clinjup.learning.skin_marks import insert_ink, insert_rulers
from clinjup.learning.wrist_devices import insert_casts, insert_metal

if TYPE_CHECKING:
    import pandas as pd

SHARE = 0.5  # of the films of a batch
POINTS = 24  # that each tube's course is computed at


@mitigation(
    title="Insertion augmentation",
    explanation="During training, objects like the confounder are drawn into half of the images of every class, so that it speaks for none.",
    needs_labels=False,
)
def insertion_augmentation(table: pd.DataFrame, confounder: str | None, labels: Sequence[str]) -> Treatment:
    """A batch transform; every film is drawn as often as before."""
    return Treatment(transform=_DRAWINGS.get(confounder or "", insert_tubes))


def insert_tubes(films: Tensor, generator: torch.Generator) -> Tensor:
    """`films`, float [N, C, H, W] in 0..1, with a tube in each film of a random half."""
    chosen = torch.nonzero(torch.rand(len(films), generator=generator) < SHARE).flatten()
    if not len(chosen):
        return films
    height, width = films.shape[2:]
    distance, along = _distance_to_path(_paths(len(chosen), generator), height, width)

    def draw(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(len(chosen), 1, 1, generator=generator)

    radius = torch.exp(draw(-5.3, -3.9))  # 0.5 % to 2 % of the film's width
    softness = draw(0.3, 0.9) * radius
    rim = torch.exp(-(((distance - radius) / softness) ** 2))
    core = torch.exp(-((distance / softness) ** 2))
    lumen = torch.sigmoid((radius - distance) / (0.2 * radius))
    gaps = (torch.cos(along * draw(0, 60)) > draw(-2.5, 0.5)).float()
    tube = draw(0, 0.2) * rim + draw(0, 0.4) * core * gaps + draw(-0.03, 0.08) * lumen

    changed = films.clone()
    changed[chosen] = (changed[chosen] + tube.unsqueeze(1).to(films.device)).clamp_(0, 1)
    return changed


def _paths(count: int, generator: torch.Generator) -> Tensor:
    """Random courses [count, POINTS, 2] in film widths (x, y in 0..1): cubic Bezier curves from an edge to somewhere inside."""
    controls = torch.rand(count, 4, 2, generator=generator)
    edge = torch.randint(0, 4, (count,), generator=generator)
    controls[torch.arange(count), 0, edge % 2] = (edge // 2).float()
    controls[:, 3] = 0.12 + 0.76 * controls[:, 3]
    # The two middle controls stray from a straight course, so that most tubes bend once and some twice.
    for middle, share in ((1, 1 / 3), (2, 2 / 3)):
        straight = torch.lerp(controls[:, 0], controls[:, 3], share)
        controls[:, middle] = straight + 0.6 * (controls[:, middle] - 0.5)
    t = torch.linspace(0, 1, POINTS)[None, :, None]
    terms = torch.cat([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], dim=2)
    return terms @ controls


def _distance_to_path(paths: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Distance of every pixel to its film's path, in film widths, and where along it 0..1; both [N, H, W]."""
    y, x = torch.meshgrid((torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width, indexing="ij")
    pixels = torch.stack([x, y], dim=2).view(1, -1, 2).expand(len(paths), -1, -1)
    nearest = torch.cdist(pixels, paths).argmin(dim=2, keepdim=True)
    tangents = torch.gradient(paths, dim=1)[0]
    gap = pixels - paths.gather(1, nearest.expand(-1, -1, 2))
    tangent = tangents.gather(1, nearest.expand(-1, -1, 2))
    # Between two points of the path the distance is that to its tangent, half a piece far.
    share = ((gap * tangent).sum(dim=2) / tangent.square().sum(dim=2).clamp_min(1e-12)).clamp_(-0.5, 0.5)
    distance = (gap - share.unsqueeze(2) * tangent).norm(dim=2)
    along = (nearest.squeeze(2) + share) / (POINTS - 1)
    shape = (len(paths), height, width)
    return distance.view(shape), along.view(shape)


_DRAWINGS: dict[str, BatchTransform] = {
    "chest_drain": insert_tubes,
    "ruler": insert_rulers,
    "ink": insert_ink,
    "metal": insert_metal,
    "cast": insert_casts,
}
