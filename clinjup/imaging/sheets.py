"""Sheets of one workbook that go on in one another (2023, 2024 ...): the same headers, other images or patients in each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from clinjup.contracts import DataWarning
from clinjup.imaging.values import normal
from clinjup.imaging.workbooks import split_sheet

SHEET = "sheet"  # the column that says which sheet a row stands in
_SHARED = 0.25  # of the ids in all sheets: from here on the sheets tell of the same images, as those of two readers do


def alike(headers: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The tables (path -> headers) of one workbook that have the same headers, where there are several."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for path, names in headers.items():
        file, sheet = split_sheet(path)
        if sheet is not None and names:
            groups.setdefault((file.as_posix(), *sorted(names)), []).append(path)
    return [paths for paths in groups.values() if len(paths) > 1]


def telling_apart(tables: Sequence[pd.DataFrame], naming: str | None) -> str | None:
    """The column whose ids differ from table to table: `naming`, which names the images, or else one that numbers rows of all."""
    columns = (
        [naming] if naming else [name for name in tables[0] if all(_numbers_rows(table[name]) for table in tables)]
    )
    for name in columns:
        ids = [set(table[name].dropna().map(normal)) for table in tables]
        count = sum(map(len, ids))
        if count - len(set().union(*ids)) >= _SHARED * count:
            return None
    return columns[0] if columns else None


def with_names(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables with their sheet's name as a column, where none is called so: it may tell classes, sites or years apart."""
    taken = any(str(name).casefold() == SHEET for table in tables.values() for name in table)
    return {path: table if taken else table.assign(**{SHEET: split_sheet(path)[1]}) for path, table in tables.items()}


def _numbers_rows(column: pd.Series) -> bool:
    """Whether a column has an id for each row; 1, 2, 3 ... down the sheet is none."""
    known = column.dropna()
    running = set(known) == {str(number + 1) for number in range(len(known))}
    return len(known) > 0 and known.nunique() >= 0.9 * len(column) and not running


def sheet_names(paths: Iterable[str]) -> str:
    """`'2023', '2024'`."""
    return ", ".join(f"'{split_sheet(path)[1]}'" for path in paths)


def stacked_warning(paths: Sequence[str]) -> DataWarning:
    """The sentence about sheets that are read as one table."""
    sheets, book = sheet_names(paths), split_sheet(paths[0])[0].as_posix()
    return DataWarning(
        code="sheets_as_one",
        sentence=f"The sheets {sheets} of the workbook '{book}' have the same columns and are read as one table.",
    )
