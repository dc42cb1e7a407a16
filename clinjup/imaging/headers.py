"""The headers of a folder's DICOM files, as one table whose rows are the files: it is called `DICOM headers` in roles.

PatientID, study and accession number stay in memory: they join tables and group patients, and come out as plain numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from clinjup.contracts import DataWarning
from clinjup.imaging.dicom import HEADER_TAGS, read_tags
from clinjup.imaging.files import FolderScan
from clinjup.nouns import in_number
from clinjup.unknown_words import names_nobody

DICOM_HEADERS = "DICOM headers"
PATIENT = "PatientID"
# Headers that say outright which number of a DICOM header a column of another table repeats.
KEY_HEADERS = {
    "accession": re.compile(r"(accession|acc|untersuchungs)[\W_]*(number|nummer|no|nr)?\.?", re.IGNORECASE),
    "study": re.compile(r"(study|studien)[\W_]*(instance)?[\W_]*u?id", re.IGNORECASE),
    "header patient": re.compile(r"(pat|patient|patienten)[\W_]*(id|number|nummer|no|nr)?\.?", re.IGNORECASE),
}
_SHOWN = (PATIENT, "PatientAge", "PatientSex", "ViewPosition", "Manufacturer")


@dataclass(frozen=True)
class DicomHeaders:
    """`table`: text columns PatientID, PatientAge ..., index = position of the file in the scan's images, NaN where absent.

    `instances`: SOPInstanceUID -> position; `keys`: accession and study number per position, by which a table of examinations
    is joined; `burned_in`: files that say that text is burned into the picture; `unstated`: files that do not say whether it is.
    """

    table: pd.DataFrame
    instances: Mapping[str, int]
    keys: Mapping[str, pd.Series]
    burned_in: int
    unstated: int
    one_patient: bool

    def warnings(self) -> list[DataWarning]:
        """What a clinician should know of the headers before anything else."""
        found = []
        if self.burned_in:
            sentence = (
                f"{self.burned_in} of {len(self.table)} DICOM files say that text is burned into the picture (BurnedInAnnotation). "
                "It may name a patient, and a model can read it instead of the disease: look at these images before you share any."
            )
            if self.unstated:
                sentence += in_number(self.unstated, " {n} more [does|do] not say whether it is so.")
            found.append(DataWarning(code="burned_in_annotation", sentence=sentence))
        if self.one_patient:
            sentence = (
                f"All {len(self.table)} DICOM files carry the same PatientID, as some anonymised exports do, so it cannot tell "
                "patients apart. Add a table with one patient number per image."
            )
            found.append(DataWarning(code="dicom_patient_ids_unusable", sentence=sentence))
        return found


def read_headers(scan: FolderScan) -> DicomHeaders | None:
    """The headers of all DICOM files of a folder; None where it has none. Reads about a kilobyte a file, never pixels."""
    if not scan.dicom:
        return None
    columns: dict[str, list[str]] = {tag: [] for tag in HEADER_TAGS}
    for position in scan.dicom:
        tags = read_tags(Path(scan.root) / scan.images[position], HEADER_TAGS) or {}
        for tag, values in columns.items():
            values.append(tags.get(tag, ""))
    headers = pd.DataFrame(columns, index=pd.Index(scan.dicom), dtype=object)
    headers = headers.where(headers != "", np.nan)
    nobody = [value for value in headers[PATIENT].dropna().unique() if value == "0" or names_nobody(value)]
    patients = headers[PATIENT].mask(headers[PATIENT].isin(nobody))
    one_patient = len(headers) > 2 and patients.nunique() == 1 and bool(patients.notna().all())
    headers[PATIENT] = np.nan if one_patient else patients
    unique = headers["SOPInstanceUID"].dropna().drop_duplicates(keep=False)
    return DicomHeaders(
        table=headers[list(_SHOWN)].astype(object),
        instances={str(uid): int(position) for position, uid in unique.items()},
        keys={"accession": headers["AccessionNumber"], "study": headers["StudyInstanceUID"]},
        burned_in=int((headers["BurnedInAnnotation"].str.upper() == "YES").sum()),
        unstated=int(headers["BurnedInAnnotation"].isna().sum()),
        one_patient=one_patient,
    )


def numbered(patients: pd.Series) -> pd.Series:
    """Patients as "1", "2" ... in the order in which they come; missing stays missing. What ids become in outputs."""
    codes, _ = pd.factorize(patients)
    return pd.Series([str(code + 1) if code >= 0 else np.nan for code in codes], index=patients.index, dtype=object)


def ranked(ids: pd.Series) -> pd.Series:
    """Numbers of one length in place of `ids`, which sort as the ids do."""
    codes, known = pd.factorize(ids.astype(str), sort=True)
    return pd.Series([f"{code + 1:0{len(str(len(known)))}}" for code in codes], index=ids.index, dtype=object)
