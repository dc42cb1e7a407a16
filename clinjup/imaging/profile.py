"""Look at a data folder before any column has a role: tables, columns, image headers, class folders, official splits."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pandas as pd

from clinjup.contracts import (
    ColumnProfile,
    DataProfile,
    DataWarning,
    ImageProfile,
    TableProfile,
    UnusableData,
    ValueCount,
)
from clinjup.imaging.files import IMAGE_SUFFIXES, FileIndex, FolderScan, printable, scan_folder
from clinjup.imaging.folders import class_folder_labels, official_splits
from clinjup.imaging.pictures import decode_image, read_header
from clinjup.imaging.readers import detect_layout
from clinjup.imaging.source import broken_rows_warning
from clinjup.imaging.tables import read_table
from clinjup.imaging.values import kind_of, tokens

_HEADERS = 200
_MAX_VALUES = 30
_MATCH_PROBE = 2000


def profile_data(root: str | Path) -> DataProfile:
    """What lies in the folder `root`. Reads every table, the headers of about 200 images, and decodes one image.

    Raises `UnusableData`: no such folder, not a folder, no images, no image that can be read.
    """
    folder = _checked_folder(root)
    scan = scan_folder(folder)
    if not scan.images:
        raise UnusableData(_no_images(root, scan))
    index = FileIndex(scan.images)
    images = _profile_images(scan)
    warnings: list[DataWarning] = []
    tables = [table for path in scan.tables if (table := _profile_table(folder, path, index, warnings)) is not None]
    _, class_folders = class_folder_labels(scan.images)
    splits = official_splits(scan, index)
    if images.unreadable_in_sample:
        sentence = f"{images.unreadable_in_sample} of {images.sampled} images looked at cannot be read."
        warnings.append(DataWarning(code="unreadable_files", sentence=sentence))
    if scan.closed:
        sentence = f"{len(scan.closed)} folders cannot be opened (no permission): {', '.join(map(printable, scan.closed[:5]))}."
        warnings.append(DataWarning(code="locked_folders", sentence=sentence))
    if scan.annotations:
        sentence = (
            f"{scan.annotations} pictures in folders called masks, annotations or thumbnails are not taken for images."
        )
        warnings.append(DataWarning(code="annotation_pictures", sentence=sentence))
    return DataProfile(
        root=str(folder),
        layout=detect_layout(folder, tables, class_folders),
        tables=tables,
        images=images,
        class_folders={printable(name): count for name, count in class_folders.items()},
        official_splits={} if splits is None else dict(Counter(name for name in splits if name)),
        synthetic=scan.synthetic,
        warnings=warnings,
    )


def _checked_folder(root: str | Path) -> Path:
    folder = Path(root).expanduser()
    if not folder.exists():
        raise UnusableData(f"There is no folder '{root}'. Check the spelling, and that the disk or share is connected.")
    if not folder.is_dir():
        raise UnusableData(f"'{root}' is a file, not a folder. Name the folder that holds the images and tables.")
    return folder.resolve()


def _no_images(root: str | Path, scan: FolderScan) -> str:
    wanted = ", ".join(suffix.lstrip(".").upper() for suffix in IMAGE_SUFFIXES)
    others = [f"{count} {suffix}" for suffix, count in sorted(scan.other.items(), key=lambda item: -item[1]) if suffix][
        :3
    ]
    seen = f" It has {', '.join(others)} files." if others else ""
    return f"The folder '{root}' holds no images that can be read here ({wanted}).{seen} Name the folder that holds the images."


def _profile_images(scan: FolderScan) -> ImageProfile:
    """Headers of evenly spread files; goes on through all files until one picture opens."""
    count = len(scan.images)
    step = max(1, math.ceil(count / _HEADERS))
    sample = scan.images[::step]
    headers = [read_header(scan.root / path) for path in sample]
    sample_set = set(sample)
    order = [path for path, header in zip(sample, headers, strict=True) if header] + [
        path for path in scan.images if path not in sample_set
    ]
    unreadable = sum(header is None for header in headers)
    for path in order:
        picture, _ = decode_image(scan.root / path, 32)
        if picture is not None:
            break
        unreadable += path in sample_set
    else:
        raise UnusableData(
            f"None of the {count} image files in '{scan.root}' can be read; they are empty or damaged. "
            "Copy them again from where they came."
        )
    known = [header for header in headers if header]
    sizes = Counter(f"{width}x{height}" for _, width, height in known)
    return ImageProfile(
        count=count,
        extensions=dict(Counter(Path(path).suffix.lower() for path in scan.images)),
        modes=dict(Counter(mode for mode, _, _ in known)),
        sizes=dict(sizes.most_common(10)),
        sampled=len(sample),
        unreadable_in_sample=unreadable,
    )


def _profile_table(root: Path, path: str, index: FileIndex, warnings: list[DataWarning]) -> TableProfile | None:
    try:
        table, form = read_table(root / path)
    except UnusableData as error:
        warnings.append(DataWarning(code="unreadable_table", sentence=str(error)))
        return None
    if form.broken_rows:
        warnings.append(broken_rows_warning(path, form.broken_rows))
    return TableProfile(
        path=printable(path),
        rows=len(table),
        duplicate_rows=int(table.duplicated().sum()),
        encoding=form.encoding,
        delimiter=form.delimiter,
        decimal=form.decimal,
        columns=[_profile_column(str(name), table[name], index) for name in table.columns],
    )


def _profile_column(name: str, column: pd.Series, index: FileIndex) -> ColumnProfile:
    """Kind and values of one column. A list column is described by its entries, not by their combinations."""
    counts = column.value_counts()
    kind = kind_of(counts.index, int(counts.sum()))
    if kind == "list":
        entries: Counter[str] = Counter()
        for value, count in counts.items():
            for entry in set(tokens(str(value))):
                entries[entry] += int(count)
        counts = pd.Series(entries, dtype=int).sort_values(ascending=False, kind="stable")
    distinct = counts.index[:: max(1, len(counts) // _MATCH_PROBE)]
    matched = (
        sum(index.find(str(value)) is not None for value in distinct) if kind not in ("flag", "date", "list") else 0
    )
    return ColumnProfile(
        name=name,
        kind=kind,
        unique=len(counts),
        missing=int(column.isna().sum()),
        values=[ValueCount(value=str(value), count=int(count)) for value, count in counts.head(_MAX_VALUES).items()],
        image_matches=matched / len(distinct) if len(distinct) else 0.0,
    )
