"""A detector whose probabilities stand in where nobody annotated the confounder."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

from clinjup.contracts import Estimate
from clinjup.imaging import Cohort, ImageCache
from clinjup.imaging.presence import estimate_column
from clinjup.kernel.errors import ClinjupError
from clinjup.learning import confounder_counts, estimate_confounder
from clinjup.learning.confounder_detector import _why_refused, mixture
from clinjup.learning.mitigation.insertion_augmentation import PLAIN_DRAIN, draw_tubes
from clinjup.phrases import NOT_KNOWN
from tests.evaluation.phantoms import DRAIN, phantom_cohort
from tests.learning.conftest import Published

ESTIMATE = estimate_column(DRAIN)


@pytest.fixture(scope="module")
def films() -> tuple[Cohort, ImageCache]:
    cohort, images = phantom_cohort(60)
    files = images.files.reindex(cohort.table.index).assign(sha256=cohort.table["image"])
    return cohort, replace(images, files=files)


def hidden(cohort: Cohort, rows: object) -> Cohort:
    """The cohort with the drains of these rows not annotated."""
    table = cohort.table.copy()
    table.loc[rows, DRAIN] = np.nan
    return replace(cohort, table=table)


def test_films_of_training_and_validation_that_are_not_annotated_get_a_probability(
    films: tuple[Cohort, ImageCache], run_folder: object, published: Published
) -> None:
    cohort, images = films
    unknown = cohort.table.index % 4 != 0
    found = estimate_confounder(hidden(cohort, unknown), images, DRAIN, epochs=12, max_minutes=30, seed=1)
    estimate, judged = found.table[ESTIMATE], unknown & (cohort.table["split"] != "test")
    assert (estimate.notna() == judged).all() and estimate.dropna().between(0, 1).all()
    assert found.table[DRAIN].equals(hidden(cohort, unknown).table[DRAIN]), "what is annotated stays as it was"
    assert roc_auc_score(cohort.table.loc[judged, DRAIN], estimate[judged]) > 0.8
    (note,) = [finding["sentence"] for finding in published("note")]
    training = cohort.table["split"] == "train"
    assert f"on {(training & ~unknown).sum()} of {training.sum()} training films" in note
    assert re.search(
        r"Its AUROC on \d+ films of validation, drawn ones among them, is (0\.[89]\d|1\.00) \(95 % CI", note
    )
    assert "annotated films of validation it tells" in note
    for label, words in ((1, "with"), (0, "without")):
        ours = estimate[judged & (cohort.table["label"] == label)]
        assert f"on {ours.sum():.0f} of {len(ours)} films {words} pneumothorax" in note
    counts = confounder_counts(found, DRAIN)
    assert counts.to_numpy().sum() == pytest.approx((cohort.table["split"] != "test").sum(), abs=4)


def test_where_every_film_is_annotated_nothing_is_trained(
    films: tuple[Cohort, ImageCache], run_folder: object, published: Published
) -> None:
    cohort, images = films
    found = estimate_confounder(cohort, images, DRAIN)
    assert ESTIMATE not in found.table and not published("note") and not list(run_folder.iterdir())  # type: ignore[attr-defined]
    assert confounder_counts(found, DRAIN)["estimated: with"].sum() == 0


@pytest.mark.parametrize("annotated", [True, False])
def test_a_detector_that_hardly_sees_what_was_drawn_stands_in_for_nothing(
    films: tuple[Cohort, ImageCache], run_folder: object, published: Published, annotated: bool
) -> None:
    cohort, images = films
    noise = np.random.default_rng(0).integers(0, 256, images.pixels.shape, dtype=np.uint8)
    noisy = replace(images, pixels=noise)
    unknown = cohort.table.index % 4 != 0 if annotated else cohort.table.index >= 0
    before = hidden(cohort, unknown)
    again = replace(before, table=before.table.assign(**{ESTIMATE: 0.5}))
    found = estimate_confounder(again, noisy, DRAIN, epochs=1, max_minutes=30, seed=1)
    assert ESTIMATE not in found.table and found.table[DRAIN].equals(before.table[DRAIN])
    (note,) = [finding["sentence"] for finding in published("note")]
    assert "but it hardly tells films with a chest drain drawn in from the others. Its AUROC on" in note
    assert note.endswith(
        "only the annotated films say whether they show a chest drain." if annotated else f"and {NOT_KNOWN}."
    )
    assert confounder_counts(found, DRAIN)["estimated: with"].sum() == 0


@pytest.mark.parametrize(
    ("value", "interval", "shares", "said"),
    [
        (0.99, (0.98, 1.0), (0.4, 0.45), ""),
        (0.81, (0.7, 0.9), (0.03, 0.97), ""),
        (0.79, (0.7, 0.9), (0.4, 0.45), "hardly tells films"),
        (0.85, (0.5, 1.0), (0.4, 0.45), "hardly tells films"),
        (0.99, (0.98, 1.0), (0.99, 0.4), "nearly every film"),
        (0.99, (0.98, 1.0), (0.4, 0.01), "next to no film"),
    ],
)
def test_what_is_refused(value: float, interval: tuple[float, float], shares: tuple[float, float], said: str) -> None:
    doubt = _why_refused(
        Estimate(value=value, ci95=interval, n=60), pd.Series(shares, ["train", "validation"]), "a drain"
    )
    assert said in doubt and bool(said) == bool(doubt)


def test_a_confounder_that_cannot_be_drawn_is_refused_in_a_sentence(films: tuple[Cohort, ImageCache]) -> None:
    with pytest.raises(ClinjupError, match="'pacemaker', because no drawing"):
        estimate_confounder(*films, "pacemaker")


@pytest.mark.parametrize("shift", [0.0, -2.0])
def test_shares_are_fitted_for_each_class_whatever_the_scores_of_the_detector_mean(shift: float) -> None:
    random = np.random.default_rng(0)
    labels = (np.arange(2000) % 5 < 2).astype(np.int64)
    present = random.random(2000) < np.where(labels == 1, 0.94, 0.04)
    scores = random.normal(np.where(present, 3.0, -2.0), np.where(present, 1.5, 0.6)) + shift
    annotated = np.where(random.random(2000) < 0.05, present, np.nan)
    for known in (annotated, np.full(2000, np.nan)):
        found = mixture(scores, labels, known)
        for value in (0, 1):
            ours = labels == value
            assert found[ours].mean() == pytest.approx(present[ours].mean(), abs=0.02)
            rare = ours & (present != value)
            rarely = found if value == 0 else 1 - found
            assert rarely[rare].mean() > 0.8 and (rarely[ours] * ~rare[ours]).sum() < 0.3 * rarely[ours].sum()
        order = np.argsort(scores[labels == 1][np.isnan(known[labels == 1])])
        assert (np.diff(found[labels == 1][np.isnan(known[labels == 1])][order]) >= 0).all()
    stated = np.isfinite(annotated)
    assert (mixture(scores, labels, annotated)[stated] == annotated[stated]).all()


def test_a_plain_drain_comes_in_from_the_side_and_is_seen() -> None:
    films = torch.full((60, 1, 96, 96), 0.4)
    changed = draw_tubes(films, torch.arange(60), torch.Generator().manual_seed(0), PLAIN_DRAIN) - films
    brighter = (changed > 0.1).squeeze(1)
    assert brighter.flatten(1).any(dim=1).all()
    from_the_side = brighter[:, :, :4].flatten(1).any(dim=1) | brighter[:, :, -4:].flatten(1).any(dim=1)
    assert from_the_side.float().mean() > 0.9
