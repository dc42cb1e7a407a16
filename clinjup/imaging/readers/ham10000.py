"""HAM10000 (Tschandl et al., Sci Data 2018): HAM10000_metadata (.csv, .tab or no suffix), images in two folders, several images of a lesion.

There is no patient number: images are grouped by `lesion_id`. ISIC 2018 task 3 and ISIC 2019 contain these images. Beside it the test
images of ISIC 2018 are distributed, with a table of the same form (ISIC2018_Task3_Test_GroundTruth).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from clinjup.contracts import Roles, TableProfile
from clinjup.imaging.joined import joined
from clinjup.imaging.readers import Example, has_columns, register
from clinjup.imaging.source import DataFolder, View, build_rows
from clinjup.split_words import table_split

IMAGE, LABEL, LESION = "image_id", "dx", "lesion_id"
TABLE = "HAM10000_metadata.csv"
_DX = {"ISIC_0027419": "bkl", "ISIC_0025030": "bkl", "ISIC_0024306": "nv", "ISIC_0025964": "mel", "ISIC_0024318": "df"}
_PATHS = {f"HAM10000_images_part{1 + i % 2}/{name}.jpg": dx for i, (name, dx) in enumerate(_DX.items())}
_LESIONS = ("HAM_0000118", "HAM_0000118", "HAM_0000550", "HAM_0003521", "HAM_0005612")

EXAMPLE = Example(
    texts={
        TABLE: "lesion_id,image_id,dx,dx_type,age,sex,localization\n"
        + "".join(
            f"{lesion},{name},{dx},histo,80.0,male,scalp\n"
            for lesion, (name, dx) in zip(_LESIONS, _DX.items(), strict=True)
        )
    },
    images=list(_PATHS),
    roles={"positive": ["mel"], "negative": ["nv", "bkl", "df"]},
    labels={path: int(dx == "mel") for path, dx in _PATHS.items()},
)


def _matches(root: Path, tables: Sequence[TableProfile], class_folders: Mapping[str, int]) -> bool:
    return has_columns(tables, LESION, IMAGE, LABEL)


def _tables(folder: DataFolder) -> tuple[str, ...]:
    """Tables in this form; that of the test images of ISIC 2018 is distributed beside the first."""
    found = (path for path, names in folder.columns().items() if {IMAGE, LABEL, LESION} <= set(names))
    return tuple(sorted(found, key=lambda path: table_split(path) in ("validation", "test")))


def _views(folder: DataFolder) -> list[View]:
    """Several such tables as one, with the official part of each image where they tell it."""
    tables = _tables(folder)
    if len(tables) < 2:
        return []
    return [View(tables, lambda folder: joined({path: folder.raw(path) for path in tables}, IMAGE).drop_duplicates())]


@register("ham10000", title="HAM10000", matches=_matches, example=EXAMPLE, priority=20, views=_views)
def read(folder: DataFolder, roles: Roles) -> pd.DataFrame:
    """Rows of the metadata tables; image, label and lesion columns are the data set's own unless `roles` names others."""
    table = next(iter(_tables(folder)), None)
    own = {"image": f"{table}:{IMAGE}", "label": f"{table}:{LABEL}", "patient": f"{table}:{LESION}"} if table else {}
    return build_rows(folder, roles.model_copy(update={k: v for k, v in own.items() if getattr(roles, k) is None}))
