"""Which column says whether an image is a radiograph, and a chest film a frontal one, and which of its values say that it is not.

Values as in CheXpert (Lateral), PadChest (L, COSTAL, EXCLUDE), DICOM's View Position (LL, RL) and hospital tables (seitlich). A decubitus film
is taken from the front and counts as neither.
"""

from __future__ import annotations

from clinjup.agent.roles_columns import DICOM_HEADERS, Column, all_columns
from clinjup.agent.vocabulary import fold, target_term
from clinjup.agent.vocabulary.headers import COVARIATE_HEADERS, FRONTAL_HEADERS, is_header
from clinjup.agent.vocabulary.terms import pattern
from clinjup.contracts import ClinicalTask, DataProfile, Flag, TableProfile
from clinjup.radiographs import NO_RADIOGRAPHS, NOT_FRONTAL

_PROJECTION = ("projection", "projektion", "view position")  # headers below which a bare L can only mean lateral
# Below "Lagerung", "links lateral" is a decubitus film.
_HEADERS = (*(header for header in COVARIATE_HEADERS["view"] if header != "lagerung"), *FRONTAL_HEADERS)
_FRONTAL = pattern(("a p", "p a", "frontal*", "antero posterior", "postero anterior"))
_OTHER = pattern(
    (
        *NOT_FRONTAL,
        *("lateral*", "seitlich*", "seitaufnahme*", "profil*", "oblique*", "schräg*", "swimmers", "costal", "exclude"),
    )
)


def modality_of(task: ClinicalTask) -> str | None:
    """The kind of image that a task is about: as it was named, or as its target is seen on."""
    return task.modality or target_term(task.target or "", task.target_name).modality


def radiograph_column(profile: DataProfile) -> Flag | None:
    """What DICOM files say of their modality, where it is none of radiographs for some; None where it is for none."""
    reference = f"{DICOM_HEADERS}:Modality"
    column = profile.column(reference)
    values = sorted(item.value for item in column.values) if column else []
    absent = [value for value in values if value.upper() in NO_RADIOGRAPHS]
    return Flag(column=reference, present=[], absent=absent) if absent else None


def frontal_column(profile: DataProfile, first: TableProfile | None) -> Flag | None:
    """The column that names films which are not frontal, preferably of table `first`; None where no column does."""
    columns = sorted(all_columns(profile), key=lambda column: column.table is not first)
    read = [_read(column) for column in columns if is_header(column.name, _HEADERS)]
    return next((flag for flag in read if flag.absent), None)


def _read(column: Column) -> Flag:
    values = [item.value for item in column.profile.values]
    present = [value for value in values if _says(value) is True]
    absent = [value for value in values if _says(value) is False]
    if present or is_header(column.name, _PROJECTION):
        absent += [value for value in values if fold(value).strip() == "l"]
    return Flag(column=column.reference, present=present, absent=absent)


def _says(value: str) -> bool | None:
    """Whether a film is frontal; None where the value names both views, or neither."""
    words = fold(value)
    frontal, other = bool(_FRONTAL.search(words)), bool(_OTHER.search(words)) and "decubitus" not in words
    return None if frontal == other else frontal
