"""Out-of-fold probabilities: every image of training and validation judged by a network that did not see its patient.

An operating point that must hold on patients to come rests on as many positives as there are: validation alone has too few.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import NoteFinding
from clinjup.kernel.errors import ClinjupError
from clinjup.kernel.findings import emit
from clinjup.learning.trained import TrainedModel
from clinjup.learning.training import train

if TYPE_CHECKING:
    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort

_FILMS_AT_ONCE = 512


@dataclass(frozen=True)
class OutOfFold:
    """All arrays are [images] of training and validation together. `fold`: which network judged the image."""

    name: str
    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    labels: NDArray[np.int64]
    clusters: NDArray[np.str_]
    fold: NDArray[np.int64]


def cross_fit(
    model: TrainedModel, cohort: Cohort, images: ImageCache, *, folds: int = 3, max_minutes: float = 5.0
) -> OutOfFold:
    """Train `folds` networks as `model` was trained, each without one fold of patients, and judge that fold with it.

    Their last weights are taken, so that nothing about a network is chosen on the images it judges. Raises ClinjupError where there are
    fewer groups than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    table = cohort.table[cohort.table["split"].isin(["train", "validation"])]
    positive = (table["label"] == cohort.positive).to_numpy(np.int64)
    if table.loc[positive == 1, "group"].nunique() < folds:
        raise ClinjupError(
            f"Fewer than {folds} patients have the finding, so they cannot be divided into {folds} folds. Use fewer folds."
        )
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=model.seed)
    scores, fold_of = np.full(len(table), np.nan), np.zeros(len(table), np.int64)
    confounders = model.confounder.split("+") if model.confounder else None
    for fold, (_, held_out) in enumerate(splitter.split(table, table["label"], table["group"])):
        parts = cohort.table["split"].where(cohort.table["split"] == "test", "train")
        parts.loc[table.index[held_out]] = "validation"
        network = train(
            replace(cohort, table=cohort.table.assign(split=parts)),
            images,
            name=f"{model.name}.fold{fold + 1}",
            architecture=model.architecture,
            mitigation=model.mitigation,
            confounder=confounders,
            seed=model.seed + fold,
            keep="last",
            quiet=True,
            **(model.settings | {"max_minutes": max_minutes / folds, "patience": 1000}),
        )
        for start in range(0, len(held_out), _FILMS_AT_ONCE):
            some = held_out[start : start + _FILMS_AT_ONCE]
            scores[some] = network.score(images.pixels_of(table.index[some]))
        fold_of[held_out] = fold
    sentence = (
        f"{model.name}: {len(table)} images of training and validation, {int(positive.sum())} of them positive, were each judged by one "
        f"of {folds} networks that had not seen their group."
    )
    emit(NoteFinding(sentence=sentence), sentence)
    return OutOfFold(
        model.name, table.index.to_numpy(np.int64), scores, positive, table["group"].to_numpy(str), fold_of
    )
