"""Overlap of boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def overlaps(one: ArrayLike, other: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of each pair of boxes x0, y0, x1, y1: [len(one), len(other)]."""
    a, b = np.asarray(one, float).reshape(-1, 4), np.asarray(other, float).reshape(-1, 4)
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [np.clip(part[:, 2:] - part[:, :2], 0, None).prod(axis=1) for part in (a, b)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
