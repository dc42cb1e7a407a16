"""FracAtlas (Abedeen et al., Scientific Data 2023): images/Fractured and images/Non_fractured, dataset.csv, COCO JSON.

There are no patient ids. Of the box files COCO is the complete one. The view is told by three flags of which several may be set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from clinjup.contracts import Roles, TableProfile
from clinjup.imaging.readers import Example, has_columns, register
from clinjup.imaging.source import DataFolder, View, build_rows

IMAGE, LABEL, COUNT = "image_id", "fractured", "fracture_count"
HEADER = "image_id,hand,leg,hip,shoulder,mixed,hardware,multiscan,fractured,fracture_count,frontal,lateral,oblique"
_NAMES = [f"IMG000000{i}.jpg" for i in range(4)]
_COCO = (
    '{"images": [{"id": 1, "file_name": "IMG0000000.jpg", "width": 40, "height": 40}],'
    ' "annotations": [{"id": 1, "image_id": 1, "category_id": 0, "bbox": [10, 10, 12, 8]}],'
    ' "categories": [{"id": 0, "name": "fractured"}]}'
)

EXAMPLE = Example(
    texts={
        "dataset.csv": f"{HEADER}\n"
        + "".join(
            f"{name},1,0,0,0,0,{int(i == 1)},0,{int(i < 2)},{int(i < 2)},1,0,0\n" for i, name in enumerate(_NAMES)
        ),
        "Annotations/COCO JSON/COCO_fracture_masks.json": _COCO,
    },
    images=[f"images/{'Fractured' if i < 2 else 'Non_fractured'}/{name}" for i, name in enumerate(_NAMES)],
    roles={"image": "dataset.csv:image_id", "label": "dataset.csv:fractured", "positive": ["1"], "negative": ["0"]},
    labels={f"images/{'Fractured' if i < 2 else 'Non_fractured'}/{name}": int(i < 2) for i, name in enumerate(_NAMES)},
)


def _own_table(columns: Mapping[str, Sequence[str]]) -> str | None:
    return next((path for path, names in columns.items() if {IMAGE, LABEL, COUNT} <= set(names)), None)


def _views(folder: DataFolder) -> list[View]:
    path = _own_table(folder.columns())
    return [View((path,), lambda folder: _with_view(folder, path))] if path else []


def _with_view(folder: DataFolder, path: str) -> pd.DataFrame:
    """The table with one column for the view, and without the count of fractures, which gives the label away."""
    table = folder.raw(path).drop(columns=[COUNT])
    flags = [name for name in ("frontal", "lateral", "oblique") if name in table]
    if flags:
        table["view"] = [
            " and ".join(name for name, value in zip(flags, row, strict=True) if str(value) == "1")
            for row in table[flags].to_numpy()
        ]
        table = table.drop(columns=flags)
    return table


def _matches(root: Path, tables: Sequence[TableProfile], class_folders: Mapping[str, int]) -> bool:
    return has_columns(tables, IMAGE, LABEL, COUNT)


@register("fracatlas", title="FracAtlas", matches=_matches, example=EXAMPLE, priority=20, views=_views)
def read(folder: DataFolder, roles: Roles) -> pd.DataFrame:
    """Rows of the table; image and label columns are the data set's own unless `roles` names others."""
    table = _own_table(folder.columns())
    own = {"image": f"{table}:{IMAGE}", "label": f"{table}:{LABEL}"} if table else {}
    return build_rows(folder, roles.model_copy(update={k: v for k, v in own.items() if getattr(roles, k) is None}))
