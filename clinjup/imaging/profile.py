"""Look at a data folder before any column has a role: tables, columns, image headers, class folders, official splits."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pandas as pd

from clinjup.contracts import (
    BoxProfile,
    ColumnProfile,
    DataProfile,
    DataWarning,
    ImageProfile,
    TableProfile,
    UnusableData,
    ValueCount,
)
from clinjup.imaging.box_files import BoxSource
from clinjup.imaging.boxes import profile_warnings
from clinjup.imaging.files import IMAGE_SUFFIXES, FileIndex, FolderScan, printable, scan_folder
from clinjup.imaging.folders import class_folder_labels, official_splits
from clinjup.imaging.headers import DICOM_HEADERS, PATIENT, numbered
from clinjup.imaging.leading_zeros import name_images
from clinjup.imaging.pictures import decode_image, read_header
from clinjup.imaging.readers import detect_layout, reader_for
from clinjup.imaging.sheets import sheet_names
from clinjup.imaging.source import DataFolder, View, broken_rows_warning
from clinjup.imaging.tables import TableFormat, read_table, table_format
from clinjup.imaging.values import kind_of, tokens
from clinjup.imaging.workbooks import split_sheet
from clinjup.nouns import in_number

_HEADERS = 200
_MAX_VALUES = 30
_MAX_ENTRIES = 1000  # of a list column
_MATCH_PROBE = 2000


def profile_data(root: str | Path) -> DataProfile:
    """What lies in the folder `root`. Reads every table, every DICOM header, the headers of about 200 images; decodes one image.

    Raises `UnusableData`: no such folder, not a folder, no images, no image that can be read.
    """
    folder = _checked_folder(root)
    scan = scan_folder(folder)
    if not scan.images:
        raise UnusableData(_no_images(root, scan))
    images = _profile_images(scan)
    data = DataFolder(folder, scan=scan)
    warnings = [] if data.headers is None else data.headers.warnings()
    tables = _profile_tables(data, warnings)
    tables = _sheets_with_images(tables, data, warnings)
    if not any(column.image_matches for table in tables for column in table.columns):
        tables, found = name_images(tables, [_cells(data, table) for table in tables], data)
        warnings += found
    if data.headers is not None:
        tables.append(_profile_headers(data))
    _, class_folders = class_folder_labels(scan.images)
    splits = official_splits(scan, data.index)
    layout = detect_layout(folder, tables, class_folders)
    for view in data.use(reader_for(layout).views):
        own = _profile_view(data, view)
        tables = [own if table.path == view.path else table for table in tables if table.path not in view.sources[1:]]
    boxes = data.box_sources(reader_for(layout).box_names)
    warnings += [*data.warnings, *profile_warnings(boxes)]
    if images.unreadable_in_sample:
        sentence = f"{images.unreadable_in_sample} of {images.sampled} images looked at cannot be read."
        warnings.append(DataWarning(code="unreadable_files", sentence=sentence))
    if scan.closed:
        sentence = in_number(
            len(scan.closed),
            "{n} [folder|folders] cannot be opened (no permission): {some}.",
            some=", ".join(map(printable, scan.closed[:5])),
        )
        warnings.append(DataWarning(code="locked_folders", sentence=sentence))
    if scan.annotations:
        sentence = (
            f"{scan.annotations} pictures in folders called masks, annotations or thumbnails are not taken for images."
        )
        warnings.append(DataWarning(code="annotation_pictures", sentence=sentence))
    return DataProfile(
        root=str(folder),
        layout=layout,
        tables=tables,
        images=images,
        class_folders={printable(name): count for name, count in class_folders.items()},
        official_splits={} if splits is None else dict(Counter(name for name in splits if name)),
        synthetic=scan.synthetic,
        boxes=[_profile_boxes(source) for source in boxes if source.images],
        warnings=warnings,
    )


def _checked_folder(root: str | Path) -> Path:
    folder = Path(root).expanduser()
    try:
        there = folder.exists()
    except OSError as problem:  # a drive that goes away, a name that is too long
        raise UnusableData(
            f"'{root}' cannot be reached ({problem.strerror}). Check the spelling, and that the disk or share is connected."
        ) from problem
    if not there:
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
        extensions=dict(Counter(_extension(path) for path in scan.images)),
        modes=dict(Counter(mode for mode, _, _ in known)),
        sizes=dict(sizes.most_common(10)),
        sampled=len(sample),
        unreadable_in_sample=unreadable,
    )


def _profile_boxes(source: BoxSource) -> BoxProfile:
    classes = source.classes
    return BoxProfile(
        format=source.format,
        path=printable(source.path),
        images=len(source.images),
        boxes=sum(classes.values()),
        boxed=source.boxed,
        classes=classes,
        named=source.named,
    )


def _extension(path: str) -> str:
    """The suffix of an image, "" for DICOM files whose names end in a number or nothing."""
    suffix = Path(path).suffix.lower()
    return suffix if suffix in IMAGE_SUFFIXES else ""


def _profile_tables(data: DataFolder, warnings: list[DataWarning]) -> list[TableProfile]:
    """All tables that can be read; sheets that are one table as that."""
    stacked = {view.path: view for view in data.stacked}
    behind = {path for view in data.stacked for path in view.sources[1:]}
    found = [
        _profile_view(data, stacked[path]) if path in stacked else _profile_table(data.root, path, data.index, warnings)
        for path in data.scan.tables
        if path not in behind
    ]
    return [table for table in found if table is not None]


def _cells(data: DataFolder, table: TableProfile) -> pd.DataFrame:
    """The values of a table that was described before; what is wrong with it was said then."""
    path = next(path for path in data.scan.tables if printable(path) == table.path)
    stacked = any(view.path == path for view in data.stacked)
    return data.table(path) if stacked else read_table(data.root / path)[0]


def _profile_table(root: Path, path: str, index: FileIndex, warnings: list[DataWarning]) -> TableProfile | None:
    try:
        table, form = read_table(root / path)
    except UnusableData as error:
        warnings.append(DataWarning(code="unreadable_table", sentence=str(error)))
        return None
    if form.broken_rows:
        warnings.append(broken_rows_warning(path, form.broken_rows))
    return _described(path, table, form, index)


def _described(path: str, table: pd.DataFrame, form: TableFormat, index: FileIndex) -> TableProfile:
    return TableProfile(
        path=printable(path),
        rows=len(table),
        duplicate_rows=int(table.duplicated().sum()),
        encoding=form.encoding,
        delimiter=form.delimiter,
        decimal=form.decimal,
        columns=[_profile_column(str(name), table[name], index) for name in table.columns],
    )


def _profile_view(data: DataFolder, view: View) -> TableProfile:
    """A table as its layout means it, in the form of the file that it comes from."""
    form = table_format(data.root / view.path)
    return _described(view.path, data.table(view.path), form, data.index)


def _profile_headers(data: DataFolder) -> TableProfile:
    """The DICOM headers as a table; patients are numbered, because a PatientID must not reach an output."""
    table = data.table(DICOM_HEADERS)
    table = table.assign(**{PATIENT: numbered(table[PATIENT])})
    described = _described(DICOM_HEADERS, table, TableFormat("DICOM", ""), FileIndex([]))
    return described.model_copy(update={"duplicate_rows": 0})


def _sheets_with_images(
    tables: list[TableProfile], data: DataFolder, warnings: list[DataWarning]
) -> list[TableProfile]:
    """Of each workbook the sheets that name the images, and those that share a column with them; said where some are left out."""
    stacked = {view.path: view.sources for view in data.stacked}
    keys = [] if data.headers is None else [set(series.dropna()) for series in data.headers.keys.values()]

    def naming(sheet: TableProfile) -> float:
        shares = [
            sum(item.value in known for item in c.values) / len(c.values)
            for c in sheet.columns
            if c.values
            for known in keys
        ]
        return max([*(column.image_matches for column in sheet.columns), *shares], default=0.0)

    books: dict[str, list[TableProfile]] = {}
    for table in tables:
        file, sheet = split_sheet(table.path)
        if sheet is not None:
            books.setdefault(file.as_posix(), []).append(table)
    left_out: list[TableProfile] = []
    for book, sheets in books.items():
        named = [sheet for sheet in sheets if naming(sheet) > 0]
        if not named:
            continue
        shared = {column.name for sheet in named for column in sheet.columns}
        unused = [s for s in sheets if s not in named and not any(column.name in shared for column in s.columns)]
        left_out += unused
        if len(sheets) > 1:
            read = [path for sheet in named for path in stacked.get(sheet.path, [sheet.path])]
            count = sum(len(stacked.get(sheet.path, [sheet.path])) for sheet in sheets)
            names = {"yes": sheet_names(read), "no": sheet_names(sheet.path for sheet in unused)}
            rest = f"; {names['no']} says nothing of the images and is not." if unused else "."
            sentence = (
                f"The workbook '{book}' has {count} sheets; the images are named in {names['yes']}, which is read{rest}"
            )
            if len(read) > 1:
                sentence = f"The workbook '{book}' has {count} sheets; the images are named in {names['yes']}, which are read{rest}"
            warnings.append(DataWarning(code="workbook_sheets", sentence=sentence))
    return [table for table in tables if table not in left_out]


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
    kept = _MAX_ENTRIES if kind == "list" else _MAX_VALUES
    return ColumnProfile(
        name=name,
        kind=kind,
        unique=len(counts),
        missing=int(column.isna().sum()),
        values=[ValueCount(value=str(value), count=int(count)) for value, count in counts.head(kept).items()],
        image_matches=matched / len(distinct) if len(distinct) else 0.0,
    )
