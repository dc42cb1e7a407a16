"""Figures of detectors on the test set: FROC, subgroups, accuracy over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from clinjup.evaluation.bootstrap import Bootstrap
from clinjup.evaluation.detection.metrics import FALSE_MARKS, froc_curve, froc_key
from clinjup.evaluation.plots import in_house_style, say_count
from clinjup.evaluation.wording import with_ci
from clinjup.kernel.figures import GREY, PALETTE, new_figure, show_figure
from clinjup.nouns import model_words, plural

if TYPE_CHECKING:
    from clinjup.evaluation.detection.test_set import DetectionTest

_MOST_FALSE_MARKS = 2.0
_GRID = np.linspace(0, _MOST_FALSE_MARKS, 201)
_BAND_RESAMPLES = 300


def _count(test: DetectionTest) -> str:
    boxes = sum(len(test.part.truth[position]) for position in test.part.known)  # type: ignore[arg-type]
    return f"n = {len(test.part.known)} images with known boxes, {boxes} boxes"


@in_house_style
def plot_froc(test: DetectionTest) -> None:
    """FROC curves of all detectors with bands, and their frozen operating points."""
    figure, axes = new_figure(width=6.8, height=5.0)
    bootstrap = Bootstrap(test.part.clusters, test.part.labels, resamples=_BAND_RESAMPLES, seed=test.seed)
    spoken = []
    for position, (name, marks) in enumerate(test.marks.items()):
        colour = PALETTE[position % len(PALETTE)]
        ranked = test.part.ranked(marks)
        curves = []
        for weights in bootstrap.weights():
            for row in weights:
                wrong, found = froc_curve(ranked, row * test.part.weight)
                curves.append(np.interp(_GRID, wrong, found))
        low, high = np.percentile(curves, [2.5, 97.5], axis=0)
        wrong, found = froc_curve(ranked, test.part.weight)
        finding = test.findings[name]
        label = f"{model_words(name)}: AP50 {with_ci(finding.metrics['ap50'])}"
        at_half = finding.metrics[froc_key(0.5)]
        spoken.append(f"{label}, marks {with_ci(at_half)} of the boxes at 0.5 false marks per image")
        axes.fill_between(_GRID, low, high, color=colour, alpha=0.12, lw=0)
        axes.plot(wrong, found, color=colour, lw=2, label=label)
        point = finding.operating_point
        if point.false_marks_per_image and point.box_sensitivity and point.box_sensitivity.value is not None:
            axes.plot(
                point.false_marks_per_image.value,
                point.box_sensitivity.value,
                "o",
                color=colour,
                ms=8,
                mec="white",
                zorder=5,
            )
    for limit in FALSE_MARKS:
        axes.axvline(limit, color=GREY, lw=0.8, ls=":")
    axes.plot([], [], "o", color=GREY, ms=7, mec="white", label="threshold, frozen on validation")
    axes.set(
        xlim=(0, _MOST_FALSE_MARKS),
        ylim=(0, 1.01),
        xlabel="false marks per image",
        ylabel=f"share of boxed {plural(test.target)} that are marked",
        title="FROC on the test set",
    )
    say_count(axes, _count(test))
    axes.legend(loc="lower right", fontsize=8.5)
    show_figure(
        figure,
        "froc",
        title="FROC curves on the test set",
        caption=(
            f"Share of {plural(test.target)} that are marked over false marks per image, as more marks are shown; {_count(test)}. Bands are "
            f"95 % confidence intervals from a bootstrap clustered by {test.grouped_by}, dots the thresholds frozen on validation. A mark "
            "counts as right "
            "when it overlaps the box by at least half (intersection over union). Look at the dots: would you work with that many false "
            "marks?"
        ),
        alt=f"FROC curves of {len(test.marks)} detectors. " + "; ".join(spoken) + ".",
        synthetic=test.synthetic,
    )


@in_house_style
def plot_groups(test: DetectionTest) -> None:
    """Share of boxes marked in each subgroup by the chosen detector, with intervals; grey where there are too few boxes."""
    finding = test.findings[test.selected]
    overall = finding.metrics["box_sensitivity"]
    rows = [(stratum, stratum.metrics["box_sensitivity"]) for stratum in finding.strata]
    shown = [
        (stratum, estimate) for stratum, estimate in rows if estimate.value is not None and estimate.ci95 is not None
    ]
    if not shown:
        return
    figure, axes = new_figure(width=6.8, height=0.34 * len(shown) + 1.5)
    for position, (_, estimate) in enumerate(shown):
        low, high = estimate.ci95  # type: ignore[misc]
        axes.plot([low, high], [position, position], color=PALETTE[0], lw=2)
        axes.plot(estimate.value, position, "o", color=PALETTE[0], ms=6)
    if overall.value is not None:
        axes.axvline(overall.value, color=GREY, lw=1, ls=":")
    axes.set_yticks(range(len(shown)), [f"{stratum.value} ({estimate.n} boxes)" for stratum, estimate in shown])
    axes.invert_yaxis()
    left_out = [stratum.value for stratum, estimate in rows if estimate.value is None]
    unshown = f"Not shown, with fewer than 10 boxes: {', '.join(left_out)}. " if left_out else ""
    axes.set(
        xlim=(0, 1.01),
        xlabel=f"share of boxed {plural(test.target)} that are marked",
        title=f"{test.selected} in subgroups",
    )
    show_figure(
        figure,
        "marks_by_group",
        title="Share of boxes marked, by subgroup",
        caption=(
            f"Share of {plural(test.target)} that {test.selected} marks at its frozen threshold, group by group, with 95 % confidence "
            f"intervals (clustered by {test.grouped_by}); the dotted line is the overall share. {unshown}"
            "Look for a group that lies apart: there the tool works worse than its overall figure says."
        ),
        alt="; ".join(f"{stratum.value}: {with_ci(estimate)}" for stratum, estimate in shown) + ".",
        synthetic=test.synthetic,
    )


def pareto_front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Names of those (milliseconds, accuracy) that no other beats in one and equals in the other, fastest first; of twins the first."""
    front: list[str] = []
    for name in sorted(points, key=lambda name: (points[name][0], -points[name][1])):
        if not front or points[name][1] > points[front[-1]][1]:
            front.append(name)
    return front


@in_house_style
def plot_speed(test: DetectionTest) -> None:
    """AP50 over milliseconds a film, a dot for each detector, and the Pareto front; only where networks differ."""
    if len({model.architecture for model in test.models.values()}) < 2:
        return
    points = {
        name: (finding.metrics["latency_ms"], finding.metrics["ap50"])
        for name, finding in test.findings.items()
        if finding.metrics["latency_ms"].value is not None and finding.metrics["ap50"].value is not None
    }
    front = pareto_front({name: (speed.value, ap50.value) for name, (speed, ap50) in points.items()})  # type: ignore[misc]
    figure, axes = new_figure(width=6.0, height=4.2)
    axes.step(
        [points[name][0].value for name in front],
        [points[name][1].value for name in front],
        where="post",
        color=GREY,
        lw=1.5,
        ls="--",
        label="Pareto front",
    )
    spoken = []
    for position, (name, (speed, ap50)) in enumerate(points.items()):
        axes.plot(speed.value, ap50.value, "o", ms=9, color=PALETTE[position % len(PALETTE)])
        axes.annotate(
            model_words(name), (speed.value, ap50.value), xytext=(8, 4), textcoords="offset points", fontsize=9
        )
        spoken.append(f"{model_words(name)}: AP50 {with_ci(ap50)} at {speed.value:.0f} ms")
    axes.set(
        xscale="log", xlabel="milliseconds a film, one core", ylabel="AP50", title="Accuracy and time", ylim=(0, 1.01)
    )
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    say_count(axes, _count(test))
    axes.legend(loc="lower right", fontsize=8.5)
    show_figure(
        figure,
        "performance_speed",
        title="AP50 and the time a film takes",
        caption=(
            "Each dot is a detector: average precision on the test set over the median time one film takes on one core. Up and to the "
            "left is better. The dashed line is the Pareto front: of a detector on it none is both faster and better "
            f"({', '.join(front)}). Look at those below it: they cost time or accuracy for nothing."
        ),
        alt=f"{'; '.join(spoken)}. On the Pareto front: {', '.join(front)}.",
        synthetic=test.synthetic,
    )
