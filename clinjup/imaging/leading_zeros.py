"""Image names that lost the zeros at their beginning in a spreadsheet program (17 for 00017.png): found again, or at least said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from clinjup.contracts import ColumnProfile, DataWarning, TableProfile
from clinjup.imaging.headers import KEY_HEADERS
from clinjup.nouns import in_number

if TYPE_CHECKING:
    from clinjup.imaging.source import DataFolder

_MOST = 0.8  # of the numbers of a column must fit a file before they are taken for names of images
_HALF = 0.5  # of the image files must be named by them


def zeros_warning(path: str, column: str, names: int) -> DataWarning:
    """The warning about `names` image names that were found again without the zeros at their beginning; 0: it cannot be told which."""
    sentence = (
        "{n} [name|names] in the column '{column}' of '{path}' lost the zeros at the beginning, as spreadsheet programs drop them; [it "
        "was|they were] matched to the one image file that fits (17 to 00017). Check some of them."
        if names
        else "The numbers in the column '{column}' of '{path}' look like image names that lost the zeros at the beginning, as spreadsheet "
        "programs drop them (17 for 00017), but which image each means cannot be told. Write the names as text, with all their digits."
    )
    return DataWarning(code="leading_zeros", sentence=in_number(names, sentence, column=column, path=path))


def name_images(
    tables: Sequence[TableProfile], cells: Sequence[pd.DataFrame], data: DataFolder
) -> tuple[list[TableProfile], list[DataWarning]]:
    """For a folder in which no table names an image as it is written: the tables, with the columns that do once the zeros are back.

    Also returns what to say of them. `cells` holds the values of the tables. Columns of one header name the images together; where several
    headers could, none does.
    """
    joined = data.headers is not None and any(data.named(table[name]) for table in cells for name in table)
    found = [] if joined else _looking_so(tables, cells, data)
    one = len({column.name for _, column, _ in found}) == 1
    named, warnings = {}, []
    for table, column, values in found:
        matched = int((data.with_zeros(values) >= 0).sum())
        enough = one and matched >= _MOST * len(values) and matched >= _HALF * len(data.scan.images)
        warnings.append(zeros_warning(table.path, column.name, matched if enough else 0))
        if enough:
            named[id(column)] = column.model_copy(update={"image_matches": matched / len(values)})
    now = [
        table.model_copy(update={"columns": [named.get(id(column), column) for column in table.columns]})
        for table in tables
    ]
    return now, warnings


def _looking_so(
    tables: Sequence[TableProfile], cells: Sequence[pd.DataFrame], data: DataFolder
) -> list[tuple[TableProfile, ColumnProfile, pd.Series]]:
    """Columns of numbers, about one a row, of which most are the number of a file; with their values."""
    found = []
    for table, values_of in zip(tables, cells, strict=True):
        for column in table.columns:
            values = values_of[column.name].dropna()
            numbers_rows = column.kind == "integer" and column.unique >= 0.9 * len(values) > 0
            if numbers_rows and not KEY_HEADERS["header patient"].fullmatch(column.name.strip()):
                fitting = sum(bool(data.index.padded(value)) for value in values)
                if fitting >= _MOST * len(values):
                    found.append((table, column, values))
    return found
