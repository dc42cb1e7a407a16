"""What single cells of a table mean: yes and no, numbers, dates, lists. English and German."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable

import pandas as pd

from clinjup.unknown_words import NO_OUTLINE, says_unknown

YES = frozenset({"1", "yes", "y", "true", "t", "ja", "j", "wahr", "present", "positive", "positiv", "pos", "+", "x"})
NO = frozenset({"0", "no", "n", "false", "f", "nein", "falsch", "absent", "negative", "negativ", "neg", "-"})
UNSURE = frozenset({"-1", "unknown", "uncertain", "unbekannt", "unklar", "?", "u", NO_OUTLINE})

_MOST_SPELLINGS = 200  # of yes and no in one column

_WHOLE = re.compile(r"([+-]?\d+)[.,]0+")
_INTEGER = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_DATE = re.compile(
    r"(\d{4}-\d{1,2}-\d{1,2}|\d{1,2}\.\d{1,2}\.(\d{4}|\d{2})|\d{1,2}/\d{1,2}/(\d{4}|\d{2}))([T ]\d{1,2}:\d{2}.*)?"
)
_AGE = re.compile(r"(\d{1,3})([YMWD])")  # DICOM's age string, e.g. 058Y
_AGE_UNITS = {"Y": 1.0, "M": 1 / 12, "W": 1 / 52.18, "D": 1 / 365.25}


def normal(value: str) -> str:
    """The form in which two cells are compared: no case, no spaces around, one Unicode form, 1.0 equal to 1."""
    text = unicodedata.normalize("NFC", value).strip().casefold()
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def tokens(value: str) -> list[str]:
    """The entries of a list cell: `A|B`, or a list written as text (`['A', 'B']`). A plain cell is one entry."""
    text = value.strip()
    if text.startswith("[") and text.endswith("]"):
        return [part for part in (piece.strip(" '\"") for piece in text[1:-1].split(",")) if part]
    if "|" in text:
        return [part for part in (piece.strip() for piece in text.split("|")) if part]
    return [text] if text else []


def is_list(value: str) -> bool:
    """Whether a cell holds a list rather than one value."""
    return "|" in value or (value.startswith("[") and value.endswith("]"))


def flag_of(value: str, present: Collection[str], absent: Collection[str]) -> float:
    """1.0 where the cell or one entry of its list is in `present`, 0.0 where it is in `absent`, else NaN.

    `present` and `absent` hold values as `normal` gives them.
    """
    entries = {normal(value), *(normal(entry) for entry in tokens(value))}
    if not entries.isdisjoint(present):
        return 1.0
    return 0.0 if not entries.isdisjoint(absent) else float("nan")


def kind_of(distinct: Iterable[str], rows: int) -> str:
    """The kind of a column, as in `contracts.ColumnProfile`, from its distinct non-missing values and their number of rows."""
    values = list(distinct)
    if not values:
        return "empty"
    words = {normal(value) for value in values} if len(values) <= _MOST_SPELLINGS else set()
    if words and words <= YES | NO | UNSURE and words & (YES | NO):
        return "flag"
    if all(_INTEGER.fullmatch(value) for value in values):
        return "integer"
    if all(_NUMBER.fullmatch(value) for value in values):
        return "number"
    if all(_DATE.fullmatch(value) for value in values):
        return "date"
    if any(is_list(value) for value in values):
        return "list"
    return "category" if len(values) <= 2 or (len(values) <= 50 and len(values) * 2 <= rows) else "text"


def as_number(value: str) -> float:
    """A cell as a number: decimal point or comma, DICOM ages (`058Y`) in years; NaN where it is none."""
    age = _AGE.fullmatch(value)
    if age:
        return float(age[1]) * _AGE_UNITS[age[2]]
    return float(value.replace(",", ".")) if _NUMBER.fullmatch(value) else float("nan")


def map_distinct(column: pd.Series, function: Callable[[str], float]) -> pd.Series:
    """`function(value)` of every value as a float, worked out once per distinct value; missing stays NaN."""
    codes, distinct = pd.factorize(column)
    mapped = pd.Series([*(function(value) for value in distinct), float("nan")], dtype=float)
    return pd.Series(mapped.to_numpy()[codes], index=column.index)


def as_covariate(column: pd.Series, *, categories: bool = False) -> pd.Series:
    """Numbers where at least nine in ten known values are numbers (the others become missing), else the text.

    What says that nothing is known ('unknown', 'k. A.') is missing. `categories`: numbers are names of groups (a skin type) and stay text.
    """
    known = column.mask(column.isin([value for value in column.dropna().unique() if says_unknown(value)]))
    if categories:
        return known.map(lambda value: whole[1] if (whole := _WHOLE.fullmatch(value)) else value, na_action="ignore")
    numbers = map_distinct(known, as_number)
    count = int(known.notna().sum())
    return numbers if count and numbers.notna().sum() >= 0.9 * count else known


def in_order(values: Iterable[str]) -> list[str]:
    """Steps of a scale from the first to the last, by number where they are numbers (1, 2, 10; I, II, III); a blank is last."""

    def place(value: str) -> tuple[bool, float, str]:
        number = as_number(value)
        return value == "", float("inf") if math.isnan(number) else number, value

    return sorted(values, key=place)
