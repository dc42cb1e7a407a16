"""How figures are written: rounded one way, never to all or none where it is neither."""

from __future__ import annotations

import pytest

from clinjup.contracts import ConfounderResult, Estimate, OperatingPoint
from clinjup.evaluation.wording import insertion_sentence, performance_sentence, with_ci
from clinjup.phrases import (
    beats_chance,
    change_of,
    out_of_100,
    per_hundred,
    percent,
    points,
    rest_of_100,
    stated_percent,
    threshold_words,
)
from clinjup.reporting.numbers import show
from tests.reporting import example


@pytest.mark.parametrize(
    ("share", "text", "of_100", "rest"),
    [
        (0.125, "13 %", "13", "87"),
        (0.145, "15 %", "15", "85"),
        (0.996, "99.6 %", "more than 99", "fewer than 1"),
        (0.99996, "99.996 %", "more than 99", "fewer than 1"),
        (0.004, "0.4 %", "fewer than 1", "more than 99"),
        (1.0, "100 %", "100", "0"),
        (0.0, "0 %", "0", "100"),
        (1 - 0.9, "10 %", "10", "90"),
    ],
)
def test_only_all_is_100_and_only_none_is_0(share: float, text: str, of_100: str, rest: str) -> None:
    assert (example.plain(percent(share)), out_of_100(share), rest_of_100(share)) == (text, of_100, rest)
    assert show(Estimate(value=share), "percent").text == percent(share)


def test_a_stated_share_is_written_as_it_was_stated() -> None:
    assert example.plain(stated_percent(0.975)) == "97.5 %"


def test_a_rate_of_rare_events_has_the_decimals_that_it_takes() -> None:
    assert [per_hundred(share) for share in (0.025, 0.0004, 0.9997, 1.0)] == ["2.5", "0.04", "99.97", "100.0"]


def test_points_are_rounded_away_from_zero_on_both_sides() -> None:
    assert [example.plain(points(value)) for value in (0.125, -0.125, 0.01, 0.004)] == [
        "+13 points",
        "−13 points",
        "+1 point",
        "0 points",
    ]


def test_a_ratio_that_is_not_quite_1_does_not_read_as_1() -> None:
    almost = Estimate(value=0.9965, ci95=(0.981, 1.0))
    assert with_ci(almost) == "0.997 (0.981 to 1.000)" and show(almost).line == "0.997 (0.981–1.000)"


def test_the_notebook_does_not_say_that_all_were_found_where_one_was_missed() -> None:
    share = Estimate(value=249 / 250, ci95=(0.978, 0.999), n=250)
    point = OperatingPoint(threshold=0.5, rule="", sensitivity=share, specificity=Estimate(value=0.875, n=8))
    said = example.plain(performance_sentence({"auroc": example.estimate(0.9, 0.02, 258)}, point, "pneumothorax"))
    assert "it finds 99.6 % of 250" in said and "false alarms on 13 % of 8" in said


@pytest.mark.parametrize(
    ("value", "interval", "said"),
    [
        (0.04, (-0.01, 0.09), "did not measurably change"),
        (0.04, (0.01, 0.09), "raised"),
        (-0.04, (-0.09, -0.01), "lowered"),
        (0.0, (0.0, 0.0), "did not measurably change"),
    ],
)
def test_a_change_has_a_direction_only_where_its_interval_leaves_out_zero(
    value: float, interval: tuple[float, float], said: str
) -> None:
    increase = Estimate(value=value, ci95=interval, n=100)
    assert change_of(increase) == said
    result = ConfounderResult(
        false_alarms_before=Estimate(value=0.2),
        false_alarms_after=Estimate(value=0.2 + value),
        false_alarm_increase=increase,
    )
    assert f"Inserting a chest drain {said} false alarms" in (insertion_sentence("chest_drain", result, "tb") or "")


@pytest.mark.parametrize(
    ("threshold", "words"), [(0.4234, "0.42"), (0.9999, "1.00"), (0.01047, "0.0105"), (0.0994, "0.0994"), (0.0, "0")]
)
def test_a_small_threshold_keeps_the_digits_that_tell_it_from_its_neighbours(threshold: float, words: str) -> None:
    assert threshold_words(threshold) == words


@pytest.mark.parametrize(
    ("interval", "beats"), [((0.51, 0.81), True), ((0.50, 0.81), False), ((0.2, 0.4), False), (None, False)]
)
def test_an_auroc_beats_chance_where_its_interval_leaves_out_a_half(interval, beats):
    assert beats_chance(Estimate(value=0.63, ci95=interval)) is beats
