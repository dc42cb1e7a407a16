"""PadChest (Bustos et al., Medical Image Analysis 2020): 16-bit PNG in numbered folders, Labels as a list written as text.

The labels come from reports. A list that says no more than that the examination is to be excluded, is of poor quality or
unchanged says nothing of a disease and counts as no label. Labels do not list every drain, so a film without one there is
not free of drains; NEATX annotates them in a table of its own (ImageID, Chest_drain: 1, 0, -1 uncertain).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from clinjup.contracts import Roles, TableProfile
from clinjup.imaging.readers import Example, has_columns, register
from clinjup.imaging.source import DataFolder, View, build_rows
from clinjup.imaging.values import tokens

IMAGE, LABELS, PATIENT = "ImageID", "Labels", "PatientID"
_STUDY_DATE, _BIRTH = "StudyDate_DICOM", "PatientBirth"
_SAYS_NOTHING = frozenset({"exclude", "suboptimal study", "unchanged"})
_TABLE = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
_LABELS = {
    "1.png": "['pneumothorax', 'chest drain tube']",
    "2.png": "['normal']",
    "3.png": "['pneumothorax']",
    "4.png": "['pleural effusion', 'loc right']",
}

EXAMPLE = Example(
    texts={
        _TABLE: ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,Projection,Labels\n"
        + "".join(
            f'{i},{name},{i % 2},20140102,s{i},{100 + i},1950,F,PA,"{labels}"\n'
            for i, (name, labels) in enumerate(_LABELS.items())
        ),
        "neatx.csv": "ImageID,Chest_drain\n1.png,1\n2.png,0\n3.png,-1\n",
    },
    images=[f"{i % 2}/{name}" for i, name in enumerate(_LABELS)],
    roles={
        "positive": ["pneumothorax"],
        "confounders": {"chest_drain": {"column": "neatx.csv:Chest_drain", "present": ["1"], "absent": ["0"]}},
    },
    labels={f"{i % 2}/{name}": int("pneumothorax" in labels) for i, (name, labels) in enumerate(_LABELS.items())},
)


def _own_table(columns: Mapping[str, Sequence[str]]) -> str | None:
    return next((path for path, names in columns.items() if {IMAGE, LABELS, PATIENT} <= set(names)), None)


def _views(folder: DataFolder) -> list[View]:
    path = _own_table(folder.columns())
    return [View((path,), lambda folder: _labelled(folder, path))] if path else []


def _labelled(folder: DataFolder, path: str) -> pd.DataFrame:
    """The table without reports, with an age, and without labels that say nothing of a disease."""
    table = folder.raw(path)
    table = table.drop(columns=[name for name in table if str(name).casefold().startswith("report")])
    distinct = table[LABELS].dropna().unique()
    silent = {value for value in distinct if not set(map(str.casefold, tokens(value))) - _SAYS_NOTHING}
    table = table.assign(**{LABELS: table[LABELS].mask(table[LABELS].isin(silent))})
    if {_STUDY_DATE, _BIRTH} <= set(table):
        year, birth = (pd.to_numeric(table[name].str[:4], errors="coerce") for name in (_STUDY_DATE, _BIRTH))
        age = (year - birth).where(lambda years: years.between(0, 120))
        table = table.drop(columns=[_BIRTH]).assign(Age=age.map("{:.0f}".format, na_action="ignore").astype(object))
    return table


def _matches(root: Path, tables: Sequence[TableProfile], class_folders: Mapping[str, int]) -> bool:
    return has_columns(tables, IMAGE, LABELS, PATIENT)


@register("padchest", title="PadChest", matches=_matches, example=EXAMPLE, priority=20, views=_views)
def read(folder: DataFolder, roles: Roles) -> pd.DataFrame:
    """Rows of the label table; image, label and patient columns are the data set's own unless `roles` names others."""
    table = _own_table(folder.columns())
    own = {"image": f"{table}:{IMAGE}", "label": f"{table}:{LABELS}", "patient": f"{table}:{PATIENT}"} if table else {}
    return build_rows(folder, roles.model_copy(update={k: v for k, v in own.items() if getattr(roles, k) is None}))
