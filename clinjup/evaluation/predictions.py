"""cache/predictions.csv: what the selected model says of every image of validation and test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import PredictionsFinding
from clinjup.evaluation.cohort_parts import Part
from clinjup.kernel import emit
from clinjup.learning.decisions import decision_columns
from clinjup.nouns import model_words

if TYPE_CHECKING:
    import pandas as pd

    from clinjup.evaluation.validate import Validation

PREDICTIONS = Path("cache/predictions.csv")


def write_predictions(
    validation: Validation, part: Part, predicted: NDArray[np.float64], *, calibrated: bool, wording: bool
) -> None:
    """Write the table, one row an image, and announce it as a PredictionsFinding. Numbers keep all digits: decisions follow from them.

    Columns: image, patient, split, label (1 or 0; of several classes their names), and those of learning/decisions.py.
    """
    import pandas as pd

    parts = ((validation.part, validation.predicted), (part, predicted))
    table = pd.concat(
        [_rows(validation, *each, calibrated=calibrated, wording=wording) for each in parts], ignore_index=True
    )
    PREDICTIONS.parent.mkdir(exist_ok=True)
    table.to_csv(PREDICTIONS, index=False, encoding="utf-8", lineterminator="\n")
    emit(
        PredictionsFinding(path=PREDICTIONS.as_posix(), rows=len(table)),
        f"The predictions of {model_words(validation.name)} on validation and test are in {PREDICTIONS.as_posix()} ({len(table)} rows).",
    )


def _rows(
    validation: Validation, part: Part, predicted: NDArray[np.float64], *, calibrated: bool, wording: bool
) -> pd.DataFrame:
    import pandas as pd

    columns: dict[str, Any] = {
        "image": part.table["image"].to_numpy(),
        "patient": part.table["patient"].to_numpy(),
        "split": part.split,
        "label": part.labels if predicted.ndim == 1 else np.array(part.classes)[part.codes],
    }
    scaling = validation.scaling if calibrated else None
    columns |= decision_columns(validation.model, predicted, validation.threshold, scaling=scaling, wording=wording)
    return pd.DataFrame(columns)
