"""Cross-fitting: every image of training and validation judged by networks that did not see its patient, which then judge together.

An operating point that must hold on patients to come rests on as many positives as there are: validation alone has too few. The networks
that were trained without a fold of the training part are not thrown away: with the first one they are an ensemble, which judges better than
each of them, and depends less on the luck of one training (Lakshminarayanan et al., NeurIPS 2017).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import NoteFinding
from clinjup.kernel.errors import ClinjupError
from clinjup.kernel.findings import emit
from clinjup.learning.checkpoints import checkpoint_path, read_checkpoint
from clinjup.learning.ensemble import joined
from clinjup.learning.trained import TrainedModel, load_model
from clinjup.learning.training import train

if TYPE_CHECKING:
    import pandas as pd

    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort

_FILMS_AT_ONCE = 512


@dataclass(frozen=True)
class OutOfFold:
    """All arrays are [images] of training and validation together.

    `fold`: which network judged the image; the last one is the ensemble, which is saved as `checkpoint`.
    """

    checkpoint: str
    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    labels: NDArray[np.int64]
    clusters: NDArray[np.str_]
    fold: NDArray[np.int64]


def cross_fit(
    model: TrainedModel, cohort: Cohort, images: ImageCache, *, folds: int = 4, max_minutes: float = 5.0
) -> tuple[TrainedModel, OutOfFold]:
    """(ensemble of `model` and `folds` networks that were trained as it was, each without one fold of the training part; judgements).

    Each fold is judged by the network that had not seen it, and validation by the ensemble. The last weights of the folds' networks are taken,
    so that nothing about them is chosen on the images they judge; of `model`, the best epoch was chosen on validation. The ensemble keeps the
    name of `model`. Raises ClinjupError where the training part has fewer groups with the finding than there are folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    table = cohort.part("train")
    if table.loc[table["label"] == cohort.positive, "group"].nunique() < folds:
        raise ClinjupError(
            f"Fewer than {folds} patients of the training part have the finding, so they cannot be divided into {folds} folds. Use fewer folds."
        )
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=model.seed)
    if model.members > 1:  # the cell was run once before
        model = load_model(checkpoint_path(model.name))
    confounders = model.confounder.split("+") if model.confounder else None
    networks, judged = [], []
    for fold, (_, held_out) in enumerate(splitter.split(table, table["label"], table["group"])):
        parts = cohort.table["split"].where(cohort.table["split"] == "train", "test")
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
        networks.append(network)
        judged.append(_judge(network, images, table.iloc[held_out]))
    ensemble = joined([model, *networks])
    judged.append(_judge(ensemble, images, cohort.part("validation")))
    rows, scores = (np.concatenate(parts) for parts in zip(*judged, strict=True))
    about = cohort.table.loc[rows]
    labels = (about["label"] == cohort.positive).to_numpy(np.int64)
    emit(
        ensemble.finding(read_checkpoint(ensemble.checkpoint)),
        f"{model.name} consists of {folds + 1} networks from here on, whose judgements are averaged: that depends less on the luck of one "
        "training.",
    )
    sentence = (
        f"{model.name}: {len(table):,} images of training were each judged by one of {folds} networks that had not seen their group, "
        f"{len(rows) - len(table)} of validation by all {folds + 1} networks; {int(labels.sum())} of these {len(rows):,} images are positive."
    )
    emit(NoteFinding(sentence=sentence), sentence)
    fold_of = np.repeat(np.arange(folds + 1), [len(found) for found, _ in judged])
    return ensemble, OutOfFold(ensemble.checkpoint, rows, scores, labels, about["group"].to_numpy(str), fold_of)


def _judge(
    model: TrainedModel, images: ImageCache, table: pd.DataFrame
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(rows, probabilities of the class of interest) of the images in `table`."""
    rows = table.index.to_numpy(np.int64)
    found = [
        model.score(images.pixels_of(table.index[start : start + _FILMS_AT_ONCE]))
        for start in range(0, len(rows), _FILMS_AT_ONCE)
    ]
    return rows, np.concatenate(found)
