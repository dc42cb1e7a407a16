"""CheXpert (Irvin et al., AAAI 2019): train.csv and valid.csv with Path, Sex, Age, Frontal/Lateral, AP/PA and 14 labels.

1.0 present, 0.0 absent, -1.0 uncertain, blank: not mentioned in the report, which is not 0. The patient is a folder of the
path. `Support Devices` lumps every line and tube together; it is no column of chest drains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from clinjup.contracts import Roles, TableProfile
from clinjup.imaging.readers import Example, has_columns, register
from clinjup.imaging.source import DataFolder, View, build_rows

IMAGE = "Path"
_OWN = (IMAGE, "Frontal/Lateral", "Support Devices")
_HEADER = "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Support Devices,Pneumothorax\n"
_ROOT = "CheXpert-v1.0-small"
_FILMS = {
    "train/patient00001/study1/view1_frontal.jpg": ",1.0,1.0",
    "train/patient00001/study2/view1_frontal.jpg": "1.0,,0.0",
    "train/patient00002/study1/view1_frontal.jpg": "0.0,,0.0",
    "valid/patient64541/study1/view1_frontal.jpg": "0.0,1.0,1.0",
}


def _table(part: str) -> str:
    films = {path: labels for path, labels in _FILMS.items() if path.startswith(part)}
    return _HEADER + "".join(f"{_ROOT}/{path},Male,61,Frontal,AP,{labels}\n" for path, labels in films.items())


EXAMPLE = Example(
    texts={"train.csv": _table("train"), "valid.csv": _table("valid")},
    images=list(_FILMS),
    roles={
        "image": f"train.csv:{IMAGE}",
        "label": "train.csv:Pneumothorax",
        "positive": ["1.0"],
        "negative": ["0.0"],
        "covariates": {"age": "train.csv:Age"},
    },
    labels={path: int(labels.endswith("1.0")) for path, labels in _FILMS.items()},
)


def _own_tables(columns: Mapping[str, Sequence[str]]) -> list[str]:
    return [path for path, names in columns.items() if set(_OWN) <= set(names)]


def _views(folder: DataFolder) -> list[View]:
    """The tables of all parts as one, called by the name of the first."""
    tables = tuple(_own_tables(folder.columns()))
    return [View(tables, lambda folder: _together(folder, tables))] if len(tables) > 1 else []


def _together(folder: DataFolder, tables: Sequence[str]) -> pd.DataFrame:
    return pd.concat([folder.raw(path) for path in tables], ignore_index=True)


def _matches(root: Path, tables: Sequence[TableProfile], class_folders: Mapping[str, int]) -> bool:
    return has_columns(tables, *_OWN)


@register("chexpert", title="CheXpert", matches=_matches, example=EXAMPLE, priority=20, views=_views)
def read(folder: DataFolder, roles: Roles) -> pd.DataFrame:
    """Rows of all parts; the images are named by `Path` unless `roles` names another column."""
    if roles.image is None and (tables := _own_tables(folder.columns())):
        roles = roles.model_copy(update={"image": f"{tables[0]}:{IMAGE}"})
    return build_rows(folder, roles)
