"""CANDID-PTX (Feng et al., Radiology: Artificial Intelligence 2021): DICOM without suffix, masks of pneumothorax and tubes.

Pneumothorax_reports.csv has a row a mask (SOPInstanceUID, EncodedPixels, filename, Report ...), chest_tube.csv and
acute_rib_fracture.csv likewise (anon_SOPUID, mask_rle); run lengths are those of SIIM-ACR. The patient is the first part of
`filename` (P17_3.dcm). Reports are never read. A film without a row in chest_tube.csv is unknown, not free of tubes; a row
with "-1" is free of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from clinjup.contracts import Roles, TableProfile
from clinjup.imaging.masks import UNKNOWN, MaskSource, presence
from clinjup.imaging.readers import Example, register
from clinjup.imaging.readers.siim import rle_warning
from clinjup.imaging.source import DataFolder, View, build_rows

IMAGE, RUNS, FILE, PATIENT, LABEL = "SOPInstanceUID", "EncodedPixels", "filename", "Patient", "Pneumothorax"
_IMAGES = (IMAGE, "anon_SOPUID")
_RUNS = (RUNS, "mask_rle")
# Table (beginning of its name) -> what its masks show: column, and name of the masks.
_SUBJECTS = {
    "pneumothorax": (LABEL, "pneumothorax"),
    "chest_tube": ("Chest tube", "chest_drain"),
    "acute_rib_fracture": ("Rib fracture", "rib_fracture"),
    "rib_fracture": ("Rib fracture", "rib_fracture"),
}
_NAMES = ["1.2.826.1", "1.2.826.2", "1.2.826.3", "1.2.826.4"]

EXAMPLE = Example(
    texts={
        "Pneumothorax_reports.csv": "SOPInstanceUID,EncodedPixels,filename,Report\n"
        f"{_NAMES[0]},100 20 1004 20,P1_1.dcm,a report\n{_NAMES[1]},-1,P1_2.dcm,\n{_NAMES[2]},-1,P2_1.dcm,\n"
        f"{_NAMES[3]},9000 5,P3_1.dcm,\n",
        "chest_tube.csv": f"anon_SOPUID,annotation,mask_rle\n{_NAMES[0]},a,50 40 900 30\n{_NAMES[0]},b,90000 5\n{_NAMES[2]},c,-1\n",
    },
    images=[f"dataset/{name}" for name in _NAMES],
    headers={f"dataset/{name}": {"SOPInstanceUID": name} for name in _NAMES},
    roles={
        "positive": ["1"],
        "negative": ["0"],
        "confounders": {"chest_drain": {"column": "chest_tube.csv:Chest tube", "present": ["1"], "absent": ["0"]}},
    },
    labels={f"dataset/{name}": int(i in (0, 3)) for i, name in enumerate(_NAMES)},
)


def _mask_tables(columns: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, str, str, str]]:
    """Table -> (column of images, of run lengths, of what they show; name of the masks)."""
    found = {}
    for path, names in columns.items():
        stem = Path(path).stem.casefold()
        subject = next((shown for start, shown in _SUBJECTS.items() if stem.startswith(start)), None)
        image = next((name for name in _IMAGES if name in names), None)
        runs = next((name for name in _RUNS if name in names), None)
        if subject and image and runs:
            found[path] = (image, runs, *subject)
    return found


def _views(folder: DataFolder) -> list[View]:
    tables = _mask_tables(folder.columns())
    return [View((path,), lambda folder, path=path: _one_row_an_image(folder, path)) for path in tables]  # type: ignore[misc]


def _one_row_an_image(folder: DataFolder, path: str) -> pd.DataFrame:
    columns = folder.columns()[path]
    image, runs, shown, _ = _mask_tables({path: columns})[path]
    with_file = FILE in columns
    table = folder.raw(path, [image, runs, *([FILE] if with_file else [])])
    found, broken = presence(table[runs], table[image])
    if broken:
        folder.warnings.append(rle_warning(path, broken))
    if shown != LABEL:  # a row of chest_tube.csv without an outline does not say that there is no tube
        found = found.fillna(UNKNOWN)
    view = pd.DataFrame({image: found.index.astype(object), shown: found.to_numpy()})
    if with_file:
        files = table.drop_duplicates(image).set_index(image)[FILE].reindex(found.index)
        view[PATIENT] = files.str.extract(r"^(P?\d+)_", expand=False).fillna(np.nan).to_numpy()
    return view


def _masks(folder: DataFolder) -> dict[str, MaskSource]:
    tables = _mask_tables(folder.columns())
    return {name: MaskSource(path, image, runs) for path, (image, runs, _, name) in tables.items()}


def _matches(root: Path, tables: Sequence[TableProfile], class_folders: Mapping[str, int]) -> bool:
    found = _mask_tables({table.path: [column.name for column in table.columns] for table in tables})
    return any(name == "pneumothorax" for *_, name in found.values())


@register("candid", title="CANDID-PTX", matches=_matches, example=EXAMPLE, priority=20, views=_views, masks=_masks)
def read(folder: DataFolder, roles: Roles) -> pd.DataFrame:
    """Rows of the table of pneumothorax masks, one an image; its columns are taken unless `roles` names others."""
    columns = folder.columns()
    table = next((path for path, entry in _mask_tables(columns).items() if entry[3] == "pneumothorax"), None)
    own = {"image": f"{table}:{IMAGE}", "label": f"{table}:{LABEL}"} if table else {}
    if table and FILE in columns[table]:
        own["patient"] = f"{table}:{PATIENT}"
    return build_rows(folder, roles.model_copy(update={k: v for k, v in own.items() if getattr(roles, k) is None}))
