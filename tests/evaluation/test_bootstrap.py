"""The bootstrap clustered by patient: what it draws, what it computes, how often its intervals hold the truth."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score

from clinjup.evaluation.bootstrap import Bootstrap, mean_statistic
from clinjup.evaluation.metrics import binary_metrics
from clinjup.evaluation.ranking import auprc_statistic, auroc_statistic


def clustered_scores(random: np.random.Generator, patients: int, films: int, shift: float):
    """Scores whose AUROC is known: a patient effect and a film effect of variance 1/2 each; positives shifted by `shift`."""
    labels = np.repeat(np.arange(patients) % 2, films)
    patient = np.repeat(random.normal(scale=np.sqrt(0.5), size=patients), films)
    scores = patient + random.normal(scale=np.sqrt(0.5), size=patients * films) + shift * labels
    return scores, labels, np.repeat(np.arange(patients), films)


@pytest.mark.parametrize("seed", range(6))
def test_weighted_auroc_and_auprc_equal_scikit_learns_with_ties(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = (random.random(300) < 0.3).astype(int)
    scores = np.round(random.normal(size=300) + labels, 1)
    weights = random.integers(0, 4, size=(5, 300)).astype(np.float32)
    for statistic, reference in (
        (auroc_statistic(scores, labels), roc_auc_score),
        (auprc_statistic(scores, labels), average_precision_score),
    ):
        expected = [reference(labels, scores, sample_weight=row) for row in weights]
        np.testing.assert_allclose(statistic(weights), expected, rtol=1e-6)


def test_weights_mean_the_same_as_repeated_images() -> None:
    random = np.random.default_rng(0)
    scores, labels, patients = clustered_scores(random, 30, 3, 0.8)
    row = next(Bootstrap(patients, labels, resamples=1).weights())[0].astype(int)
    repeated = np.repeat(np.arange(len(labels)), row)
    assert auroc_statistic(scores, labels)(row[None].astype(np.float32))[0] == pytest.approx(
        roc_auc_score(labels[repeated], scores[repeated])
    )


def test_patients_are_drawn_whole_and_outcomes_keep_their_number() -> None:
    labels = np.array([1, 0, 1, 1, 0, 0, 0, 0])
    patients = np.array(list("AABCDDEE"))
    weights = np.concatenate(list(Bootstrap(patients, labels, resamples=200).weights()))
    assert (weights[:, 0] == weights[:, 1]).all() and (weights[:, 4] == weights[:, 5]).all()
    assert (weights[:, [0, 2, 3]].sum(axis=1) == 3).all(), "three patients with a positive image in every resample"
    assert (weights[:, [4, 6]].sum(axis=1) == 2).all()
    assert len(np.unique(weights, axis=0)) > 10


def test_models_judged_with_one_bootstrap_are_paired() -> None:
    scores, labels, patients = clustered_scores(np.random.default_rng(1), 80, 2, 1.0)
    first, second = auroc_statistic(scores, labels), auroc_statistic(scores + 0.02 * labels, labels)
    bootstrap = Bootstrap(patients, labels)
    difference = bootstrap.estimate(lambda weights: second(weights) - first(weights), len(labels))
    alone = bootstrap.estimate(first, len(labels))
    assert np.ptp(difference.ci95) < 0.2 * np.ptp(alone.ci95)


def test_equal_arguments_give_equal_intervals() -> None:
    scores, labels, patients = clustered_scores(np.random.default_rng(2), 40, 2, 1.0)
    first, again, other = (
        Bootstrap(patients, labels, seed=seed).estimate(auroc_statistic(scores, labels), 80).ci95 for seed in (0, 0, 1)
    )
    assert first == again != other


def test_intervals_cover_the_truth_as_often_as_they_promise_only_if_clustered() -> None:
    random, shift, repeats = np.random.default_rng(3), 1.0, 200
    truth = norm.cdf(shift / np.sqrt(2))
    held = {"by patient": 0, "by image": 0}
    for _ in range(repeats):
        scores, labels, patients = clustered_scores(random, 60, 5, shift)
        for words, clusters in (("by patient", patients), ("by image", np.arange(len(labels)))):
            bootstrap = Bootstrap(clusters, labels, resamples=300, seed=int(random.integers(1 << 30)))
            low, high = bootstrap.estimate(auroc_statistic(scores, labels), len(labels)).ci95
            held[words] += low <= truth <= high
    assert 0.90 <= held["by patient"] / repeats <= 0.985
    assert held["by image"] / repeats < 0.87


def test_a_figure_that_hangs_on_one_patient_is_not_given() -> None:
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 0])
    patients = np.array(["A", "A", "A", "B", "C", "D", "E", "F"])
    scores = np.linspace(1, 0, 8)
    bootstrap = Bootstrap(patients, None)
    estimate = bootstrap.estimate(auroc_statistic(scores, labels), 8)
    assert estimate.value is None
    assert "too few patients" in estimate.reason


def test_a_statistic_without_value_gives_its_reason() -> None:
    bootstrap = Bootstrap(np.arange(5), None)
    assert bootstrap.estimates({"x": mean_statistic([], [])}, 5, {"x": "nothing there"})["x"].reason == "nothing there"


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, labels, patients = clustered_scores(np.random.default_rng(4), 40, 2, 1.0)
    whole = Bootstrap(patients, labels).estimate(auroc_statistic(scores, labels), 80)
    monkeypatch.setattr("clinjup.evaluation.bootstrap._BLOCK_CELLS", 1000)
    assert Bootstrap(patients, labels).estimate(auroc_statistic(scores, labels), 80) == whole


def test_two_thousand_resamples_of_a_thousand_films_take_seconds() -> None:
    scores, labels, patients = clustered_scores(np.random.default_rng(5), 500, 2, 1.0)
    probabilities = 1 / (1 + np.exp(-scores))
    started = time.process_time()
    binary_metrics(probabilities, labels, patients, threshold=0.5)
    assert time.process_time() - started < 6
