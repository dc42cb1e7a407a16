"""Folds of a very large cohort: grouped and stratified as StratifiedGroupKFold's are, in seconds for a million rows.

scikit-learn weighs every group against every fold in a Python loop: a second or so for each thousand patients. Here groups
with the same pattern (how many rows of each stratum) are interchangeable: they are shuffled and dealt out evenly, and
only what does not divide goes to the fold that lacks these rows most. Each fold then has the mix of the whole to within a
few groups.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

MANY_GROUPS = 10_000  # from here on these folds are used; below, StratifiedGroupKFold


def dealt_folds(groups: pd.Series, strata: np.ndarray, count: int, seed: int) -> list[np.ndarray]:
    """Row positions of `count` folds. `groups`: one group a row; `strata`: one whole number a row, 0 or more.

    Every group lies in one fold. Of each pattern of groups the folds differ by one group at most.
    """
    codes, _ = pd.factorize(groups)
    levels, strata_codes = np.unique(strata, return_inverse=True)
    counts = np.zeros((codes.max() + 1, len(levels)), dtype=np.int32)
    np.add.at(counts, (codes, strata_codes), 1)
    patterns, pattern_of = np.unique(counts, axis=0, return_inverse=True)
    rng = np.random.default_rng(seed)
    # Groups in the order of their patterns, at random within one.
    order = np.lexsort((rng.random(len(counts)), pattern_of))
    sizes = np.bincount(pattern_of, minlength=len(patterns))
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    fold_of = np.empty(len(counts), dtype=np.int32)
    held = np.zeros((count, len(levels)))
    weight = 1 / counts.sum(axis=0)  # a row of a rare stratum counts for more
    # Patterns with many rows first, so that the small ones even out what is left.
    for pattern in np.argsort(-(patterns * weight).sum(axis=1), kind="stable"):
        members = order[starts[pattern] : starts[pattern] + sizes[pattern]]
        rows = patterns[pattern]
        need = (held * weight * (rows > 0)).sum(axis=1) + rng.random(count) * 1e-9
        cycle = np.argsort(need)  # the emptiest fold gets the odd group
        fold_of[members] = cycle[np.arange(len(members)) % count]
        held += np.bincount(fold_of[members], minlength=count)[:, None] * rows
    row_fold = fold_of[codes]
    by_fold = np.argsort(row_fold, kind="stable")
    return np.split(by_fold, np.cumsum(np.bincount(row_fold, minlength=count))[:-1])
