"""Figures of a task with several classes: the pairwise confusion, and the sensitivity for each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clinjup.evaluation.plots import colours_of, in_house_style, say_count
from clinjup.evaluation.wording import with_ci
from clinjup.kernel.figures import new_figure, show_figure
from clinjup.nouns import class_words, model_words
from clinjup.phrases import percent

if TYPE_CHECKING:
    from clinjup.evaluation.test_set import TestSet


@in_house_style
def plot_confusion(test: TestSet, model: str | None = None) -> None:
    """Share of each true class that was named as each class, with the counts."""
    name = model or test.selected
    confusion = test.findings[name].confusion
    if confusion is None:
        return
    counts = np.array(confusion.counts)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    size = len(confusion.classes)
    figure, axes = new_figure(width=1.6 + 0.95 * size, height=1.4 + 0.72 * size)
    axes.grid(visible=False)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row in range(size):
        for column in range(size):
            if counts[row, column]:
                words = f"{percent(shares[row, column])}\n({counts[row, column]})"
                colour = "white" if shares[row, column] > 0.55 else "black"
                axes.text(column, row, words, ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(size), confusion.classes, rotation=30, ha="right")
    axes.set_yticks(
        range(size), [f"{words} (n = {total})" for words, total in zip(confusion.classes, totals[:, 0], strict=True)]
    )
    axes.set(xlabel="named by the model", ylabel="true class", title=f"What {model_words(name)} takes for what")
    missed = [
        f"{counts[row, column]} of {totals[row, 0]} {confusion.classes[row]} named {confusion.classes[column]}"
        for row, column in zip(*np.unravel_index(np.argsort(-_off(counts), axis=None)[:4], counts.shape), strict=True)
        if counts[row, column]
    ]
    show_figure(
        figure,
        f"confusion_{name}",
        title=f"What {model_words(name)} takes for what",
        caption=(
            f"Test set, {int(counts.sum())} images: of each true class (row) the share that {model_words(name)} names as each class (column), "
            f"with the number of images. Most frequent confusions: {'; '.join(missed) or 'none'}. Look at the row of {test.target} first: what "
            "it is taken for is what would be overlooked. Rows with few images say little."
        ),
        alt=f"Confusion matrix of {model_words(name)}. " + "; ".join(missed) + ".",
        synthetic=test.synthetic,
    )


def _off(counts: np.ndarray) -> np.ndarray:
    """The counts with the diagonal at zero."""
    return counts * (1 - np.eye(len(counts), dtype=int))


@in_house_style
def plot_classes(test: TestSet) -> None:
    """Share of each class that is named rightly, with its interval, all models side by side."""
    names = test.part.classes
    colours = colours_of(test)
    figure, axes = new_figure(width=8.2, height=1.6 + 0.62 * len(names))
    spoken = []
    for line, cls in enumerate(names):
        for position, (model, colour) in enumerate(colours.items()):
            estimate = test.findings[model].metrics[f"sensitivity_{cls}"]
            if estimate.value is None:
                continue
            low, high = estimate.ci95 or (estimate.value, estimate.value)
            height = -line - 0.7 * ((position + 0.5) / len(colours) - 0.5)
            errors = np.maximum([[estimate.value - low], [high - estimate.value]], 0)
            axes.errorbar(
                estimate.value,
                height,
                xerr=errors,
                color=colour,
                marker="s",
                ms=5,
                lw=1.5,
                capsize=2,
                label=model_words(model) if line == 0 else None,
            )
            spoken.append(f"{model_words(model)}, {class_words(cls)} {with_ci(estimate)}")
    counts = [int((test.part.codes == code).sum()) for code in range(len(names))]
    axes.set_yticks(
        [-line for line in range(len(names))],
        [f"{class_words(cls)}\n(n = {count})" for cls, count in zip(names, counts, strict=True)],
    )
    axes.set(xlim=(0, 1), ylim=(-len(names) + 0.4, 0.6), xlabel="share named rightly (95 % confidence interval)")
    axes.set_title("Sensitivity for each class")
    say_count(axes, f"n = {len(test.part.codes)} test images")
    axes.grid(axis="y", visible=False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", fontsize=9, ncols=len(colours))
    show_figure(
        figure,
        "classes",
        title="Sensitivity for each class",
        caption=(
            f"Test set, n = {len(test.part.codes)} images: share of each class whose most probable class is the right one; 95 % Wilson "
            f"intervals, clustered by {test.grouped_by}. Look at the rare classes: plain training often gives them up, which overall "
            "accuracy hides."
        ),
        alt="; ".join(spoken) + ".",
        synthetic=test.synthetic,
    )
