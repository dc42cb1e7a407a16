"""Masks that a data set draws as run lengths: read, checked, decoded to boolean arrays one image at a time.

The form is SIIM-ACR's: relative run lengths ("skip, run, skip, run ..."; each skip counts from the end of the last run), down
the columns of a 1024 x 1024 picture. "-1" says that nothing is there; a blank cell says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image

from clinjup.kernel.errors import ClinjupError
from clinjup.unknown_words import NO_OUTLINE

if TYPE_CHECKING:
    from clinjup.imaging.cohort import Cohort

SHAPE = (1024, 1024)
NOTHING = "-1"
UNKNOWN = NO_OUTLINE


@dataclass(frozen=True)
class MaskSource:
    """Where the masks of one thing are written: a table of the data folder, its column of image names and of run lengths."""

    table: str
    image: str
    runs: str
    shape: tuple[int, int] = SHAPE


def decode_runs(text: str, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Relative, column-major run lengths as a mask, bool `[height, width]`; "-1" is an empty one.

    Raises ValueError where the text is no run lengths, or leaves the picture.
    """
    height, width = shape
    starts, ends = _edges(text, height * width)
    mask = np.zeros(height * width, dtype=bool)
    for start, end in zip(starts, ends, strict=True):
        mask[start:end] = True
    return mask.reshape(width, height).T


def _edges(text: str, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each run starts and ends."""
    if text.strip() == NOTHING:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    try:
        numbers = np.array(text.split(), dtype=np.int64)
    except OverflowError as error:
        raise ValueError("leaves the picture") from error
    if len(numbers) == 0 or len(numbers) % 2 or (numbers < 0).any():
        raise ValueError("not pairs of numbers")
    edges = np.cumsum(numbers)
    if (numbers > pixels).any() or edges[-1] > pixels:  # the sum of a huge number wraps around
        raise ValueError("leaves the picture")
    return edges[0::2], edges[1::2]


def encode_runs(mask: np.ndarray) -> str:
    """A mask, bool `[height, width]`, as relative, column-major run lengths; "-1" where it is empty."""
    flat = np.concatenate([[False], mask.T.ravel(), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return " ".join(map(str, np.diff(edges, prepend=0))) if len(edges) else NOTHING


def presence(runs: pd.Series, images: pd.Series, shape: tuple[int, int] = SHAPE) -> tuple[pd.Series, int]:
    """Per image whether any of its rows has a mask: "1", "0", UNKNOWN (nothing legible) or NaN (blank), in the order of the first rows.

    `runs` and `images` have one entry a row of the table. Also returns how many rows hold run lengths that cannot be read;
    they count as no information.
    """
    names = images.dropna()
    found = np.full(len(names), np.nan)
    broken = 0
    for row, text in enumerate(runs.reindex(names.index)):
        if pd.isna(text):
            continue
        try:
            starts, ends = _edges(str(text), shape[0] * shape[1])
            found[row] = float((ends > starts).any())
        except ValueError:
            found[row] = -1.0  # below "nothing there", so that a row that can be read counts
            broken += 1
    most = pd.Series(found, index=names.index).groupby(names, sort=False).max()
    return most.map({1.0: "1", 0.0: "0", -1.0: UNKNOWN}).astype(object), broken


@dataclass(frozen=True)
class Masks:
    """The masks of one thing for the images of a cohort. `runs`: cohort index -> run lengths, several where several were drawn."""

    runs: dict[int, list[str]]
    shape: tuple[int, int]

    def __contains__(self, index: int) -> bool:
        return index in self.runs

    def of(self, index: int, size: int | None = None, *, any_part: bool = False) -> np.ndarray:
        """The mask of the image at cohort `index`, bool `[height, width]`; all its masks together.

        With `size` it is brought to `[size, size]` as the cached pictures are: aspect kept, centred, a pixel belonging to the
        mask when half of it does; with `any_part` when any part does, as a thin drain fills half of no small pixel. Raises
        KeyError for an image whose masks are unknown.
        """
        mask = np.logical_or.reduce([decode_runs(text, self.shape) for text in self.runs[index]])
        return mask if size is None else _letterboxed(mask, size, 1 if any_part else 128)


def read_masks(cohort: Cohort, name: str) -> Masks:
    """The masks called `name` ("pneumothorax", "chest_drain") of the cohort's images. Only the text of the runs is kept in memory.

    An image without a row has no entry: whether the thing is there is unknown. Rows that cannot be read are left out.
    Raises `ClinjupError` where the data bring no such masks.
    """
    from clinjup.imaging.source import DataFolder

    source = cohort.masks.get(name)
    if source is None:
        known = f" There are masks of: {', '.join(cohort.masks)}." if cohort.masks else ""
        raise ClinjupError(f"The data bring no masks of '{name}', so nothing can be compared with them.{known}")
    folder = DataFolder(Path(cohort.root))
    rows = folder.raw(source.table, [source.image, source.runs]).dropna()
    index_of = dict(zip(cohort.table["path"], cohort.table.index, strict=True))
    runs: dict[int, list[str]] = {}
    for position, text in zip(folder.positions(rows[source.image]), rows[source.runs], strict=True):
        index = index_of.get(str(folder.root / folder.scan.images[position])) if position >= 0 else None
        if index is not None and _legible(text, source.shape):
            runs.setdefault(int(index), []).append(text)
    return Masks(runs, source.shape)


def _legible(text: str, shape: tuple[int, int]) -> bool:
    try:
        _edges(text, shape[0] * shape[1])
    except ValueError:
        return False
    return True


def _letterboxed(mask: np.ndarray, size: int, least: int) -> np.ndarray:
    height, width = mask.shape
    scale = size / max(height, width)
    small = max(1, round(width * scale)), max(1, round(height * scale))
    share = Image.fromarray(mask.astype(np.uint8) * 255).resize(small, Image.Resampling.BOX)
    padded = np.zeros((size, size), dtype=bool)
    top, left = (size - small[1]) // 2, (size - small[0]) // 2
    padded[top : top + small[1], left : left + small[0]] = np.asarray(share) >= least
    return padded
