"""How far the chosen model leans on a confounder, by the conventions of this report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clinjup.contracts import ConfounderResult, Estimate, ModelResults, Results
from clinjup.nouns import with_article
from clinjup.phrases import alarms_anyway, auroc_may_be_chance, change_of, percent, percent_number
from clinjup.reporting.numbers import known, show
from clinjup.reporting.subject import chosen_model, confounder_name, confounder_result, unexamined, unexamined_sentence

Level = Literal["strong", "some", "little", "unknown"]

# Conventions of this report, stated in it; they are no clinical thresholds.
LITTLE, STRONG, WEAK_GROUP = 0.05, 0.10, 0.10
CONVENTION = (
    "clinjup calls the reliance strong when an inserted object adds 10 or more percentage points of false alarms, or 0.10 or more to the "
    "mean probability of a model that raises an alarm on half of the images anyway, and the 95 % confidence interval of that change leaves "
    "out 0; little when even the upper end of the confidence interval stays below 5 points and no group of images does clearly worse "
    "(AUROC more than 0.10 below the overall one); and some in between. It cannot be told where the interval reaches from below 5 points "
    "to 10 or more, where no image changed and fewer than 60 were tried, or where the model raises an alarm on half of the images anyway "
    "and its probability moves less, or where a model that was not shown to be better than chance raised fewer than 10 points more. These "
    "limits are conventions, not clinical thresholds."
)


@dataclass(frozen=True)
class Reliance:
    """How far the chosen model leans on one confounder, in a word and a sentence."""

    level: Level
    headline: str
    sentence: str


def reliance(results: Results, name: str) -> Reliance:
    """Judge the chosen model on one confounder by the conventions stated in CONVENTION."""
    noun = confounder_name(results.task, name)
    model = chosen_model(results)
    figures, part = confounder_result(model, name) if model else (None, "test")
    increase = figures.false_alarm_increase if figures else Estimate.missing("not measured")
    value = known(increase)
    if model is None or figures is None or value is None:
        reason = increase.reason or "not measured"
        if model is None:
            reason = "no model was chosen yet" if results.models else "no model was trained"
        sentence = f"The insertion test of the {noun} could not be done: {reason}."
        if name in unexamined(results):
            sentence = unexamined_sentence(results)
        return Reliance("unknown", f"Not known whether the model leans on the {noun}", sentence)
    low, upper = increase.ci95 or (value, value)
    if low == upper == 0 and increase.n:
        upper = (
            3 / increase.n
        )  # the rule of three: no change in n films still allows for one in 3/n (Hanley and Lippman-Hand, JAMA 1983)
    overall = known((model.test if part == "test" else model.validation).get("auroc"))
    worst = known(figures.worst_group_auroc)
    weak = overall is not None and worst is not None and worst < overall - WEAK_GROUP
    doubt = _doubt(model, figures, low, upper)
    full = alarms_anyway(figures)
    raised = change_of(increase) == "raised"
    moved = probability_rise(figures)
    surer = full and moved >= STRONG
    if (value >= STRONG and raised) or (surer and not may_be_chance(model)):
        level: Level = "strong"
        headline = f"The model leans strongly on the {noun}"
    elif doubt:
        level = "unknown"
        headline = f"It cannot be told whether the model leans on the {noun}"
    elif upper < LITTLE and not weak:
        level = "little"
        headline = f"Little reliance on the {noun} was measured"
    else:
        level = "some"
        headline = f"Some reliance on the {noun} {'remains' if raised or weak else 'cannot be ruled out'}"
    which = "the chosen" if results.selected else "this"
    inserted = f"inserted {noun}" if with_article(noun) == noun else f"an inserted {noun}"
    sentence = f"In {which} model {inserted} means {_points(increase)} of false alarms"
    if known(figures.placebo_increase) is not None:
        sentence += f", a placebo, which changes the image about as much, {_points(figures.placebo_increase)}"
    sentence += "."
    if surer:
        sentence += (
            f" It raises an alarm on most of these images anyway, but its probability rises by {moved:.2f} on average."
        )
    if level == "unknown":
        sentence += f" {doubt}"
    if weak:
        sentence += f" In the weakest group of images its AUROC is {worst:.2f}, against {overall:.2f} overall."
    return Reliance(level, headline, sentence)


def _doubt(model: ModelResults, figures: ConfounderResult, low: float, upper: float) -> str:
    """Why the figures of an insertion do not tell whether the model leans on the object; empty where they do."""
    if may_be_chance(model):
        return "This model was not shown to be better than chance, so what it leans on cannot be told."
    before = known(figures.false_alarms_before)
    if before is not None and alarms_anyway(figures):
        return f"It raises an alarm on {percent(before)} of these images anyway, so there is little room for more."
    if low < LITTLE and upper >= STRONG:
        films = figures.false_alarm_increase.n
        rest = f", {films} here," if films else ""
        return f"With so few images{rest} a change of {percent_number(upper, 0)} percentage points cannot be ruled out."
    return ""


def _points(estimate: Estimate) -> str:
    shown = show(estimate, "points")
    return f"{shown.text.replace('point', 'percentage point')}" + (f" ({shown.interval})" if shown.interval else "")


def probability_rise(figures: ConfounderResult) -> float:
    """How far the probability (0 to 1) rises by an insertion; 0 where its 95 % interval does not leave out 0."""
    moved = figures.delta_probability
    return (known(moved) or 0.0) if change_of(moved) == "raised" else 0.0


def may_be_chance(model: ModelResults | None) -> bool:
    """Whether the interval of the model's test AUROC includes 0.5."""
    return model is not None and auroc_may_be_chance(model.test.get("auroc"))
