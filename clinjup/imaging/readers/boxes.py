"""Images with nothing but box files: COCO, YOLO or Pascal VOC as annotation tools write them.

An image that a file speaks of and that has no box of the target is negative; one that no file speaks of has no label, nor has one
whose boxes cannot be read or differ between two formats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from clinjup.contracts import Roles, TableProfile
from clinjup.imaging.box_files import holds_boxes
from clinjup.imaging.boxes import reference_boxes
from clinjup.imaging.readers import Example, register
from clinjup.imaging.source import DataFolder, build_rows

_ROLE = {"format": "yolo", "path": "labels", "target": ["pneumothorax"]}

EXAMPLE = Example(
    texts={
        "data.yaml": "names: [pneumothorax, drain]\n",
        "labels/a.txt": "0 0.5 0.5 0.2 0.2\n",
        "labels/b.txt": "",
        "labels/c.txt": "1 0.5 0.5 0.2 0.2\n",
        "labels/d.txt": "0 0.3 0.5 0.2 0.2\n",
    },
    images=[f"images/{name}.png" for name in "abcd"],
    roles={"positive": ["1"], "negative": ["0"], "boxes": _ROLE},
    labels={"images/a.png": 1, "images/b.png": 0, "images/c.png": 0, "images/d.png": 1},
)


def _matches(root: Path, tables: Sequence[TableProfile], class_folders: Mapping[str, int]) -> bool:
    named = any(column.image_matches >= 0.5 for table in tables for column in table.columns)
    return not named and not class_folders and holds_boxes(root)


@register("boxes", title="images with box files", matches=_matches, example=EXAMPLE, priority=5)
def read(folder: DataFolder, roles: Roles) -> pd.DataFrame:
    """One row an image file; its label is whether a box of the target is drawn on it ("1", "0"; none where that is unknown)."""
    rows = build_rows(folder, roles)
    if roles.label or roles.boxes is None:
        return rows
    reference = reference_boxes(folder, "boxes", roles.boxes)
    drawn = [reference.on(int(position)) for position in rows["file"]]
    return rows.assign(label=[np.nan if boxes is None else str(int(len(boxes) > 0)) for boxes in drawn])
