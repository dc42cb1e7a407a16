"""What is seen of small pictures: a perceptual hash, their grey levels, whether a chest film is inverted.

Many pictures at once, because each small call of numpy holds Python's lock, so that threads that decode would wait for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def looks_of(pictures: Sequence[np.ndarray]) -> list[dict[str, Any]]:
    """Of each picture, uint8 `[h, w]` or `[h, w, 3]`: phash, levels, contrast, dark_middle, as `pictures.FileFacts` holds them."""
    found: list[dict[str, Any]] = [{} for _ in pictures]
    for shape in dict.fromkeys(picture.shape for picture in pictures):
        alike = [number for number, picture in enumerate(pictures) if picture.shape == shape]
        stack = np.stack([pictures[number] for number in alike])
        grey, scale = (stack, 1) if stack.ndim == 3 else (stack.sum(axis=3, dtype=np.uint16), stack.shape[3])
        for number, *values in zip(alike, _hashes(grey, scale), *_greys(grey, scale), strict=True):
            found[number] = dict(zip(("phash", "levels", "contrast", "dark_middle"), values, strict=True))
    return found


def _hashes(grey: np.ndarray, scale: int) -> list[str]:
    """64 bits each, in hexadecimal: which of the 8 x 8 lowest frequencies of the discrete cosine transform lie above their median.

    `grey` [N, h, w] of 0..255 times `scale`.
    The perceptual hash of Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, without shrinking first.
    """
    down, across = (_cosines(length) for length in grey.shape[1:])
    # Rounded, because a picture of one grey level has nothing but rounding errors.
    low = (down @ (grey.astype(np.float32) / scale) @ across.T).round(2).reshape(len(grey), 64)
    bits = np.packbits(low > np.median(low, axis=1, keepdims=True), axis=1)
    return [row.tobytes().hex() for row in bits]


def _cosines(length: int) -> np.ndarray:
    """The eight lowest frequencies of `length` pixels, `[8, length]`."""
    return (np.cos(np.pi * np.outer(np.arange(8), np.arange(0.5, length)) / length) / length).astype(np.float32)


def _greys(grey: np.ndarray, scale: int) -> tuple[list[int], list[float], list[float]]:
    """How many grey levels each picture has, how many lie between its darkest and lightest 5 %, and its `dark_middle`.

    `grey` [N, h, w] of 0..255 times `scale`.
    """
    bins, pixels = 255 * scale + 1, grey[0].size
    shares = np.stack([np.bincount(picture.ravel(), minlength=bins) for picture in grey])
    below = shares.cumsum(axis=1)
    low, high = ((below < share * pixels).sum(axis=1) for share in (0.05, 0.95))
    return (
        np.count_nonzero(shares, axis=1).tolist(),
        ((high - low) / scale).round(1).tolist(),
        (dark_middle(grey) / scale).round(1).tolist(),
    )


def dark_middle(grey: np.ndarray) -> np.ndarray:
    """By how many grey levels the middle of pictures `[N, h, w]` is darker than their border and than what lies on both sides of it.

    On a frontal chest film the middle is the mediastinum: lighter than the lungs and than the air above the shoulders, unless the film is
    inverted. The lower half of the border (abdomen, arms) says nothing.
    """
    _, height, width = grey.shape
    edge = max(1, round(0.08 * min(height, width)))
    border = np.zeros((height, width), dtype=bool)
    border[:edge] = border[: height // 2, :edge] = border[: height // 2, -edge:] = True
    across = grey[:, int(0.3 * height) : max(int(0.6 * height), 1)].mean(axis=1)
    left, middle, right = (
        across[:, int(start * width) : int(end * width) + 1].mean(axis=1)
        for start, end in ((0.2, 0.36), (0.44, 0.56), (0.64, 0.8))
    )
    return np.minimum(grey[:, border].mean(axis=1), (left + right) / 2) - middle
