"""What the data say in ordinary words: names that are words too ('Young', 'rose.png'), and the sentences of free text."""

from __future__ import annotations

import csv
import os
import re
import zipfile
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from clinjup.agent.identifying import has_header, is_of_names
from clinjup.agent.privacy.vocabulary import WORD, ordinary_words, parts_of, phrases
from clinjup.contracts import ColumnProfile, DataProfile, TableProfile

MAX_FILES = 200_000
MAX_ROWS = 2_000_000
MAX_PHRASES = 3_000_000
RARE = 5

_IMAGE = re.compile(r"\.(png|jpe?g|dcm|dicom|tiff?|bmp|nii|gz)$", re.I)


def column_names(profile: DataProfile) -> list[str]:
    """Names of columns that may be told. A table whose first row is no header gives none: its names are a patient's values."""
    return [column.name for table in profile.tables if has_header(table) for column in table.columns]


def naming_words(profile: DataProfile) -> frozenset[str]:
    """Words, in lower case, of columns of names, and ordinary words that stand in the names of fewer than five images."""
    root = Path(profile.root)
    found = set(_words_of_files(root)) & ordinary_words()
    for table in profile.tables:
        for value in _values(root / table.path, table, is_of_names):
            found.update(word.lower() for word in WORD.findall(value))
    structure = [column for table in profile.tables for column in [table.path, *(item.name for item in table.columns)]]
    return frozenset(found - {part for name in [*structure, *profile.class_folders] for part in parts_of(name)})


def _words_of_files(root: Path) -> Iterator[str]:
    counts: Counter[str] = Counter()
    seen = 0
    for folder, _, files in os.walk(root):
        images = [name.rpartition(".")[0] or name for name in files if _IMAGE.search(name) or "." not in name]
        for name in [*images, *([Path(folder).name] if images and Path(folder) != root else [])]:
            counts.update({word.lower() for word in WORD.findall(name)})
            seen += 1
        if seen > MAX_FILES:
            break
    return (word for word, count in counts.items() if count < RARE and len(word) > 2 and word != "images")


def sentences(profile: DataProfile) -> array[int]:
    """Fingerprints, sorted, of what stands in columns of free text: all runs of three words, and values of two words."""
    found: set[int] = set()
    for table in profile.tables:
        for value in _values(Path(profile.root) / table.path, table, lambda column: column.kind == "text"):
            found.update(phrases(value) or phrases(value, 2))
            if len(found) > MAX_PHRASES:
                break
    return array("L", sorted(found))


def _values(path: Path, table: TableProfile, wanted: Callable[[ColumnProfile], bool]) -> Iterator[str]:
    names = [column.name for column in table.columns if wanted(column)]
    if not names:
        return
    workbook, _, sheet = str(path).partition("#")
    if workbook.lower().endswith((".xlsx", ".xlsm")):
        yield from _values_of_sheet(Path(workbook), sheet, names)
        return
    try:
        with path.open(encoding=table.encoding, newline="", errors="replace") as stream:
            for number, row in enumerate(csv.DictReader(stream, delimiter=table.delimiter)):
                yield from (value for name in names if (value := row.get(name)))
                if number > MAX_ROWS:
                    return
    except (OSError, csv.Error, LookupError):
        return


def _values_of_sheet(path: Path, sheet: str, names: list[str]) -> Iterator[str]:
    """As `_values`, of the columns called `names` of a workbook's sheet, or of all its sheets where `sheet` is empty."""
    from openpyxl import load_workbook

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return
    with closing(book):
        for page in book.worksheets:
            places: list[int] = []
            for row in page.iter_rows(values_only=True) if sheet in {"", page.title} else ():
                if places:
                    yield from (str(row[place]) for place in places if place < len(row) and row[place] is not None)
                else:  # a title may stand above the header
                    places = [at for at, cell in enumerate(row) if " ".join(str(cell or "").split()) in names]
