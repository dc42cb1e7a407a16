"""NIH ChestX-ray14 (Wang et al., CVPR 2017): Data_Entry_2017*.csv, labels joined by '|', train_val_list.txt / test_list.txt.

Drain annotations come as a further table with a column `Image Index`, e.g. NEATX's
NIH-CX14_TubeAnnotations_NonExperts_aggregated.csv, which covers films with a pneumothorax only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from clinjup.contracts import Roles, TableProfile
from clinjup.imaging.readers import Example, register
from clinjup.imaging.source import DataFolder, build_rows

IMAGE, LABELS, PATIENT = "Image Index", "Finding Labels", "Patient ID"
_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Sex,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]\n"
)
_REST = "0,{patient},058,M,PA,2682,2749,0.143,0.143\n"
_LABELS = {
    "00000001_000.png": "Pneumothorax|Effusion",
    "00000002_000.png": "No Finding",
    "00000003_000.png": "Cardiomegaly",
    "00000004_000.png": "Pneumothorax",
}

_PATHS = {f"images_{1 + i // 2:03d}/images/{name}": labels for i, (name, labels) in enumerate(_LABELS.items())}
_DRAINS = "NIH-CX14_TubeAnnotations_NonExperts_aggregated.csv"

EXAMPLE = Example(
    texts={
        "Data_Entry_2017_v2020.csv": _HEADER
        + "".join(f"{name},{labels}," + _REST.format(patient=int(name[:8])) for name, labels in _LABELS.items()),
        "train_val_list.txt": "00000001_000.png\n00000002_000.png\n",
        "test_list.txt": "00000003_000.png\n00000004_000.png\n",
        _DRAINS: "Image Index,Drain\n00000001_000.png,1\n00000004_000.png,0\n",
    },
    images=list(_PATHS),
    roles={
        "image": f"Data_Entry_2017_v2020.csv:{IMAGE}",
        "label": f"Data_Entry_2017_v2020.csv:{LABELS}",
        "positive": ["Pneumothorax"],
        "patient": f"Data_Entry_2017_v2020.csv:{PATIENT}",
        "confounders": {"chest_drain": {"column": f"{_DRAINS}:Drain", "present": ["1"], "absent": ["0"]}},
    },
    labels={path: int("Pneumothorax" in labels) for path, labels in _PATHS.items()},
)


def _matches(root: Path, tables: Sequence[TableProfile], class_folders: Mapping[str, int]) -> bool:
    return any(table.column(IMAGE) and table.column(LABELS) for table in tables)


@register("chestxray14", title="NIH ChestX-ray14", matches=_matches, example=EXAMPLE, priority=20)
def read(folder: DataFolder, roles: Roles) -> pd.DataFrame:
    """Rows of the entry table; image, label and patient columns are the data set's own unless `roles` names others."""
    table = next((path for path in folder.scan.tables if Path(path).name.startswith("Data_Entry_2017")), None)
    own = {"image": f"{table}:{IMAGE}", "label": f"{table}:{LABELS}", "patient": f"{table}:{PATIENT}"} if table else {}
    unset = {role: column for role, column in own.items() if getattr(roles, role) is None}
    return build_rows(folder, roles.model_copy(update=unset))
