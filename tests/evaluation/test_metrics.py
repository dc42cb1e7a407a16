"""Each metric against scikit-learn or a value worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, balanced_accuracy_score, brier_score_loss, roc_auc_score

from clinjup.evaluation.bootstrap import Bootstrap
from clinjup.evaluation.metrics import METRICS, binary_metrics
from clinjup.evaluation.proportions import proportion, wilson
from clinjup.learning.scaling import logit


@pytest.fixture(scope="module")
def sample() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    labels = (random.random(400) < 0.3).astype(int)
    probabilities = 1 / (1 + np.exp(-(1.4 * random.normal(size=400) + 2 * labels - 1)))
    return probabilities, labels, random.integers(250, size=400)


def test_point_values_equal_scikit_learns(sample) -> None:
    p, y, patients = sample
    found = binary_metrics(p, y, patients, threshold=0.4)
    assert tuple(found) == METRICS
    called = p >= 0.4
    slope = LogisticRegression(C=1e10, tol=1e-10).fit(logit(p)[:, None], y).coef_[0, 0]
    expected = {
        "auroc": roc_auc_score(y, p),
        "auprc": average_precision_score(y, p),
        "sensitivity": called[y == 1].mean(),
        "specificity": (~called)[y == 0].mean(),
        "ppv": y[called].mean(),
        "npv": 1 - y[~called].mean(),
        "balanced_accuracy": balanced_accuracy_score(y, called),
        "brier": brier_score_loss(y, p),
        "calibration_slope": slope,
    }
    for metric, value in expected.items():
        assert found[metric].value == pytest.approx(value, rel=2e-4), metric
    for metric, estimate in found.items():
        low, high = estimate.ci95
        assert low < estimate.value < high, metric
    assert (found["auroc"].n, found["sensitivity"].n, found["specificity"].n) == (400, y.sum(), (y == 0).sum())


def test_the_calibration_intercept_makes_the_mean_probability_right(sample) -> None:
    p, y, patients = sample
    intercept = binary_metrics(p, y, patients, threshold=0.5)["calibration_intercept"].value
    shifted = 1 / (1 + np.exp(-(logit(p) + intercept)))
    assert shifted.mean() == pytest.approx(y.mean(), abs=1e-4)


def test_calibration_error_by_hand() -> None:
    p = np.array([0.1, 0.1, 0.1, 0.1, 0.9, 0.9])
    y = np.array([0, 0, 0, 1, 1, 1])
    ece = binary_metrics(p, y, np.arange(6), threshold=0.5)["ece"].value
    assert ece == pytest.approx((4 * abs(0.25 - 0.1) + 2 * abs(1 - 0.9)) / 6)


def test_calibration_intervals_hold_the_ideal_of_calibrated_probabilities_as_often_as_they_promise() -> None:
    held, repeats, size = {"calibration_slope": 0, "calibration_intercept": 0}, 120, 300
    ideal = {"calibration_slope": 1, "calibration_intercept": 0}
    for seed in range(repeats):
        random = np.random.default_rng(seed)
        p = random.uniform(0.05, 0.95, size=size)
        y = (random.random(size) < p).astype(int)
        bootstrap = Bootstrap(np.arange(size), y, resamples=200, seed=seed)
        found = binary_metrics(p, y, np.arange(size), threshold=0.5, bootstrap=bootstrap)
        for metric, value in ideal.items():
            low, high = found[metric].ci95
            held[metric] += low <= value <= high
    assert all(0.89 <= count / repeats <= 0.99 for count in held.values()), held


def test_predictive_values_follow_bayes_at_the_stated_prevalence(sample) -> None:
    p, y, patients = sample
    found = binary_metrics(p, y, patients, threshold=0.4, prevalence=0.05)
    sensitivity, specificity = found["sensitivity"].value, found["specificity"].value
    assert found["ppv"].value == pytest.approx(
        sensitivity * 0.05 / (sensitivity * 0.05 + (1 - specificity) * 0.95), rel=1e-5
    )
    assert found["npv"].value == pytest.approx(
        specificity * 0.95 / (specificity * 0.95 + (1 - sensitivity) * 0.05), rel=1e-5
    )
    assert found["ppv"].note == "at a prevalence of 5.0 %, as stated"
    assert "that of these images" in binary_metrics(p, y, patients, threshold=0.4)["npv"].note


@pytest.mark.parametrize(("label", "words"), [(0, "no positive images"), (1, "no negative images")])
def test_without_one_class_every_metric_is_missing_with_its_reason(label: int, words: str) -> None:
    found = binary_metrics(np.linspace(0, 1, 9), np.full(9, label), np.arange(9), threshold=0.5)
    assert set(found) == set(METRICS)
    assert all(estimate.value is None and words in estimate.reason for estimate in found.values())


def test_what_cannot_be_had_says_why_and_the_rest_is_there() -> None:
    y = np.array([0] * 20 + [1] * 20)
    separated = binary_metrics(np.where(y == 1, 0.9, 0.1) + np.linspace(0, 0.05, 40), y, np.arange(40), threshold=0.5)
    assert "separate the classes" in separated["calibration_slope"].reason
    assert separated["auroc"].value == 1
    nobody = binary_metrics(np.full(40, 0.2), y, np.arange(40), threshold=0.5)
    assert nobody["ppv"].reason == "no image was called positive"
    assert nobody["calibration_slope"].value is None
    assert nobody["auroc"].value == pytest.approx(0.5)


def test_wilson_interval_as_published() -> None:
    # Newcombe, Stat Med 1998, table I: 81 of 263.
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(1.0, 20) == pytest.approx((0.8389, 1.0), abs=5e-5)


def test_films_of_one_patient_that_agree_count_once() -> None:
    outcomes = np.array([1, 1, 0, 1, 0, 1, 1, 0, 1, 1])
    once = proportion(outcomes, np.arange(10))
    thrice = proportion(np.repeat(outcomes, 3), np.repeat(np.arange(10), 3))
    assert thrice.ci95 == pytest.approx(once.ci95)
    assert (once.n, thrice.n) == (10, 30)


def test_a_proportion_covers_the_truth_with_clusters() -> None:
    random, repeats, truth, held = np.random.default_rng(2), 400, 0.9, 0
    for _ in range(repeats):
        sick = random.beta(9, 1, size=40)  # each patient with a sensitivity of their own, mean 0.9
        outcomes = (random.random((40, 4)) < sick[:, None]).ravel()
        low, high = proportion(outcomes, np.repeat(np.arange(40), 4)).ci95
        held += low <= truth <= high
    assert 0.91 <= held / repeats <= 0.99


def test_a_proportion_of_nothing_is_missing() -> None:
    assert proportion([], [], reason="there are no positive images").reason == "there are no positive images"


def test_one_positive_image_is_counted_and_gives_no_auroc() -> None:
    p, y = np.array([0.9, 0.1, 0.2, 0.3, 0.4]), np.array([1, 0, 0, 0, 0])
    found = binary_metrics(p, y, np.arange(5), threshold=0.5)
    assert found["auroc"].value is None and found["auroc"].reason == "only 1\u00a0positive image; at least 3 are needed"
    assert (found["sensitivity"].value, found["sensitivity"].n) == (1.0, 1)
    assert tuple(found) == METRICS
