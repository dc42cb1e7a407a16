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
