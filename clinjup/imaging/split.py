"""Training, validation and test parts that share no patient and no near-duplicate."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd

from clinjup.contracts import DataWarning, SplitCount, SplitFinding
from clinjup.imaging.cohort import Cohort
from clinjup.imaging.folds import MANY_GROUPS, dealt_folds
from clinjup.kernel.errors import ClassAbsentError, ClinjupError
from clinjup.nouns import class_words, in_number

PARTS = ("train", "validation", "test")
_MAX_FOLDS = 50


def split_cohort(
    cohort: Cohort, validation: float = 0.2, test: float = 0.2, seed: int = 0, *, official_parts: bool = True
) -> Cohort:
    """A new cohort whose column `split` is filled; emits a SplitFinding.

    Official parts are used as they are, unless `official_parts` is False, which is a warning. A missing part is cut from the
    training part: `test` and `validation` are shares of what is cut from. Cuts are folds on the label (with the first
    confounder where it is annotated): of StratifiedGroupKFold, from 10,000 groups on of `imaging.folds`. Groups are patients
    joined with near-duplicates. A patient in two official parts leaves the earlier of train, validation, test and is listed;
    an official validation part that lacks a class is cut anew.

    Raises `ClassAbsentError` when training or validation lacks a class; a test part without one is only a warning.
    With boxes it is raised for any part, the test part too, that holds no boxed positive: no mark could be judged there.
    """
    for name, share in (("validation", validation), ("test", test)):
        if not 0 < share < 1:
            raise ClinjupError(f"The {name} part must be a share between 0 and 1, not {share}.")
    official = cohort.table["split"].nunique() > 1
    split, found = cohort, list[DataWarning]()
    if official and not official_parts:
        official = False
        split = replace(cohort, table=cohort.table.assign(split=""))
        sentence = (
            "The official parts are not used: all patients were divided anew, before any model was trained. Figures on this test "
            "part cannot be compared with those published for the official one."
        )
        found.append(DataWarning(code="official_split_not_used", sentence=sentence))
    if official:
        split, found = _with_official_parts(cohort)
    used = [part for part in ("validation", "test") if (split.table["split"] == part).any()]
    table = split.table.assign(split=split.table["split"].replace("", "train"))
    if "test" not in used:
        table = _cut(table, "test", test, seed, split)
    if "validation" not in used:
        table = _cut(table, "validation", validation, seed + 1, split)
    for part in ("train", "validation"):
        _require_classes(table, part, split.classes)
    for part in PARTS if split.boxes is not None else ():
        if _unboxed(table[table["split"] == part], split):
            raise ClassAbsentError(part, "positive with a box")
    found += _test_warnings(table, split)
    result = replace(split, table=table, warnings=[*split.warnings, *found])
    _emit(cohort, result, found, _method(official, used, split))
    return result


def _with_official_parts(cohort: Cohort) -> tuple[Cohort, list[DataWarning]]:
    """The official parts without patients that stand in two of them."""
    found = []
    table = cohort.table.assign(split=cohort.table["split"].replace("", "train"))
    unlisted = int((cohort.table["split"] == "").sum())
    if unlisted and (cohort.table["split"] == "train").any():
        sentence = in_number(
            unlisted,
            "{n} [image is in no official part; it is|images are in no official part; they are] used for training.",
        )
        found.append(DataWarning(code="not_in_official_split", sentence=sentence))
    rank = table["split"].map(PARTS.index)
    latest = rank.groupby(table["group"]).transform("max")
    leaving = table.index[rank < latest]
    cohort = replace(cohort, table=table)
    if len(leaving):
        groups = table.loc[leaving, "group"].nunique()
        reasons = {
            index: f"its patient, or a near-identical image, is also in the official {PARTS[latest[index]]} part"
            for index in leaving
        }
        sentence = (
            in_number(groups, "{n} [patient stands|patients stand] in two official parts; ")
            + in_number(
                len(leaving), "{n} [image outside the later part is|images outside the later part are] left out, "
            )
            + "because a model must not be tested on patients that it has seen."
        )
        cohort = cohort.without_rows(reasons)
        found.append(DataWarning(code="patient_in_two_splits", sentence=sentence))
    table = cohort.table
    in_validation = table["split"] == "validation"
    if in_validation.any() and table.loc[in_validation, "label"].nunique() < len(cohort.classes):
        sentence = "The official validation part lacks a class, so it joins training and validation is cut anew."
        found.append(DataWarning(code="official_validation_lacks_class", sentence=sentence))
        cohort = replace(cohort, table=table.assign(split=table["split"].replace("validation", "train")))
    return cohort, found


def _cut(table: pd.DataFrame, part: str, share: float, seed: int, cohort: Cohort) -> pd.DataFrame:
    """`table` with about `share` of its training rows moved to `part`.

    Of the possible cuts, one that leaves every class in both sides is taken; after a test part, each class must remain in two
    groups, for training and for validation.
    """
    train = table[table["split"] == "train"]
    remaining = 1 if part == "validation" else 2
    best, best_score = None, None
    for rows in _folds(train, share, seed, cohort):
        inside, outside = train.loc[rows], train.drop(index=rows)
        lacking = len(cohort.classes) - inside["label"].nunique()
        short = sum(
            outside.loc[outside["label"] == code, "group"].nunique() < remaining for code in range(len(cohort.classes))
        )
        balance = abs((inside["label"] == cohort.positive).mean() - (train["label"] == cohort.positive).mean())
        if cohort.boxes is not None:
            short += _unboxed(inside, cohort) + _unboxed(outside, cohort)
        score = (short, lacking, round(abs(len(inside) / len(train) - share), 2), balance)
        if best_score is None or score < best_score:
            best, best_score = rows, score
    if best is not None and not cohort.binary:
        best = _with_every_class(train, best, remaining, cohort)
    if best is None:
        raise ClinjupError(
            f"The images come from too few patients to set a {part} part aside without sharing a patient. Add patients."
        )
    return table.assign(split=table["split"].where(~table.index.isin(best), part))


def _unboxed(part: pd.DataFrame, cohort: Cohort) -> int:
    """1 where no image of the part has a box of the target."""
    return int(not any(len(cohort.boxes.places.get(int(index), ())) for index in part.index))  # type: ignore[union-attr]


def _with_every_class(train: pd.DataFrame, rows: pd.Index, remaining: int, cohort: Cohort) -> pd.Index:
    """`rows` and, of each class that they lack, the smallest group, as long as `remaining` others of that class stay behind."""
    inside = train.loc[rows]
    for code in range(len(cohort.classes)):
        members = train[train["label"] == code]
        groups = members["group"].value_counts()
        if (inside["label"] == code).any() or len(groups) <= remaining:
            continue
        inside = pd.concat([inside, train[train["group"] == groups.index[-1]]])
    return inside.index


def _folds(train: pd.DataFrame, share: float, seed: int, cohort: Cohort) -> list[pd.Index]:
    """Candidate parts of about `share` of `train`: runs of folds of one StratifiedGroupKFold; see `imaging.folds` for large ones."""
    from sklearn.model_selection import StratifiedGroupKFold

    groups = train["group"].nunique()
    if groups < 2:
        return []
    most = min(_MAX_FOLDS, groups)
    fraction = min(max(Fraction(share).limit_denominator(most), Fraction(1, most)), 1 - Fraction(1, most))
    count, taken = fraction.denominator, fraction.numerator
    strata = _strata(train, cohort)
    if _is_large(cohort):
        return _runs(train, dealt_folds(train["group"], strata, count, seed), count, taken)
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore", UserWarning)  # strata rarer than folds are what `_cut` looks after
        try:
            folds = list(_kfold(StratifiedGroupKFold, count, seed, train, strata))
        except ValueError:  # every stratum is smaller than the number of folds
            folds = list(_kfold(StratifiedGroupKFold, count, seed, train, np.zeros(len(train), dtype=int)))
    return _runs(train, folds, count, taken)


def _runs(train: pd.DataFrame, folds: list[np.ndarray], count: int, taken: int) -> list[pd.Index]:
    runs = [np.concatenate([folds[(start + i) % count] for i in range(taken)]) for start in range(count)]
    return [train.index[rows] for rows in runs if 0 < len(rows) < len(train)]


def _is_large(cohort: Cohort) -> bool:
    return cohort.table["group"].nunique() >= MANY_GROUPS


def _kfold(splitter: type, count: int, seed: int, train: pd.DataFrame, strata: np.ndarray) -> list[np.ndarray]:
    folds = splitter(n_splits=count, shuffle=True, random_state=seed)
    return [rows for _, rows in folds.split(train, strata, train["group"])]


def _strata(train: pd.DataFrame, cohort: Cohort) -> np.ndarray:
    """Label, combined with whether the boxes are known, or with the first confounder where that is annotated (unknown is a level)."""
    strata = train["label"].to_numpy()
    if cohort.boxes is not None:
        return strata * 2 + np.isin(train.index, list(cohort.boxes.by_hand))
    annotated = next((name for name in cohort.confounders if train[name].notna().any()), None)
    if annotated is None or not cohort.binary:
        return strata
    return strata * 3 + train[annotated].fillna(2.0).to_numpy().astype(int)


def _require_classes(table: pd.DataFrame, part: str, classes: Sequence[str]) -> None:
    present = set(table.loc[table["split"] == part, "label"])
    for code, name in enumerate(classes):
        if code not in present:
            raise ClassAbsentError(part, name)


def _test_warnings(table: pd.DataFrame, cohort: Cohort) -> list[DataWarning]:
    present = set(table.loc[table["split"] == "test", "label"])
    missing = [name for code, name in enumerate(cohort.classes) if code not in present]
    if not missing:
        return []
    named = " or ".join(map(class_words, missing))
    sentence = (
        f"The test part has no image that is {named} for {cohort.target}; it cannot show how well that is told apart."
    )
    return [DataWarning(code="class_absent_from_test", sentence=sentence)]


def _method(official: bool, used: Sequence[str], cohort: Cohort) -> str:
    unit = cohort.grouped_by if cohort.has_patient_ids else "image (no patient ids; near-duplicates kept together)"
    how = "dealt evenly by pattern" if _is_large(cohort) else "StratifiedGroupKFold"
    if not official:
        return f"cut by {unit}, stratified by label and confounder ({how})"
    cut = [part for part in ("validation", "test") if part not in used]
    method = f"official {' and '.join(['train', *used])} parts"
    return f"{method}; {' and '.join(cut)} cut from train by {unit}, stratified ({how})" if cut else method


def _emit(before: Cohort, after: Cohort, found: list[DataWarning], method: str) -> None:
    from clinjup.kernel.findings import emit

    counts = {}
    for name in PARTS:
        part = after.part(name)
        counts[name] = SplitCount(
            images=len(part), patients=part["patient"].nunique(), positives=int((part["label"] == after.positive).sum())
        )
    lines = [
        f"{name}: {c.images} images{after.patients_words(c.patients)}, {c.positives} {after.priority or 'positive'}"
        for name, c in counts.items()
    ]
    finding = SplitFinding(
        split=counts,
        method=method,
        classes=after.class_counts,
        confounders=after.confounder_counts,
        warnings=found,
        excluded=after.excluded[len(before.excluded) :],
        grouped_by=after.grouped_by,
    )
    emit(finding, f"{'; '.join(lines)} ({method}). " + " ".join(warning.sentence for warning in found))
