"""Read a table as it lies on disk: any usual encoding, delimiter and decimal mark, every value as text.

Clinical tables come from Excel, R, registries and web portals. The values stay strings here, so that no identifier loses
its leading zeros; what a value means is decided by `imaging.values` and by the roles of the columns.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from clinjup.contracts import UnusableData
from clinjup.imaging.workbooks import is_workbook, read_sheet
from clinjup.kernel.errors import MissingColumnError

TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".txt")
MISSING_MARKS = ("", "NA", "N/A", "n/a", "NaN", "nan", "<NA>", "#N/A", "NULL", "null")

_DELIMITERS = (",", ";", "\t")
_SAMPLE_BYTES = 256 * 1024
_CHUNK_ROWS = 200_000
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_DECIMAL_POINT = re.compile(r"[+-]?\d+\.\d+")


@dataclass(frozen=True)
class TableFormat:
    """How a table is written. `broken_rows` counts rows left out because they have more values than columns."""

    encoding: str
    delimiter: str
    decimal: Literal[".", ","] = "."
    broken_rows: int = 0


@dataclass(frozen=True)
class _Header:
    names: list[str]
    width: int  # of the widest row in the sample
    rows_to_skip: int
    delimiter: str
    decimal: Literal[".", ","]


def read_table(path: Path | str, columns: Sequence[str] | None = None) -> tuple[pd.DataFrame, TableFormat]:
    """Read the table at `path`: one string column per header, missing values as NaN.

    Headers and values are stripped of surrounding spaces, a repeated header gets a suffix (`Label`, `Label.1`), a column
    that has neither a header nor values is left out. `columns` restricts the result (and the memory) to these headers.
    Headers with unquoted commas inside brackets (ChestX-ray14) are split at them, like their rows. A workbook's sheet is
    called `labels.xlsx#Sheet` (see `imaging.workbooks`).

    Raises `UnusableData` when the file is no table, `MissingColumnError` when one of `columns` is not there.
    """
    if is_workbook(path):
        table = read_sheet(path, columns)
        return table.mask(table.isin(MISSING_MARKS)), TableFormat("workbook", "")
    path = Path(path)
    raw = _sample(path)
    for encoding in _encodings(raw):
        try:
            text = _decode_sample(raw, encoding)
            header = _read_header(path, text)
            table, broken = _read_rows(path, encoding, header, columns)
        except UnicodeDecodeError:
            continue
        except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error) as error:
            raise UnusableData(
                f"The table '{path.name}' cannot be read ({str(error).strip()}). Open it in a spreadsheet program, repair it "
                "and save it as CSV (UTF-8)."
            ) from error
        return table, TableFormat(encoding.removesuffix("-sig"), header.delimiter, header.decimal, broken)
    raise UnusableData(f"The text of the table '{path.name}' cannot be decoded. Save it as CSV (UTF-8).")


def table_columns(path: Path | str) -> list[str]:
    """The headers of the table at `path`; none where it is no table. Only its beginning is read."""
    try:
        if is_workbook(path):
            return [str(name) for name in read_sheet(path).columns]
        raw = _sample(Path(path))
        return [name for name in _read_header(Path(path), _first_text(raw)).names if name]
    except (UnusableData, csv.Error):
        return []


def table_format(path: Path | str) -> TableFormat:
    """How the table at `path` is written, from its beginning. Raises `UnusableData` when it is no table."""
    if is_workbook(path):
        return TableFormat("workbook", "")
    raw = _sample(Path(path))
    encoding = next(iter(_encodings(raw)))
    header = _read_header(Path(path), _first_text(raw))
    return TableFormat(encoding.removesuffix("-sig"), header.delimiter, header.decimal)


def _first_text(raw: bytes) -> str:
    for encoding in _encodings(raw):
        try:
            return _decode_sample(raw, encoding)
        except UnicodeDecodeError:
            continue
    return ""


def looks_like_table(path: Path) -> bool:
    """Whether a .txt file, or one without a suffix, holds a table rather than prose or a list of names: its first lines split evenly."""
    try:
        raw = path.read_bytes()[:_SAMPLE_BYTES] if path.stat().st_size < _SAMPLE_BYTES else _sample(path)
        text = _decode_sample(raw, next(iter(_encodings(raw))))
    except (OSError, UnicodeDecodeError, UnusableData):
        return False
    lines = [line for line in text.splitlines() if line.strip()][:20]
    return len(lines) >= 2 and any(
        lines[0].count(mark) > 0 and len({line.rstrip(mark).count(mark) for line in lines}) == 1 for mark in _DELIMITERS
    )


def _sample(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            raw = stream.read(_SAMPLE_BYTES)
    except OSError as error:
        raise UnusableData(f"The table '{path.name}' cannot be opened ({error.strerror}).") from error
    if not raw.strip():
        raise UnusableData(f"The table '{path.name}' is empty.")
    if raw.startswith(b"PK\x03\x04"):
        raise UnusableData(f"The table '{path.name}' is an Excel workbook, not text. Give its name the ending .xlsx.")
    return raw


def _encodings(raw: bytes) -> Iterable[str]:
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            return (encoding,)
    if b"\0" in raw[:4096]:  # text in a Latin script, two bytes a character, no byte order mark
        return ("utf-16-le",) if raw[1::2].count(0) > raw[0::2].count(0) else ("utf-16-be",)
    return ("utf-8", "cp1252", "latin-1")


def _decode_sample(raw: bytes, encoding: str) -> str:
    text = codecs.getincrementaldecoder(encoding)().decode(raw, final=False)
    if len(raw) == _SAMPLE_BYTES:  # the last line may be cut
        text = text[: text.rfind("\n") + 1] or text
    return text.lstrip("\ufeff")


def _records(text: str, delimiter: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=None), delimiter=delimiter, skipinitialspace=True))


def _read_header(path: Path, text: str) -> _Header:
    declared = re.match(r"\s*sep=(.)\r?\n", text)  # Excel's own hint in the first line
    delimiter = declared[1] if declared else _find_delimiter(path, text)
    records = _records(text, delimiter)
    start = next((i for i, record in enumerate(records) if any(cell.strip() for cell in record)), None)
    if declared and start is not None:
        start += 1
    if start is None or start >= len(records):
        raise UnusableData(f"The table '{path.name}' is empty.")
    body = [record for record in records[start + 1 :] if any(cell.strip() for cell in record)]
    width = max([len(records[start]), *(len(record) for record in body)])
    return _Header(_unique_names(records[start]), width, start + 1, delimiter, _find_decimal(body, delimiter))


def _find_delimiter(path: Path, text: str) -> str:
    """The mark that the header uses and that splits most rows as it splits the header."""
    best, best_score = "\t" if path.suffix.lower() in (".tsv", ".tab") else ",", (0.0, 0)
    for mark in _DELIMITERS:
        records = [record for record in _records(text, mark)[:200] if any(cell.strip() for cell in record)]
        width = len(records[0]) if records else 0
        if width < 2:
            continue
        even = sum(abs(len(record) - width) <= 1 for record in records) / len(records)
        if (even, width) > best_score:
            best, best_score = mark, (even, width)
    return best


def _find_decimal(body: list[list[str]], delimiter: str) -> Literal[".", ","]:
    cells = [cell.strip() for record in body[:1000] for cell in record]
    commas = sum(_DECIMAL_COMMA.fullmatch(cell) is not None for cell in cells)
    points = sum(_DECIMAL_POINT.fullmatch(cell) is not None for cell in cells)
    return "," if commas > points and (delimiter != "," or points == 0) else "."


def _unique_names(cells: list[str]) -> list[str]:
    """Stripped headers, repeated ones with a suffix; "" stays for a column without a header."""
    names: list[str] = []
    for cell in cells:
        name = base = " ".join(cell.replace("\ufeff", "").split())
        number = 1
        while name and name in names:
            name = f"{base}.{number}"
            number += 1
        names.append(name)
    return names


def _read_rows(path: Path, encoding: str, header: _Header, columns: Sequence[str] | None) -> tuple[pd.DataFrame, int]:
    """The rows below the header and the number of broken rows that were left out."""
    present = [name for name in header.names if name]
    for name in columns or ():
        if name not in present:
            raise MissingColumnError(path.name, name, present)
    # One column more than any row seen so far catches values behind the last header instead of shifting the row.
    wide = [name or f"\0{i}" for i, name in enumerate(header.names)]
    wide += [f"\0{i}" for i in range(len(wide), max(header.width, len(wide)) + 1)]
    beyond = wide[len(header.names) :]
    unnamed = [name for name in wide[: len(header.names)] if name.startswith("\0")]
    chunks: list[pd.DataFrame] = []
    broken = 0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", pd.errors.ParserWarning)
        # Chunks keep a long table lean: columns that nobody asked for are gone before the next chunk comes.
        reader = pd.read_csv(
            path,
            sep=header.delimiter,
            encoding=encoding,
            header=None,
            names=wide,
            skiprows=header.rows_to_skip,
            index_col=False,
            dtype=str,
            keep_default_na=False,
            na_values=list(MISSING_MARKS),
            skipinitialspace=True,
            on_bad_lines="warn",
            low_memory=False,  # one pass a chunk: equal strings are stored once
            chunksize=_CHUNK_ROWS,
        )
        with reader:
            for chunk in reader:
                shifted = chunk[beyond].notna().any(axis=1)
                broken += int(shifted.sum())
                chunks.append(
                    chunk.loc[~shifted, [*dict.fromkeys(columns)] if columns is not None else wide[: len(header.names)]]
                )
    broken += sum(str(warning.message).count("Skipping line") for warning in caught)
    table = (
        pd.concat(chunks, ignore_index=True) if chunks else pd.DataFrame(columns=wide[: len(header.names)], dtype=str)
    )
    table = table.drop(columns=[name for name in unnamed if name in table and table[name].isna().all()])
    table = table.rename(columns={name: f"column {wide.index(name) + 1}" for name in unnamed})
    for name in table.columns:
        table[name] = _stripped(table[name])
    return table, broken


def _stripped(column: pd.Series) -> pd.Series:
    """Values without surrounding spaces; works on the distinct values, so that a long column stays cheap."""
    codes, distinct = pd.factorize(column)
    clean = [value.strip() for value in distinct]
    if all(new is old or new == old for new, old in zip(clean, distinct, strict=True)):
        return column
    mapping = pd.Series([value if value not in MISSING_MARKS else None for value in clean] + [None], dtype=column.dtype)
    return pd.Series(mapping.to_numpy()[codes], index=column.index, dtype=column.dtype)
