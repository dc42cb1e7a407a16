"""Figures about a confounder: its association with the label, what inserting it does, how the strata fare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clinjup.contracts import ConfounderResult, Estimate, EvaluationFinding, NoteFinding
from clinjup.evaluation.insertion import inserter_for
from clinjup.evaluation.plots import colours_of, count_line, in_house_style, say_count
from clinjup.evaluation.wording import with_ci
from clinjup.kernel import emit
from clinjup.kernel.figures import BLUE, GREY, SKY, VERMILION, new_figure, show_figure
from clinjup.nouns import model_words, plain_name, with_article
from clinjup.phrases import percent, points, signed_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from clinjup.evaluation.test_set import TestSet

_Rows = tuple[tuple[str, str], ...]
_SHARES = (0, 1.1)  # room above 100 % for the figure on a full bar


@in_house_style
def plot_insertion(test: TestSet, confounder: str) -> None:
    """False alarms as the films are, with a placebo and with the confounder inserted, one group of bars a model."""
    from matplotlib.ticker import PercentFormatter

    name = plain_name(confounder)
    results = {model: finding.confounders[confounder] for model, finding in test.findings.items()}
    measured = next(iter(results.values())).false_alarms_after
    if measured.value is None:
        sentence = f"What inserting {with_article(name)} does to false alarms was not measured: {measured.reason}."
        emit(NoteFinding(sentence=sentence), sentence)
        return
    inserter = inserter_for(confounder)
    placebo = inserter.placebo_title if inserter else "another object"
    figure, axes = new_figure(width=max(6.2, 2.6 + 1.9 * len(results)), height=4.8)
    bars = (
        ("as it was", SKY, lambda result: result.false_alarms_before),
        (f"placebo ({placebo})", GREY, _placebo),
        (f"with {name}", VERMILION, lambda result: result.false_alarms_after),
    )
    for place, result in enumerate(results.values()):
        for position, (label, colour, read) in enumerate(bars):
            _bar(axes, place + 0.26 * (position - 1), read(result), colour, label if place == 0 else None)
        increase = result.false_alarm_increase
        _say_above(axes, place, points(increase.value or 0.0), _points_ci(increase))
    axes.set_xticks(range(len(results)), [model_words(model) for model in results], fontsize=11)
    axes.set(xlim=(-0.6, len(results) - 0.4), ylim=_SHARES, ylabel=f"images without {test.target} called positive")
    axes.set_title(f"False alarms when {with_article(name)} is drawn in", pad=34)
    say_count(axes, f"n = {measured.n} images", pad=34)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.grid(axis="x", visible=False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", fontsize=9, ncols=3)
    spoken = [
        f"{model_words(model)}: {percent(result.false_alarms_before.value or 0)} before, "
        f"{percent(result.false_alarms_after.value or 0)} after, placebo {points(result.placebo_increase.value or 0)}"
        for model, result in results.items()
    ]
    which = f" ({measured.note})" if measured.note else f" and without {name}"
    show_figure(
        figure,
        f"insertion_{confounder}",
        title=f"{name.capitalize()}-induced false alarms",
        caption=(
            f"The same {measured.n} test images without {test.target}{which}, judged as they are, with a placebo "
            f"({placebo}, as bright, but no {name}) and with {with_article(name)} drawn in, at the threshold frozen on validation. Whiskers: "
            f"95 % confidence intervals clustered by {test.grouped_by} (placebo: of the difference). Nothing but the insertion "
            f"differs, so a taller last bar means that the model takes the {name} for the disease; a middle bar as tall as the first "
            f"means that any other object does no harm. {inserter.caution if inserter else ''}"
        ),
        alt=f"False alarms by model. {'; '.join(spoken)}.",
        synthetic=test.synthetic,
    )


@in_house_style
def plot_strata(test: TestSet, confounder: str) -> None:
    """Forest plot of AUROC, overall and by stratum, all models side by side."""
    name, target = plain_name(confounder), test.target
    rows: _Rows = (
        ("overall", "auroc"),
        (f"among images\nwith {name}", "auroc_with"),
        (f"among images\nwithout {name}", "auroc_without"),
        (f"{target} without {name}\nagainst {name} without {target}", "cross_strata_auroc"),
    )
    colours = colours_of(test)
    rows, more = _drawn(test, confounder, rows)
    figure, axes = new_figure(width=8.4, height=1.8 + 0.38 * len(rows) * (1 + 0.6 * len(colours)))
    spoken = []
    for line, (_, field) in enumerate(rows):
        for position, (model, colour) in enumerate(colours.items()):
            finding = test.findings[model]
            estimate = _auroc_of(finding, confounder, field)
            height = -line - 0.6 * ((position + 0.5) / len(colours) - 0.5)
            _forest_point(axes, estimate, height, colour, model_words(model) if line == 0 else None)
            spoken.append(
                f"{model_words(model)} {field.replace('_', ' ').replace('auroc', 'AUROC')} {with_ci(estimate)}"
            )
    axes.axvline(0.5, color=GREY, lw=1, ls=":")
    axes.annotate(
        "chance",
        (0.5, 0),
        xycoords=("data", "axes fraction"),
        xytext=(4, 4),
        textcoords="offset points",
        fontsize=8,
        color=GREY,
    )
    axes.set_yticks([-line for line in range(len(rows))], [words for words, _ in rows])
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(0, 1), ylim=(-len(rows) + 0.4, 0.6), xlabel="AUROC (95 % confidence interval)")
    axes.set_title(f"AUROC with and without {name}")
    axes.grid(axis="y", visible=False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", fontsize=9, ncols=len(colours))
    show_figure(
        figure,
        f"strata_{confounder}",
        title=f"AUROC by {name}",
        caption=(
            f"AUROC on the test set ({count_line(test)}), overall and for the strata of {name}; 95 % confidence intervals from a "
            f"bootstrap clustered by {test.grouped_by}. Among images that all show {with_article(name)}, or all show none, it tells nothing: a "
            f"model that reads it instead of the disease does worse there than overall.{more}"
        ),
        alt="Forest plot. " + "; ".join(spoken) + ".",
        synthetic=test.synthetic,
    )


@in_house_style
def plot_association(
    confounder: str,
    ratios: Mapping[str, Estimate],
    shares: Mapping[str, Mapping[str, Estimate]],
    *,
    target: str,
    synthetic: bool,
    grouped_by: str,
) -> None:
    """Share of images with the confounder among positives and negatives of each split, odds ratio above.

    `shares`: split -> {"positive": Estimate, "negative": Estimate}.
    """
    from matplotlib.ticker import PercentFormatter

    name = plain_name(confounder)
    figure, axes = new_figure(width=6.8, height=4.6)
    spoken = []
    for place, (split, groups) in enumerate(shares.items()):
        for group, label, colour, side in (
            ("positive", f"with {target}", VERMILION, -0.18),
            ("negative", f"without {target}", BLUE, 0.18),
        ):
            _bar(axes, place + side, groups[group], colour, label if place == 0 else None, width=0.34)
            axes.annotate(
                f"n = {groups[group].n}",
                (place + side, 0),
                xytext=(0, -4),
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize=8,
            )
            share = groups[group].value
            spoken.append(
                f"{split} {label}: {'not annotated' if share is None else percent(share)} (n = {groups[group].n})"
            )
        value, interval = ratios[split].value, ratios[split].ci95
        if value is not None and interval is not None:
            digits = 0 if value >= 10 else 1
            low, high = interval
            _say_above(axes, place, f"odds ratio {value:.{digits}f}", f"({low:.{digits}f} to {high:.{digits}f})")
    axes.set_xticks(range(len(shares)), list(shares), fontsize=11)
    axes.tick_params(axis="x", length=0, pad=14)
    axes.set(ylim=_SHARES, xlim=(-0.6, len(shares) - 0.4), ylabel=f"images that show {with_article(name)}")
    axes.set_title(f"{name.capitalize()} and {target} in the data", pad=34)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.grid(axis="x", visible=False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", fontsize=9, ncols=2)
    show_figure(
        figure,
        f"association_{confounder}",
        title=f"{name.capitalize()} and {target} in the data",
        caption=(
            f"How often {with_article(name)} is seen on images with and without {target}, before any training; images where this is "
            f"not annotated are left out. Whiskers and brackets: 95 % confidence intervals clustered by {grouped_by}. The further the bars "
            f"of a pair are apart, the more a model gains from reading the {name} instead of the disease."
        ),
        alt="; ".join(spoken) + ".",
        synthetic=synthetic,
    )


def _say_above(axes: Axes, at: float, headline: str, below: str) -> None:
    place: dict[str, Any] = {
        "xycoords": ("data", "axes fraction"),
        "textcoords": "offset points",
        "ha": "center",
        "va": "bottom",
    }
    axes.annotate(headline, (at, 1.0), xytext=(0, 15), fontsize=9.5, weight="bold", **place)
    axes.annotate(below, (at, 1.0), xytext=(0, 4), fontsize=8.5, color=GREY, **place)


def _bar(axes: Axes, at: float, estimate: Estimate, colour: str, label: str | None, *, width: float = 0.24) -> None:
    value = estimate.value or 0.0
    axes.bar(at, value, width, color=colour, label=label)
    if estimate.value is None:
        return
    top = value
    if estimate.ci95 is not None:
        low, high = estimate.ci95
        axes.errorbar(at, value, yerr=[[max(value - low, 0)], [max(high - value, 0)]], color="black", lw=1, capsize=3)
        top = high
    axes.annotate(percent(value), (at, top), xytext=(0, 2), textcoords="offset points", ha="center", fontsize=9)


def _auroc_of(finding: EvaluationFinding, confounder: str, field: str) -> Estimate:
    found: Estimate = finding.metrics[field] if field == "auroc" else getattr(finding.confounders[confounder], field)
    return found


def _drawn(test: TestSet, confounder: str, rows: _Rows) -> tuple[_Rows, str]:
    """The rows that a model has a figure for, and what the caption says of the last and of the others. The overall AUROC is always drawn."""
    absent: dict[str, list[str]] = {}
    drawn = []
    for words, field in rows:
        found = [_auroc_of(finding, confounder, field) for finding in test.findings.values()]
        if field == "auroc" or any(estimate.value is not None for estimate in found):
            drawn.append((words, field))
        else:
            absent.setdefault(found[0].reason or "not measured", []).append(words.replace("\n", " "))
    sentence = ""
    if drawn[-1][1] == "cross_strata_auroc":
        sentence += " In the last line it points the wrong way, and such a model falls below 0.5."
    for reason, lines in absent.items():
        sentence += f" Not drawn, because {reason}: {', '.join(lines)}."
    return tuple(drawn), sentence


def _forest_point(axes: Axes, estimate: Estimate, height: float, colour: str, label: str | None) -> None:
    if estimate.value is None:
        axes.text(0.02, height, f"not had: {estimate.reason}", va="center", fontsize=8, color=colour)
        return
    low, high = estimate.ci95 or (estimate.value, estimate.value)
    errors = np.maximum([[estimate.value - low], [high - estimate.value]], 0)
    axes.errorbar(estimate.value, height, xerr=errors, color=colour, marker="s", ms=6, lw=1.6, capsize=3, label=label)
    axes.annotate(
        with_ci(estimate),
        (1.0, height),
        xytext=(8, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="center",
        fontsize=8.5,
        color=colour,
    )


def _placebo(result: ConfounderResult) -> Estimate:
    """False alarms with the placebo: those before plus the increase, with the interval of the increase."""
    before, increase = result.false_alarms_before.value, result.placebo_increase
    if before is None or increase.value is None or increase.ci95 is None:
        return result.placebo_increase
    low, high = (min(max(before + bound, 0.0), 1.0) for bound in increase.ci95)
    return Estimate(value=before + increase.value, ci95=(low, high), n=increase.n)


def _points_ci(estimate: Estimate) -> str:
    if estimate.ci95 is None:
        return ""
    low, high = estimate.ci95
    return f"({signed_points(low)} to {signed_points(high)})"
