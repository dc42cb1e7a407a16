"""One data folder while a cohort is read from it: its files, its tables, and columns brought together across tables."""

from __future__ import annotations

import filecmp
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from clinjup.contracts import DataWarning, Roles
from clinjup.imaging.box_files import BoxSource, find_box_sources
from clinjup.imaging.files import FileIndex, FolderScan, printable, scan_folder
from clinjup.imaging.folders import class_folder_labels, folder_parts, official_splits, patient_folders
from clinjup.imaging.headers import DICOM_HEADERS, KEY_HEADERS, PATIENT, read_headers
from clinjup.imaging.joined import joined
from clinjup.imaging.leading_zeros import zeros_warning
from clinjup.imaging.sheets import alike, stacked_warning, telling_apart, with_names
from clinjup.imaging.tables import read_table, table_columns
from clinjup.imaging.values import normal
from clinjup.imaging.workbooks import split_sheet
from clinjup.kernel.errors import ClinjupError, MissingColumnError, MissingFileError
from clinjup.nouns import in_number
from clinjup.split_words import SPLITS, split_name
from clinjup.unknown_words import names_nobody

_PROBE = 2000  # distinct values that are tried when the column that joins two tables is looked for


def parse_reference(reference: str) -> tuple[str, str]:
    """'TABLE:COLUMN' as `(table, column)`."""
    table, _, column = reference.partition(":")
    return table, column


@dataclass(frozen=True)
class View:
    """A table as its layout means it (one row an image instead of one a mask, say), in place of tables that lie on disk.

    Roles call it by the name of the first of its `sources`, which it replaces. `make` builds it from the folder.
    """

    sources: tuple[str, ...]
    make: Callable[[DataFolder], pd.DataFrame]

    @property
    def path(self) -> str:
        return self.sources[0]


Views = Callable[["DataFolder"], list[View]]


class DataFolder:
    """The files and tables under `root`. Tables are read once and only as far as needed.

    `views`: how the layout of the folder reads its tables. `headers` holds what the DICOM files say of themselves.
    Raises `MissingFileError` when the folder or a table is gone, `MissingColumnError` when a column is.
    """

    def __init__(self, root: Path, views: Views | None = None, scan: FolderScan | None = None) -> None:
        if not root.is_dir():
            raise MissingFileError(str(root))
        self.root = root
        self.scan = scan or scan_folder(root)
        self.headers = read_headers(self.scan)
        self.index = FileIndex(self.scan.images, self.headers.instances if self.headers else None)
        self.warnings: list[DataWarning] = []
        self._tables: dict[str, pd.DataFrame] = {}
        self._views: dict[str, View] = {}
        self._boxes: list[BoxSource] | None = None
        self._copies: dict[tuple[int, ...], int] = {}
        self.stacked = self._stacked_sheets()
        self._views = {view.path: view for view in self.stacked}
        if views is not None:
            self.use(views)

    def use(self, views: Views) -> list[View]:
        """Read tables as a layout means them from now on; returns its views of this folder."""
        found = views(self)
        self._views = {view.path: view for view in [*self.stacked, *found]}
        return found

    def _stacked_sheets(self) -> list[View]:
        """Sheets of one workbook that are one table, each group said in `warnings`."""
        sheets = [path for path in self.scan.tables if split_sheet(path)[1] is not None]
        found = []
        for paths in alike({path: table_columns(self.root / path) for path in sheets}):
            tables = {path: self.raw(path) for path in paths}
            named = {
                name: self.named(pd.concat([table[name] for table in tables.values()])) for name in tables[paths[0]]
            }
            naming = max(named, key=lambda name: named[name])
            key = telling_apart(list(tables.values()), naming if named[naming] else None)
            if key is not None:
                tables = with_names(tables)
                found.append(View(tuple(paths), lambda _, tables=tables, key=key: joined(tables, key)))  # type: ignore[misc]
                self._tables.pop(paths[0])
                self.warnings.append(stacked_warning(paths))
        return found

    def named(self, values: pd.Series) -> int:
        """How many distinct values name an image, or the number of a DICOM header."""
        distinct = pd.Series(values.dropna().unique(), dtype=object)
        known = [distinct.map(normal).isin(set(keys.dropna().map(normal))) for keys in self._header_keys().values()]
        return max(int(found.sum()) for found in [self.positions(distinct) >= 0, *known])

    def columns(self) -> dict[str, list[str]]:
        """Table on disk -> its headers."""
        return {path: table_columns(self.root / path) for path in self.scan.tables}

    def table(self, path: str, columns: Collection[str] | None = None) -> pd.DataFrame:
        """The table called `path` (relative to the root, or `DICOM headers`), restricted to `columns` where given."""
        if path == DICOM_HEADERS:
            if self.headers is None:
                raise MissingFileError("*.dcm")
            return _restricted(path, self.headers.table, columns)
        if path not in self._views:
            return self.raw(path, columns)
        if path not in self._tables:
            self._tables[path] = self._views[path].make(self)
        return _restricted(path, self._tables[path], columns)

    def raw(self, path: str, columns: Collection[str] | None = None) -> pd.DataFrame:
        """The table at `path` as it lies on disk, restricted to `columns` where given; only that of a view is read twice."""
        if path in self._views:
            return self._read(path, columns)
        known = self._tables.get(path)
        if known is not None and (columns is None or set(columns) <= set(known.columns)):
            return known
        self._tables[path] = self._read(path, columns, told=known is not None)
        return self._tables[path]

    def _read(self, path: str, columns: Collection[str] | None, told: bool = False) -> pd.DataFrame:
        if not split_sheet(self.root / path)[0].is_file():
            raise MissingFileError(path)
        table, form = read_table(self.root / path, None if columns is None else sorted(columns))
        if form.broken_rows and not told:
            self.warnings.append(broken_rows_warning(path, form.broken_rows))
        return table

    def box_sources(self, names: Mapping[str, str]) -> list[BoxSource]:
        """Its sets of box files (see `box_files.find_box_sources`), read once. `names`: `box_names` of the reader of the folder."""
        if self._boxes is None:
            self._boxes = find_box_sources(self.scan, self.index, names)
        return self._boxes

    def positions(self, names: pd.Series) -> pd.Series:
        """Per name the position of its file in `scan.images`; -1 where none, -2 where several that differ fit equally well."""
        codes, distinct = pd.factorize(names)
        found = np.full(len(distinct) + 1, -1)
        for i, name in enumerate(distinct):
            fitting = self.index.matches(name)
            found[i] = fitting[0] if len(fitting) == 1 else self._copied(tuple(fitting)) if fitting else -1
        return pd.Series(found[codes], index=names.index)

    def with_zeros(self, names: pd.Series) -> pd.Series:
        """`positions`, where names without a file that lost the zeros at their beginning count as the one file they fit (17: 00017.png).

        A file that another name fits as well, as it is written or with zeros, is not given to either.
        """
        found = self.positions(names)
        lost = names[found == -1].dropna()
        fitting = {name: files[0] for name in lost.unique() if len(files := self.index.padded(name)) == 1}
        uses = Counter([*fitting.values(), *found.unique()])
        again = lost.map({name: file for name, file in fitting.items() if uses[file] == 1})
        return found.where(found != -1, again).fillna(-1).astype(int)

    def _copied(self, fitting: tuple[int, ...]) -> int:
        """One of several files of one name where all are copies of it, as in ISIC 2018 and 2019; else -2. A copy in a test folder first."""
        if fitting not in self._copies:
            first, *others = (self.root / self.scan.images[position] for position in fitting)
            try:
                same = all(filecmp.cmp(first, other, shallow=False) for other in others)
            except OSError:
                same = False
            parts = folder_parts([self.scan.images[position] for position in fitting])
            latest = max(range(len(fitting)), key=lambda place: SPLITS.index(parts[place]) if parts[place] else -1)
            self._copies[fitting] = fitting[latest] if same else -2
        return self._copies[fitting]

    def lookup(
        self, rows: pd.DataFrame, roles: Roles, reference: str, *, of_image: bool = False, ids: bool = False
    ) -> pd.Series:
        """The values of column `reference` for `rows`: indexed like `rows`, an index repeated where several values fit.

        `rows` has the columns `file` and, where known, `patient`; its index is the row number in the table of `roles.image`.
        Another table is joined by its column of image names or, failing that, of patients; a row without a match is absent,
        a blank cell is NaN. `of_image`: what may differ between images of a patient, so that one value for all of them is said.
        `ids`: the column numbers patients, by which itself its table may be joined.
        """
        path, column = parse_reference(reference)
        if roles.image and path == parse_reference(roles.image)[0]:
            return self.table(path, [column])[column].reindex(rows.index)
        if path == DICOM_HEADERS:
            return rows["file"].map(self.table(path, [column])[column])
        table = self.table(path)
        if column not in table:
            raise MissingColumnError(path, column, list(table.columns))
        key = self._joining_column(table.drop(columns=column), rows, roles)
        if key is None and ids:
            key = self._joining_column(table[[column]], rows, roles)
        if key is None:
            sentence = f"No column of the table '{path}' names the images or the patients, so '{column}' stays unknown."
            self.warnings.append(DataWarning(code="table_not_joined", sentence=sentence))
            return pd.Series(dtype=str)
        kind, name = key
        if kind == "image":
            left, right = rows["file"], self._files_of(table[name], roles)
            right = right.where(right >= 0)
        elif kind in self._header_keys():
            left = rows["file"].map(self._header_keys()[kind]).map(normal, na_action="ignore")
            right = table[name].map(normal, na_action="ignore")
        else:
            left, right = (ids.map(normal, na_action="ignore") for ids in (rows["patient"], table[name]))
        values = pd.DataFrame({"key": right, "value": table[column]}).dropna(subset="key")
        merged = pd.DataFrame({"key": left, "row": rows.index}).merge(values, on="key")
        if of_image and kind in ("patient", "header patient"):
            self._say_shared(merged.dropna(subset="value"), rows["file"], path, column)
        return pd.Series(merged["value"].to_numpy(), index=merged["row"], dtype=table[column].dtype)

    def _say_shared(self, merged: pd.DataFrame, files: pd.Series, path: str, column: str) -> None:
        """Say on how many images of one patient each there is one value for all of them. `merged`: key (patient), row."""
        located = merged.assign(file=merged["row"].map(files)).query("file >= 0")
        images = located.groupby("key")["file"].nunique()
        images = images[images > 1]
        if len(images):
            sentence = in_number(
                len(images),
                "The table '{table}' says '{column}' per patient, not per image: all {images} images of {n} [patient|patients] with "
                "several got what is said of their patient, whether they show it or not.",
                table=path,
                column=column,
                images=int(images.sum()),
            )
            self.warnings.append(DataWarning(code="value_per_patient", sentence=sentence))

    def _joining_column(self, table: pd.DataFrame, rows: pd.DataFrame, roles: Roles) -> tuple[str, str] | None:
        """`(kind, column)` by which `table` joins `rows`: an equal name first, then the most matches.

        Kinds, best first: image, the accession or study number of DICOM headers, patient, the PatientID of DICOM headers.
        """
        files = set(rows["file"]) - {-1, -2}
        patients = {normal(value) for value in rows["patient"].dropna()} if "patient" in rows else set()
        found: dict[str, tuple[bool, int, str]] = {}
        keys = {kind: {normal(value) for value in series.dropna()} for kind, series in self._header_keys().items()}
        for column in map(str, table.columns):
            values = pd.Series(table[column].dropna().unique())
            probe = values.iloc[:: max(1, len(values) // _PROBE)]
            matches = {
                "image": (roles.image, int(self._files_of(probe.rename(column), roles).isin(files).sum())),
                "patient": (roles.patient, int(probe.map(normal).isin(patients).sum())),
            }
            for kind, (reference, count) in matches.items():
                score = (reference is not None and parse_reference(reference)[1] == column, count, column)
                if count and score[:2] > found.get(kind, (False, 0, ""))[:2]:
                    found[kind] = score
            for kind, known in keys.items():
                count = int(probe.map(normal).isin(known).sum())
                named = bool(KEY_HEADERS[kind].fullmatch(column.strip()))
                enough = count > 0 if named else 2 * count > len(probe) > 0
                if enough and (named, count) > found.get(kind, (False, 0, ""))[:2]:
                    found[kind] = (named, count, column)
        order = ("image", "accession", "study", "patient", "header patient")
        return next(((kind, found[kind][2]) for kind in order if kind in found), None)

    def _files_of(self, names: pd.Series, roles: Roles) -> pd.Series:
        """Positions; in a column called as that of the images also of names that lost the zeros at their beginning."""
        alike = roles.image is not None and parse_reference(roles.image)[1] == names.name
        return self.with_zeros(names) if alike else self.positions(names)

    def _header_keys(self) -> dict[str, pd.Series]:
        if self.headers is None:
            return {}
        return {**self.headers.keys, "header patient": self.headers.table[PATIENT]}


def _restricted(path: str, table: pd.DataFrame, columns: Collection[str] | None) -> pd.DataFrame:
    for column in columns or ():
        if column not in table:
            raise MissingColumnError(path, column, list(table.columns))
    return table if columns is None else table[sorted(columns)]


def broken_rows_warning(path: str, rows: int) -> DataWarning:
    """The warning about rows of a table that could not be told apart into columns."""
    return DataWarning(
        code="broken_table_rows",
        sentence=in_number(
            rows,
            "{n} [row|rows] of the table '{path}' [has|have] more values than the table has columns and [was|were] left out.",
            path=path,
        ),
    )


def build_rows(folder: DataFolder, roles: Roles) -> pd.DataFrame:
    """One row per image row of the table, or per file where no table names the images.

    Columns: `image` (as given), `file` (position in `folder.scan.images`, negative = no such file), `patient` (only where
    something names patients), `split` (official part or ""), `label` (text; from the class folder without `roles.label`).
    """
    scan = folder.scan
    if roles.image:
        path, column = parse_reference(roles.image)
        references = [roles.image, roles.label, roles.patient, roles.lesion, roles.split, *roles.covariates.values()]
        references += [flag.column for flag in roles.confounders.values()]
        parsed = [parse_reference(reference) for reference in references if reference]
        table = folder.table(path, {name for table, name in parsed if table == path})
        rows = pd.DataFrame({"image": table[column], "file": folder.with_zeros(table[column])})
        padded = int((rows["file"] >= 0).sum() - (folder.positions(table[column]) >= 0).sum())
        if padded:
            folder.warnings.append(zeros_warning(path, column, padded))
    else:
        rows = pd.DataFrame({"image": [printable(path) for path in scan.images], "file": np.arange(len(scan.images))})
    patients = _patients(folder, roles, rows)
    if patients is not None:
        rows["patient"] = patients
    rows["split"] = _splits(folder, roles, rows)
    if not roles.label:
        return rows.assign(label=_per_file(rows, class_folder_labels(scan.images)[0]))
    values = folder.lookup(rows, roles, roles.label, of_image=True)
    missing = rows.index.difference(values.index)
    values = pd.concat([values, pd.Series(np.nan, index=missing, dtype=object)]) if len(missing) else values
    return rows.loc[values.index].assign(label=values.to_numpy())


def _patients(folder: DataFolder, roles: Roles, rows: pd.DataFrame) -> pd.Series | None:
    if roles.patient:
        ids = _ids(folder, roles, rows, roles.patient)
        if roles.lesion is None:
            return ids
        lesions = _ids(folder, roles, rows, roles.lesion)
        return ids.fillna(ids.groupby(lesions).transform("first")).fillna("lesion " + lesions)
    named = patient_folders(folder.scan.images)
    return _per_file(rows, named) if any(named) else None


def _ids(folder: DataFolder, roles: Roles, rows: pd.DataFrame, reference: str) -> pd.Series:
    """The ids of one column a row; missing where they name nobody."""
    ids = folder.lookup(rows, roles, reference, ids=True)
    ids = ids.mask(ids.isin([value for value in ids.dropna().unique() if names_nobody(value)]))
    return ids.groupby(level=0).first().reindex(rows.index)


def _splits(folder: DataFolder, roles: Roles, rows: pd.DataFrame) -> pd.Series:
    if roles.split:
        values = folder.lookup(rows, roles, roles.split).groupby(level=0).first().reindex(rows.index)
        names = {value: split_name(value) for value in values.dropna().unique()}
        unread = [f"'{value}'" for value, name in names.items() if not name]
        if unread:
            raise ClinjupError(
                f"The column '{parse_reference(roles.split)[1]}' says which part an image belongs to, but {', '.join(unread[:5])} names none "
                "of training, validation and test. A part that is not understood could train a model that is tested on it: correct "
                "the values, or leave 'split' away to have the patients divided anew."
            )
        return values.map(names, na_action="ignore").fillna("")
    official = official_splits(folder.scan, folder.index)
    return _per_file(rows, [""] * len(folder.scan.images) if official is None else official).fillna("")


def _per_file(rows: pd.DataFrame, values: Iterable[str]) -> pd.Series:
    """Per row the value that belongs to its file; NaN where that is "" or the row has no file."""
    known = np.array([*values, ""], dtype=object)
    return pd.Series(known[rows["file"].clip(lower=-1)], index=rows.index).replace("", np.nan)
