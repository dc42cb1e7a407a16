"""Probes: what can be told of the label from parts of a picture that show no disease (border, corners), or from the file alone.

Each is a small boosted-tree classifier, cross-validated by group on training and validation together; the test part stays closed. An AUROC
whose interval lies above 0.5 says that something goes with the label that is not the lesion. It does not say that a network uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import Estimate, NoteFinding
from clinjup.evaluation.bootstrap import Bootstrap
from clinjup.evaluation.ranking import auroc_statistic
from clinjup.evaluation.wording import with_ci
from clinjup.kernel import emit
from clinjup.nouns import class_words

if TYPE_CHECKING:
    import pandas as pd

    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort

BORDER = 0.12  # of the shorter side
_FOLDS = 5


def probe_pictures(cohort: Cohort, images: ImageCache, *, seed: int = 0) -> pd.DataFrame:
    """AUROC of each probe for the class of interest, with its 95 % interval; emits a NoteFinding that names those above chance."""
    import pandas as pd

    table = cohort.table[cohort.table["split"].isin(["train", "validation"])]
    labels = (table["label"] == cohort.positive).to_numpy(np.int64)
    groups = table["group"].to_numpy(str)
    features = {
        "border only": _features(images, table.index, _border),
        "corners only": _features(images, table.index, _corners),
        "size and kind of file": _file_features(images.files.loc[table.index]),
    }
    bootstrap = Bootstrap(groups, labels, seed=seed)
    found = {name: _probe(values, labels, groups, bootstrap, seed) for name, values in features.items()}
    telling = [name for name, estimate in found.items() if estimate.ci95 is not None and estimate.ci95[0] > 0.5]
    target = class_words(cohort.finding)
    listed = "; ".join(f"{name}: AUROC {with_ci(estimate)}" for name, estimate in found.items())
    unknown = {estimate.reason for estimate in found.values() if estimate.value is None}
    verdict = (
        f"More than chance can be told of {target} without looking at the lesion ({' and '.join(telling)})"
        if telling
        else f"Nothing beyond chance can be told of {target} without looking at the lesion"
    )
    sentence = f"{verdict}, n = {len(table)} images of training and validation: {listed}."
    if unknown:
        why = unknown.pop()
        sentence = f"What can be told of {target} without looking at the lesion was not examined: {why} among {len(table)} images."
    emit(NoteFinding(sentence=sentence), sentence)
    return pd.DataFrame(
        {"AUROC (95 % CI)": {name: with_ci(estimate) for name, estimate in found.items()}, "chance": 0.5}
    )


def _probe(
    features: NDArray[np.float64], labels: NDArray[np.int64], groups: NDArray[np.str_], bootstrap: Bootstrap, seed: int
) -> Estimate:
    """AUROC of out-of-fold scores of a classifier on `features` [images, features]."""
    from scipy.stats import rankdata
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedGroupKFold

    if len(np.unique(groups[labels == 1])) < _FOLDS or len(np.unique(groups[labels == 0])) < _FOLDS:
        return Estimate.missing("too few patients of one class")
    if not features.std(axis=0).any():
        return Estimate(value=0.5, ci95=(0.5, 0.5), n=len(labels), note="the same for all images")
    scores = np.zeros(len(labels))
    for training, held_out in StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed).split(
        features, labels, groups
    ):
        trees = HistGradientBoostingClassifier(max_iter=60, max_depth=3, learning_rate=0.1, random_state=seed)
        trees.fit(features[training], labels[training])
        raw = trees.predict_proba(features[held_out])[:, 1]
        scores[held_out] = rankdata(raw) / len(raw)  # ranks, those of equals the same: folds need not share a scale
    return bootstrap.estimate(auroc_statistic(scores, labels), len(labels))


def _features(images: ImageCache, rows: pd.Index, describe) -> NDArray[np.float64]:  # type: ignore[no-untyped-def]
    return np.stack([describe(images.pixels_of(int(row))) for row in rows])


def _shown(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The picture [h, w, channels] without the black border that brings it to a square."""
    colour = pixels if pixels.ndim == 3 else pixels[..., None]
    rows, columns = np.flatnonzero(colour.max(axis=(1, 2)) > 8), np.flatnonzero(colour.max(axis=(0, 2)) > 8)
    if not len(rows) or not len(columns):
        return colour.astype(np.float32)
    return colour[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32)


def _describe(patch: NDArray[np.float32]) -> list[float]:
    """Mean and spread of each channel, and how much neighbouring pixels differ along both axes."""
    grey = patch.mean(axis=2)
    steps = [float(np.abs(np.diff(grey, axis=axis)).mean()) if grey.shape[axis] > 1 else 0.0 for axis in (0, 1)]
    return [*patch.mean(axis=(0, 1)).tolist(), *patch.std(axis=(0, 1)).tolist(), *steps]


def _border(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The four sides described, and over the sides the least and the greatest of each."""
    shown = _shown(pixels)
    depth = max(2, round(BORDER * min(shown.shape[:2])))
    turned = shown.transpose(1, 0, 2)
    sides = [shown[:depth], shown[-depth:], turned[:depth], turned[-depth:]]
    each = np.array([_describe(side) for side in sides])
    return np.concatenate([each.min(axis=0), each.max(axis=0), each.mean(axis=0)])


def _corners(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The four corners described, least, greatest and mean."""
    shown = _shown(pixels)
    size = max(2, round(BORDER * min(shown.shape[:2])))
    corners = [shown[:size, :size], shown[:size, -size:], shown[-size:, :size], shown[-size:, -size:]]
    each = np.array([_describe(corner) for corner in corners])
    return np.concatenate([each.min(axis=0), each.max(axis=0), each.mean(axis=0)])


def _file_features(files: pd.DataFrame) -> NDArray[np.float64]:
    """Width, height, bits, colour mode and device."""
    codes = [files[name].astype("category").cat.codes.to_numpy(float) for name in ("mode", "source")]
    return np.stack([*(files[name].to_numpy(float) for name in ("width", "height", "bits")), *codes], axis=1)
