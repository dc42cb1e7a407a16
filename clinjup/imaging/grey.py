"""Grey values of any depth brought to what a screen shows."""

from __future__ import annotations

import numpy as np

_WINDOW = (0.5, 99.5)  # percentiles of the picture's own grey values that become black and white


def percentile_window(pixels: np.ndarray) -> tuple[float, float]:
    """The grey values that become black and white: the 0.5-99.5 percentile range, or all of it where that is flat."""
    low, high = (float(value) for value in np.percentile(pixels, _WINDOW))
    return (low, high) if high > low else (float(pixels.min()), float(pixels.max()))


def windowed(pixels: np.ndarray) -> np.ndarray:
    """`pixels` of any depth as uint8, windowed to their own percentile range instead of clipped at 255."""
    low, high = percentile_window(pixels)
    return np.clip((pixels - low) * (255.0 / max(high - low, 1e-6)), 0, 255).round().astype(np.uint8)


def dark_middle(grey: np.ndarray) -> float:
    """By how many grey levels the middle of a picture `[h, w]` is darker than its border and than what lies on both sides of it.

    On a frontal chest film the middle is the mediastinum: lighter than the lungs and than the air above the shoulders, unless the film is
    inverted. The lower half of the border (abdomen, arms) says nothing.
    """
    height, width = grey.shape
    edge = max(1, round(0.08 * min(height, width)))
    border = np.zeros(grey.shape, dtype=bool)
    border[:edge] = border[: height // 2, :edge] = border[: height // 2, -edge:] = True
    across = grey[int(0.3 * height) : max(int(0.6 * height), 1)].mean(axis=0)
    left, middle, right = (
        float(across[int(start * width) : int(end * width) + 1].mean())
        for start, end in ((0.2, 0.36), (0.44, 0.56), (0.64, 0.8))
    )
    return min(float(grey[border].mean()), (left + right) / 2) - middle
