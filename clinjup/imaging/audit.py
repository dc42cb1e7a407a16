"""The data audit: what cannot be read, what is there twice, and what differs between the classes but is not disease."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

import numpy as np
import pandas as pd

from clinjup.contracts import AuditFinding, DataWarning
from clinjup.imaging.cache import ImageCache
from clinjup.imaging.classes import without_rare_classes
from clinjup.imaging.cohort import Cohort, check_usable
from clinjup.imaging.duplicates import join_groups, near_duplicates
from clinjup.imaging.files import IMAGE_SUFFIXES
from clinjup.imaging.selection import MAX_LISTED, some_of
from clinjup.nouns import class_words, in_number

MIN_ASSOCIATION = 0.3  # Cramer's V from which a technical trait counts as differing by class
MAX_P = 0.01
RARE = 10
FLAT = 16  # grey levels between the darkest and the lightest 5 % of a picture; with fewer hardly anything is seen
INVERTED = 5  # grey levels by which the middle of a chest film is too dark

_LETTERS = re.compile(r"[^\W\d_]*")
_SOURCE_COVARIATES = ("source", "site", "hospital", "device", "manufacturer", "scanner")


def audit_cohort(cohort: Cohort, images: ImageCache) -> Cohort:
    """A new cohort without unreadable and empty images, with near-duplicates in one group; shows what was found.

    Exact copies with one label stay and share a group; with different labels both are left out. A technical trait (image
    size, colour mode, source; of chest films, whether they look inverted) is reported as differing by class when its
    bias-corrected Cramer's V with the label (Bergsma, J Korean Stat Soc 2013) is at least 0.3 and the chi-squared test gives
    p < 0.01. Emits an AuditFinding and a figure of sample films. Raises `UnusableData` when what is left cannot carry the task.
    """
    from clinjup.kernel.findings import emit

    checked = len(cohort.table)
    files = images.files.loc[cohort.table.index]
    unreadable = files.loc[files["reason"] != "", "reason"]
    audited = cohort.without_rows(unreadable.to_dict())
    warnings = _unreadable_warning(unreadable, checked)
    audited, found = _without_empty(audited, files)
    warnings += found
    audited, found = _without_contradictions(audited, files)
    warnings += found
    check_usable(audited)
    audited, found = _with_duplicates_grouped(audited, images)
    warnings += found
    audited, found = without_rare_classes(audited)
    warnings += found
    check_usable(audited)
    warnings += _class_warnings(audited, images.files.loc[audited.table.index])
    audited = replace(audited, warnings=[*cohort.warnings, *warnings])
    excluded = audited.excluded[len(cohort.excluded) :]
    finding = AuditFinding(
        images_checked=checked,
        excluded=excluded,
        warnings=warnings,
        classes=audited.class_counts,
        confounders=audited.confounder_counts,
    )
    emit(finding, _sentence(checked, checked - len(audited.table), warnings))
    _show_samples(audited, images)
    return audited


def cramers_v(one: Sequence[object] | pd.Series, other: Sequence[object] | pd.Series) -> tuple[float, float]:
    """Bias-corrected Cramer's V of two categorical variables, and the p value of the chi-squared test."""
    from scipy.stats import chi2_contingency

    counts = pd.crosstab(np.asarray(one), np.asarray(other)).to_numpy()
    if min(counts.shape) < 2:
        return 0.0, 1.0
    n = counts.sum()
    chi2, p, _, _ = chi2_contingency(counts, correction=False)
    rows, columns = counts.shape
    phi2 = max(0.0, chi2 / n - (rows - 1) * (columns - 1) / (n - 1))
    rows_c, columns_c = rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)
    smaller = min(rows_c, columns_c) - 1
    return (float(np.sqrt(phi2 / smaller)) if smaller > 0 else 0.0), float(p)


def _unreadable_warning(unreadable: pd.Series, checked: int) -> list[DataWarning]:
    if unreadable.empty:
        return []
    reasons = ", ".join(f"{count}: {reason}" for reason, count in unreadable.value_counts().items())
    sentence = f"{len(unreadable)} of {checked} image files cannot be read ({reasons}); left out."
    return [DataWarning(code="unreadable_files", sentence=sentence)]


def _without_empty(cohort: Cohort, files: pd.DataFrame) -> tuple[Cohort, list[DataWarning]]:
    """Without pictures of one single grey value, which show nothing; a copy of one is no duplicate of anything."""
    rows = cohort.table.index[files.loc[cohort.table.index, "levels"] == 1]
    if rows.empty:
        return cohort, []
    sentence = in_number(
        len(rows), "{n} [image has|images have] the same grey value everywhere and [shows|show] nothing; left out."
    )
    reduced = cohort.without_rows(dict.fromkeys(rows, "the same grey value everywhere"))
    return reduced, [DataWarning(code="empty_pictures", sentence=sentence)]


def _without_contradictions(cohort: Cohort, files: pd.DataFrame) -> tuple[Cohort, list[DataWarning]]:
    digests = files.loc[cohort.table.index, "sha256"]
    contradictory = cohort.table["label"].groupby(digests).transform("nunique") > 1
    rows = cohort.table.index[contradictory]
    if rows.empty:
        return cohort, []
    sentence = f"{len(rows)} image files are exact copies of one another with different labels; left out."
    reduced = cohort.without_rows(dict.fromkeys(rows, "an exact copy of this file has another label"))
    return reduced, [DataWarning(code="contradictory_copies", sentence=sentence)]


def _with_duplicates_grouped(cohort: Cohort, images: ImageCache) -> tuple[Cohort, list[DataWarning]]:
    table = cohort.table
    digests = images.files.loc[table.index, "sha256"]
    first = pd.Series(table.index, index=table.index).groupby(digests).transform("first")
    copies = [(int(a), int(b)) for a, b in zip(first, table.index, strict=True) if a != b]
    near = near_duplicates(images, table.index[first == table.index])
    if not copies and not near:
        return cohort, []
    group = join_groups(table["group"], [*copies, *near])
    across = sum(table["patient"].at[a] != table["patient"].at[b] for a, b in [*copies, *near])
    whose = f" ({across} of the pairs under different patients)" if across and cohort.has_patient_ids else ""
    sentence = (
        in_number(len(copies), "{n} [image is an exact copy|images are exact copies] of another and ")
        + in_number(len(near), "{n} [pair is|pairs are] nearly identical{whose}; ", whose=whose)
        + "each set stays together in one part of the split."
    )
    disagreeing = sum(table["label"].at[a] != table["label"].at[b] for a, b in near)
    if disagreeing:
        sentence += in_number(
            disagreeing, " {n} nearly identical [pair has|pairs have] different labels: look at [it|them]."
        )
    grouped = replace(cohort, table=table.assign(group=group))
    return grouped, [DataWarning(code="duplicates", sentence=sentence)]


def audit_table(cohort: Cohort) -> list[DataWarning]:
    """The checks that need no picture: sources that differ by class (folder, name, file type, site, device), rare classes."""
    sources = ("source_differs_by_class", "The source (folder, file name, file type or device)", _sources(cohort))
    return [*_differing(cohort, *sources), *_rare_classes(cohort)]


def _class_warnings(cohort: Cohort, files: pd.DataFrame) -> list[DataWarning]:
    modes = files["mode"] + files["bits"].astype(str)
    sources = [*_sources(cohort), *_telling([files["source"]])]
    return [
        *_differing(cohort, "size_differs_by_class", "The image size", [_size_bucket(files)]),
        *_differing(cohort, "colour_mode_differs_by_class", "The colour mode or bit depth", [modes]),
        *_differing(cohort, "source_differs_by_class", "The source (folder, file name, file type or device)", sources),
        *_inverted(cohort, files),
        *_flat(cohort, files),
        *_windows_passed_over(files),
        *_burned_in(cohort, files),
        *_located(files),
        *_rare_classes(cohort),
    ]


def _differing(cohort: Cohort, code: str, what: str, variables: Sequence[pd.Series]) -> list[DataWarning]:
    label = cohort.table["label"]
    strength, p = max((cramers_v(variable, label) for variable in variables), default=(0.0, 1.0))
    if strength < MIN_ASSOCIATION or p >= MAX_P:
        return []
    sentence = (
        f"{what} differs between the classes (Cramer's V {strength:.2f}, n = {len(label)}): "
        "a model can tell them apart without looking at the disease."
    )
    return [DataWarning(code=code, sentence=sentence)]


def _inverted(cohort: Cohort, files: pd.DataFrame) -> list[DataWarning]:
    if not cohort.chest_films:
        return []
    what = "The share of films that look inverted (dark middle, light border)"
    return _differing(cohort, "inversion_differs_by_class", what, [files["dark_middle"] > INVERTED])


def _flat(cohort: Cohort, files: pd.DataFrame) -> list[DataWarning]:
    flat = files.index[files["contrast"] < FLAT]
    if flat.empty:
        return []
    named = _paths(cohort, flat)
    sentence = in_number(
        len(flat),
        "{n} of {all} images [has|have] nearly the same grey value everywhere ({named}): look at [it|them], and leave out (EXCLUDE) what shows "
        "nothing.",
        all=len(files),
        named=some_of(named),
    )
    return [DataWarning(code="flat_pictures", sentence=sentence, files=named[:MAX_LISTED])]


def _paths(cohort: Cohort, rows: pd.Index) -> list[str]:
    return [cohort.relative(path) for path in cohort.table.loc[rows, "path"]]


def _windows_passed_over(files: pd.DataFrame) -> list[DataWarning]:
    count = int((files["window"] == "passed over").sum())
    if not count:
        return []
    sentence = in_number(
        count,
        "{n} of {all} images [has|have] a DICOM window that hides the picture (nearly all of it black, white or one grey); "
        "the range of [its|their] own grey values is shown instead.",
        all=len(files),
    )
    return [DataWarning(code="dicom_window_passed_over", sentence=sentence)]


def _rare_classes(cohort: Cohort) -> list[DataWarning]:
    found = []
    for value, name in enumerate(cohort.classes):
        count = int((cohort.table["label"] == value).sum())
        if count < RARE:
            what = f"{class_words(name)} for {cohort.target}" if cohort.binary else class_words(name)
            sentence = in_number(
                count,
                "Only {n} [image is|images are] {what}: every figure about [it|them] will be very uncertain.",
                what=what,
            )
            found.append(DataWarning(code="rare_class", sentence=sentence))
    return found


def _burned_in(cohort: Cohort, files: pd.DataFrame) -> list[DataWarning]:
    named = _paths(cohort, files.index[files["burned_in"] == "yes"])
    if not named:
        return []
    sentence = (
        in_number(len(named), "{n} of {all} images [says in its|say in their] DICOM header that", all=len(files))
        + f" text is burned into the picture ({some_of(named)}). It may name a patient, "
        "and a model can read it instead of the disease: look at them, and leave them out (EXCLUDE) where the text stays."
    )
    unstated = int((files["burned_in"] == "unstated").sum())
    if unstated:
        sentence += in_number(unstated, " {n} more [does|do] not say whether it is so.")
    return [DataWarning(code="burned_in_annotation", sentence=sentence, files=named[:MAX_LISTED])]


def _located(files: pd.DataFrame) -> list[DataWarning]:
    count = int((files["located"] == "yes").sum())
    if not count:
        return []
    sentence = (
        in_number(
            count,
            "{n} of {all} images [says in its EXIF data where it was|say in their EXIF data where they were] taken (GPS). ",
            all=len(files),
        )
        + "Nothing that this run writes holds a position; take it out of the files themselves before anyone else gets them."
    )
    return [DataWarning(code="exif_location", sentence=sentence)]


def _size_bucket(files: pd.DataFrame) -> pd.Series:
    """Sizes that at least one image in twenty has, by name; the rest by fifths of their number of pixels."""
    size = files["width"].astype(str) + "x" + files["height"].astype(str)
    common = size.map(size.value_counts()) >= max(2, 0.05 * len(size))
    area = files["width"] * files["height"]
    fifths = pd.qcut(area[~common], 5, labels=False, duplicates="drop") if (~common).sum() >= 5 else 0 * area[~common]
    return size.where(common, fifths.reindex(size.index).map("fifth {}".format))


def _sources(cohort: Cohort) -> list[pd.Series]:
    """Where an image may come from: folder, beginning of the file name, file type, and covariates that name it."""
    once: dict[str, str] = {}  # equal text stored once: a million paths have few folders
    found: tuple[list[str], list[str], list[str]] = ([], [], [])
    for path in map(cohort.relative, cohort.table["path"]):
        folder, _, name = path.rpartition("/")
        for values, value in zip(found, (_name_prefix(path), _suffix(name), folder), strict=True):
            values.append(once.setdefault(value, value))
    if cohort.layout == "class_folders":
        found = (found[0], found[1], [])
    sources = [pd.Series(values, index=cohort.table.index, dtype=object) for values in found if values]
    sources += [cohort.table[name].astype(str) for name in cohort.covariates if name in _SOURCE_COVARIATES]
    return _telling(sources)


def _telling(sources: Sequence[pd.Series]) -> list[pd.Series]:
    """Without those that have a value of its own for nearly every image: they name images, not sources."""
    return [source for source in sources if 1 < source.nunique() <= max(2, len(source) // 10)]


def _name_prefix(path: str) -> str:
    """Letters at the beginning of a file name, unless they only repeat the name of a folder above."""
    *folders, name = path.casefold().split("/")
    prefix = _LETTERS.match(name)
    letters = prefix[0] if prefix else ""
    return "" if any(letters and folder.startswith(letters) for folder in folders) else letters


def _suffix(name: str) -> str:
    """The suffix of a file name, "" where what follows the dot is no suffix but part of a number."""
    suffix = PurePath(name).suffix.lower()
    return suffix if suffix in IMAGE_SUFFIXES else ""


def _sentence(checked: int, left_out: int, warnings: Sequence[DataWarning]) -> str:
    start = f"{checked} images checked, {left_out} left out."
    return (
        " ".join([start, *(warning.sentence for warning in warnings)])
        if warnings
        else f"{start} Nothing suspicious found."
    )


def _show_samples(cohort: Cohort, images: ImageCache, columns: int = 6) -> None:
    """Images of each class, evenly spread over the cohort, one row a class."""
    from clinjup.kernel.figures import new_figure, show_figure

    target = cohort.target.replace("_", " ")
    names = [class_words(name).capitalize() for name in cohort.classes]
    titles = [f"Without {target}", f"With {target}"] if cohort.binary else names
    rows = len(titles)
    figure, axes = new_figure(columns, rows, width=1.6 * columns, height=1.86 * rows, squeeze=False)
    figure.get_layout_engine().set(rect=(0, 0.02, 1, 0.98))
    for axis in axes.flat:
        axis.axis("off")
    for code, row in enumerate(axes):
        members = cohort.table.index[cohort.table["label"] == code]
        titles[code] += f" (n = {len(members)})"
        row[0].set_title(titles[code], loc="left", fontsize=11, fontweight="bold")
        chosen = members[np.unique(np.linspace(0, len(members) - 1, min(columns, len(members))).astype(int))]
        for axis, index in zip(row, chosen, strict=False):
            axis.imshow(images.pixels_of(int(index)), cmap="gray", vmin=0, vmax=255)
    show_figure(
        figure,
        "sample_films",
        title="Sample images of each class",
        caption=f"Evenly spread over the cohort, {images.size} x {images.size} pixels, as they are kept for training. "
        f"{'; '.join(titles)}. Look for anything that differs between the rows but is not the disease: markers, borders, "
        "devices, brightness.",
        alt=f"Sample images, one row a class: {'; '.join(titles)}.",
        synthetic=cohort.synthetic,
    )
