"""What of a table could tell who a patient is: judged once, for what is told to a model and for what a run writes down."""

from __future__ import annotations

import re

from clinjup.contracts import ColumnProfile, DataProfile, Roles, TableProfile

_NAME_HEADER = re.compile(
    r"name|surname|physician|arzt|ärzt|doctor|radiolog|operator|befunder|reader|station|institution|klinik|hospital",
    re.I,
)
_NOT_A_PERSON = re.compile(r"file|image|bild|datei|layer|class|model|column", re.I)
_LOOKS_LIKE_A_VALUE = re.compile(r"^\s*$|^[\d.,:/-]+$|\.(png|jpe?g|dcm|tiff?|bmp)$|^\d{4}-\d{2}-\d{2}|^[MFWmfw]$", re.I)
_SAYS_A_CLASS = {"flag", "integer", "category", "list"}


def has_header(table: TableProfile) -> bool:
    """Whether the first row of a table names its columns; where it does not, these names are a patient's values."""
    return sum(bool(_LOOKS_LIKE_A_VALUE.search(column.name)) for column in table.columns) < 2


def is_of_names(column: ColumnProfile) -> bool:
    """Whether a column holds names of people or of places."""
    names = _NAME_HEADER.search(column.name) and not _NOT_A_PERSON.search(column.name)
    return column.kind in {"text", "category"} and bool(names)


def without_patients(profile: DataProfile, roles: Roles) -> DataProfile:
    """`profile` as a run writes it down: columns, kinds and counts, values only of what says label, part or confounder.

    Of all other columns no value stays, and never a name, a date or free text. Names of folders stay where they are the labels.
    """
    flags = [*roles.confounders.values(), *(flag for flag in (roles.radiographs, roles.frontal) if flag)]
    read = {roles.label, roles.split, *(flag.column for flag in flags)}
    named = read | {roles.image, roles.patient, *roles.covariates.values()}

    def described(table: TableProfile, place: int, column: ColumnProfile) -> ColumnProfile:
        reference = f"{table.path}:{column.name}"
        told = reference in read and column.kind in _SAYS_A_CLASS and not is_of_names(column)
        name = column.name if has_header(table) or reference in named else f"column {place}"
        return column.model_copy(update={"name": name, "values": column.values if told else []})

    tables = [
        table.model_copy(update={"columns": [described(table, *each) for each in enumerate(table.columns, start=1)]})
        for table in profile.tables
    ]
    folders = {} if roles.label else profile.class_folders
    return profile.model_copy(update={"tables": tables, "class_folders": folders})
