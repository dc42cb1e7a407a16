"""The operating point: the rule against brute force, and where it has nothing good to offer."""

from __future__ import annotations

import numpy as np
import pytest

from clinjup.evaluation.operating_point import choose_threshold, operating_point, rule_in_words, specific_threshold
from clinjup.kernel.errors import ClassAbsentError, ClinjupError


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("target", [0.5, 0.9, 0.95, 1.0])
def test_no_other_threshold_is_more_specific_at_the_target_sensitivity(seed: int, target: float) -> None:
    random = np.random.default_rng(seed)
    labels = (random.random(60) < 0.4).astype(int)
    labels[:2] = 0, 1
    p = np.round(random.random(60) * 0.6 + 0.3 * labels, 1 if seed % 2 else 6)  # every other one with many ties
    threshold = choose_threshold(p, labels, target)
    candidates = {t: ((p >= t)[labels == 1].mean(), (p < t)[labels == 0].mean()) for t in np.r_[np.unique(p), 2.0]}
    best = max(specificity for sensitivity, specificity in candidates.values() if sensitivity >= target - 1e-12)
    most_sensitive = max(sensitivity for sensitivity, specificity in candidates.values() if specificity == best)
    assert (p < threshold)[labels == 0].mean() == pytest.approx(best)
    assert (p >= threshold)[labels == 1].mean() == pytest.approx(most_sensitive)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("target", [0.5, 0.9, 0.95, 1.0])
def test_no_other_threshold_is_more_sensitive_at_the_target_specificity(seed: int, target: float) -> None:
    random = np.random.default_rng(seed)
    labels = (random.random(60) < 0.4).astype(int)
    labels[:2] = 0, 1
    p = np.round(random.random(60) * 0.6 + 0.3 * labels, 1 if seed % 2 else 6)
    threshold, words = specific_threshold(p, labels, target)
    candidates = {t: ((p >= t)[labels == 1].mean(), (p < t)[labels == 0].mean()) for t in np.r_[np.unique(p), 2.0]}
    best = max(sensitivity for sensitivity, specificity in candidates.values() if specificity >= target - 1e-12)
    most_specific = max(specificity for sensitivity, specificity in candidates.values() if sensitivity == best)
    assert (p >= threshold)[labels == 1].mean() == pytest.approx(best)
    assert (p < threshold)[labels == 0].mean() == pytest.approx(most_specific)
    assert ("no image positive" in words) == (best == 0)


def test_the_threshold_keeps_away_from_the_probabilities() -> None:
    assert choose_threshold([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], 0.9) == pytest.approx(0.5)


def test_a_target_reached_only_by_calling_everyone_is_said_so() -> None:
    p, labels = np.full(10, 0.3), np.array([0] * 5 + [1] * 5)
    threshold = choose_threshold(p, labels, 0.9)
    assert (p >= threshold).all()
    assert "only by calling every image positive" in rule_in_words(p, labels, 0.9, threshold)


def test_few_positives_mean_that_none_may_be_missed_and_the_rule_says_so() -> None:
    p, labels = np.array([0.1, 0.2, 0.3, 0.6, 0.7]), np.array([0, 0, 1, 1, 1])
    words = rule_in_words(p, labels, 0.9, choose_threshold(p, labels, 0.9))
    assert words.startswith("highest specificity with a validation sensitivity of at least 90\u00a0%")
    assert "none of them may be missed" in words


def test_sensitivity_and_specificity_at_a_frozen_threshold() -> None:
    point = operating_point([0.1, 0.6, 0.4, 0.9], [0, 0, 1, 1], list("abcd"), threshold=0.5, rule="frozen")
    assert (point.sensitivity.value, point.specificity.value, point.sensitivity.n) == (0.5, 0.5, 2)


@pytest.mark.parametrize("labels", [[0, 0], [1, 1]])
def test_a_validation_part_without_a_class_is_an_error(labels: list[int]) -> None:
    with pytest.raises(ClassAbsentError, match="validation part holds no image"):
        choose_threshold([0.2, 0.4], labels)


@pytest.mark.parametrize("target", [0, 1.2, 90])
def test_a_target_outside_its_range_is_refused(target: float) -> None:
    with pytest.raises(ClinjupError, match=r"Write 0\.9 for 90 %"):
        choose_threshold([0.2, 0.4], [0, 1], target)


def test_probabilities_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ClinjupError, match="1 of 3 validation probabilities are not numbers"):
        choose_threshold([0.2, np.nan, 0.4], [0, 1, 1])
