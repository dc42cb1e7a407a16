"""The same picture more than once: exact copies by checksum, near copies by perceptual hash confirmed on the pixels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from clinjup.imaging.cache import ImageCache

MAX_HAMMING = 2  # bits of 64
MIN_CORRELATION = 0.995
_BANDS = ((0, 22), (22, 21), (43, 21))  # two bits can differ in two of three bands at most: one band is always equal
_NEIGHBOURS = 256  # pictures compared within a band, in the order of their hashes
_BLOCK = 512
_MIN_CONTRAST = 2.0  # grey values; flatter pictures all look alike


def near_duplicates(images: ImageCache, rows: pd.Index) -> list[tuple[int, int]]:
    """Pairs of cohort indices that show the same picture: re-saved, scaled, brightened or darkened.

    Candidates differ in at most 2 bits of the 64-bit DCT hash (found by bands, not by comparing all pairs); a pair counts
    when the cached pixels correlate above 0.995. Flat pictures match nothing.
    """
    hashes = np.array([int(value, 16) for value in images.files.loc[rows, "phash"]], dtype=np.uint64)
    first, second = _candidates(hashes)
    kept: list[tuple[int, int]] = []
    for start in range(0, len(first), _BLOCK):
        one, other = rows[first[start : start + _BLOCK]], rows[second[start : start + _BLOCK]]
        alike = _correlation(images.pixels_of(one), images.pixels_of(other)) > MIN_CORRELATION
        kept += zip(one[alike].tolist(), other[alike].tolist(), strict=True)
    return kept


def join_groups(groups: pd.Series, pairs: Iterable[tuple[int, int]]) -> pd.Series:
    """`groups` (index -> group) with the groups of each pair of indices joined (union-find)."""
    leader: dict[str, str] = {}

    def find(group: str) -> str:
        while group in leader:
            group = leader[group]
        return group

    for one, other in pairs:
        a, b = find(groups[one]), find(groups[other])
        if a != b:
            leader[max(a, b)] = min(a, b)
    return groups.map({group: find(group) for group in groups.unique()}) if leader else groups


def _candidates(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of pairs of hashes at most `MAX_HAMMING` bits apart."""
    pairs = [np.empty((0, 2), dtype=np.int64)]
    for shift, bits in _BANDS:
        band = (hashes >> np.uint64(shift)) & np.uint64((1 << bits) - 1)
        order = np.lexsort((hashes, band))
        band, sorted_hashes = band[order], hashes[order]
        for step in range(1, min(_NEIGHBOURS, len(hashes) - 1) + 1):
            same = np.flatnonzero(band[step:] == band[:-step])
            if not len(same):
                break
            near = same[np.bitwise_count(sorted_hashes[same] ^ sorted_hashes[same + step]) <= MAX_HAMMING]
            pairs.append(np.sort(np.column_stack([order[near], order[near + step]]), axis=1))
    found = np.unique(np.concatenate(pairs), axis=0)
    return found[:, 0], found[:, 1]


def _correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Normalised correlation `[n]` of two stacks of pictures `[n, h, w(, 3)]`; 0 where one of them is flat."""
    a, b = _flat(one), _flat(other)
    contrast = np.minimum(a.std(axis=1), b.std(axis=1))
    product = (a * b).mean(axis=1) / np.maximum(a.std(axis=1) * b.std(axis=1), 1e-9)
    return np.where(contrast < _MIN_CONTRAST, 0.0, product)


def _flat(pictures: np.ndarray) -> np.ndarray:
    vectors = pictures.reshape(len(pictures), -1).astype(np.float32)
    return vectors - vectors.mean(axis=1, keepdims=True)
