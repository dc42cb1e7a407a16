"""Whether a film shows a confounder: as annotated or, where nobody annotated it, as a detector estimates it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def estimate_column(confounder: str) -> str:
    """Name of the column with P(present) for films that are not annotated; learning/confounder_detector.py fills it."""
    return f"{confounder}_estimate"


def presence_of(table: pd.DataFrame, confounder: str) -> NDArray[np.float64]:
    """P(confounder present) [rows]: 0 or 1 where it is annotated, an estimate between them where there is one, NaN elsewhere."""
    annotated, column = table[confounder].astype(float), estimate_column(confounder)
    return (annotated.fillna(table[column]) if column in table else annotated).to_numpy(float)
