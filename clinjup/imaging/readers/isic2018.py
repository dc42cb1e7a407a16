"""ISIC 2018 task 3: one-hot ground truth image,MEL,NV,BCC,AKIEC,BKL,DF,VASC, lesions in a table of groupings. The images are HAM10000."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from clinjup.contracts import Roles, TableProfile
from clinjup.imaging.onehot import DIAGNOSIS, IMAGE, OWN_2018, SHARED, one_hot_tables, one_hot_views
from clinjup.imaging.readers import Example, has_columns, register
from clinjup.imaging.source import DataFolder, build_rows

_TRUTH = "ISIC2018_Task3_Training_GroundTruth.csv"
_ROWS = {"ISIC_0024306": "0.0,1.0", "ISIC_0024310": "1.0,0.0", "ISIC_0024315": "0.0,1.0", "ISIC_0024323": "1.0,0.0"}
_PATHS = {f"ISIC2018_Task3_Training_Input/{name}.jpg": cells for name, cells in _ROWS.items()}

EXAMPLE = Example(
    texts={
        _TRUTH: "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\n"
        + "".join(f"{name},{cells},0.0,0.0,0.0,0.0,0.0\n" for name, cells in _ROWS.items())
    },
    images=list(_PATHS),
    roles={"positive": ["mel"], "negative": ["nv"]},
    labels={path: int(cells.startswith("1")) for path, cells in _PATHS.items()},
)


def _matches(root: Path, tables: Sequence[TableProfile], class_folders: Mapping[str, int]) -> bool:
    return has_columns(tables, IMAGE, *SHARED, *OWN_2018)


def read_one_hot(folder: DataFolder, roles: Roles) -> pd.DataFrame:
    """Rows of all ground truth tables together."""
    table = next(iter(one_hot_tables(folder.columns())), None)
    own = {"image": f"{table}:{IMAGE}", "label": f"{table}:{DIAGNOSIS}"} if table else {}
    return build_rows(folder, roles.model_copy(update={k: v for k, v in own.items() if getattr(roles, k) is None}))


register("isic2018", title="ISIC 2018", matches=_matches, example=EXAMPLE, priority=20, views=one_hot_views)(
    read_one_hot
)
