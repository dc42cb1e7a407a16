"""Several classes: their names in words, the one with priority, and classes too rare to be learned."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from clinjup.contracts import DataWarning
from clinjup.kernel.errors import ClinjupError
from clinjup.nouns import class_words, in_number

if TYPE_CHECKING:
    from clinjup.imaging.cohort import Cohort

FEWEST_GROUPS = 3  # one each for training, validation and test

_GROUPS = {"lesion": re.compile(r"l(e|ä|ae)sion", re.I), "case": re.compile(r"\b(case|fall)", re.I)}


def label_words(cohort: Cohort) -> list[str]:
    """What each code of the column `label` means: ['without pneumothorax', 'with pneumothorax'], or 'with ...' for each class."""
    if cohort.binary:
        return [f"{word} {class_words(cohort.target)}" for word in ("without", "with")]
    return [f"with {class_words(name)}" for name in cohort.classes]


def priority_among(classes: Sequence[str], priority: str | None) -> str:
    """The class with priority. Raises `ClinjupError` where no image has it."""
    if priority is None or priority not in classes:
        raise ClinjupError(
            f"No image is labelled '{class_words(priority or 'any class')}', which was to have priority. There are: "
            f"{', '.join(map(class_words, classes))}. Name one of these."
        )
    _check_several(classes)
    return priority


def _check_several(classes: Sequence[str]) -> None:
    """Raise `ClinjupError` for two: their model would have one output, which is read as that of a yes/no question."""
    if len(classes) < 3:
        raise ClinjupError(
            f"Only {' and '.join(map(class_words, classes)) or 'none'} can be learnt from these images, too few for several classes. Ask "
            "to tell the one from the other, or add images of a third."
        )


def grouped_by(reference: str | None) -> str:
    """Whom a column ('TABLE:COLUMN') numbers, by its header: 'lesion', 'case', else 'patient'."""
    header = (reference or "").rpartition(":")[2].replace("_", " ")
    return next((name for name, shape in _GROUPS.items() if shape.search(header)), "patient")


def without_rare_classes(cohort: Cohort) -> tuple[Cohort, list[DataWarning]]:
    """A cohort of several classes without those that have fewer than 3 groups: they cannot stand in every part.

    Raises `ClinjupError` where the class with priority is one of them, or where only two are left.
    """
    if cohort.binary:
        return cohort, []
    groups = cohort.table.groupby("label")["group"].nunique()
    rare = [code for code in range(len(cohort.classes)) if groups.get(code, 0) < FEWEST_GROUPS]
    if not rare:
        return cohort, []
    if cohort.positive in rare:
        raise ClinjupError(
            f"Only {int(groups.get(cohort.positive, 0))} {cohort.grouped_by}s show {class_words(cohort.finding)}, which has priority; "
            "training, validation and test need at least one each. Add images of it."
        )
    rows = cohort.table.index[cohort.table["label"].isin(rare)]
    names = " and ".join(class_words(cohort.classes[code]) for code in rare)
    sentence = in_number(
        len(rows),
        "{names}: {n} [image|images] of fewer than {fewest} {groups}s, too few to learn and to test. [It is|They are] left out, so the model "
        "will take such a lesion for another one.",
        names=names.capitalize(),
        fewest=FEWEST_GROUPS,
        groups=cohort.grouped_by,
    )
    kept = cohort.without_rows(dict.fromkeys(rows, "its class has too few images to be learned"))
    classes = [name for code, name in enumerate(cohort.classes) if code not in rare]
    _check_several(classes)
    recoded = {cohort.classes.index(name): code for code, name in enumerate(classes)}
    table = kept.table.assign(label=kept.table["label"].map(recoded))
    return replace(kept, table=table, classes=classes), [DataWarning(code="rare_class_left_out", sentence=sentence)]
