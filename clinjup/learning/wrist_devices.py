"""Metal and casts drawn into batches of wrist films, for training only.

Crude on purpose, and no code is shared with evaluation/insertion, which later tests the model: what is learned here must carry over to
metal and casts of another style. Metal lies at any angle somewhere on what is bright, not along one bone; a cast follows no outline.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

SHARE = 0.5  # of the films of a batch
_DARK = 0.01  # darker than this: the border that brings a film to a square
_GRID = 16  # places along a side that metal may be centred on
_EDGE = 0.0015  # of the film's width: how softly metal ends


def insert_metal(
    films: Tensor, generator: torch.Generator, rows: Tensor | None = None, *, share: float = SHARE
) -> Tensor:
    """`films`, float [N, C, H, W] in 0..1, with one to three pins, or a bar with pins across, in a random `share` of them."""
    chosen = _chosen(films, generator, share)
    count = len(chosen)
    if not count:
        return films

    def draw(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, 1, 1, generator=generator)

    x, y = _pixels(films)
    places = functional.adaptive_avg_pool2d(films[chosen].mean(dim=1, keepdim=True).cpu(), _GRID).flatten(1)
    place = torch.multinomial(places**4 + 1e-8, 1, generator=generator).view(-1, 1, 1)
    centre_x, centre_y = (place % _GRID + draw(0, 1)) / _GRID, (place // _GRID + draw(0, 1)) / _GRID
    angle = 0.5 * torch.randn(count, 1, 1, generator=generator)  # from the film's long axis
    along = (x - centre_x) * torch.sin(angle) + (y - centre_y) * torch.cos(angle)
    across = (x - centre_x) * torch.cos(angle) - (y - centre_y) * torch.sin(angle)

    pins = torch.zeros_like(along)
    for chance in (1.0, 0.7, 0.3):
        start, end = (draw(-0.08, 0.08), draw(-0.22, -0.05)), (draw(-0.08, 0.08), draw(0.05, 0.22))
        pin = _line(across, along, start, end, draw(0.003, 0.009))
        pins = torch.maximum(pins, pin * (draw(0, 1) < chance))
    half = draw(0.06, 0.14)
    bar = _line(across, along, (0 * half, -half), (0 * half, half), draw(0.008, 0.022))
    spacing, reach = draw(0.03, 0.08), draw(0.02, 0.07)
    aslant = torch.remainder(along + draw(-0.5, 0.5) * across, spacing) - spacing / 2
    screws = _within(draw(0.002, 0.007) - aslant.abs()) * _within(reach - across.abs()) * _within(half - along.abs())

    cover = torch.where(draw(0, 1) < 0.5, pins, torch.maximum(bar, screws)) * draw(0.9, 1.0)
    brighter = (draw(0.9, 1.0).unsqueeze(1).to(films.device) - films[chosen]).clamp_min(0)
    changed = films.clone()
    changed[chosen] = films[chosen] + cover.unsqueeze(1).to(films.device) * brighter
    return changed


def insert_casts(
    films: Tensor, generator: torch.Generator, rows: Tensor | None = None, *, share: float = SHARE
) -> Tensor:
    """`films` with a pale shell with brighter walls and creases around a stretch of the arm, in a random `share` of them."""
    chosen = _chosen(films, generator, share)
    count, (height, width) = len(chosen), films.shape[2:]
    if not count:
        return films

    def draw(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, 1, 1, generator=generator)

    x, y = _pixels(films)
    left, right = _sides(films[chosen].mean(dim=1).cpu())
    left, right = left - draw(0.0, 0.06), right + draw(0.0, 0.06)
    level = y + draw(-0.2, 0.2) * (x - 0.5)
    upper, lower = draw(0.05, 0.6), draw(0.75, 1.3)
    inside = torch.sigmoid(torch.stack([x - left, right - x, level - upper, lower - level]) / 0.01).prod(dim=0)
    thick = draw(0.01, 0.04)
    walls = torch.exp(-(((x - left) / thick) ** 2)) + torch.exp(-(((right - x) / thick) ** 2))
    blots = functional.interpolate(torch.rand(count, 1, 6, 6, generator=generator), (height, width), mode="bicubic")[
        :, 0
    ]
    weave = torch.sin(draw(60, 200) * x + draw(-200, 200) * y)
    creases = torch.zeros_like(inside)
    for _ in range(3):
        away = y - draw(0, 1) - draw(-0.4, 0.4) * (x - 0.5)
        creases = creases + draw(-0.6, 0.6) * torch.exp(-((away / draw(0.006, 0.02)) ** 2))
    layer = draw(0.06, 0.25) * inside * (0.6 + 0.6 * blots + 0.1 * weave + draw(0.3, 2.0) * walls + creases)
    film = films[chosen]
    layer = layer.unsqueeze(1).to(films.device) * (film > _DARK)
    changed = films.clone()
    changed[chosen] = (film + layer * (1 - film)).clamp_(0, 1)
    return changed


def _chosen(films: Tensor, generator: torch.Generator, share: float) -> Tensor:
    """Positions of a random `share`."""
    return torch.nonzero(torch.rand(len(films), generator=generator) < share).flatten()


def _pixels(films: Tensor) -> tuple[Tensor, Tensor]:
    """x and y of every pixel [H, W], as shares of width and height."""
    height, width = films.shape[2:]
    y, x = torch.meshgrid((torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width, indexing="ij")
    return x, y


def _within(distance: Tensor) -> Tensor:
    """1 where `distance` to the edge is positive, 0 beyond it, softly."""
    return torch.sigmoid(distance / _EDGE)


def _line(u: Tensor, v: Tensor, start: tuple[Tensor, Tensor], end: tuple[Tensor, Tensor], radius: Tensor) -> Tensor:
    """Share of each pixel [n, H, W] covered by a straight line with round ends, `radius` thick to either side."""
    du, dv = end[0] - start[0], end[1] - start[1]
    share = ((u - start[0]) * du + (v - start[1]) * dv) / (du**2 + dv**2)
    share = share.clamp(0, 1)
    return _within(radius - torch.hypot(u - start[0] - share * du, v - start[1] - share * dv))


def _sides(films: Tensor) -> tuple[Tensor, Tensor]:
    """Left and right of what is bright in each row, [n, H, 1] as shares of the width, for films [n, H, W]; smooth from row to row."""
    width = films.shape[2]
    grown = (films - films.flatten(1).median(dim=1).values.view(-1, 1, 1)).clamp_min(0) + 1e-4
    grown = grown.cumsum(dim=2) / grown.sum(dim=2, keepdim=True)
    ends = torch.stack([(grown < share).sum(dim=2) / width for share in (0.04, 0.96)], dim=1)
    kernel = 2 * (films.shape[1] // 16) + 1
    smooth = functional.avg_pool1d(ends, kernel, stride=1, padding=kernel // 2, count_include_pad=False)
    return smooth[:, 0].unsqueeze(2), smooth[:, 1].unsqueeze(2)
