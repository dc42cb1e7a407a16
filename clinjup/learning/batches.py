"""Batches from the memory-mapped image cache: one fancy index and one tensor a batch, no worker processes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

if TYPE_CHECKING:
    from clinjup.imaging.cache import ImageCache


class Batches:
    """Iterable over `(films uint8 [N, C, H, W], labels int64 [N], positions int64 [N] in `rows`)`.

    With `seed` the rows are drawn anew in every pass, in proportion to `weights` (all alike without); the draws depend on
    nothing but the seed and the number of the pass. Without `seed` every row comes once, in order. The batches of a pass
    differ in length by one at most, so that no batch is too small for batch normalisation.
    """

    def __init__(
        self,
        images: ImageCache,
        rows: NDArray[np.int64],
        labels: NDArray[np.int64],
        batch_size: int,
        *,
        seed: int | None = None,
        weights: NDArray[np.float64] | None = None,
    ) -> None:
        self.images, self.rows, self.labels = images, rows, labels
        self.seed, self.weights = seed, weights
        self.passes = 0
        self._count = math.ceil(len(rows) / batch_size)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        order = np.arange(len(self.rows))
        if self.seed is not None:
            order = draw_rows(len(self.rows), self.weights, np.random.default_rng([self.seed, self.passes]))
            self.passes += 1
        for chosen in np.array_split(order, self._count):
            films = as_films(self.images.pixels_of(self.rows[chosen]))
            yield films, torch.from_numpy(self.labels[chosen]), torch.from_numpy(chosen.astype(np.int64))


def draw_rows(count: int, weights: NDArray[np.float64] | None, rng: np.random.Generator) -> NDArray[np.int64]:
    """`count` positions out of 0..count-1 in random order; each as often as its weight says, give or take one.

    Systematic resampling (Kitagawa, J. Comput. Graph. Stat. 5, 1996) of the rows in the order of their weights: groups get
    their share in every pass, which independent draws reach only on average.
    """
    order = rng.permutation(count)
    if weights is None:
        return order
    order = order[np.argsort(weights[order], kind="stable")]
    edges = np.cumsum(weights[order])
    ticks = (rng.random() + np.arange(count)) * (edges[-1] / count)
    return rng.permutation(order[np.minimum(np.searchsorted(edges, ticks, side="right"), count - 1)])


def as_films(pixels: NDArray[np.uint8]) -> Tensor:
    """uint8 `[N, H, W]` or `[N, H, W, 3]` as a uint8 tensor `[N, C, H, W]`, without copying."""
    films = torch.from_numpy(np.ascontiguousarray(pixels))
    return films.unsqueeze(1) if films.ndim == 3 else films.permute(0, 3, 1, 2)


def as_input(films: Tensor) -> Tensor:
    """uint8 films as the networks take them: float32 0..1, same shape."""
    return films.float().div_(255)


def input_of(pixels: NDArray[np.uint8], network: nn.Module, name: str, size: int, channels: int) -> Tensor:
    """Films uint8 `[N, H, W]` or `[N, H, W, 3]` as `network` takes them, on its device: float 0..1 `[N, C, H, W]`.

    Raises ValueError for films of another size or type than the model called `name` takes.
    """
    expected = (size, size) + ((3,) if channels == 3 else ())
    if pixels.dtype != np.uint8 or pixels.shape[1:] != expected:
        raise ValueError(f"{name} takes uint8 films of shape {expected}, not {pixels.dtype} {pixels.shape[1:]}")
    device = next(network.parameters()).device
    return as_input(as_films(pixels).to(device)).contiguous(memory_format=torch.channels_last)
