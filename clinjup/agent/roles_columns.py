"""Columns of all tables and what their headers make of them: image, patient, split, covariate, confounder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from clinjup.agent.vocabulary import CONFOUNDERS, TARGETS, Term, find, header_words
from clinjup.agent.vocabulary.headers import (
    ATTRIBUTE_HEADERS,
    COVARIATE_HEADERS,
    FRONTAL_HEADERS,
    IMAGE_HEADERS,
    PATIENT_HEADERS,
    SPLIT_HEADERS,
    header_has,
    is_header,
)
from clinjup.contracts import ColumnProfile, DataProfile, TableProfile
from clinjup.split_words import split_name
from clinjup.unknown_words import names_nobody

# Layouts whose columns are known by name: (image, label).
KNOWN_COLUMNS = {
    "chestxray14": ("Image Index", "Finding Labels"),
    "siim": ("ImageId", "Pneumothorax"),
    "candid": ("SOPInstanceUID", "Pneumothorax"),
    "padchest": ("ImageID", "Labels"),
    "grazpedwri": ("filestem", "fracture_visible"),
    "fracatlas": ("image_id", "fractured"),
    "ham10000": ("image_id", "dx"),
    "isic2018": ("image", "diagnosis"),
    "isic2019": ("image", "diagnosis"),
    "isic2020": ("image_name", "diagnosis"),
}
# Layouts in which a blank cell means "not mentioned": it is never read as no.
BLANK_IS_UNKNOWN = frozenset({"chexpert"})
DICOM_HEADERS = "DICOM headers"  # the table of what DICOM files say of themselves; its rows are the files


@dataclass(frozen=True)
class Column:
    """One column with the table it stands in."""

    table: TableProfile
    profile: ColumnProfile

    @property
    def name(self) -> str:
        return self.profile.name

    @property
    def reference(self) -> str:
        """'TABLE:COLUMN'."""
        return f"{self.table.path}:{self.profile.name}"


def all_columns(profile: DataProfile) -> Iterator[Column]:
    """Columns that hold anything, table by table."""
    for table in profile.tables:
        for column in table.columns:
            if column.kind != "empty":
                yield Column(table, column)


def image_column(profile: DataProfile, table: TableProfile | None = None) -> Column | None:
    """The column (of `table`, or of any) that names most image files; its header decides a tie."""
    named = [column for column in all_columns(profile) if column.profile.image_matches > 0]
    if table is not None:
        named = [column for column in named if column.table is table]
    return max(named, key=_image_score, default=None)


def _image_score(column: Column) -> float:
    return column.profile.image_matches + 0.5 * is_header(column.name, IMAGE_HEADERS)


def patient_column(profile: DataProfile, first: TableProfile | None) -> Column | None:
    """The column of patient numbers, preferably of table `first`; a case or a lesion where no patient is named."""
    columns = sorted(all_columns(profile), key=lambda column: column.table is not first)
    for headers in PATIENT_HEADERS:
        for column in columns:
            if is_header(column.name, headers) and column.profile.unique > 1 and ids_named(column):
                return column
    return None


def lesion_column(profile: DataProfile, patient: Column) -> Column | None:
    """The column of cases or lesions beside that of `patient`, for rows that name no patient."""
    tier = next((number for number, headers in enumerate(PATIENT_HEADERS) if is_header(patient.name, headers)), 0)
    for headers in PATIENT_HEADERS[tier + 1 :]:
        for column in all_columns(profile):
            named = column.table is patient.table and is_header(column.name, headers)
            if named and column.profile.unique > 1 and ids_named(column):
                return column
    return None


def ids_named(column: Column) -> int:
    """Distinct ids of a column; 'unknown' and its like are none."""
    return column.profile.unique - sum(names_nobody(item.value) for item in column.profile.values)


def split_column(profile: DataProfile, first: TableProfile | None) -> Column | None:
    """The column whose values are train / validation / test."""
    columns = sorted(all_columns(profile), key=lambda column: column.table is not first)
    return next((column for column in columns if _is_split(column)), None)


def _is_split(column: Column) -> bool:
    values = column.profile.values
    parts = {split_name(item.value) for item in values}
    readable = column.profile.unique <= len(values) and "" not in parts
    return is_header(column.name, SPLIT_HEADERS) and len(parts) > 1 and readable


def covariate_of(column: Column) -> str | None:
    """'Patient Age' -> 'age'; None for a column that is no covariate."""
    return next((name for name, headers in COVARIATE_HEADERS.items() if _is_covariate(column.name, headers)), None)


def _is_covariate(header: str, headers: tuple[str, ...]) -> bool:
    words = header_words(header).removeprefix("patient ").removeprefix("patienten ")
    return is_header(words, headers)


def covariates(profile: DataProfile, first: TableProfile | None) -> dict[str, Column]:
    """Age, sex, view ... -> column, preferably of table `first`."""
    found: dict[str, Column] = {}
    for column in sorted(all_columns(profile), key=lambda column: column.table is not first):
        name = covariate_of(column)
        if name and column.profile.unique > 1:
            found.setdefault(name, column)
    return found


def confounder_of(column: Column) -> Term | None:
    """The confounder a column is about, by its header or, for a plain header, by the name of its table (drains.csv)."""
    words = header_words(column.name)
    named = find(words, CONFOUNDERS, codes=True)
    if named:
        return named[0].term
    if find(words, TARGETS, codes=True) or column.profile.kind not in ("flag", "category"):
        return None
    subject = find(header_words(PurePosixPath(column.table.path).stem), CONFOUNDERS)
    return subject[0].term if subject else None


def label_columns(profile: DataProfile) -> list[Column]:
    """Columns that could hold a label: what names an image, a patient, a split, a covariate or a confounder never does."""
    known = KNOWN_COLUMNS.get(profile.layout)
    if known:
        own = [column for column in all_columns(profile) if column.name == known[1] and column.table.column(known[0])]
        if own:
            return own[:1]
    taken = {column.reference for table in profile.tables if (column := image_column(profile, table))}
    return [column for column in all_columns(profile) if column.reference not in taken and _may_be_label(column)]


def _may_be_label(column: Column) -> bool:
    if column.table.path == DICOM_HEADERS or column.profile.kind in ("date", "number") or column.profile.unique < 1:
        return False
    headers = (*(header for tier in PATIENT_HEADERS for header in tier), *IMAGE_HEADERS, *FRONTAL_HEADERS)
    if is_header(column.name, headers) or header_has(column.name, ATTRIBUTE_HEADERS):
        return False
    return not (_is_split(column) or covariate_of(column) or confounder_of(column))
