"""The decision curve: is it better to follow the model than to excise everything, or nothing (Vickers and Elkin, Med Decis Making 2006)?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clinjup.evaluation.bootstrap import Bootstrap
from clinjup.evaluation.plots import class_absent, colours_of, count_line, in_house_style, say_count
from clinjup.evaluation.triage import net_benefit
from clinjup.kernel.figures import GREY, new_figure, show_figure
from clinjup.nouns import model_words
from clinjup.phrases import percent

if TYPE_CHECKING:
    from clinjup.evaluation.test_set import TestSet

_WIDEST, _POINTS = 50, 60  # harm ratios from 1 to 50, further where the clinician's own lies beyond
_TICKS = (1, 2, 5, 10, 20, 50)
_BAND_RESAMPLES = 300


@in_house_style
def plot_decision_curve(test: TestSet, harm_ratio: float | None = None) -> None:
    """Net benefit over the harm ratio for every model, with calibrated probabilities; a line marks the clinician's own ratio."""
    if class_absent(test, "a decision curve"):
        return
    labels = test.part.labels
    widest = max(_WIDEST, 2 * (harm_ratio or 0))
    ratios = np.geomspace(1, widest, _POINTS)
    thresholds = 1 / (1 + ratios)
    bootstrap = Bootstrap(test.part.clusters, labels, resamples=_BAND_RESAMPLES, seed=test.seed).without_strata()
    figure, axes = new_figure(width=7.2, height=4.8)
    prevalence = labels.mean()
    refer_all = prevalence - (1 - prevalence) / ratios
    axes.plot(ratios, refer_all, color=GREY, lw=1.5, ls="--", label="refer everyone")
    axes.axhline(0, color=GREY, lw=1.2, label="refer nobody")
    best = refer_all
    for name, colour in colours_of(test).items():
        p = test.validations[name].scaling(test.probabilities[name])
        low, high = _band(p, labels, thresholds, bootstrap)
        curve = net_benefit(p, labels, thresholds)
        best = np.maximum(best, high)
        axes.fill_between(ratios, low, high, color=colour, alpha=0.12, lw=0)
        axes.plot(ratios, curve, color=colour, lw=2, label=model_words(name))
    if harm_ratio is not None:
        axes.axvline(harm_ratio, color="black", lw=1, ls=":", label=f"your ratio, {harm_ratio:g} to 1")
    axes.set_xscale("log")
    ticks = [tick * power for power in (1, 100, 10_000) for tick in _TICKS if tick * power <= widest]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set(
        xlim=(1, widest),
        ylim=(-0.25 * prevalence, 1.15 * max(float(best.max()), float(prevalence))),
        xlabel=f"how many false alarms one missed {test.target} is worth",
        ylabel=f"net benefit ({test.target} found per image)",
        title="Decision curve on the test set",
    )
    say_count(axes, count_line(test))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", fontsize=8.5, ncols=3)
    at = harm_ratio or 10
    p = test.validations[test.selected].scaling(test.probabilities[test.selected])
    chosen = float(net_benefit(p, labels, np.array([1 / (1 + at)]))[0])
    show_figure(
        figure,
        "decision_curve",
        title="Decision curve on the test set",
        caption=(
            f"Net benefit on {count_line(test)}, of which {percent(float(prevalence))} have {test.target}; "
            "probabilities calibrated by temperature scaling, fitted on validation; bands: 95 % intervals from a bootstrap clustered by "
            f"{test.grouped_by}. At each ratio of harms the model is used at the threshold that fits that "
            "ratio, not at the frozen one, and the highest line is the best strategy. Look whether a "
            "model lies above both grey lines at the ratio that you would defend: below them, referring everyone (or nobody) is better."
        ),
        alt=(
            f"At a ratio of {at:g} to 1 the net benefit of {model_words(test.selected)} is {chosen:.3f}, that of referring everyone "
            f"{prevalence - (1 - prevalence) / at:.3f}, of referring nobody 0."
        ),
        synthetic=test.synthetic,
    )


def _band(
    p: np.ndarray, labels: np.ndarray, thresholds: np.ndarray, bootstrap: Bootstrap
) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of the net benefit at each threshold."""
    called = (p[:, None] >= thresholds[None, :]).astype(np.float32)
    positive = (labels == 1).astype(np.float32)[:, None]
    odds = thresholds / (1 - thresholds)
    value = called * (positive - (1 - positive) * odds.astype(np.float32))
    rows = [weights @ value / weights.sum(axis=1, keepdims=True) for weights in bootstrap.weights()]
    low, high = np.percentile(np.concatenate(rows), [2.5, 97.5], axis=0)
    return low, high
