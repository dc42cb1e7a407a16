"""SIIM-ACR Pneumothorax Segmentation (Kaggle 2019): DICOM in study and series folders, train-rle.csv.

The table has a row a mask, its second header begins with a space, "-1" means no pneumothorax, and run lengths are relative
and column-major on 1024 x 1024 pixels. Several rows of an image are one label and, together, one mask.
The images are films of ChestX-ray14: the two sets are no external test for each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from clinjup.contracts import DataWarning, Roles, TableProfile
from clinjup.imaging.masks import MaskSource, presence
from clinjup.imaging.readers import Example, has_columns, register
from clinjup.imaging.source import DataFolder, View, build_rows
from clinjup.nouns import in_number

IMAGE, RUNS, LABEL = "ImageId", "EncodedPixels", "Pneumothorax"
_NAMES = ["1.2.276.1", "1.2.276.2", "1.2.276.3"]
_PATHS = [f"dicom-images-train/1.2.9.{i}/1.2.8.{i}/{name}.dcm" for i, name in enumerate(_NAMES)]

EXAMPLE = Example(
    texts={
        "train-rle.csv": f"ImageId, EncodedPixels\n{_NAMES[0]}, 100 20 1004 20\n{_NAMES[1]}, -1\n"
        f"{_NAMES[0]}, 5000 7\n{_NAMES[2]}, -1\n"
    },
    images=_PATHS,
    headers={
        path: {"SOPInstanceUID": name, "PatientID": f"p{name[-1]}"} for path, name in zip(_PATHS, _NAMES, strict=True)
    },
    roles={"positive": ["1"], "negative": ["0"]},
    labels={path: int(i == 0) for i, path in enumerate(_PATHS)},
)


def rle_warning(table: str, broken: int) -> DataWarning:
    """The warning about masks whose run lengths cannot be read."""
    return DataWarning(
        code="unreadable_masks",
        sentence=in_number(
            broken,
            "{n} [row|rows] of '{table}' [holds|hold] run lengths that cannot be read; what [it draws|they draw] counts as unknown.",
            table=table,
        ),
    )


def _views(columns: Mapping[str, Sequence[str]]) -> list[View]:
    return [View((path,), lambda folder, path=path: _one_row_an_image(folder, path)) for path in _mask_tables(columns)]  # type: ignore[misc]


def _mask_tables(columns: Mapping[str, Sequence[str]]) -> list[str]:
    return [path for path, names in columns.items() if {IMAGE, RUNS} <= set(names)]


def _one_row_an_image(folder: DataFolder, path: str) -> pd.DataFrame:
    table = folder.raw(path, [IMAGE, RUNS])
    found, broken = presence(table[RUNS], table[IMAGE])
    if broken:
        folder.warnings.append(rle_warning(path, broken))
    return pd.DataFrame({IMAGE: found.index.astype(object), LABEL: found.to_numpy()})


def _masks(columns: Mapping[str, Sequence[str]]) -> dict[str, MaskSource]:
    tables = _mask_tables(columns)
    return {"pneumothorax": MaskSource(tables[0], IMAGE, RUNS)} if tables else {}


def _matches(root: Path, tables: Sequence[TableProfile], class_folders: Mapping[str, int]) -> bool:
    return has_columns(tables, IMAGE, RUNS)


@register(
    "siim", title="SIIM-ACR Pneumothorax", matches=_matches, example=EXAMPLE, priority=20, views=_views, masks=_masks
)
def read(folder: DataFolder, roles: Roles) -> pd.DataFrame:
    """Rows of the table of masks, one an image; image and label columns are the data set's own unless `roles` names others."""
    table = next(iter(_mask_tables(folder.columns())), None)
    own = {"image": f"{table}:{IMAGE}", "label": f"{table}:{LABEL}"} if table else {}
    return build_rows(folder, roles.model_copy(update={k: v for k, v in own.items() if getattr(roles, k) is None}))
