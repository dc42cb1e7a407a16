"""Text that has the shape of data: rows of tables, arrays, records, tracebacks with foreign code. Recognised by form alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

WITHHELD_ROWS = "[rows withheld]"
WITHHELD_NUMBERS = "[numbers withheld]"

_CELL_FRAME = re.compile(r"^\s*Cell In\[\d+\],? line (?P<line>\d+)")
_FILE_FRAME = re.compile(r"^\s*File (?P<path>.+?):(?P<line>\d+)(, in .*)?$")
_ARROW = re.compile(r"^-+> ?\d+ ?(?P<code>.*)$")
_CONTEXT = re.compile(r"^\s{2,}\d+( .*)?$")
_HEADER = re.compile(r"^\s*([\w.]+\s+Traceback|Traceback) \(most recent call last\):?\s*$|^-{20,}$")
_PACKAGE = re.compile(r"(?:site-packages|dist-packages)[/\\](?P<package>[A-Za-z]\w*)")
_ARRAY = re.compile(r"[\[(](?:\s*[\[(])*\s*(?:[-+]?[\d.]+(?:e[-+]?\d+)?%?[\s,;\])(\[]+){6,}", re.I)
_ITEM = r"\s*(?:'[^'\n]*'|\"[^\"\n]*\"|[-+]?\d[\d.e+-]*|nan|None|True|False)\s*"
_TUPLE = re.compile(rf"\((?:{_ITEM},){{2,}}(?:{_ITEM})?\)|\[(?=[^\]\n]*\d)(?:{_ITEM},){{3,}}(?:{_ITEM})?\]")
_VALUE = r"['\"]?\s*[:=]\s*(?:-?\d[\d.,-]*|'[^'\n]*'|\"[^\"\n]*\"|nan|None|True|False)\s*(?=[,;}\])\n]|$)"


def without_foreign_code(text: str) -> str:
    """A traceback reduced to what concerns the cell: its failing lines, the library that raised, the last line."""
    lines = text.split("\n")
    if not any(_CELL_FRAME.match(line) or _FILE_FRAME.match(line) for line in lines):
        return text
    kept: list[str] = []
    in_cell = False
    for line in lines:
        cell, file = _CELL_FRAME.match(line), _FILE_FRAME.match(line)
        if cell:
            in_cell = True
            kept.append(f"in the cell, line {cell['line']}")
        elif file:
            in_cell = False
            package = _PACKAGE.search(file["path"])
            told = f"in {package['package']}" if package else "in other code"
            if not kept or kept[-1] != told:
                kept.append(told)
        elif arrow := _ARROW.match(line):
            if in_cell:
                kept.append(f"> {arrow['code'].strip()}")
        elif not (_CONTEXT.match(line) or _HEADER.match(line)):
            kept.append(line)
    return re.sub(r"\n{2,}", "\n", "\n".join(kept))


def without_rows(text: str, columns: Callable[[str], list[str]]) -> str:
    """`text` without table rows, arrays and records; `columns` finds the column names of the data in a line."""
    lines: list[str] = []
    for line, is_row in zip(text.split("\n"), _rows(text.split("\n"), columns), strict=True):
        if not is_row:
            lines.append(_TUPLE.sub(WITHHELD_ROWS, _ARRAY.sub(WITHHELD_NUMBERS, line)))
        elif not lines or lines[-1] != WITHHELD_ROWS:
            lines.append(WITHHELD_ROWS)
    return "\n".join(lines)


def _rows(lines: list[str], columns: Callable[[str], list[str]]) -> Iterable[bool]:
    pairs = [bool(re.match(r"^\s*\S.*?\s{2,}\S+(\s\S+){0,3}\s*$", line)) for line in lines]
    separated = [_separated(line) for line in lines]
    for number, line in enumerate(lines):
        beside = [place for place in (number - 1, number + 1) if 0 <= place < len(lines)]
        wide = len(re.split(r"\s{2,}|\t|\s\|\s|│", line.strip(" |\t"))) >= 3
        pair = pairs[number] and any(pairs[place] for place in beside)
        table = separated[number] >= 3 and any(separated[place] == separated[number] for place in beside)
        yield wide or pair or table or _is_record(line, columns) or bool(re.match(r"^\s*[│|].*[│|]\s*$", line))


def _separated(line: str) -> int:
    """Number of short values that stand in a line like in a CSV file; 0 when it is a sentence."""
    if re.search(r"[(){}\[\]:]", line):
        return 0
    for delimiter in (";", "\t", ","):
        values = line.split(delimiter)
        if len(values) >= 3 and all(len(value.split()) <= 3 and len(value) <= 40 for value in values):
            return len(values)
    return 0


def _is_record(line: str, columns: Callable[[str], list[str]]) -> bool:
    """`{'Age': 58, 'Sex': 'M'}` and `Age=58, Sex=M`: two columns with their values."""
    found = [name for name in columns(line) if re.search(re.escape(name) + _VALUE, line)]
    return len(found) >= 2
