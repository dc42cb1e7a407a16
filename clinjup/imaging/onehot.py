"""Ground truth of the ISIC challenges: one column a diagnosis, 1.0 where it applies, read as one column `diagnosis`.

Beside it lie tables of metadata; where several lie together, of several challenges or parts, they are read as one too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from clinjup.contracts import DataWarning
from clinjup.imaging.joined import joined
from clinjup.imaging.source import DataFolder, View
from clinjup.imaging.values import map_distinct
from clinjup.unknown_words import says_unknown

IMAGE, DIAGNOSIS = "image", "diagnosis"
SHARED = ("MEL", "NV", "BCC", "BKL", "DF", "VASC")
OWN_2018, OWN_2019 = ("AKIEC",), ("AK", "SCC", "UNK")
# AKIEC of 2018 holds actinic keratoses and Bowen's disease, AK of 2019 actinic keratoses: one class here. SCC is none of the seven.
_CODES = {"AK": "akiec"}
LESION = "lesion_id"
# What makes a table one of metadata: the test metadata of 2019 know no lesion.
_METADATA = {LESION, "age", "age_approx", "sex", "localization", "anatom_site", "anatom_site_general"}
_HAM10000_TABLE = {"image_id", "dx", LESION}
# What HAM10000 calls the columns of the challenges' metadata.
_HAM10000 = {
    "image_id": IMAGE,
    "age": "age_approx",
    "localization": "anatom_site_general",
    "anatom_site": "anatom_site_general",
    "dx_type": "diagnosis_confirm_type",
}


def one_hot_tables(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """Paths of the tables in this form."""
    return [path for path, names in columns.items() if {IMAGE, *SHARED} <= set(names)]


def one_hot_views(folder: DataFolder) -> list[View]:
    """All such tables as one, called by the name of the first: `image` and `diagnosis`; the latter lists all that apply.

    So are several tables of metadata, of the challenges of 2018 and 2019, of training and test: each knows only its own images.
    """
    columns = folder.columns()
    tables = tuple(one_hot_tables(columns))
    metadata = tuple(
        path
        for path, names in columns.items()
        if path not in tables and {IMAGE, "image_id"} & set(names) and _METADATA & set(names)
    )
    views = [View(tables, lambda folder: _together(folder, tables))] if tables else []
    if len(metadata) > 1:
        views.append(View(metadata, lambda folder: _one_row_an_image(folder, metadata)))
    return views


def _together(folder: DataFolder, tables: Sequence[str]) -> pd.DataFrame:
    """Where 2018 and 2019 meet, HAM10000's own table among them, each image counts once by each diagnosis, and that is said."""
    raw = {path: folder.raw(path) for path in tables}
    together = joined({path: _one_column(table) for path, table in raw.items()}, IMAGE)
    of_2019 = [path for path in tables if set(OWN_2019) & set(raw[path].columns)]
    of_2018 = [raw[path][IMAGE] for path in tables if path not in of_2019]
    for path, names in folder.columns().items():
        if path not in tables and set(names) >= _HAM10000_TABLE:
            of_2018.append(folder.raw(path)["image_id"])
    if of_2018 and of_2019:
        twice = len(set(pd.concat(of_2018).dropna()) & set(pd.concat([raw[path][IMAGE] for path in of_2019])))
        sentence = (
            "Tables of ISIC 2018 and ISIC 2019 lie in one folder. The images of 2018 are HAM10000, which ISIC 2019 contains: "
            f"{twice} images are named in both and count once, and neither set is an external test of the other. AKIEC of 2018 and AK of "
            "2019 are read as one class; SCC and UNK are no class of 2018 and are left out."
        )
        folder.warnings.append(DataWarning(code="datasets_overlap", sentence=sentence))
        together = together.drop_duplicates([IMAGE, DIAGNOSIS])
    return together


def _one_row_an_image(folder: DataFolder, tables: Sequence[str]) -> pd.DataFrame:
    """Per image the first known value of each column; "unknown" in one table gives way to what another says."""
    parts = []
    for table in map(folder.raw, tables):
        names = {old: new for old, new in _HAM10000.items() if old in table and new not in table}
        parts.append(table.rename(columns=names))
    together = pd.concat(parts, ignore_index=True)
    unknown = together.apply(lambda column: column.map(says_unknown, na_action="ignore").fillna(True).astype(bool))
    return together.mask(unknown).groupby(IMAGE, sort=False, as_index=False).first()


def _one_column(table: pd.DataFrame) -> pd.DataFrame:
    codes = [name for name in (*SHARED, *OWN_2018, *OWN_2019) if name in table]
    found = pd.Series("", index=table.index)
    for name in codes:
        applies = map_distinct(table[name], _number) >= 0.5
        word = _CODES.get(name, name.lower())
        found = found.where(~applies, found.where(found == "", found + "|") + word)
    return table.drop(columns=codes).assign(**{DIAGNOSIS: found.replace("", None)})


def _number(value: str) -> float:
    try:
        return float(value.replace(",", "."))
    except ValueError:
        return float("nan")
