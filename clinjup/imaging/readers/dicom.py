"""DICOM files as a PACS or a CD exports them: nested folders of studies and series, names without meaning or suffix.

Labels come from any table that names the files, their SOPInstanceUID, the accession or study number, or the PatientID.
Patients come from the headers unless a table names them, and leave as plain numbers: no identifier of a header is written to
an output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from clinjup.contracts import Roles, TableProfile
from clinjup.imaging.files import printable
from clinjup.imaging.headers import DICOM_HEADERS
from clinjup.imaging.readers import Example, holds_dicom, register
from clinjup.imaging.source import DataFolder, build_rows, parse_reference

_FILES = {
    "DICOM/ST000001/SE000001/IM000001": ("A-1", "P-7", "1.2.3.1"),
    "DICOM/ST000001/SE000001/IM000002": ("A-1", "P-7", "1.2.3.2"),
    "DICOM/ST000002/SE000001/IM000001": ("A-2", "P-8", "1.2.3.3"),
    "DICOM/ST000003/SE000001/1.2.840.99.4": ("A-3", "P-9", "1.2.3.4"),
}

EXAMPLE = Example(
    texts={"reports.csv": "AccessionNumber,Pneumothorax\nA-1,yes\nA-2,no\nA-3,no\n"},
    images=list(_FILES),
    headers={
        path: {"AccessionNumber": accession, "PatientID": patient, "SOPInstanceUID": uid}
        for path, (accession, patient, uid) in _FILES.items()
    },
    roles={
        "label": "reports.csv:Pneumothorax",
        "positive": ["yes"],
        "negative": ["no"],
        "patient": f"{DICOM_HEADERS}:PatientID",
    },
    labels={path: int(accession == "A-1") for path, (accession, _, _) in _FILES.items()},
)


def _matches(root: Path, tables: Sequence[TableProfile], class_folders: Mapping[str, int]) -> bool:
    return holds_dicom(tables)


@register("dicom", title="DICOM files with a table of labels", matches=_matches, example=EXAMPLE, priority=5)
def read(folder: DataFolder, roles: Roles) -> pd.DataFrame:
    """One row a file, or a row of the table that names files; images are called by their path, whatever the table calls them."""
    if roles.patient is None and folder.headers is not None and folder.headers.table["PatientID"].nunique() > 1:
        roles = roles.model_copy(update={"patient": f"{DICOM_HEADERS}:PatientID"})
    rows = build_rows(folder, roles)
    if not roles.image:
        return rows
    table = parse_reference(roles.image)[0]
    images = [
        printable(folder.scan.images[file]) if file >= 0 else f"row {row + 1} of '{table}'"
        for row, file in zip(rows.index, rows["file"], strict=True)
    ]
    return rows.assign(image=images)
