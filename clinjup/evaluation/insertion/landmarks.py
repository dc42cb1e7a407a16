"""Where the lungs roughly are on a frontal chest film, from grey values, with plain geometry where they do not tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d


@dataclass(frozen=True)
class Landmarks:
    """Positions in pixels (x to the right, y down) and grey values of one film. Left is the picture's left."""

    left_wall: float  # x of the lateral chest wall at mid-height
    right_wall: float
    left_axis: float  # x of the middle of a lung
    right_axis: float
    apex: float  # y
    base: float  # y of the diaphragm
    width: float  # of the exposed part of the film
    black: float
    white: float
    lung: float


def find_landmarks(pixels: NDArray[np.uint8]) -> Landmarks:
    """Landmarks of a film uint8 [H, W], white bone on black; those of an average chest where no lungs are recognised."""
    top, bottom, left, right = _exposed(pixels)
    film = pixels[top:bottom, left:right].astype(np.float32)
    height, width = film.shape
    black, white = np.percentile(film, (2, 98))

    across = gaussian_filter1d(film[int(0.30 * height) : max(int(0.60 * height), 1)].mean(axis=0), 0.015 * width)
    left_axis, left_wall = _lung(across)
    right_axis, right_wall = (1 - side for side in _lung(across[::-1]))
    apices, bases = [], []
    for axis, wall in ((left_axis, left_wall), (right_axis, right_wall)):
        apices.append(_apex(_column(film, axis)))
        bases.append(_base(_column(film, (axis + wall) / 2)))  # lateral of the heart
    apex, base = float(np.mean(apices)), max(bases)
    beside = [_column(film, axis)[int(apex * height) : int(base * height)] for axis in (left_axis, right_axis)]
    lung = float(np.mean(beside))
    return Landmarks(
        left_wall=left + left_wall * width,
        right_wall=left + right_wall * width,
        left_axis=left + left_axis * width,
        right_axis=left + right_axis * width,
        apex=top + apex * height,
        base=top + base * height,
        width=float(width),
        black=float(black),
        white=float(max(white, black + 1)),
        lung=lung,
    )


def _exposed(pixels: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) of what is not black border; the whole film where that would leave too little."""
    seen = pixels > 12
    rows, columns = np.flatnonzero(seen.mean(axis=1) > 0.05), np.flatnonzero(seen.mean(axis=0) > 0.05)
    height, width = pixels.shape
    if len(rows) < height / 2 or len(columns) < width / 2:
        return 0, height, 0, width
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _lung(across: NDArray[np.float32]) -> tuple[float, float]:
    """(axis, wall) of the lung on the low side of a profile across the chest, as shares of its length."""
    size = len(across)
    inner = across[int(0.16 * size) : max(int(0.42 * size), int(0.16 * size) + 1)]
    axis = int(0.16 * size) + int(np.argmin(inner))
    outer = across[int(0.02 * size) : axis + 1]
    ridge = int(0.02 * size) + int(np.argmax(outer))
    rise = across[ridge] - across[axis]
    if rise < 12 or axis - ridge < 0.04 * size:
        return 0.30, 0.13
    half = np.flatnonzero(across[ridge : axis + 1] > across[axis] + 0.5 * rise)
    wall = (ridge + half[-1]) / size
    return float(np.clip(wall + 0.17, 0.22, 0.36)), float(np.clip(wall, 0.06, 0.24))


def _column(film: NDArray[np.float32], x: float) -> NDArray[np.float32]:
    """Smoothed profile down a strip of the film around x (share of its width)."""
    height, width = film.shape
    centre, half = int(x * width), max(1, int(0.03 * width))
    return gaussian_filter1d(film[:, max(0, centre - half) : centre + half + 1].mean(axis=1), 0.015 * height)


def _apex(down: NDArray[np.float32]) -> float:
    """Where a lung begins on a profile down its middle, as a share of the profile's length."""
    darkest = _darkest(down)
    above = down[:darkest]
    rise = above.max() - down[darkest]
    if rise < 12:
        return 0.15
    return float(np.clip(np.flatnonzero(above > down[darkest] + 0.6 * rise)[-1] / len(down), 0.06, 0.26))


def _base(down: NDArray[np.float32]) -> float:
    """Where the diaphragm begins on a profile down the lateral part of a lung, as a share of the profile's length."""
    darkest = _darkest(down)
    below = down[darkest : int(0.92 * len(down))]
    rise = below.max() - down[darkest]
    if rise < 12:
        return 0.72
    return float(np.clip((darkest + np.flatnonzero(below > down[darkest] + 0.7 * rise)[0]) / len(down), 0.58, 0.85))


def _darkest(down: NDArray[np.float32]) -> int:
    start = int(0.30 * len(down))
    return start + int(np.argmin(down[start : int(0.55 * len(down))]))
