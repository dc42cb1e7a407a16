"""Which column says whether a chest film is frontal, and which of its values say that it is not.

Values as in CheXpert (Lateral), PadChest (L, COSTAL, EXCLUDE), DICOM's View Position (LL, RL) and hospital tables (seitlich). A decubitus film
is taken from the front and counts as neither.
"""

from __future__ import annotations

from clinjup.agent.roles_columns import Column, all_columns
from clinjup.agent.vocabulary import fold
from clinjup.agent.vocabulary.headers import COVARIATE_HEADERS, FRONTAL_HEADERS, is_header
from clinjup.agent.vocabulary.terms import pattern
from clinjup.contracts import DataProfile, Flag, TableProfile

_PROJECTION = ("projection", "projektion", "view position")  # headers below which a bare L can only mean lateral
# Below "Lagerung", "links lateral" is a decubitus film.
_HEADERS = (*(header for header in COVARIATE_HEADERS["view"] if header != "lagerung"), *FRONTAL_HEADERS)
_FRONTAL = pattern(("a p", "p a", "frontal*", "antero posterior", "postero anterior"))
_OTHER = pattern(
    (
        *("lateral*", "lat", "l lat", "r lat", "ll", "rl", "seitlich*", "seitaufnahme*", "profil*"),
        *("oblique*", "schräg*", "lao", "rao", "lpo", "rpo", "llo", "rlo", "swimmers", "costal", "exclude"),
    )
)


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
