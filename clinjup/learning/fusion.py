"""Patient data joined with what a network says of the image: one logistic regression on top, kept with the network's weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

    from clinjup.learning.trained import TrainedModel

_STRENGTH = 0.5  # inverse of the penalty: few patients must not get large weights
_UNKNOWN = {"", "nan", "none", "unknown"}


@dataclass(frozen=True)
class Fusion:
    """Coefficients of a regression on log odds (log probabilities of several classes) and patient data; plain values throughout.

    `numbers`: covariate -> (mean, deviation); `categories`: covariate -> values with a column each, `shares`: how common each is. What is
    missing counts as average.
    """

    numbers: dict[str, list[float]]
    categories: dict[str, list[str]]
    weights: list[list[float]]
    intercept: list[float]
    shares: dict[str, list[float]] = field(default_factory=dict)

    def apply(self, predicted: NDArray[Any], table: pd.DataFrame | None) -> NDArray[np.float32]:
        """`predicted` ([N] or [N, classes]) with patient data from `table` [N]; None: nothing is known of any patient."""
        features = np.hstack([_logits(predicted), self.describe(table, len(predicted))])
        z = features @ np.array(self.weights).T + np.array(self.intercept)
        if predicted.ndim == 1:
            return (1 / (1 + np.exp(-z[:, 0]))).astype(np.float32)
        odds = np.exp(z - z.max(axis=1, keepdims=True))
        return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)

    def describe(self, table: pd.DataFrame | None, count: int) -> NDArray[np.float64]:
        """Patient data as numbers, [count, columns]."""
        columns = []
        for name, (mean, deviation) in self.numbers.items():
            values = np.full(count, np.nan) if table is None or name not in table else table[name].to_numpy(float)
            columns.append(np.nan_to_num((values - mean) / deviation))
        for name, known in self.categories.items():
            text = [""] * count if table is None or name not in table else table[name].astype(str).tolist()
            told = np.isin(text, known)
            shares = self.shares.get(name, [0.0] * len(known))
            columns += [
                np.where(told, np.array(text) == value, share) - share
                for value, share in zip(known, shares, strict=True)
            ]
        return np.stack(columns, axis=1) if columns else np.zeros((count, 0))


def fit_fusion(
    predicted: NDArray[Any], codes: NDArray[np.int64], table: pd.DataFrame, covariates: Sequence[str]
) -> Fusion:
    """The regression for `predicted` against the label `codes` [N]; with no covariates it only recalibrates."""
    from sklearn.linear_model import LogisticRegression

    numbers, categories, shares = {}, {}, {}
    for name in covariates:
        if table[name].dtype.kind == "f":
            values = table[name].to_numpy(float)
            numbers[name] = [float(np.nanmean(values)), max(float(np.nanstd(values)), 1e-6)]
        else:
            categories[name] = sorted(set(table[name].dropna().astype(str)) - _UNKNOWN)
            known = table[name].astype(str)
            shares[name] = [float((known[known.isin(categories[name])] == value).mean()) for value in categories[name]]
    blank = Fusion(numbers, categories, [], [], shares)
    features = np.hstack([_logits(predicted), blank.describe(table, len(predicted))])
    fit = LogisticRegression(C=_STRENGTH, max_iter=2000).fit(features, codes)
    if predicted.ndim == 1:
        return replace(blank, weights=fit.coef_.tolist(), intercept=fit.intercept_.tolist())
    size = predicted.shape[1]
    weights, intercept = (
        np.zeros((size, features.shape[1])),
        np.full(size, -20.0),
    )  # a class that no image has stays out
    # Of two classes scikit-learn gives one row, the odds of the second against the first.
    rows, constants = fit.coef_, fit.intercept_
    if len(fit.classes_) == 2:
        rows, constants = np.vstack([-rows / 2, rows / 2]), np.concatenate([-constants / 2, constants / 2])
    weights[fit.classes_], intercept[fit.classes_] = rows, constants
    return replace(blank, weights=weights.tolist(), intercept=intercept.tolist())


def fused_model(model: TrainedModel, fusion: Fusion, name: str) -> TrainedModel:
    """`model` with `fusion` on top, saved as checkpoints/NAME.ckpt."""
    from clinjup.learning.checkpoints import checkpoint_path, read_checkpoint, save_checkpoint
    from clinjup.learning.trained import model_from_state

    state = read_checkpoint(Path(model.checkpoint))
    state["model"] = {**state["model"], "name": name, "fusion": asdict(fusion)}
    path = checkpoint_path(name)
    save_checkpoint(path, state)
    return model_from_state(state, path.as_posix())


def _logits(predicted: NDArray[Any]) -> NDArray[np.float64]:
    p = np.clip(np.asarray(predicted, float), 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))[:, None] if p.ndim == 1 else np.log(p)
