"""cache/predictions.csv: what the selected model says of every image of validation and test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import PredictionsFinding
from clinjup.evaluation.cohort_parts import Part, scores_of
from clinjup.kernel import emit

if TYPE_CHECKING:
    import pandas as pd

    from clinjup.evaluation.validate import Validation

PREDICTIONS = Path("cache/predictions.csv")
REFER, REASSURE = "refer", "reassure"


def write_predictions(
    validation: Validation, part: Part, predicted: NDArray[np.float64], *, calibrated: bool, wording: bool
) -> None:
    """Write the table, one row an image, and announce it as a PredictionsFinding.

    Two classes: label and decision 1 or 0. Several: their names, a probability a class, and `flag_<class>` 1 where the class of interest
    reaches its operating point. `calibrated` adds the calibrated probability, `wording` whether to refer or to reassure.
    """
    import pandas as pd

    parts = ((validation.part, validation.predicted), (part, predicted))
    table = pd.concat(
        [_rows(validation, *each, calibrated=calibrated, wording=wording) for each in parts], ignore_index=True
    )
    PREDICTIONS.parent.mkdir(exist_ok=True)
    table.to_csv(PREDICTIONS, index=False, float_format="%.8g", encoding="utf-8", lineterminator="\n")
    emit(
        PredictionsFinding(path=PREDICTIONS.as_posix(), rows=len(table)),
        f"The predictions of {validation.name} on validation and test are in {PREDICTIONS.as_posix()} ({len(table)} rows).",
    )


def _rows(
    validation: Validation, part: Part, predicted: NDArray[np.float64], *, calibrated: bool, wording: bool
) -> pd.DataFrame:
    import pandas as pd

    model = validation.model
    scores = scores_of(model, predicted)
    called = (scores >= validation.threshold).astype(int)
    columns: dict[str, Any] = {
        "image": part.table["image"].to_numpy(),
        "patient": part.table["patient"].to_numpy(),
        "split": part.split,
    }
    if predicted.ndim == 1:
        columns |= {"label": part.labels, "probability": scores, "decision": called}
    else:
        names = np.array(part.classes)
        columns["label"] = names[part.codes]
        columns |= {f"probability_{name}": predicted[:, code] for code, name in enumerate(part.classes)}
        columns["decision"] = names[predicted.argmax(axis=1)]
        columns[f"flag_{part.classes[model.positive]}"] = called
    if calibrated:
        columns["probability_calibrated"] = validation.scaling(scores)
    if wording:
        columns["wording"] = np.where(called == 1, REFER, REASSURE)
    return pd.DataFrame(columns)
