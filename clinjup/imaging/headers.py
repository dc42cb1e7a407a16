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
from clinjup.imaging.dicom import HEADER_TAGS, holds_picture, read_tags
from clinjup.imaging.files import FolderScan
from clinjup.nouns import in_number
from clinjup.radiographs import NO_RADIOGRAPHS, why_not_judged
from clinjup.unknown_words import names_nobody

DICOM_HEADERS = "DICOM headers"
PATIENT, MODALITY = "PatientID", "Modality"
# Headers that say outright which number of a DICOM header a column of another table repeats.
KEY_HEADERS = {
    "accession": re.compile(r"(accession|acc|untersuchungs)[\W_]*(number|nummer|no|nr)?\.?", re.IGNORECASE),
    "study": re.compile(r"(study|studien)[\W_]*(instance)?[\W_]*u?id", re.IGNORECASE),
    "header patient": re.compile(r"(pat|patient|patienten)[\W_]*(id|number|nummer|no|nr)?\.?", re.IGNORECASE),
}
_SHOWN = (PATIENT, "PatientAge", "PatientSex", MODALITY, "ViewPosition", "Manufacturer")


@dataclass(frozen=True)
class DicomHeaders:
    """`table`: text columns PatientID, PatientAge ..., index = position of the file in the scan's images, NaN where absent.

    `instances`: SOPInstanceUID -> position; `keys`: accession and study number per position, by which a table of examinations
    is joined; `burned_in`: files that say that text is burned into the picture; `unstated`: files that do not say whether it is;
    `broken`: positions of files whose header ends before the picture that it belongs to.
    """

    table: pd.DataFrame
    instances: Mapping[str, int]
    keys: Mapping[str, pd.Series]
    burned_in: int
    unstated: int
    broken: frozenset[int]
    one_patient: bool

    def warnings(self) -> list[DataWarning]:
        """What a clinician should know of the headers before anything else."""
        found = _mixed(self.table[MODALITY].dropna().str.upper())
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


def _broken(headers: pd.DataFrame) -> pd.Series:
    return headers["Rows"].isna() & headers["SOPClassUID"].fillna("").map(holds_picture)


def _mixed(modalities: pd.Series) -> list[DataWarning]:
    """That some files are no radiographs, where others are."""
    other = modalities[modalities.isin(NO_RADIOGRAPHS)]
    if other.empty or len(other) == len(modalities):
        return []
    sentence = in_number(
        len(other),
        "{n} of {all} DICOM files [is not a radiograph|are not radiographs] (Modality {kinds}); where the question is about radiographs, "
        "[it is|they are] left out.",
        all=len(modalities),
        kinds=", ".join(sorted(other.unique())),
    )
    return [DataWarning(code="not_radiographs", sentence=sentence)]


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
        broken=frozenset(int(position) for position in headers.index[_broken(headers)]),
        one_patient=one_patient,
    )


def not_judged(scan: FolderScan, *, radiographs: bool, frontal: bool) -> dict[str, str]:
    """Path -> why a model of `radiographs`, of `frontal` ones, has no word on this file; only of DICOM files that say so."""
    found = {}
    for position in scan.dicom if radiographs or frontal else ():
        path = scan.images[position]
        tags = read_tags(Path(scan.root) / path, (MODALITY, "ViewPosition")) or {}
        why = why_not_judged(
            tags.get(MODALITY, ""), tags.get("ViewPosition", ""), radiographs=radiographs, frontal=frontal
        )
        if why:
            found[path] = why
    return found


def numbered(patients: pd.Series) -> pd.Series:
    """Patients as "1", "2" ... in the order in which they come; missing stays missing. What ids become in outputs."""
    codes, _ = pd.factorize(patients)
    return pd.Series([str(code + 1) if code >= 0 else np.nan for code in codes], index=patients.index, dtype=object)


def ranked(ids: pd.Series) -> pd.Series:
    """Numbers of one length in place of `ids`, which sort as the ids do."""
    codes, known = pd.factorize(ids.astype(str), sort=True)
    return pd.Series([f"{code + 1:0{len(str(len(known)))}}" for code in codes], index=ids.index, dtype=object)
