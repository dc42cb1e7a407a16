"""ISIC 2020: one table image_name,patient_id,...,diagnosis,benign_malignant,target, and a list of duplicates.

Most diagnoses read "unknown" although the lesion is known to be benign: they count as "benign, not specified". Of each listed pair of
duplicates the second image is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from clinjup.contracts import DataWarning, Roles, TableProfile
from clinjup.imaging.readers import Example, has_columns, register
from clinjup.imaging.source import DataFolder, View, build_rows
from clinjup.nouns import in_number

IMAGE, PATIENT, DIAGNOSIS, VERDICT = "image_name", "patient_id", "diagnosis", "benign_malignant"
UNSPECIFIED = "benign, not specified"
_PAIR = ("image_name_1", "image_name_2")
_ROWS = {
    "ISIC_2637011": ("IP_7279968", "unknown", "benign", 0),
    "ISIC_0149568": ("IP_0962375", "melanoma", "malignant", 1),
    "ISIC_0015719": ("IP_3075186", "nevus", "benign", 0),
    "ISIC_0188432": ("IP_0135517", "melanoma", "malignant", 1),
}

EXAMPLE = Example(
    texts={
        "train.csv": "image_name,patient_id,sex,age_approx,anatom_site_general_challenge,diagnosis,benign_malignant,target\n"
        + "".join(f"{n},{p},male,45.0,torso,{d},{v},{t}\n" for n, (p, d, v, t) in _ROWS.items())
    },
    images=[f"train/{name}.jpg" for name in _ROWS],
    roles={"positive": ["melanoma"], "negative": ["nevus", UNSPECIFIED]},
    labels={f"train/{name}.jpg": row[3] for name, row in _ROWS.items()},
)


def _tables(columns: Mapping[str, Sequence[str]]) -> list[str]:
    return [path for path, names in columns.items() if {IMAGE, DIAGNOSIS, VERDICT} <= set(names)]


def _views(folder: DataFolder) -> list[View]:
    columns = folder.columns()
    pairs = [path for path, names in columns.items() if set(_PAIR) <= set(names)]
    return [View((path,), lambda folder, path=path: _read_as_meant(folder, path, pairs)) for path in _tables(columns)]  # type: ignore[misc]


def _read_as_meant(folder: DataFolder, path: str, pairs: Sequence[str]) -> pd.DataFrame:
    table = folder.raw(path)
    unknown = table[DIAGNOSIS].isna() | (table[DIAGNOSIS].str.lower() == "unknown")
    benign = table[VERDICT].str.lower() == "benign"
    table = table.assign(**{DIAGNOSIS: table[DIAGNOSIS].mask(unknown & benign, UNSPECIFIED)})
    listed = {name for pair in pairs for name in folder.raw(pair)[_PAIR[1]].dropna()}
    repeated = table[IMAGE].isin(listed)
    if repeated.any():
        sentence = in_number(
            int(repeated.sum()),
            "{n} [image is|images are] listed as duplicates of another; of each pair the second is left out.",
        )
        folder.warnings.append(DataWarning(code="listed_duplicates", sentence=sentence))
    return table[~repeated].reset_index(drop=True)


def _matches(root: Path, tables: Sequence[TableProfile], class_folders: Mapping[str, int]) -> bool:
    return has_columns(tables, IMAGE, PATIENT, DIAGNOSIS, VERDICT)


@register("isic2020", title="ISIC 2020", matches=_matches, example=EXAMPLE, priority=20, views=_views)
def read(folder: DataFolder, roles: Roles) -> pd.DataFrame:
    """Rows of the training table without listed duplicates."""
    table = next(iter(_tables(folder.columns())), None)
    own = {"image": f"{table}:{IMAGE}", "label": f"{table}:{DIAGNOSIS}", "patient": f"{table}:{PATIENT}"}
    own = own if table else {}
    return build_rows(folder, roles.model_copy(update={k: v for k, v in own.items() if getattr(roles, k) is None}))
