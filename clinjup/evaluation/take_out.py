"""Take what is outlined out of a film, for testing; shares no code with the augmentation that does so in training.

The hole is filled with the smoothest surface that meets its rim: the solution of Laplace's equation (as in Bertalmio et al., Image
inpainting, SIGGRAPH 2000, without the transport along edges).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

MARGIN = 1  # pixels around the outline that are filled too: its edge is blurred
_NEIGHBOURS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def take_out(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """`pixels`, uint8 [H, W] or [H, W, 3], with what lies under `mask` [H, W] replaced by its surroundings."""
    hole = binary_dilation(mask, iterations=MARGIN) if mask.any() else mask
    if not hole.any() or hole.all():
        return pixels.copy()
    rows, columns = np.nonzero(hole)
    number = np.full(hole.shape, -1)
    number[hole] = np.arange(len(rows))
    channels = pixels.reshape(*hole.shape, -1).astype(float)
    total, sums = np.zeros(len(rows)), np.zeros((len(rows), channels.shape[2]))
    entries: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for down, right in _NEIGHBOURS:
        y, x = rows + down, columns + right
        there = (y >= 0) & (y < hole.shape[0]) & (x >= 0) & (x < hole.shape[1])
        total += there
        inside = there.copy()
        inside[there] = hole[y[there], x[there]]
        entries.append((np.flatnonzero(inside), number[y[inside], x[inside]]))
        rim = there & ~inside
        sums[rim] += channels[y[rim], x[rim]]
    ours, others = (np.concatenate([entry[side] for entry in entries]) for side in (0, 1))
    own = np.arange(len(rows))
    values = np.concatenate([total, -np.ones(len(ours))])
    positions = (np.concatenate([own, ours]), np.concatenate([own, others]))
    filled = channels.copy()
    filled[hole] = spsolve(coo_matrix((values, positions)).tocsc(), sums).reshape(len(rows), -1)
    return np.clip(filled + 0.5, 0, 255).astype(np.uint8).reshape(pixels.shape)
