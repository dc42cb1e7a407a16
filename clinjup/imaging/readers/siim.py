"""SIIM-ACR Pneumothorax Segmentation (Kaggle 2019): DICOM in study and series folders, train-rle.csv.

The table has a row a mask, its second header begins with a space, "-1" means no pneumothorax, and run lengths are relative
and column-major on 1024 x 1024 pixels. Several rows of an image are one label and, together, one mask.
The images are films of ChestX-ray14: the two sets are no external test for each other. Beside train-rle.csv Kaggle lays
sample_submission.csv, whose rows are all alike, and stage_2_train.csv, which knows more films.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from clinjup.contracts import DataWarning, Roles, TableProfile
from clinjup.imaging.masks import MaskSource, presence
from clinjup.imaging.readers import Example, has_columns, register
from clinjup.imaging.source import DataFolder, View, build_rows
from clinjup.imaging.tables import read_table
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


def _views(folder: DataFolder) -> list[View]:
    """The table of masks that is read, in place of all of them."""
    tables = _mask_tables(folder)
    if len(tables) > 1:
        sentence = in_number(
            len(tables) - 1,
            "Of several tables of masks, '{read}' is read, which names the most images with and without a pneumothorax; {others} "
            "[is|are] left out.",
            read=tables[0],
            others=", ".join(f"'{path}'" for path in tables[1:]),
        )
        folder.warnings.append(DataWarning(code="mask_tables_left_out", sentence=sentence))
    return [View(tuple(tables), lambda folder: _one_row_an_image(folder, tables[0]))] if tables else []


def _mask_tables(folder: DataFolder) -> list[str]:
    """Tables of masks; first that which tells most images of the folder apart."""
    tables = [path for path, names in folder.columns().items() if {IMAGE, RUNS} <= set(names)]
    return sorted(tables, key=lambda path: _told_apart(folder, path), reverse=True) if len(tables) > 1 else tables


def _told_apart(folder: DataFolder, path: str) -> tuple[bool, int]:
    """Whether a table has images of the folder both with a mask and without, and how many it knows."""
    table, _ = read_table(folder.root / path, [IMAGE, RUNS])
    found, _ = presence(table[RUNS], table[IMAGE])
    here = folder.positions(found.index.to_series()).to_numpy() >= 0
    known = found[here & found.isin(["0", "1"]).to_numpy()]
    return known.nunique() > 1, len(known)


def _one_row_an_image(folder: DataFolder, path: str) -> pd.DataFrame:
    table = folder.raw(path, [IMAGE, RUNS])
    found, broken = presence(table[RUNS], table[IMAGE])
    if broken:
        folder.warnings.append(rle_warning(path, broken))
    return pd.DataFrame({IMAGE: found.index.astype(object), LABEL: found.to_numpy()})


def _masks(folder: DataFolder) -> dict[str, MaskSource]:
    tables = _mask_tables(folder)
    return {"pneumothorax": MaskSource(tables[0], IMAGE, RUNS)} if tables else {}


def _matches(root: Path, tables: Sequence[TableProfile], class_folders: Mapping[str, int]) -> bool:
    return has_columns(tables, IMAGE, RUNS)


@register(
    "siim", title="SIIM-ACR Pneumothorax", matches=_matches, example=EXAMPLE, priority=20, views=_views, masks=_masks
)
def read(folder: DataFolder, roles: Roles) -> pd.DataFrame:
    """Rows of the table of masks, one an image; image and label columns are the data set's own unless `roles` names others."""
    table = next(iter(_mask_tables(folder)), None)
    own = {"image": f"{table}:{IMAGE}", "label": f"{table}:{LABEL}"} if table else {}
    return build_rows(folder, roles.model_copy(update={k: v for k, v in own.items() if getattr(roles, k) is None}))
