"""Any table (CSV, TSV) that names image files: the layout of most hospital exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from clinjup.contracts import Roles, TableProfile
from clinjup.imaging.readers import Example, register
from clinjup.imaging.source import DataFolder, build_rows

EXAMPLE = Example(
    texts={
        "befunde.csv": "Bild;Patient;Pneumothorax;Alter\nfilm_1;A;ja;61,5\nfilm_2;A;nein;61,5\nfilm_3;B;nein;40\nfilm_4;C;ja;77\n"
    },
    images=["films/film_1.png", "films/film_2.png", "films/film_3.jpg", "films/film_4.png"],
    roles={
        "image": "befunde.csv:Bild",
        "label": "befunde.csv:Pneumothorax",
        "positive": ["ja"],
        "negative": ["nein"],
        "patient": "befunde.csv:Patient",
    },
    labels={"films/film_1.png": 1, "films/film_2.png": 0, "films/film_3.jpg": 0, "films/film_4.png": 1},
)


def _matches(root: Path, tables: Sequence[TableProfile], class_folders: Mapping[str, int]) -> bool:
    return True


@register("table", title="a table and image files", matches=_matches, example=EXAMPLE, priority=0)
def read(folder: DataFolder, roles: Roles) -> pd.DataFrame:
    """Rows of the table that names the images."""
    return build_rows(folder, roles)
