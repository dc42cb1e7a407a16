"""Label x confounder before training: the odds ratio, its interval, what is not known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clinjup.evaluation import association
from clinjup.evaluation.association import odds_ratio
from clinjup.imaging import Cohort
from tests.evaluation.conftest import Published
from tests.evaluation.phantoms import DRAIN
from tests.learning.blobs import CONFOUNDER as EDGE
from tests.learning.blobs import blob_cohort


def rows(a: int, b: int, c: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and presence of a 2 x 2 table: positives with, without; negatives with, without."""
    return np.repeat([1, 1, 0, 0], [a, b, c, d]), np.repeat([1.0, 0.0, 1.0, 0.0], [a, b, c, d])


def test_one_image_a_patient_gives_woolfs_interval() -> None:
    labels, presence = rows(20, 10, 5, 40)
    found = odds_ratio(labels, presence, np.arange(75))
    error = np.sqrt(1 / 20 + 1 / 10 + 1 / 5 + 1 / 40)
    assert found.value == pytest.approx(16.0)
    assert found.ci95 == pytest.approx((16 * np.exp(-1.959964 * error), 16 * np.exp(1.959964 * error)), rel=1e-5)
    assert (found.n, found.note) == (75, None)


def test_repeated_films_of_a_patient_do_not_narrow_the_interval() -> None:
    labels, presence = rows(20, 10, 5, 40)
    once = odds_ratio(labels, presence, np.arange(75))
    thrice = odds_ratio(np.repeat(labels, 3), np.repeat(presence, 3), np.repeat(np.arange(75), 3))
    assert thrice.ci95 == pytest.approx(once.ci95)


def test_an_empty_cell_is_corrected_and_said_so() -> None:
    labels, presence = rows(12, 3, 0, 30)
    found = odds_ratio(labels, presence, np.arange(45))
    error = np.sqrt(1 / 12.5 + 1 / 3.5 + 1 / 0.5 + 1 / 30.5)
    assert found.value == pytest.approx(12.5 * 30.5 / (3.5 * 0.5))
    assert np.log(found.ci95[1] / found.value) == pytest.approx(1.959964 * error, rel=1e-5)
    assert "0.5 added" in found.note


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((5, 5, 0, 0), "on no negative image"),
        ((0, 0, 5, 5), "on no positive image"),
        ((5, 0, 5, 0), "every annotated"),
        ((0, 5, 0, 5), "no annotated"),
    ],
)
def test_what_cannot_be_had_says_why(counts: tuple[int, int, int, int], words: str) -> None:
    labels, presence = rows(*counts)
    found = odds_ratio(labels, presence, np.arange(10))
    assert found.value is None and words in found.reason


def test_of_several_classes_the_one_of_interest_is_counted(run_folder: Path, published: Published) -> None:
    cohort, _ = blob_cohort(90, classes=3)
    cohort = replace(
        cohort, priority="inverted", table=cohort.table.assign(**{EDGE: (cohort.table["label"] == 2) * 1.0})
    )
    association(cohort, EDGE)
    counts = published("association")[0]["counts"]["train"]
    train = cohort.part("train")["label"]
    assert counts["positive_with"] == (train == 2).sum() and counts["negative_without"] == (train != 2).sum()
    assert counts["positive_without"] == counts["negative_with"] == 0


def test_images_without_annotation_are_unknown_not_absent(
    run_folder: Path, cohort: Cohort, published: Published
) -> None:
    table = cohort.table.copy()
    table.loc[table.index[::3], DRAIN] = np.nan
    shown = association(replace(cohort, table=table), DRAIN)
    finding = published("association")[0]
    train = table[table["split"] == "train"]
    counts = finding["counts"]["train"]
    assert counts["unknown"] == train[DRAIN].isna().sum() > 0
    assert sum(counts.values()) == len(train)
    assert counts["negative_without"] == ((train["label"] == 0) & (train[DRAIN] == 0)).sum()
    assert list(shown.index) == ["train", "validation", "test"]


def test_the_finding_comes_with_a_figure_and_a_sentence(run_folder: Path, cohort: Cohort, published: Published) -> None:
    association(cohort, DRAIN)
    sentence = published("association")[0]["sentence_shown"]
    assert sentence.startswith("In the train part ") and "odds ratio" in sentence and "chest drain" in sentence
    figure = published("figure")[0]
    assert (run_folder / figure["path"]).stat().st_size > 5000
    assert "95 % confidence intervals clustered by patient" in figure["caption"] and "n = " in figure["alt"]


def test_a_confounder_without_column_is_reported_not_raised(
    run_folder: Path, cohort: Cohort, published: Published
) -> None:
    association(replace(cohort, table=cohort.table.drop(columns=DRAIN)), DRAIN)
    finding = published("association")[0]
    assert all(ratio["value"] is None for ratio in finding["odds_ratios"].values())
    assert "cannot be computed" in finding["sentence_shown"]
