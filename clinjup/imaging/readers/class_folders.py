"""Folders whose names are the labels: `normal/`, `pneumothorax/`, also below `train/` and `test/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from clinjup.contracts import Roles, TableProfile
from clinjup.imaging.headers import DICOM_HEADERS
from clinjup.imaging.readers import Example, register
from clinjup.imaging.source import DataFolder, build_rows

EXAMPLE = Example(
    texts={},
    images=[
        "train/normal/a.png",
        "train/normal/b.png",
        "train/pneumothorax/a.png",
        "test/normal/c.jpg",
        "test/pneumothorax/c.png",
    ],
    roles={"positive": ["pneumothorax"], "negative": ["normal"]},
    labels={
        "train/normal/a.png": 0,
        "train/normal/b.png": 0,
        "train/pneumothorax/a.png": 1,
        "test/normal/c.jpg": 0,
        "test/pneumothorax/c.png": 1,
    },
)


def _matches(root: Path, tables: Sequence[TableProfile], class_folders: Mapping[str, int]) -> bool:
    """Class folders, and no table that could carry the labels of all images itself."""
    return len(class_folders) > 1 and not any(_labels_all(table, sum(class_folders.values())) for table in tables)


def _labels_all(table: TableProfile, images: int) -> bool:
    names_images = table.path != DICOM_HEADERS and any(column.image_matches >= 0.5 for column in table.columns)
    return (
        names_images
        and table.rows >= 0.9 * images
        and any(c.kind in ("flag", "category", "list") for c in table.columns)
    )


@register("class_folders", title="folders named after the classes", matches=_matches, example=EXAMPLE, priority=10)
def read(folder: DataFolder, roles: Roles) -> pd.DataFrame:
    """One row per image file; the label comes from its folder unless `roles.label` names a column."""
    return build_rows(folder, roles)
