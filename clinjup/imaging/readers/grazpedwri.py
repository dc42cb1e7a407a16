"""GRAZPEDWRI-DX (Nagy et al., Scientific Data 2022): wrists of children, dataset.csv, 16-bit PNG, boxes in three forms.

The table begins with a byte-order mark, its flags are 1 or blank (1.0 in split files), and blank means no. Films marked
diagnosis_uncertain are neither with nor without a fracture: they get no label. Label files name classes by number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from clinjup.contracts import DataWarning, Roles, TableProfile
from clinjup.imaging.readers import Example, has_columns, register
from clinjup.imaging.source import DataFolder, View, build_rows

IMAGE, LABEL, PATIENT, UNCERTAIN = "filestem", "fracture_visible", "patient_id", "diagnosis_uncertain"
FLAGS = ("initial_exam", "cast", UNCERTAIN, "osteopenia", LABEL, "metal")
CLASSES = (
    "boneanomaly",
    "bonelesion",
    "foreignbody",
    "fracture",
    "metal",
    "periostealreaction",
    "pronatorsign",
    "softtissue",
    "text",
)
HEADER = (
    "filestem,patient_id,study_number,timehash,gender,age,laterality,projection,initial_exam,ao_classification,cast,"
    "diagnosis_uncertain,osteopenia,fracture_visible,metal,pixel_spacing,device_manufacturer"
)
_STEMS = [f"000{i}_1297860395_01_WRI-L{i % 2 + 1}_M014" for i in range(1, 5)]

EXAMPLE = Example(
    texts={
        "dataset.csv": f"\ufeff{HEADER}\n"
        + f"{_STEMS[0]},1,1,77,M,14,L,1,1,23-M/2.1,,,,1,,0.144,Siemens\n"
        + f"{_STEMS[1]},1,1,77,M,14,L,2,1,23-M/2.1,1,,,1.0,,0.144,Siemens\n"
        + f"{_STEMS[2]},2,1,78,F,9,R,1,,,,,,,,0.144,Siemens\n"
        + f"{_STEMS[3]},3,1,79,F,7,R,1,1,,,,,,1,0.144,Agfa\n",
        f"folder_structure/yolov5/labels/{_STEMS[0]}.txt": "3 0.5 0.6 0.3 0.1\n8 0.9 0.1 0.05 0.05\n",
        f"folder_structure/yolov5/labels/{_STEMS[2]}.txt": "8 0.9 0.1 0.05 0.05\n",
    },
    images=[f"images_part1/{stem}.png" for stem in _STEMS],
    roles={
        "image": "dataset.csv:filestem",
        "label": "dataset.csv:fracture_visible",
        "positive": ["1"],
        "negative": ["0"],
    },
    labels={f"images_part1/{stem}.png": int(i < 2) for i, stem in enumerate(_STEMS)},
)


def _own_table(columns: Mapping[str, Sequence[str]]) -> str | None:
    return next((path for path, names in columns.items() if {IMAGE, LABEL, PATIENT} <= set(names)), None)


def _views(folder: DataFolder) -> list[View]:
    path = _own_table(folder.columns())
    return [View((path,), lambda folder: _flagged(folder, path))] if path else []


def _flagged(folder: DataFolder, path: str) -> pd.DataFrame:
    """The table with flags 1 and 0, a follow-up column, named views, and no label where the diagnosis is uncertain."""
    table = folder.raw(path).copy()
    for name in FLAGS:
        if name in table:
            table[name] = table[name].map(lambda value: "1" if str(value).strip() in ("1", "1.0", "True") else "0")
    if UNCERTAIN in table:
        unsure = table[UNCERTAIN] == "1"
        table[LABEL] = table[LABEL].astype(object).mask(unsure)
        if unsure.any():
            sentence = f"{int(unsure.sum())} films are marked as uncertain ({UNCERTAIN}); they are used neither for training nor for testing."
            folder.warnings.append(DataWarning(code="uncertain_left_out", sentence=sentence))
    if "initial_exam" in table:
        table["follow_up_visit"] = table["initial_exam"].map({"1": "0", "0": "1"})
    if "projection" in table:
        views = {"1": "PA", "2": "lateral", "3": "oblique"}
        table["projection"] = table["projection"].map(lambda value: views.get(str(value).removesuffix(".0"), value))
    return table


def _matches(root: Path, tables: Sequence[TableProfile], class_folders: Mapping[str, int]) -> bool:
    return has_columns(tables, IMAGE, LABEL, PATIENT)


@register(
    "grazpedwri",
    title="GRAZPEDWRI-DX",
    matches=_matches,
    example=EXAMPLE,
    priority=20,
    views=_views,
    box_names={str(i): name for i, name in enumerate(CLASSES)},
)
def read(folder: DataFolder, roles: Roles) -> pd.DataFrame:
    """Rows of the table; image, label and patient columns are the data set's own unless `roles` names others."""
    table = _own_table(folder.columns())
    own = {"image": f"{table}:{IMAGE}", "label": f"{table}:{LABEL}", "patient": f"{table}:{PATIENT}"} if table else {}
    return build_rows(folder, roles.model_copy(update={k: v for k, v in own.items() if getattr(roles, k) is None}))
