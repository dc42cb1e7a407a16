"""Figures in words: one way to round and to judge a change, the same in notebook and report. Imports nothing of ours but the contracts."""

from __future__ import annotations

import math
from typing import Literal

from clinjup.contracts import ConfounderResult, Estimate

NBSP = "\u00a0"
WORD_JOINER = "\u2060"
OUT_OF_TIME = "For lack of time"
"""How the note begins that names the steps which a run left out because its time was over."""
NOT_KNOWN = "which films show it stays unknown"
"""What the note says of a confounder that is neither annotated on any film nor could be estimated."""
NO_ROOM = 0.5
"""From this share of false alarms on an insertion has little room to add more."""
WITHOUT_WEIGHTS = "Published weights could not be had"
"""How the note begins that says why a run trained from scratch although weights were named."""
_MOST_DECIMALS = 4
Change = Literal["raised", "lowered", "did not measurably change"]


def decimals(value: float, usual: int, *edges: float) -> int:
    """How many decimals to write: `usual`, and more where a value that is not quite one of `edges` would read as if it were."""
    places = usual
    while places < _MOST_DECIMALS and value not in edges and round(value, places) in edges:
        places += 1
    return places


def percent_number(share: float, places: int) -> str:
    """A share in percent with `places` decimals, whole ones with halves up: 0.905 -> '91'."""
    hundredths = _hundredths(share)
    return f"{hundredths:.{places}f}" if places else f"{math.floor(hundredths + 0.5)}"


def share_decimals(share: float, usual: int = 0) -> int:
    """Decimals of a share in percent: `usual`, and more where it would read as 0 or 100 and is neither."""
    return decimals(_hundredths(share), usual, 0.0, 100.0)


def percent(share: float) -> str:
    """0.163 -> '16 %'. Only all is '100 %' and only none is '0 %': 0.996 -> '99.6 %'."""
    return f"{percent_number(share, share_decimals(share))}{NBSP}%"


def per_hundred(share: float) -> str:
    """A rate of rare events out of 100, with one decimal or as many as it takes: 0.025 -> '2.5', 0.9997 -> '99.97'."""
    return percent_number(share, share_decimals(share, 1))


def stated_percent(share: float) -> str:
    """A share that somebody named, as they named it: 0.975 -> '97.5 %'."""
    return f"{_hundredths(share):g}{NBSP}%"


def threshold_words(threshold: float) -> str:
    """A threshold with the digits that set it apart from its neighbours: 0.42, but 0.0105."""
    return f"{threshold:.2f}" if threshold >= 0.1 else f"{threshold:.3g}"


def out_of_100(share: float) -> str:
    """A share as a count out of 100, halves up: 0.905 -> '91', 0.996 -> 'more than 99', 0.004 -> 'fewer than 1'."""
    if not share_decimals(share):
        return percent_number(share, 0)
    return "more than 99" if share > 0.5 else "fewer than 1"


def rest_of_100(share: float) -> str:
    """What is left of 100 beside `out_of_100(share)`; the two add up."""
    if not share_decimals(share):
        return f"{100 - int(percent_number(share, 0))}"
    return "fewer than 1" if share > 0.5 else "more than 99"


def signed_points(difference: float) -> str:
    """A difference of shares in whole percentage points: 0.021 -> '+2', -0.125 -> '−13', 0.001 -> '0'."""
    whole = math.floor(abs(_hundredths(difference)) + 0.5)
    return f"{'−' if difference < 0 else '+'}{whole}" if whole else "0"


def points(difference: float) -> str:
    """0.021 -> '+2 points' (of percent)."""
    number = signed_points(difference)
    return f"{number}{NBSP}point{'' if number in ('+1', '−1') else 's'}"


def counted(number: int, noun: str) -> str:
    """'1 film', '3,000 films'."""
    return f"{number:,}{NBSP}{noun if number == 1 else noun + 's'}"


def negatives_words(noun: str, target: str, name: str, note: str | None) -> str:
    """'films without pneumothorax and without chest drain', where the note of the estimate does not say that this is not annotated."""
    if "is not annotated" not in (note or ""):
        return f"{noun}s without {target} and without {name}"
    where = "" if (note or "").startswith("on all") else " on some"
    return f"{noun}s without {target}, {name} not annotated{where}"


def change_of(difference: Estimate) -> Change:
    """What may be said of a difference: it has a direction only where its 95 % interval leaves out 0."""
    low, high = difference.ci95 or (difference.value or 0.0, difference.value or 0.0)
    if low <= 0 <= high:
        return "did not measurably change"
    return "raised" if low > 0 else "lowered"


def beats_chance(auroc: Estimate) -> bool:
    """Whether the 95 % interval of an AUROC leaves out 0.5."""
    return auroc.ci95 is not None and auroc.ci95[0] > 0.5


def auroc_may_be_chance(auroc: Estimate | None) -> bool:
    """Whether an AUROC was measured and its 95 % interval does not lie above 0.5."""
    return auroc is not None and auroc.value is not None and auroc.ci95 is not None and not beats_chance(auroc)


def alarms_anyway(figures: ConfounderResult) -> bool:
    """Whether a model raises an alarm on half of the images or more before anything is inserted."""
    return (figures.false_alarms_before.value or 0.0) >= NO_ROOM


def shift_words(change: Change, before: float, after: float, what: str) -> str:
    """'raised false alarms from 16 % to 65 %', or 'did not measurably change false alarms: 16 % before, 18 % after'."""
    return (
        f"{change} {what}{':' if change == 'did not measurably change' else ''} {shift_figures(change, before, after)}"
    )


def shift_figures(change: Change, before: float, after: float) -> str:
    """'from 16 % to 65 %', or where nothing may be said of a direction '16 % before, 18 % after'."""
    if change == "did not measurably change":
        return f"{percent(before)} before, {percent(after)} after"
    return f"from {percent(before)} to {percent(after)}"


def _hundredths(share: float) -> float:
    """In percent, without what floating point adds: 100 * 0.145 is 14.499999999999998."""
    return round(100 * share, 9)
