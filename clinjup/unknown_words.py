"""Words by which a table says that it does not know, in English and German. Imports nothing of ours."""

from __future__ import annotations

import re

NO_OUTLINE = (
    "no readable outline"  # stands in tables of masks where run lengths say nothing; no blank, which may be read as no
)
UNKNOWN_WORDS = (
    NO_OUTLINE,
    "",
    "nan",
    "na",
    "n/a",
    "null",
    "unknown",
    "unbekannt",
    "k.a.",
    "keine angabe",
    "not available",
    "nicht bekannt",
    "missing",
    "fehlend",
)
# What stands where a number of a patient or a lesion should, and numbers none.
_NOBODY = ("none", "keine", "keiner", "ohne", "-1", "anon", "anonym", "anonymous", "anonymized", "anonymised")


def _plain(value: str) -> str:
    return re.sub(r"\s+", "", value.casefold())


_UNKNOWN = frozenset(map(_plain, UNKNOWN_WORDS))
_NO_ID = _UNKNOWN | frozenset(_NOBODY)


def says_unknown(value: str) -> bool:
    """Whether a cell says that nothing is known ('unknown', 'k. A.')."""
    return _plain(value) in _UNKNOWN


def names_nobody(identifier: str) -> bool:
    """Whether an id is none: 'unknown', 'k. A.', 'anonymous', '-', '?'. Rows with it are not all of one patient or lesion."""
    return _plain(identifier) in _NO_ID or not re.search(r"[^\W_]", identifier)
