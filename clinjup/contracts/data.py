"""What lies in a data folder, and what each column is for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_serializer

from clinjup.contracts.base import Contract


class DataWarning(Contract):
    code: str
    sentence: str
    files: list[str] = Field([], description="all that it is about, where the sentence names a few of them only")


class Excluded(Contract):
    path: str
    reason: str


class ValueCount(Contract):
    value: str
    count: int


class ColumnProfile(Contract):
    """One column as it lies on disk. `values` stay on this machine; a run writes down those of labels only (agent/identifying.py).

    All entries of a list column are known (PadChest has some 200, and pneumothorax is a rare one), but 30 are written or shown.
    """

    name: str
    kind: Literal["empty", "flag", "integer", "number", "date", "list", "category", "text"]
    unique: int
    missing: int
    values: list[ValueCount] = Field([], description="the most frequent values, at most 30; of a list column 1,000")
    image_matches: float = Field(0.0, description="share of non-missing values that name an image file of the folder")

    @field_serializer("values")
    def _commonest(self, values: list[ValueCount]) -> list[ValueCount]:
        return values[:30]


class TableProfile(Contract):
    path: str = Field(description="relative to the data folder, with forward slashes")
    rows: int
    duplicate_rows: int = 0
    encoding: str
    delimiter: str
    decimal: Literal[".", ","] = "."
    columns: list[ColumnProfile]

    def column(self, name: str) -> ColumnProfile | None:
        return next((column for column in self.columns if column.name == name), None)


class ImageProfile(Contract):
    """Image files, counted by reading headers of a sample; pixels are audited later, in the kernel."""

    count: int
    extensions: dict[str, int] = {}
    modes: dict[str, int] = {}
    sizes: dict[str, int] = Field({}, description="'WIDTHxHEIGHT' -> images in the sample, at most 10 entries")
    sampled: int = 0
    unreadable_in_sample: int = 0


class BoxProfile(Contract):
    """One set of box files (YOLO, Pascal VOC, COCO, Supervisely) in a data folder."""

    format: Literal["coco", "yolo", "voc", "supervisely"]
    path: str = Field(description="folder that holds all the files, or the one file, relative to the data folder")
    images: int = Field(description="images that a file speaks of, also those with nothing drawn")
    boxes: int
    boxed: dict[str, int] = Field({}, description="class -> images on which it is drawn")
    classes: dict[str, int] = Field(description="class, or its id where the files name none -> boxes")
    named: bool = Field(description="whether the files name their classes")


class DataProfile(Contract):
    """What imaging found in a folder, before any column has a role."""

    root: str
    layout: str = Field(description="name of the reader that takes this folder: table, class_folders, chestxray14 ...")
    tables: list[TableProfile] = []
    images: ImageProfile
    class_folders: dict[str, int] = {}
    official_splits: dict[str, int] = Field({}, description="split list files found: split name -> images listed")
    synthetic: bool = False
    boxes: list[BoxProfile] = Field([], description="the preferred format first")
    warnings: list[DataWarning] = []

    def table(self, path: str) -> TableProfile | None:
        return next((table for table in self.tables if table.path == path), None)

    def column(self, reference: str) -> ColumnProfile | None:
        """Look up a 'TABLE:COLUMN' reference."""
        path, _, name = reference.partition(":")
        table = self.table(path)
        return table.column(name) if table else None


class Flag(Contract):
    """A column read as yes/no. A value in neither list, or an image without a row, is unknown, never 0."""

    column: str = Field(description="'TABLE:COLUMN'")
    present: list[str]
    absent: list[str]


class BoxRole(Contract):
    """Where the boxes of the target are: one set of box files, and the classes that mean the target."""

    format: Literal["coco", "yolo", "voc", "supervisely"]
    path: str
    target: list[str]


class Roles(Contract):
    """What each column is for; decided in agent/roles.py, visible as arguments of the cell that loads the cohort.

    References are 'TABLE:COLUMN' with TABLE relative to the data folder. For class folders `image` and `label` are None and
    `positive`/`negative` name folders.
    """

    image: str | None = None
    label: str | None = None
    positive: list[str] = Field([], description="values (or one token of a '|' list) that mean: target present")
    negative: list[str] = Field([], description="values that mean: target absent; empty = every other non-blank value")
    uncertain: list[str] = Field(
        [], description="values that voice doubt; without a positive one beside them, no label"
    )
    classes: dict[str, list[str]] = Field(
        {},
        description="several classes: canonical class id -> values (or folders) that mean it; empty = present or absent",
    )
    patient: str | None = None
    lesion: str | None = Field(None, description="whose images stay together where `patient` is blank")
    split: str | None = None
    confounders: dict[str, Flag] = {}
    covariates: dict[str, str] = Field({}, description="age, sex, view ... -> column reference")
    boxes: BoxRole | None = Field(None, description="where the target is marked; None unless marks are asked for")
    chest_films: bool = Field(False, description="the images are chest radiographs, for what holds for these only")
    radiographs: Flag | None = Field(None, description="which images are radiographs; those that are not are left out")
    frontal: Flag | None = Field(None, description="which chest films are frontal; those that are not are left out")


class UnusableData(Exception):
    """The data cannot carry the task. The sentence says what happened, why it matters, what to do next (exit 2)."""
