"""Operating points for somebody who fears the missed case."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from clinjup.evaluation.cohort_parts import Part
from clinjup.evaluation.operating_point import choose_threshold
from clinjup.evaluation.safe_point import harm_threshold, lower_bound, miss_bound, safe_threshold
from clinjup.evaluation.temperature import fit_scaling
from clinjup.learning.cross_fit import OutOfFold
from clinjup.learning.scaling import Scaling


def people(count: int) -> np.ndarray:
    return np.arange(count).astype(str)


def drawn(seed: int, positives: int, negatives: int, *, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose classes overlap; `scale` stretches the logits, which changes no ranking."""
    random = np.random.default_rng(seed)
    z = np.r_[random.normal(1.2, 1, positives), random.normal(-1.2, 1, negatives)] * scale
    return 1 / (1 + np.exp(-z)), np.r_[np.ones(positives, int), np.zeros(negatives, int)]


def part(labels: np.ndarray) -> Part:
    return Part("validation", pd.DataFrame({"image": people(len(labels))}), labels, people(len(labels)), labels)


def test_the_bound_is_clopper_and_pearsons_where_every_case_is_a_patient_of_its_own():
    found = np.r_[np.ones(116), 0]
    assert lower_bound(found, people(117)) == pytest.approx(beta.ppf(0.05, 116, 2))
    assert miss_bound(np.ones(100), people(100)) == pytest.approx(0.0295, abs=5e-4)  # the rule of three


def test_several_images_of_one_lesion_count_for_less():
    lesions = np.repeat(people(50), 2)
    assert lower_bound(np.ones(100), lesions) == pytest.approx(0.05 ** (1 / 50))
    assert lower_bound(np.ones(100), lesions) < lower_bound(np.ones(100), people(100))


def test_a_miss_never_raises_the_bound():
    lesions, found = np.repeat(people(50), 2), np.ones(100)
    bounds = [lower_bound(found, lesions)]
    for image in (0, 2, 3, 50, 51, 99):
        found[image] = 0
        bounds.append(lower_bound(found, lesions))
    assert bounds == sorted(bounds, reverse=True) and len(set(bounds)) == len(bounds)


def test_the_target_holds_on_the_next_patients_far_more_often_than_the_plain_rule():
    plain = safe = 0
    for seed in range(60):
        p, y = drawn(seed, 120, 400)
        new_p, new_y = drawn(1000 + seed, 120, 400)
        plain += (new_p[new_y == 1] >= choose_threshold(p, y, 0.95)).mean() >= 0.95
        safe += (new_p[new_y == 1] >= safe_threshold(p, part(y), 0.95)[0]).mean() >= 0.95
    assert safe >= 54 and plain <= 45


def test_out_of_fold_scores_are_carried_over_whatever_the_scale_of_each_network():
    p, y = drawn(1, 60, 300)
    scores, labels, fold = [], [], []
    for number, scale in enumerate((0.2, 1.0, 4.0)):
        fold_p, fold_y = drawn(10 + number, 60, 300, scale=scale)
        scores.append(fold_p)
        labels.append(fold_y)
        fold.append(np.full(len(fold_y), number))
    labels_all = np.concatenate(labels)
    folds = OutOfFold(
        "m",
        np.arange(len(labels_all)),
        np.concatenate(scores),
        labels_all,
        people(len(labels_all)),
        np.concatenate(fold),
    )
    threshold, words = safe_threshold(p, part(y), 0.95, folds)
    new_p, new_y = drawn(99, 4000, 4000)
    assert (new_p[new_y == 1] >= threshold).mean() > 0.94
    assert (new_p[new_y == 0] < threshold).mean() > 0.35
    assert "177 of 180 out-of-fold positives" in words and "on validation it finds" in words


def test_validation_positives_that_decide_the_rate_are_found_and_ties_are_called():
    scores = np.r_[0.9, 0.8, 0.55, 0.7, 0.6, 0.6, 0.5, 0.4]
    y = np.r_[1, 1, 1, 0, 0, 0, 0, 0]
    folds = OutOfFold("m", np.arange(8), scores, y, people(8), np.full(8, 3))
    threshold, words = safe_threshold(scores, part(y), 0.95, folds)
    assert 0.5 < threshold < 0.55 and "3 positives" in words and "on validation it finds 3 of 3" in words
    tied = OutOfFold(
        "m",
        np.arange(10),
        np.r_[0.3, np.linspace(0.2, 0.9, 9)],
        np.r_[1, np.zeros(9, int)],
        people(10),
        np.zeros(10, int),
    )
    called = (scores[y == 0] >= safe_threshold(scores, part(y), 0.95, tied)[0]).mean()
    assert called >= 7 / 9  # the share of its fold's negatives that lie above the one positive
    lowest = replace(tied, scores=np.r_[0.1, tied.scores[1:]])  # found only where everything is called
    assert safe_threshold(scores, part(y), 0.95, lowest)[0] == 0
    best = replace(
        tied, scores=np.r_[0.95, tied.scores[1:]]
    )  # found without any false alarm: validation's own still are
    assert (scores[y == 1] >= safe_threshold(scores, part(y), 0.95, best)[0]).all()


def test_too_few_cases_are_told_and_the_highest_attainable_is_taken():
    p, y = drawn(3, 20, 100)
    threshold, words = safe_threshold(p, part(y), 0.95)
    assert (p[y == 1] >= threshold).all()
    assert "cannot be promised" in words and "86.1 %" in words


def test_a_missed_case_that_counts_ten_alarms_gives_a_calibrated_threshold_of_one_in_eleven():
    p, y = drawn(5, 500, 500, scale=3.0)
    scaling = fit_scaling(p, y)
    threshold, words = harm_threshold(10, scaling, seen=0.5)
    assert scaling([threshold])[0] == pytest.approx(1 / 11)
    assert "9.1 %" in words


def test_a_stated_prevalence_moves_the_threshold_by_its_odds():
    scaling = Scaling(1.5)
    plain, _ = harm_threshold(10, scaling, seen=0.2)
    rare, words = harm_threshold(10, scaling, seen=0.2, prevalence=0.02)
    here = scaling([rare])[0]  # where one in five has it; where one in fifty has it, this is one in eleven
    odds = lambda p: p / (1 - p)  # noqa: E731
    assert odds(here) * odds(0.02) / odds(0.2) == pytest.approx(1 / 10)
    assert rare > plain
    assert "at a prevalence of 2" in words and f"it is {here * 100:.1f} %" in words


def test_what_balancing_shifted_is_taken_back_before_harms_are_weighed():
    random = np.random.default_rng(3)
    z = random.normal(-3, 2, 40_000)
    y = (random.random(40_000) < 1 / (1 + np.exp(-z))).astype(int)
    shifted = 1 / (1 + np.exp(-(1.6 * z + 4)))  # stretched, and raised as if the classes were equally frequent
    scaling = fit_scaling(shifted, y, balanced=True)
    assert (scaling.temperature, scaling.offset) == pytest.approx((1.6, -2.5), rel=0.05)
    threshold, words = harm_threshold(10, scaling, seen=y.mean())
    assert 1.6 * np.log(1 / 10) + 4 == pytest.approx(np.log(threshold / (1 - threshold)), abs=0.2)
    assert "offset -2." in words
    assert fit_scaling(shifted, y).offset == 0 and fit_scaling([0.2, 0.9], [1, 1], balanced=True) == Scaling()
    # A network that is wrong has a slope that is not allowed, and the offset would belong to that slope.
    assert fit_scaling(shifted, 1 - y, balanced=True).offset == 0


@pytest.mark.parametrize("stretch", [0.4, 1.0, 3.0])
def test_temperature_undoes_a_stretch_of_the_logits(stretch):
    random = np.random.default_rng(0)
    z = random.normal(0, 2, 6000)
    y = (random.random(6000) < 1 / (1 + np.exp(-z))).astype(int)
    assert fit_scaling(1 / (1 + np.exp(-stretch * z)), y).temperature == pytest.approx(stretch, rel=0.08)


def test_temperature_of_one_class_is_one():
    assert fit_scaling([0.2, 0.9], [1, 1]) == Scaling()
