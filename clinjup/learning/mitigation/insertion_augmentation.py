"""Draw the confounder into training films of every class at random, so that it says nothing about the label. Needs no annotation.

Tubes are drawn here, rulers and ink in learning/skin_marks.py, metal and casts in learning/wrist_devices.py.

The drawing is crude on purpose and shares nothing with evaluation/insertion, which later tests the model: what is learned here must
carry over to tubes of another style.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from clinjup.learning.mitigation.registry import Treatment, mitigation
from clinjup.learning.skin_marks import insert_ink, insert_rulers
from clinjup.learning.wrist_devices import insert_casts, insert_metal

if TYPE_CHECKING:
    import pandas as pd

SHARE = 0.5  # of the films of a batch
POINTS = 24  # that each tube's course is computed at


class Drawing(Protocol):
    """A BatchTransform that draws something into a random `share` of the films."""

    def __call__(
        self, films: Tensor, generator: torch.Generator, rows: Tensor | None = None, /, *, share: float = SHARE
    ) -> Tensor: ...


@mitigation(
    title="Insertion augmentation",
    explanation="During training, objects like the confounder are drawn into half of the images of every class, so that it speaks for none.",
    needs_labels=False,
)
def insertion_augmentation(table: pd.DataFrame, confounder: str | None, labels: Sequence[str]) -> Treatment:
    """A batch transform; every film is drawn as often as before."""
    return Treatment(transform=drawing_of(confounder or ""))


def drawing_of(confounder: str) -> Drawing:
    """What draws `confounder` into a random share of a batch; tubes for one that nothing else is known of."""
    return _DRAWINGS.get(confounder, insert_tubes)


def insert_tubes(
    films: Tensor, generator: torch.Generator, rows: Tensor | None = None, *, share: float = SHARE
) -> Tensor:
    """`films`, float [N, C, H, W] in 0..1, with a tube in each film of a random `share`."""
    chosen = torch.nonzero(torch.rand(len(films), generator=generator) < share).flatten()
    return draw_tubes(films, chosen, generator, ANY_TUBE) if len(chosen) else films


@dataclass(frozen=True)
class TubeStyle:
    """Ranges that each tube is drawn from: log of the radius in film widths, brightness in units of the grey range."""

    log_radius: tuple[float, float]
    walls: tuple[float, float]
    stripe: tuple[float, float]
    softness: tuple[float, float] = (0.3, 0.9)  # of walls and stripe, in radii
    lateral: bool = False  # comes in from the left or the right edge
    blur: float = 0.0  # pixels: a line thinner than that is spread, and no brighter in sum


# Anything from a wire to a drain, down to what cannot be seen: half a per cent to 2 % of the film's width.
ANY_TUBE = TubeStyle(log_radius=(-5.3, -3.9), walls=(0, 0.2), stripe=(0, 0.4))
# What a radiologist would call a drain: 5 to 12 mm wide on a film of 36 cm, with a stripe that can be seen.
PLAIN_DRAIN = TubeStyle(
    log_radius=(-4.95, -4.1), walls=(0.03, 0.2), stripe=(0.25, 0.85), softness=(0.2, 0.55), lateral=True, blur=0.45
)


def draw_tubes(films: Tensor, chosen: Tensor, generator: torch.Generator, style: TubeStyle) -> Tensor:
    """A copy of `films`, float [N, C, H, W] in 0..1, with a tube in each of the films at the positions `chosen`."""
    height, width = films.shape[2:]
    distance, along = _distance_to_path(_paths(len(chosen), generator, lateral=style.lateral), height, width)

    def draw(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(len(chosen), 1, 1, generator=generator)

    radius = torch.exp(draw(*style.log_radius))
    sharp = draw(*style.softness) * radius
    softness = (sharp.square() + (style.blur / width) ** 2).sqrt() if style.blur else sharp
    rim = torch.exp(-(((distance - radius) / softness) ** 2)) * (sharp / softness)
    core = torch.exp(-((distance / softness) ** 2)) * (sharp / softness)
    lumen = torch.sigmoid((radius - distance) / (0.2 * radius))
    gaps = (torch.cos(along * draw(0, 60)) > draw(-2.5, 0.5)).float()
    tube = draw(*style.walls) * rim + draw(*style.stripe) * core * gaps + draw(-0.03, 0.08) * lumen

    changed = films.clone()
    changed[chosen] = (changed[chosen] + tube.unsqueeze(1).to(films.device)).clamp_(0, 1)
    return changed


def _paths(count: int, generator: torch.Generator, *, lateral: bool = False) -> Tensor:
    """Random courses [count, POINTS, 2] in film widths (x, y in 0..1): cubic Bezier curves from an edge to somewhere inside."""
    controls = torch.rand(count, 4, 2, generator=generator)
    edge = torch.randint(0, 4, (count,), generator=generator)
    edge = edge - edge % 2 if lateral else edge
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


_DRAWINGS: dict[str, Drawing] = {
    "chest_drain": insert_tubes,
    "ruler": insert_rulers,
    "ink": insert_ink,
    "metal": insert_metal,
    "cast": insert_casts,
}
