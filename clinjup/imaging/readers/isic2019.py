"""ISIC 2019: one-hot ground truth image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK as 0.0 or 1.0, with a table of metadata.

Some names end in _downsampled, in the table and on disk. The set contains HAM10000: neither tests a model of the other externally.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from clinjup.contracts import TableProfile
from clinjup.imaging.onehot import IMAGE, SHARED, one_hot_views
from clinjup.imaging.readers import Example, has_columns, register
from clinjup.imaging.readers.isic2018 import read_one_hot

_OWN = ("AK", "SCC", "UNK")
_ROWS = {
    "ISIC_0000000": "0.0,1.0",
    "ISIC_0000002": "1.0,0.0",
    "ISIC_0029323_downsampled": "0.0,1.0",
    "ISIC_0000013": "1.0,0.0",
}
_PATHS = {f"ISIC_2019_Training_Input/{name}.jpg": cells for name, cells in _ROWS.items()}

EXAMPLE = Example(
    texts={
        "ISIC_2019_Training_GroundTruth.csv": "image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK\n"
        + "".join(f"{name},{cells},0.0,0.0,0.0,0.0,0.0,0.0,0.0\n" for name, cells in _ROWS.items()),
        "ISIC_2019_Training_Metadata.csv": "image,age_approx,anatom_site_general,lesion_id,sex\n"
        + "".join(f"{name},55.0,anterior torso,,female\n" for name in _ROWS),
    },
    images=list(_PATHS),
    roles={"positive": ["mel"], "negative": ["nv"]},
    labels={path: int(cells.startswith("1")) for path, cells in _PATHS.items()},
)


def _matches(root: Path, tables: Sequence[TableProfile], class_folders: Mapping[str, int]) -> bool:
    return has_columns(tables, IMAGE, *SHARED, *_OWN)


register("isic2019", title="ISIC 2019", matches=_matches, example=EXAMPLE, priority=21, views=one_hot_views)(
    read_one_hot
)
