"""Operating points for somebody who fears the missed case."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from clinjup.evaluation.cohort_parts import Part
from clinjup.evaluation.operating_point import choose_threshold
from clinjup.evaluation.safe_point import harm_threshold, lower_bound, miss_bound, safe_threshold
from clinjup.evaluation.temperature import fit_temperature, scaled
from clinjup.learning.cross_fit import OutOfFold


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
    assert (
        "177 of 180 out-of-fold positives" in words and "the final network itself finds 59 of 60 on validation" in words
    )


def test_the_final_network_finds_the_share_that_the_others_found_out_of_fold():
    p, y = drawn(1, 60, 300)
    worst = np.flatnonzero(y == 1)[np.argmin(p[y == 1])]
    p[worst] = np.quantile(p[y == 0], 0.2)  # this network nearly misses a case that the others find
    found = np.r_[np.full(300, 0.9), np.full(300, 0.1)]
    sure = OutOfFold("m", np.arange(600), found, np.repeat([1, 0], 300), people(600), np.zeros(600, int))
    assert safe_threshold(p, part(y), 0.95, sure)[0] <= p[worst]
    found[:6] = 0.05  # as do they
    threshold, words = safe_threshold(p, part(y), 0.95, sure)
    assert threshold > p[worst] and "294 of 300" in words and "finds 59 of 60 on validation" in words
    few_p, few_y = drawn(3, 19, 100)
    found[:8] = 0.05  # one of 19 would be as many, to the nearest case, and 18 of 19 fall short of the target
    assert "finds 19 of 19 on validation" in safe_threshold(few_p, part(few_y), 0.95, sure)[1]


def test_too_few_cases_are_told_and_the_highest_attainable_is_taken():
    p, y = drawn(3, 20, 100)
    threshold, words = safe_threshold(p, part(y), 0.95)
    assert (p[y == 1] >= threshold).all()
    assert "cannot be promised" in words and "86.1 %" in words


def test_a_missed_case_that_counts_ten_alarms_gives_a_calibrated_threshold_of_one_in_eleven():
    p, y = drawn(5, 500, 500, scale=3.0)
    temperature = fit_temperature(p, y)
    threshold, words = harm_threshold(10, temperature)
    assert scaled([threshold], temperature)[0] == pytest.approx(1 / 11)
    assert "9.1 %" in words


@pytest.mark.parametrize("stretch", [0.4, 1.0, 3.0])
def test_temperature_undoes_a_stretch_of_the_logits(stretch):
    random = np.random.default_rng(0)
    z = random.normal(0, 2, 6000)
    y = (random.random(6000) < 1 / (1 + np.exp(-z))).astype(int)
    assert fit_temperature(1 / (1 + np.exp(-stretch * z)), y) == pytest.approx(stretch, rel=0.08)


def test_temperature_of_one_class_is_one():
    assert fit_temperature([0.2, 0.9], [1, 1]) == 1.0
