"""Words that hospital tables use for yes, no, doubt and nothing known, in English and German."""

from __future__ import annotations

import re
from enum import StrEnum

from clinjup.agent.vocabulary.terms import fold, header_words, pattern
from clinjup.unknown_words import UNKNOWN_WORDS

_YES = (
    "1",
    "yes",
    "y",
    "ja",
    "j",
    "true",
    "wahr",
    "positive",
    "positiv",
    "pos",
    "present",
    "vorhanden",
    "x",
    "xx",
    "✓",
    "✔",
    "+",
    "detected",
    "nachgewiesen",
    "visible",
    "sichtbar",
    "liegend",
    "in situ",
    "left",
    "right",
    "both",
    "bilateral",
    "links",
    "rechts",
    "beidseits",
    "bds",
)
_NO = (
    "0",
    "no",
    "n",
    "nein",
    "false",
    "falsch",
    "negative",
    "negativ",
    "neg",
    "absent",
    "not present",
    "nicht vorhanden",
    "none",
    "keine",
    "kein",
    "keiner",
    "ohne",
    "without",
    "-",
    "not detected",
    "nicht nachgewiesen",
    "not visible",
    "nicht sichtbar",
    "fehlt",
)
_NORMAL = (
    "normal",
    "no finding",
    "no findings",
    "nofinding",
    "kein befund",
    "ohne befund",
    "o b",
    "ob",
    "unauffällig",
    "normalbefund",
    "healthy",
    "gesund",
    "clear",
    "control",
    "kontrolle",
    "frei",
    "regelrecht",
    "unremarkable",
)
_UNCERTAIN = (
    "-1",
    "?",
    "uncertain",
    "unsicher",
    "unklar",
    "unclear",
    "equivocal",
    "indeterminate",
    "fraglich*",
    "suspected",
    "suspicion*",
    "possible",
    "possibly",
    "probable",
    "probably",
    "likely",
    "questionable",
    "verdacht*",
    "v a",
    "va",
    "vd",
    "möglich*",
    "wahrscheinlich*",
    "eher",
    "dd",
    "susp*",
    "nicht sicher",
    "not sure",
    "cannot exclude*",
    "not excluded",
    "unlikely",
    "unwahrscheinlich*",
    "nicht auszuschließen",
    "z n",
    "zn",
    "history of",
    "zustand nach",
    "status post",
)


class Meaning(StrEnum):
    """What a cell of a yes/no column says."""

    YES = "yes"
    NO = "no"
    UNCERTAIN = "uncertain"
    UNKNOWN = "unknown"


def _key(value: str) -> str:
    return re.sub(r"^([+-]?\d+)[.,]0+$", r"\1", fold(value).strip())


_MEANINGS = (
    {_key(value): Meaning.UNKNOWN for value in UNKNOWN_WORDS}
    | {_key(value): Meaning.YES for value in _YES}
    | {_key(value): Meaning.NO for value in (*_NO, *_NORMAL)}
)


def is_uncertain(value: str) -> bool:
    """Whether a cell voices doubt ('V.a. Pneumothorax', '?', '-1')."""
    key = _key(value)
    return key == "-1" or "?" in key or bool(pattern(_UNCERTAIN[2:]).search(key))


def is_normal(value: str) -> bool:
    """Whether a cell says that nothing was found ('o. B.', 'No Finding')."""
    return header_words(value) in {header_words(word) for word in _NORMAL}


def meaning(value: str) -> Meaning | None:
    """Read one cell as yes/no; None where it says something else."""
    if is_uncertain(value):
        return Meaning.UNCERTAIN
    key = _key(value)
    if key in _MEANINGS:
        return _MEANINGS[key]
    return _MEANINGS.get(header_words(value)) if header_words(value) else None


def is_number(value: str) -> bool:
    """Whether a cell holds a whole number, such as a count."""
    return _key(value).isdigit()
