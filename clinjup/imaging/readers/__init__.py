"""One registry of readers, one file a dataset layout. A new layout is one new module here; shared tests pick it up.

A reader says which folders it takes (`matches`) and turns one into rows (see `imaging.source.build_rows`); everything after
that (labels, duplicates, exclusions, confounders) is common to all layouts and lives in `imaging.cohort`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from clinjup.contracts import Roles, TableProfile
from clinjup.imaging.headers import DICOM_HEADERS
from clinjup.imaging.masks import MaskSource
from clinjup.imaging.source import DataFolder, View, Views
from clinjup.kernel.errors import ClinjupError

Matches = Callable[[Path, Sequence[TableProfile], Mapping[str, int]], bool]
Read = Callable[[DataFolder, Roles], pd.DataFrame]
Masks = Callable[[DataFolder], dict[str, MaskSource]]  # masks by name


@dataclass(frozen=True)
class Example:
    """The smallest folder in a layout: shows the layout to people and feeds the shared tests.

    `texts`: path -> content of tables and lists; `images`: paths of pictures (DICOM unless they end in .png or .jpg);
    `headers`: path -> DICOM header fields; `roles`: fields of `contracts.Roles`; `labels`: image path -> the label that
    `read_cohort` must find.
    """

    texts: Mapping[str, str]
    images: Sequence[str]
    roles: Mapping[str, Any]
    labels: Mapping[str, int]
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def no_views(folder: DataFolder) -> list[View]:
    """The tables as they lie on disk."""
    return []


def no_masks(folder: DataFolder) -> dict[str, MaskSource]:
    """A layout without masks."""
    return {}


@dataclass(frozen=True)
class Reader:
    """One layout. `priority`: of several readers that take a folder, the highest wins.

    `views` says how the layout means its tables, `masks` where it draws things.
    """

    name: str
    title: str
    matches: Matches
    read: Read
    example: Example
    priority: int = field(default=0)
    views: Views = no_views
    masks: Masks = no_masks
    box_names: Mapping[str, str] = field(default_factory=dict)  # class id -> name where the label files only have ids


_REGISTRY: dict[str, Reader] = {}


def register(
    name: str,
    *,
    title: str,
    matches: Matches,
    example: Example,
    priority: int = 0,
    views: Views = no_views,
    masks: Masks = no_masks,
    box_names: Mapping[str, str] | None = None,
) -> Callable[[Read], Read]:
    """Decorate the function `(DataFolder, Roles) -> rows` of a layout to make it known under `name`."""

    def decorate(read: Read) -> Read:
        _REGISTRY[name] = Reader(name, title, matches, read, example, priority, views, masks, box_names or {})
        return read

    return decorate


def has_columns(tables: Sequence[TableProfile], *names: str) -> bool:
    """Whether one table has all these columns."""
    return any(all(table.column(name) for name in names) for table in tables)


def holds_dicom(tables: Sequence[TableProfile]) -> bool:
    """Whether the folder holds DICOM files: their headers are one of its tables."""
    return any(table.path == DICOM_HEADERS for table in tables)


def all_readers() -> list[Reader]:
    """All readers, the most specific first."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return sorted(_REGISTRY.values(), key=lambda reader: (-reader.priority, reader.name))


def reader_for(layout: str) -> Reader:
    """The reader called `layout`. Raises `ClinjupError` for an unknown name."""
    readers = {reader.name: reader for reader in all_readers()}
    if layout not in readers:
        raise ClinjupError(f"There is no reader for the layout '{layout}'. Choose one of: {', '.join(readers)}.")
    return readers[layout]


def detect_layout(root: Path, tables: Sequence[TableProfile], class_folders: Mapping[str, int]) -> str:
    """Name of the most specific reader that takes the folder `root`; `table` takes any."""
    return next(reader.name for reader in all_readers() if reader.matches(root, tables, class_folders))
