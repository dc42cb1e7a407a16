"""The cohort: one row an image, with its label, patient, confounders and covariates, read from a folder by named columns."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from clinjup.contracts import BoxRole, CohortFinding, DataWarning, Excluded, Flag, Roles, UnusableData
from clinjup.imaging.boxes import Boxes, with_boxes
from clinjup.imaging.classes import grouped_by, priority_among
from clinjup.imaging.files import printable
from clinjup.imaging.headers import numbered, ranked
from clinjup.imaging.masks import MaskSource
from clinjup.imaging.readers import reader_for
from clinjup.imaging.selection import Selection, excluded_list
from clinjup.imaging.source import DataFolder
from clinjup.imaging.values import as_covariate, normal
from clinjup.kernel.errors import ClinjupError
from clinjup.nouns import class_words, in_number

_OWN_COLUMNS = ("image", "path", "label", "patient", "group", "split")
_SPACE = re.compile(r"(?<!\d)\s+|\s+(?!\d)")  # between two digits a space may tell ids apart
_CATEGORIES = ("sex", "view", "body_site", "skin_type", "reference", "device")  # covariates in which a number is a name


@dataclass
class Cohort:
    """Images with their reference standard.

    `table`: one row an image. **Its index is the row of the image in the cache and survives filtering.** Columns: image (as
    given in the table), path (absolute), label (0 = classes[0], 1 = classes[1] ...), patient (a number in place of the id,
    because files of a run are passed on), group (patient joined with near-duplicates; what a split keeps together), split
    ("train" | "validation" | "test" | "", the official one until `split_cohort`), one float column per confounder (1.0
    present, 0.0 absent, NaN unknown), one column per covariate.
    Of several classes `priority` is the one that matters most; two are always "negative" and "positive". `grouped_by` says whom
    the column patient numbers. `upright`: the images have an up and a down, as films have; dermoscopic images have none.
    `boxes`: where the target is, where that was asked for (see `imaging.boxes`).
    `masks`: what the data draw, by name ("pneumothorax", "chest_drain"), and where; `imaging.masks.read_masks` reads it.
    """

    table: pd.DataFrame
    target: str
    classes: list[str]
    confounders: list[str]
    layout: str
    synthetic: bool = False
    has_patient_ids: bool = True
    warnings: list[DataWarning] = field(default_factory=list)
    excluded: list[Excluded] = field(default_factory=list)
    covariates: list[str] = field(default_factory=list)
    root: str = ""
    masks: dict[str, MaskSource] = field(default_factory=dict)
    boxes: Boxes | None = None
    priority: str | None = None
    grouped_by: str = "patient"
    upright: bool = True
    chest_films: bool = False

    @property
    def class_counts(self) -> dict[str, int]:
        """Images of each class."""
        return {name: int((self.table["label"] == code).sum()) for code, name in enumerate(self.classes)}

    @property
    def confounder_counts(self) -> dict[str, dict[str, int]]:
        """Images with each confounder, without it, and those of which nothing is known."""
        return {
            name: {
                "present": int((self.table[name] == 1).sum()),
                "absent": int((self.table[name] == 0).sum()),
                "unknown": int(self.table[name].isna().sum()),
            }
            for name in self.confounders
        }

    @property
    def positive(self) -> int:
        """The label code of the class of interest: that with priority, or `positive`."""
        return 1 if self.priority is None else self.classes.index(self.priority)

    def patients_words(self, patients: int) -> str:
        """' of 80 patients' after a number of images; nothing where no column names the patients."""
        return f" of {patients} {self.grouped_by}s" if self.has_patient_ids else ", patients unknown"

    @property
    def finding(self) -> str:
        """Id of what counts as positive: the class with priority, or the target."""
        return self.priority or self.target

    @property
    def binary(self) -> bool:
        return len(self.classes) == 2 and self.priority is None

    def part(self, split: str) -> pd.DataFrame:
        """The rows of one split, e.g. "train"."""
        return self.table[self.table["split"] == split]

    def summary(self) -> pd.DataFrame:
        """Images, patients, positives and confounders per split, as a table to show."""
        names = [name for name in ("train", "validation", "test") if (self.table["split"] == name).any()]
        parts = {"all": self.table} | {name: self.part(name) for name in names}
        return pd.DataFrame({name: self._counts(part) for name, part in parts.items()}).T

    def without(self, names: Sequence[str], reason: str) -> Cohort:
        """A new cohort without the images called `names` (as in the table, or paths), listed as excluded for `reason`."""
        wanted = set(names)
        rows = [
            row.Index
            for row in self.table[["image", "path"]].itertuples()
            if wanted and not wanted.isdisjoint((row.image, row.path, self.relative(row.path)))
        ]
        return self.without_rows(dict.fromkeys(rows, reason))

    def without_rows(self, reasons: Mapping[int, str]) -> Cohort:
        """A new cohort without these rows of `table` (index -> reason), which are listed as excluded."""
        paths = [self.relative(path) for path in self.table.loc[list(reasons), "path"]]
        return replace(
            self,
            table=self.table.drop(index=list(reasons)),
            excluded=[*self.excluded, *excluded_list(paths, list(reasons.values()))],
        )

    def relative(self, path: str) -> str:
        """A path of the table as it reads in lists: relative to the data folder, with forward slashes."""
        return printable(path.removeprefix(self.root).replace("\\", "/").lstrip("/"))

    def _counts(self, part: pd.DataFrame) -> dict[str, int]:
        counts = {"images": len(part), f"{self.grouped_by}s": part["patient"].nunique()}
        counts |= {name: int((part["label"] == code).sum()) for code, name in enumerate(self.classes)}
        if self.boxes is not None:
            counts["positive and boxed"] = sum(len(self.boxes.places.get(int(index), ())) > 0 for index in part.index)
        for name in self.confounders:
            words = name.replace("_", " ")
            counts[f"with {words}"] = int((part[name] == 1).sum())
            counts[f"without {words}"] = int((part[name] == 0).sum())
            counts[f"{words} unknown"] = int(part[name].isna().sum())
        return counts


def read_cohort(
    root: str | Path,
    *,
    layout: str,
    target: str,
    target_name: str | None = None,
    image: str | None = None,
    label: str | None = None,
    positive: Sequence[str] | None = None,
    negative: Sequence[str] | None = None,
    uncertain: Sequence[str] | None = None,
    classes: Mapping[str, Sequence[str]] | None = None,
    priority: str | None = None,
    upright: bool = True,
    patient: str | None = None,
    lesion: str | None = None,
    split: str | None = None,
    confounders: Mapping[str, Flag | Mapping[str, Any]] | None = None,
    covariates: Mapping[str, str] | None = None,
    boxes: BoxRole | Mapping[str, Any] | None = None,
    chest_films: bool = False,
    radiographs: Flag | Mapping[str, Any] | None = None,
    frontal: Flag | Mapping[str, Any] | None = None,
    emit_finding: bool = True,
) -> Cohort:
    """Read the cohort of `target` from the folder `root`; the keyword arguments are the fields of `contracts.Roles`.

    `classes` makes the cohort one of several classes, of which those without an image are left out; `priority` names the one that
    matters most.

    Left out, with a warning and listed in `excluded`: rows whose image is not there, images without a label, images with
    contradictory labels, images that `radiographs` says are none, chest films that `frontal` says are not frontal (both unless
    all are). Repeated rows of an image count once. A blank label counts as unlabelled unless "" is one of the `positive` or
    `negative` values; the same holds for confounders. Patients are numbered in the order in which they come.
    `emit_finding=False` reads without a notebook.

    Raises `MissingFileError`, `MissingColumnError` when a table or column is gone, `UnusableData` when a table is broken.
    """
    roles = Roles(
        image=image,
        label=label,
        positive=list(positive or ()),
        negative=list(negative or ()),
        uncertain=list(uncertain or ()),
        classes={name: list(values) for name, values in (classes or {}).items()},
        patient=patient,
        lesion=lesion,
        split=split,
        confounders={name: Flag.model_validate(flag) for name, flag in (confounders or {}).items()},
        covariates=dict(covariates or {}),
        boxes=None if boxes is None else BoxRole.model_validate(boxes),
        chest_films=chest_films,
        radiographs=None if radiographs is None else Flag.model_validate(radiographs),
        frontal=None if frontal is None else Flag.model_validate(frontal),
    )
    _check_names([*roles.confounders, *roles.covariates])
    reader = reader_for(layout)
    folder = DataFolder(Path(root).expanduser().resolve(), reader.views)
    rows = reader.read(folder, roles)
    found = Selection(folder, rows)
    found.drop_missing_files()
    names = found.drop_unlabelled(roles)
    found.drop_repeated_rows()
    found.name_damaged()
    if roles.radiographs is not None:
        found.drop_other_modalities(found.flag(roles, roles.radiographs), roles.radiographs)
    rows = found.rows
    has_patient_ids = "patient" in rows and bool(rows["patient"].notna().any())
    patients = (
        _one_spelling(rows["patient"], grouped_by(roles.patient), found.warnings).fillna(rows["image"])
        if has_patient_ids
        else rows["image"]
    )
    numbers = numbered(patients)  # who a patient is must not reach an output
    images = np.array(folder.scan.images, dtype=object)[rows["file"]]
    table = pd.DataFrame(
        {
            "image": rows["image"],
            "path": [f"{folder.root}{os.sep}{path.replace('/', os.sep)}" for path in images],
            "label": rows["label_code"].astype(int),
            "patient": numbers,
            # Folds depend on how groups sort, so a table's sort as its ids do: a seed gives the parts that it always gave.
            "group": ranked(patients) if folder.headers is None else numbers,
            "split": rows["split"],
        }
    )
    for name, flag in roles.confounders.items():
        table[name] = found.flag(roles, flag)
    for name, reference in roles.covariates.items():
        values = as_covariate(folder.lookup(rows, roles, reference), categories=name in _CATEGORIES)
        table[name] = values.groupby(level=0).first().reindex(rows.index)
    if roles.frontal is not None:
        kept = found.frontal(found.flag(roles, roles.frontal), roles.frontal)
        rows, table = rows[kept], table[kept]
    title = target_name or target
    cohort = Cohort(
        table=table.reset_index(drop=True),
        target=target,
        classes=names,
        confounders=list(roles.confounders),
        layout=layout,
        synthetic=folder.scan.synthetic,
        has_patient_ids=has_patient_ids,
        excluded=found.excluded,
        covariates=list(roles.covariates),
        root=str(folder.root),
        masks=reader.masks(folder),
        priority=priority_among(names, priority) if roles.classes else None,
        upright=upright,
        chest_films=chest_films,
        grouped_by=grouped_by(roles.patient),
    )
    cohort.warnings = [
        *folder.warnings,
        *found.warnings,
        *_patient_warnings(rows, has_patient_ids, cohort.grouped_by),
        *_one_sided(cohort),
    ]
    if roles.boxes is not None:
        cohort = with_boxes(cohort, folder, rows["file"].to_numpy(np.int64), roles.boxes)
    if emit_finding:
        _emit(cohort, title)
    return cohort


def check_usable(cohort: Cohort) -> None:
    """Raise `UnusableData`, one sentence, when no model can be trained: no labels, one class, fewer than three patients."""
    table = cohort.table
    if table.empty:
        raise UnusableData(
            f"No image has a label for {cohort.target}, so there is nothing to learn from. "
            "Check that the label column and the image names of the table are the right ones."
        )
    if table["label"].nunique() < 2:
        only = class_words(cohort.classes[int(table["label"].iloc[0])])
        raise UnusableData(
            f"All {len(table)} labelled images are {only} for {cohort.target}; telling two classes apart needs images of both. "
            "Add images of the other class, or name the values that mean it."
        )
    patients = table["patient"].nunique()
    if patients < 3:
        raise UnusableData(
            f"The images come from {patients} patient{'s' * (patients > 1)}; training, validation and test need at least one "
            "patient each, three in all. Add patients."
        )


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if name in _OWN_COLUMNS or names.count(name) > 1:
            raise ClinjupError(f"The name '{name}' of a confounder or covariate is taken already. Choose another one.")


def _one_spelling(ids: pd.Series, grouped_by: str, warnings: list[DataWarning]) -> pd.Series:
    """Each patient by the first spelling of the id: P-017 and p-017, P 17 and P17, 12 and 12.0 are one patient, in one part of the data."""
    spellings = pd.Series(ids.dropna().unique(), dtype=object)
    first = spellings.groupby(spellings.map(lambda value: _SPACE.sub("", normal(value)))).transform("first")
    merged = first[first != spellings].nunique()
    if merged:
        sentence = in_number(
            merged,
            "{n} {unit} [id is|ids are] written in more than one way (capitals, spaces, 12 and 12.0); the spellings of one id count as "
            "one {unit}.",
            unit=grouped_by,
        )
        warnings.append(DataWarning(code="patient_ids_merged", sentence=sentence))
    return ids.map(dict(zip(spellings, first, strict=True)))


def _patient_warnings(rows: pd.DataFrame, has_patient_ids: bool, grouped_by: str) -> list[DataWarning]:
    if not has_patient_ids:
        sentence = (
            "No column names the patients, so each image counts as a patient of its own. If a patient has several images, "
            "the figures come out too good."
        )
        return [DataWarning(code="no_patient_ids", sentence=sentence)]
    found = []
    if grouped_by != "patient":
        sentence = (
            f"The table numbers {grouped_by}s, not patients: images of one {grouped_by} stay together, but two {grouped_by}s of one "
            "patient may stand in different parts."
        )
        found.append(
            DataWarning(code="grouped_by_lesion" if grouped_by == "lesion" else "grouped_by_case", sentence=sentence)
        )
    missing = int(rows["patient"].isna().sum())
    if missing:
        sentence = in_number(
            missing,
            "{n} of {all} images [has|have] no {unit} id; each counts as a {unit} of its own.",
            all=len(rows),
            unit=grouped_by,
        )
        found.append(DataWarning(code="missing_patient_ids", sentence=sentence))
    return found


def _one_sided(cohort: Cohort) -> list[DataWarning]:
    """Confounders annotated on positives only (fewer than 1 % of the annotated images are negative), or only where they are (CANDID-PTX)."""
    found = []
    for name in cohort.confounders:
        negative = cohort.table["label"] != cohort.positive
        labels = negative[cohort.table[name].notna()]
        if len(labels) and labels.mean() < 0.01 and negative.any():
            sentence = (
                f"'{name}' is annotated on {len(labels)} images, practically all of them positive. "
                "Whether negatives have it is unknown, so label and confounder cannot be balanced against each other."
            )
            found.append(DataWarning(code="confounder_annotated_on_positives_only", sentence=sentence))
        present = int(cohort.table[name].eq(1).sum())
        if present and not cohort.table[name].eq(0).any():
            sentence = (
                f"No image is known to be free of '{name}': the data name {present} with it and are silent on the others. So nothing can be "
                "measured on images without it. Rows that say 'no' would allow that."
            )
            found.append(DataWarning(code="confounder_never_absent", sentence=sentence))
    return found


def _emit(cohort: Cohort, title: str) -> None:
    from clinjup.kernel.findings import emit

    table = cohort.table
    counts = cohort.class_counts
    finding = CohortFinding(
        images=len(table),
        patients=table["patient"].nunique(),
        target=cohort.target,
        classes=counts,
        confounders=cohort.confounder_counts,
        layout=cohort.layout,
        synthetic=cohort.synthetic,
        warnings=cohort.warnings,
        excluded=cohort.excluded,
        grouped_by=cohort.grouped_by,
    )
    sentence = f"{len(table)} images{cohort.patients_words(finding.patients)}: "
    if cohort.binary:
        sentence += f"{counts['positive']} with {title}, {counts['negative']} without."
    else:
        sentence += ", ".join(f"{count} {class_words(name)}" for name, count in counts.items()) + "."
    emit(finding, sentence)
