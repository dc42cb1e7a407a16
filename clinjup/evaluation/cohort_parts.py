"""What evaluation reads from a cohort and a model: one part's labels, patients, confounder flags and probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clinjup.imaging.presence import estimate_column
from clinjup.kernel.errors import ClinjupError

if TYPE_CHECKING:
    import pandas as pd

    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort
    from clinjup.learning.trained import TrainedModel

_FILMS_AT_ONCE = 512


@dataclass(frozen=True)
class Part:
    """The images of one split, in the order of its table; all arrays are [images].

    `labels` are 1 for the class of interest and 0 for all others; `codes` are those of the cohort's `classes`. `clusters` are what the
    bootstrap draws: patients (lesions where those are numbered), joined where their images are near-duplicates. `skin_types` are those of
    the whole cohort: what this part lacks is to be said.
    """

    split: str
    table: pd.DataFrame
    labels: NDArray[np.int64]
    clusters: NDArray[np.str_]
    codes: NDArray[np.int64]
    classes: tuple[str, ...] = ("negative", "positive")
    skin_types: tuple[str, ...] = ()

    def presence(self, confounder: str) -> NDArray[np.float64]:
        """1.0 present, 0.0 absent, NaN unknown; all unknown where the cohort has no such column."""
        if confounder not in self.table:
            return np.full(len(self.table), np.nan)
        return self.table[confounder].to_numpy(float)

    def estimated(self, confounder: str) -> NDArray[np.bool_]:
        """The images on which the confounder is not annotated, but estimated; `presence` leaves them unknown."""
        column = estimate_column(confounder)
        if column not in self.table:
            return np.zeros(len(self.table), bool)
        return np.isnan(self.presence(confounder)) & self.table[column].notna().to_numpy()


def part_of(cohort: Cohort, split: str) -> Part:
    """One split of a cohort. Raises ClinjupError where it holds no images."""
    table = cohort.part(split)
    if not len(table):
        raise ClinjupError(
            f"The {split} part holds no image, so nothing can be measured there. Split the cohort first."
        )
    return Part(
        split=split,
        table=table,
        labels=(table["label"] == cohort.positive).to_numpy(np.int64),
        clusters=table["group"].to_numpy(str),
        codes=table["label"].to_numpy(np.int64),
        classes=tuple(cohort.classes),
        skin_types=tuple(cohort.table["skin_type"].dropna().unique()) if "skin_type" in cohort.covariates else (),
    )


def predict_rows(model: TrainedModel, images: ImageCache, table: pd.DataFrame) -> NDArray[np.float64]:
    """What `model` says of the cached images of `table`, read in blocks so that memory stays small.

    A model that takes patient data finds them in `table`. P(target) [rows] for two classes; [rows, classes] for more.
    """
    blocks = [
        np.asarray(model.predict(images.pixels_of(some.index), some), float)
        for start in range(0, len(table), _FILMS_AT_ONCE)
        for some in [table.iloc[start : start + _FILMS_AT_ONCE]]
    ]
    return np.concatenate(blocks) if blocks else np.zeros(0)


def scores_of(model: TrainedModel, predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(class of interest) [rows] from what `predict_rows` gave."""
    return predicted if predicted.ndim == 1 else predicted[:, model.positive]
