"""Rulers and ink drawn into batches of dermoscopic images, for training only.

Crude on purpose, and no code is shared with evaluation/insertion, which later tests the model: what is learned here must carry over to
rulers and ink of another style.
"""

from __future__ import annotations

import torch
from torch import Tensor

SHARE = 0.5  # of the images of a batch
_DARK = 0.04  # darker all over than this: the border that brings an image to a square


def insert_rulers(
    images: Tensor, generator: torch.Generator, rows: Tensor | None = None, *, share: float = SHARE
) -> Tensor:
    """`images`, float [N, C, H, W] in 0..1, with a scale along one edge of a random `share` of them."""
    chosen, area, u, v = _chosen(images, generator, share)
    if not len(chosen):
        return images

    def draw(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(len(chosen), 1, 1, generator=generator)

    side = torch.randint(0, 4, (len(chosen), 1, 1), generator=generator)
    across = torch.where(side < 2, v, u)
    along = torch.where(side < 2, u, v)
    across = torch.where(side % 2 == 0, across, 1 - across) - draw(-0.04, 0.08) + draw(-0.08, 0.08) * (along - 0.5)
    depth = draw(0.05, 0.16)
    strip = ((across > 0) & (across < depth) & area).float()
    reach = draw(0.3, 1.0) * depth
    ticks = (
        (torch.remainder(along, draw(0.02, 0.09)) < draw(0.006, 0.018)) & (across > 0) & (across < reach) & area
    ).float()
    pale, tone = strip * draw(0.0, 0.75), draw(0.6, 1.0)
    dark, shade = ticks * draw(0.5, 1.0), draw(0.0, 0.25)
    pale, tone, dark, shade = (layer.unsqueeze(1).to(images.device) for layer in (pale, tone, dark, shade))
    changed = images.clone()
    film = images[chosen] * (1 - pale) + tone * pale
    changed[chosen] = film * (1 - dark) + shade * dark
    return changed


def insert_ink(
    images: Tensor, generator: torch.Generator, rows: Tensor | None = None, *, share: float = SHARE
) -> Tensor:
    """`images` with one to three coloured strokes in a random `share` of them."""
    chosen, area, u, v = _chosen(images, generator, share)
    if not len(chosen):
        return images
    count = len(chosen)
    cover = torch.zeros(count, *images.shape[2:])
    for _ in range(3):
        start = torch.rand(count, 2, generator=generator)
        angle = 6.2832 * torch.rand(count, generator=generator)
        length = 0.1 + 0.3 * torch.rand(count, generator=generator)
        step = torch.stack([torch.cos(angle), torch.sin(angle)], dim=1) * length.unsqueeze(1)
        x, y = u - start[:, 0].view(-1, 1, 1), v - start[:, 1].view(-1, 1, 1)
        dx, dy = step[:, 0].view(-1, 1, 1), step[:, 1].view(-1, 1, 1)
        along = ((x * dx + y * dy) / (dx**2 + dy**2)).clamp(0, 1)
        distance = torch.hypot(x - along * dx, y - along * dy)
        width = 0.008 + 0.02 * torch.rand(count, 1, 1, generator=generator)
        there = (torch.rand(count, 1, 1, generator=generator) < 0.7).float()
        cover = torch.maximum(cover, torch.sigmoid((width - distance) / 0.004) * there)
    cover = (cover * area * (0.5 + 0.5 * torch.rand(count, 1, 1, generator=generator))).unsqueeze(1)
    colour = torch.rand(count, images.shape[1], 1, 1, generator=generator) * 0.6
    if images.shape[1] == 3:
        colour[:, 2] += 0.3
    cover, colour = cover.to(images.device), colour.to(images.device)
    changed = images.clone()
    changed[chosen] = images[chosen] * (1 - cover) + colour * cover
    return changed


def _chosen(images: Tensor, generator: torch.Generator, share: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(positions of a random `share`, where each shows skin [n, H, W], x and y of every pixel as a share of that area)."""
    chosen = torch.nonzero(torch.rand(len(images), generator=generator) < share).flatten()
    seen = images[chosen].amax(dim=1).cpu() > _DARK  # what is drawn is drawn on the CPU, where the generator lives
    height, width = images.shape[2:]
    y, x = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")

    def extent(there: Tensor, size: int) -> tuple[Tensor, Tensor]:
        first = there.float().argmax(dim=1)
        last = size - 1 - there.flip(1).float().argmax(dim=1)
        return first.view(-1, 1, 1).float(), last.view(-1, 1, 1).float()

    top, bottom = extent(seen.float().mean(dim=2) > 0.05, height)
    left, right = extent(seen.float().mean(dim=1) > 0.05, width)
    u, v = (x - left) / (right - left).clamp_min(1), (y - top) / (bottom - top).clamp_min(1)
    area = (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)
    return chosen, area, u, v
