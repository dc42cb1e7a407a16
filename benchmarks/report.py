"""Tables of a benchmark on the screen and, with --record, in RESULTS.md."""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections.abc import Sequence
from datetime import date
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")


def machine() -> str:
    """One line that says on what the figures were measured."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        size = f", {memory:.0f} GB"
    except (AttributeError, ValueError, OSError):
        size = ""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE)
        model = found[1] if found else model
    return f"{date.today():%Y-%m-%d}, {model}, {os.cpu_count()} cores{size}, {platform.system()}, Python {platform.python_version()}"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join("---" for _ in header) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(_cell(value) for value in row) + " |" for row in rows)])


def median_and_range(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def value(estimate: dict) -> float:
    """The value of an Estimate in results.json, which must have one."""
    assert estimate["value"] is not None, estimate["reason"]
    return float(estimate["value"])


def target_row(name: str, values: Sequence[float], target: str, reached: bool | None) -> list[object]:
    """Each seed's value, their median and range, the target and whether it was reached (None: there is no target)."""
    mark = "" if reached is None else "reached" if reached else "missed"
    return [name, *(float(each) for each in values), median_and_range(values), target, mark]


def record(name: str, command: str, text: str) -> None:
    """Replace the section of this benchmark in RESULTS.md."""
    section = f"## {name}\n\n`{command}`: {machine()}\n\n{text.strip()}\n"
    old = RESULTS.read_text(encoding="utf-8") if RESULTS.is_file() else "# Measured figures\n"
    pattern = re.compile(rf"^## {re.escape(name)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    new = pattern.sub(lambda _: section + "\n", old) if pattern.search(old) else f"{old.rstrip()}\n\n{section}"
    RESULTS.write_text(new.rstrip() + "\n", encoding="utf-8")


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
