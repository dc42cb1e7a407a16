"""Excel workbooks: each sheet that holds anything is a table of its own, called `labels.xlsx#Sheet`.

A workbook with one such sheet is called by its file name alone. Cells become text as they are shown: no decimal point behind
whole numbers, leading zeros where the cell's format shows them, dates as 2024-03-31.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from clinjup.contracts import UnusableData
from clinjup.kernel.errors import MissingColumnError

WORKBOOK_SUFFIXES = (".xlsx", ".xlsm", ".xls")
_MARK = "#"
_ROWS_TO_LOOK = 20


def split_sheet(path: Path | str) -> tuple[Path, str | None]:
    """`labels.xlsx#Sheet` as (labels.xlsx, "Sheet"); any other path with None."""
    text = str(path)
    for suffix in WORKBOOK_SUFFIXES:
        place = text.lower().rfind(suffix + _MARK)
        if place >= 0:
            end = place + len(suffix)
            return Path(text[:end]), text[end + 1 :]
    return Path(text), None


def is_workbook(path: Path | str) -> bool:
    """Whether `path` names a workbook or one of its sheets."""
    return split_sheet(path)[0].suffix.lower() in WORKBOOK_SUFFIXES


def sheet_tables(path: Path, name: str) -> list[str]:
    """What the sheets of the workbook at `path` are called as tables; `name` alone where one sheet or none holds anything.

    A workbook that cannot be opened keeps its name: reading it says why.
    """
    try:
        filled = [sheet for sheet in _sheet_names(path) if next(_rows(path, sheet), None) is not None]
    except UnusableData:
        return [name]
    return [f"{name}{_MARK}{sheet}" for sheet in filled] if len(filled) > 1 else [name]


def read_sheet(path: Path | str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The sheet as one text column per header, empty cells as NaN; without a sheet's name, the first that holds anything.

    The first row with anything in two cells is the header (a title may stand above it). Raises `UnusableData` when it is no
    workbook or empty, `MissingColumnError` when one of `columns` is not there.
    """
    file, sheet = split_sheet(path)
    if sheet is None:
        sheet = next((name for name in _sheet_names(file) if next(_rows(file, name), None) is not None), None)
    if sheet is None:
        raise UnusableData(f"The workbook '{file.name}' is empty.")
    rows = list(_rows(file, sheet))
    start = next((i for i, row in enumerate(rows[:_ROWS_TO_LOOK]) if sum(cell is not None for cell in row) > 1), 0)
    if not rows:
        raise UnusableData(f"The sheet '{sheet}' of the workbook '{file.name}' is empty.")
    names = _unique(rows[start])
    body = [row[: len(names)] + [None] * (len(names) - len(row)) for row in rows[start + 1 :]]
    table = pd.DataFrame(body, columns=names, dtype=object)
    table = table.where(table.notna(), np.nan)
    table = table[[name for name in names if not name.startswith("column ") or table[name].notna().any()]]
    for name in columns or ():
        if name not in table:
            raise MissingColumnError(Path(path).name, name, list(table.columns))
    return table[[*dict.fromkeys(columns)]] if columns is not None else table


def _unique(cells: Sequence[str | None]) -> list[str]:
    names: list[str] = []
    for number, cell in enumerate(cells, start=1):
        name = base = " ".join((cell or f"column {number}").split())
        again = 1
        while name in names:
            name = f"{base}.{again}"
            again += 1
        names.append(name)
    return names


def _sheet_names(path: Path) -> list[str]:
    with _Workbook(path) as book:
        return [sheet.title for sheet in book.worksheets]


def _rows(path: Path, sheet: str) -> Iterator[list[str | None]]:
    """Rows that hold anything, as text, one after the other."""
    with _Workbook(path) as book:
        if sheet not in book.sheetnames:
            raise UnusableData(f"The workbook '{path.name}' has no sheet '{sheet}' any more. Restore it, or run anew.")
        for row in book[sheet].iter_rows():
            cells = [_text(cell) for cell in row]
            while cells and cells[-1] is None:
                cells.pop()
            if cells:
                yield cells


class _Workbook:
    """An open workbook; the errors of zip, XML and disk come out as one sentence."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Any:
        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException

        if self.path.suffix.lower() == ".xls":
            raise UnusableData(
                f"The table '{self.path.name}' is in Excel's old format, which cannot be read here. Save it as XLSX or CSV."
            )
        try:
            self.book = load_workbook(self.path, read_only=True, data_only=True)
        except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, SyntaxError) as error:
            raise UnusableData(
                f"The workbook '{self.path.name}' cannot be opened (damaged, or protected by a password). "
                "Open it in a spreadsheet program and save it anew, without a password."
            ) from error
        except OSError as error:
            raise UnusableData(f"The workbook '{self.path.name}' cannot be opened ({error.strerror}).") from error
        return self.book

    def __exit__(self, *_: object) -> None:
        self.book.close()


def _text(cell: Any) -> str | None:
    value = cell.value
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, int):
        form = cell.number_format or ""
        return str(value).zfill(len(form)) if set(form) == {"0"} and value >= 0 else str(value)
    if isinstance(value, datetime) and value.time() == time(0):
        value = value.date()
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return " ".join(str(value).split()) or None
