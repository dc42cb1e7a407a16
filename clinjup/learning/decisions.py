"""The columns of a table of predictions: those of the run (predictions.csv) and those of `clinjup predict`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clinjup.learning.scaling import Scaling

if TYPE_CHECKING:
    from clinjup.learning.trained import TrainedModel

REFER, REASSURE = "refer", "reassure"


def threshold_column(model: TrainedModel) -> str:
    """The column that the frozen threshold belongs to: the probability of the class of interest as the network states it."""
    return "probability" if len(model.classes) == 2 else f"probability_{model.classes[model.positive]}"


def decision_columns(
    model: TrainedModel,
    predicted: NDArray[Any],
    threshold: float | None,
    *,
    scaling: Scaling | None = None,
    wording: bool = False,
) -> dict[str, NDArray[Any]]:
    """Name of the column -> values [images], of what `model` `predicted` ([images], or [images, classes]).

    Two classes: `probability`, and `decision` 1 where it reaches `threshold` (0.5 when None), else 0. Several: `probability_<class>`,
    `decision` with the most probable class, and where a `threshold` is given `flag_<class>`, 1 where the class of interest reaches it.
    `scaling` adds `probability_calibrated` (of the class of interest), `wording` whether to refer or to reassure.
    """
    predicted = np.asarray(predicted, float)
    binary = predicted.ndim == 1
    scores = predicted if binary else predicted[:, model.positive]
    called = (scores >= (0.5 if threshold is None else threshold)).astype(int)
    if binary:
        columns: dict[str, NDArray[Any]] = {"probability": scores, "decision": called}
    else:
        columns = {f"probability_{name}": predicted[:, code] for code, name in enumerate(model.classes)}
        columns["decision"] = np.array(model.classes)[predicted.argmax(axis=1)]
        if threshold is not None:
            columns[f"flag_{model.classes[model.positive]}"] = called
    if scaling is not None:
        columns["probability_calibrated"] = scaling(scores)
    if wording:
        columns["wording"] = np.where(called == 1, REFER, REASSURE)
    return columns
