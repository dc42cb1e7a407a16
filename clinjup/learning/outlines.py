"""Outlines of one thing on the films of a training table: kept as bits, handed out a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clinjup.imaging.masks import read_masks

if TYPE_CHECKING:
    import pandas as pd

    from clinjup.imaging.cohort import Cohort


class Outlines:
    """`drawn`: row of the table -> its outline, packed; `known` [rows]: whether the data say anything of a row, be it "nothing there"."""

    def __init__(self, drawn: dict[int, NDArray[np.uint8]], known: NDArray[np.bool_], size: int) -> None:
        self.drawn, self.known, self.size = drawn, known, size

    def of(self, rows: Sequence[int]) -> Tensor:
        """The outlines of `rows`, float `[N, 1, size, size]` of 0 and 1; empty where none is drawn."""
        pixels = self.size * self.size
        flat = np.zeros((len(rows), pixels), np.float32)
        for at, row in enumerate(rows):
            if row in self.drawn:
                flat[at] = np.unpackbits(self.drawn[row], count=pixels)
        return torch.from_numpy(flat).view(len(rows), 1, self.size, self.size)


def read_outlines(cohort: Cohort, name: str, table: pd.DataFrame, size: int, *, any_part: bool = False) -> Outlines:
    """The outlines of `name` ("pneumothorax", "chest_drain") on the films of `table`, a part of the cohort's; with `any_part` also
    pixels that it only touches, as is right for taking it out.

    Raises ClinjupError where the data bring none of that name.
    """
    masks = read_masks(cohort, name)
    known = np.array([int(index) in masks for index in table.index], bool)
    drawn = {}
    for row in np.flatnonzero(known).tolist():
        mask = masks.of(int(table.index[row]), size, any_part=any_part)
        if mask.any():
            drawn[row] = np.packbits(mask)
    return Outlines(drawn, known, size)
