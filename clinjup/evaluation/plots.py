"""Figures of the test set that concern no confounder: ROC, calibration, operating point."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import NoteFinding
from clinjup.evaluation.bootstrap import Bootstrap
from clinjup.evaluation.proportions import effective_size, wilson
from clinjup.evaluation.wording import with_ci
from clinjup.kernel import emit
from clinjup.kernel.figures import GREY, PALETTE, STYLE, new_figure, show_figure
from clinjup.nouns import model_words
from clinjup.phrases import percent, threshold_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from clinjup.evaluation.test_set import TestSet

_Arguments = ParamSpec("_Arguments")
_GRID = np.linspace(0, 1, 201)
_BAND_RESAMPLES = 500
_CALIBRATION_GROUPS = 8


def in_house_style(draw: Callable[_Arguments, None]) -> Callable[_Arguments, None]:
    """Titles and legends take their style when they are written, so the whole drawing runs under it."""

    @wraps(draw)
    def styled(*arguments: _Arguments.args, **keywords: _Arguments.kwargs) -> None:
        from matplotlib import rc_context

        with rc_context(STYLE):
            draw(*arguments, **keywords)

    return styled


def colours_of(test: TestSet) -> dict[str, str]:
    """One colour a model, the same in every figure."""
    return {name: PALETTE[position % len(PALETTE)] for position, name in enumerate(test.models)}


@in_house_style
def plot_roc(test: TestSet) -> None:
    """ROC curves of all models with bands and the frozen operating points."""
    if class_absent(test, "a ROC curve"):
        return
    figure, axes = new_figure(width=6.2, height=5.8)
    bootstrap = Bootstrap(test.part.clusters, test.part.labels, resamples=_BAND_RESAMPLES, seed=test.seed)
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":", label="chance")
    spoken = []
    for name, colour in colours_of(test).items():
        auroc, point = test.findings[name].metrics["auroc"], test.findings[name].operating_point
        curves = roc_curves(test.probabilities[name], test.part.labels, bootstrap)
        label = f"{model_words(name)}: AUROC {with_ci(auroc)}"
        spoken.append(label)
        low, high = np.percentile(curves, [2.5, 97.5], axis=0)
        axes.fill_between(_GRID, low, high, color=colour, alpha=0.12, lw=0)
        fpr, tpr = _roc(np.ones((1, len(test.part.labels)), np.float32), test.probabilities[name], test.part.labels)
        axes.plot(fpr[0], tpr[0], color=colour, lw=2, label=label)
        if point.sensitivity.value is not None and point.specificity.value is not None:
            axes.plot(
                1 - point.specificity.value,
                point.sensitivity.value,
                "o",
                color=colour,
                ms=8,
                mec="white",
                mew=1.2,
                zorder=5,
            )
    axes.plot([], [], "o", color=GREY, ms=7, mec="white", label="operating point, frozen on validation")
    axes.set(
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
        aspect="equal",
        xlabel="1 − specificity (false alarms)",
        ylabel="sensitivity",
        title="ROC on the test set",
    )
    say_count(axes, count_line(test))
    axes.legend(loc="lower right", fontsize=8.5)
    show_figure(
        figure,
        "roc",
        title="ROC curves on the test set",
        caption=(
            f"Receiver operating characteristic for {test.target} on {count_line(test)}; bands and brackets are 95 % confidence "
            f"intervals from a bootstrap clustered by {test.grouped_by}, dots the operating points frozen on validation. Look whether the dots "
            "lie where you would want to work, and read the curve together with the strata: a curve that looks good overall can rest "
            "on a confounder."
        ),
        alt=f"ROC curves of {len(test.models)} models. " + "; ".join(spoken) + ".",
        synthetic=test.synthetic,
    )


@in_house_style
def plot_calibration(test: TestSet) -> None:
    """Observed share of positives over the stated probability, and how often each probability was stated."""
    from matplotlib.ticker import PercentFormatter

    figure, (axes, below) = new_figure(
        rows=2, width=6.2, height=6.6, sharex=True, gridspec_kw={"height_ratios": [3.2, 1]}
    )
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":", label="ideal")
    spoken = []
    for name, colour in colours_of(test).items():
        p, metrics = test.probabilities[name], test.findings[name].metrics
        groups = calibration_groups(p, test.part.labels, test.part.clusters)
        label = f"{model_words(name)}: Brier {with_ci(metrics['brier'])}, slope {with_ci(metrics['calibration_slope'])}"
        spoken.append(label)
        stated, share, low, high = groups.T
        errors = np.maximum([share - low, high - share], 0)
        axes.errorbar(
            stated, share, yerr=errors, color=colour, marker="o", ms=5, lw=1.5, elinewidth=1, capsize=2, label=label
        )
        below.hist(p, bins=np.linspace(0, 1, 26), histtype="step", color=colour, lw=1.5)
    axes.set(
        xlim=(-0.01, 1.01),
        ylim=(-0.02, 1.02),
        ylabel=f"share with {test.target}",
        title="Calibration on the test set",
    )
    say_count(axes, count_line(test))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", fontsize=7.5)
    below.set(xlabel=f"stated probability of {test.target}", ylabel="images")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    show_figure(
        figure,
        "calibration",
        title="Calibration on the test set",
        caption=(
            f"Share of images with {test.target} in {_CALIBRATION_GROUPS} groups of equal size by stated probability (95 % Wilson "
            f"intervals, clustered by {test.grouped_by}), {count_line(test)}; below, how often each probability was stated. Points under the "
            "dotted line: the model states too much. A slope below 1 means too extreme, above 1 too timid. Balanced training shifts "
            "probabilities, so recalibrate before a probability is read as a risk."
        ),
        alt="Calibration curves against the diagonal. " + "; ".join(spoken) + ".",
        synthetic=test.synthetic,
    )


@in_house_style
def plot_operating_point(test: TestSet, model: str | None = None) -> None:
    """Sensitivity and specificity over the threshold, on validation where it was chosen and on test where it is held."""
    if class_absent(test, "sensitivity and specificity over the threshold"):
        return
    name = model or test.selected
    validation, threshold = test.validations[name], test.threshold(name)
    figure, axes = new_figure(width=6.8, height=4.8)
    point = test.findings[name].operating_point
    at_threshold = {"sensitivity": with_ci(point.sensitivity), "specificity": with_ci(point.specificity)}
    parts = (
        ("validation", validation.part.labels, validation.probabilities, "--"),
        ("test", test.part.labels, test.probabilities[name], "-"),
    )
    for words, labels, p, line in parts:
        shares = {
            "sensitivity": np.array([(p[labels == 1] >= t).mean() for t in _GRID]),
            "specificity": np.array([(p[labels == 0] < t).mean() for t in _GRID]),
        }
        for (metric, share), colour in zip(shares.items(), PALETTE, strict=False):
            label = f"{metric}, {words}" + (f": {at_threshold[metric]} at the threshold" if words == "test" else "")
            axes.plot(_GRID, share, line, color=colour, lw=2 if line == "-" else 1.3, label=label)
    axes.axvline(threshold, color=GREY, lw=1.2, label=f"threshold {threshold_words(threshold)}, frozen on validation")
    axes.set(
        xlim=(0, 1),
        ylim=(-0.01, 1.02),
        xlabel="threshold: an image is called positive at or above this probability",
        ylabel="share of images",
        title=f"Operating point of {model_words(name)}",
    )
    say_count(axes, count_line(test))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", fontsize=8.5, ncols=2)
    sensitivity, specificity = (
        "–" if value is None else percent(value) for value in (point.sensitivity.value, point.specificity.value)
    )
    show_figure(
        figure,
        f"operating_point_{name}",
        title=f"Operating point of {model_words(name)}",
        caption=(
            f"Sensitivity and specificity of {model_words(name)} for {test.target} at every threshold, dashed on validation "
            f"(n = {len(validation.part.labels)}), solid on the test set ({count_line(test)}). How the threshold was chosen: {point.rule}. "
            "Look how far solid and dashed lines are apart: that is what the choice promised too much."
        ),
        alt=f"At the threshold {threshold_words(threshold)} the test sensitivity is {sensitivity} and the test specificity {specificity}.",
        synthetic=test.synthetic,
    )


def class_absent(test: TestSet, figure: str) -> bool:
    """Whether the test part lacks positives or negatives; says so in place of `figure`."""
    positives = int(test.part.labels.sum())
    if 0 < positives < len(test.part.labels):
        return False
    kind = f"without {test.target}" if positives else f"with {test.target}"
    sentence = f"There is no picture of {figure}: the test part holds no image {kind}."
    emit(NoteFinding(sentence=sentence), sentence)
    return True


def count_line(test: TestSet) -> str:
    """'n = 600 images (180 with pneumothorax)'."""
    return f"n = {len(test.part.labels)} images ({int(test.part.labels.sum())} with {test.target})"


def say_count(axes: Axes, words: str, *, pad: float | None = None) -> None:
    """How many images the figure rests on, opposite its title and as far (`pad`, in points) from the axes."""
    axes.set_title(words, loc="right", fontsize=8.5, weight="normal", color=GREY, pad=pad)


def roc_curves(probabilities: NDArray[Any], labels: NDArray[Any], bootstrap: Bootstrap) -> NDArray[np.float64]:
    """Sensitivity at each point of the false-alarm grid, [resamples, grid]."""
    rows = []
    for weights in bootstrap.weights():
        fpr, tpr = _roc(weights, probabilities, labels)
        rows += [np.interp(_GRID, x, y) for x, y in zip(fpr, tpr, strict=True)]
    return np.stack(rows)


def _roc(weights: NDArray[Any], probabilities: NDArray[Any], labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    order = np.argsort(-probabilities, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(probabilities[order]) != 0, True])
    positive = (labels[order] == 1).astype(np.float32)
    ordered = weights[:, order]
    called = [np.cumsum(ordered * part, axis=1, dtype=float)[:, ends] for part in (1 - positive, positive)]
    fpr, tpr = (np.pad(counts / counts[:, -1:], ((0, 0), (1, 0))) for counts in called)
    return fpr, tpr


def calibration_groups(
    probabilities: NDArray[Any], labels: NDArray[Any], clusters: NDArray[Any]
) -> NDArray[np.float64]:
    """Groups of equal size by probability: mean probability, share of positives and its interval, [groups, 4]."""
    rows = []
    for group in np.array_split(np.argsort(probabilities, kind="stable"), min(_CALIBRATION_GROUPS, len(labels))):
        share = labels[group].mean()
        low, high = wilson(share, effective_size(labels[group].astype(float), clusters[group]))
        rows.append((probabilities[group].mean(), share, low, high))
    return np.array(rows)
