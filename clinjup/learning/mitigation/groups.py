"""Label x confounder for the films of a training table: known where it is annotated, expected where it was estimated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clinjup.imaging.presence import presence_of

if TYPE_CHECKING:
    import pandas as pd


def expected_groups(table: pd.DataFrame, confounder: str) -> NDArray[np.float64]:
    """P(group) [rows, 2 * classes], without and with the confounder for each class in turn; each row sums to 1.

    A film about which nothing is known belongs to the groups of its class by their share among the others, or to both alike.
    """
    labels, present = table["label"].to_numpy(np.int64), presence_of(table, confounder)
    groups = np.zeros((len(table), 2 * (int(labels.max()) + 1)))
    for value in np.unique(labels):
        ours = labels == value
        known = present[ours]
        share = np.nanmean(known) if np.isfinite(known).any() else 0.5
        filled = np.where(np.isnan(known), share, known)
        groups[ours, 2 * value], groups[ours, 2 * value + 1] = 1 - filled, filled
    return groups
