"""Train twice: what a first, short training gets wrong is drawn more often in the second. Needs no annotation of the confounder.

Liu et al., Just Train Twice: improving group robustness without training group information, ICML 2021. A network that has just begun
to learn reads what is plainest; where that is the confounder, the images it gets wrong are those on which the confounder misleads.
Their weight is no number to be tuned here: within each class the images got wrong and those got right are drawn equally often, which is
what balancing would do if the confounder were known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from clinjup.learning.mitigation.registry import Study, Treatment, mitigation
from clinjup.nouns import in_number

if TYPE_CHECKING:
    import pandas as pd

FIRST = 0.2  # of the passes go to the first training
MOST_OFTEN = 25.0  # an image got wrong is drawn at most this many times as often as one got right: some of them are wrongly labelled
_FILMS_AT_ONCE = 512


@mitigation(
    title="Training twice",
    explanation="A first, short training shows which images mislead the network; in a second one they are drawn more often.",
    needs_labels=False,
    against="shortcuts",
    needs_images=True,
)
def jtt(table: pd.DataFrame, confounder: str | None, labels: Sequence[str], study: Study) -> Treatment:
    """Weights that give the images that the first network got wrong half of the draws of their class."""
    first = study.first_model(FIRST)
    rows, codes = table.index.to_numpy(np.int64), table["label"].to_numpy(np.int64)
    found = np.concatenate(
        [
            first.predict(study.images.pixels_of(rows[start : start + _FILMS_AT_ONCE]))
            for start in range(0, len(rows), _FILMS_AT_ONCE)
        ]
    )
    named = (found >= 0.5).astype(np.int64) if found.ndim == 1 else found.argmax(axis=1)
    wrong = named != codes
    weights = np.ones(len(table))
    for value in np.unique(codes):
        ours = codes == value
        missed = int((ours & wrong).sum())
        if 0 < missed < ours.sum():
            weights[ours & wrong] = np.clip((ours.sum() - missed) / missed, 1, MOST_OFTEN)
        weights[ours] /= weights[ours].sum() * len(np.unique(codes))
    note = in_number(
        first.epochs,
        "A first training of {n} [pass|passes] got {wrong} of {all} training images wrong; these are drawn more often in the second.",
        wrong=int(wrong.sum()),
        all=len(table),
    )
    return Treatment(weights=weights, notes=[note])
