"""Several tables of one form read as one; where their names tell official parts apart (..._Test_GroundTruth), a column says which."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from clinjup.imaging.files import image_stem
from clinjup.split_words import SPLITS, table_split

SPLIT = "split"


def joined(tables: Mapping[str, pd.DataFrame], image: str) -> pd.DataFrame:
    """`tables` (path -> table) below one another, with a column `split` where their paths name more than one part.

    `image` is the column of image names. An image that tables of two parts name is of the later of train, validation and test, so that
    a test image never trains. Beside named test and validation parts, the tables that name none are for training.
    """
    together = pd.concat(tables.values(), ignore_index=True)
    told = [table_split(path) for path in tables]
    if not any(told) or SPLIT in together:
        return together
    rank = pd.Series(np.repeat([SPLITS.index(part) if part else -1 for part in told], [*map(len, tables.values())]))
    rank = rank.groupby(together[image].map(image_stem, na_action="ignore"), dropna=False).transform("max")
    unnamed = None if "train" in told else "train"
    parts = rank.map(lambda place: SPLITS[int(place)] if place >= 0 else unnamed)
    return together.assign(**{SPLIT: parts}) if parts.nunique() > 1 else together
