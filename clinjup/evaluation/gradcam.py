"""Grad-CAM montages: what the models look at, stratum by stratum, and with the confounder drawn in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clinjup.evaluation.bootstrap import Bootstrap
from clinjup.evaluation.confounders import Case
from clinjup.evaluation.confounders.insertion import film_random, insertable_films, not_insertable
from clinjup.evaluation.insertion import inserter_for
from clinjup.evaluation.plots import in_house_style
from clinjup.evaluation.saliency import grad_cam
from clinjup.kernel.errors import ClinjupError
from clinjup.kernel.figures import GREY, VERMILION, new_figure, show_figure
from clinjup.nouns import model_words, plain_name, with_article
from clinjup.phrases import threshold_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from clinjup.evaluation.test_set import TestSet
    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort
    from clinjup.learning.trained import TrainedModel

_CELL = 1.15


def caution(confounder: str | None) -> str:
    """What a saliency map cannot show; with a confounder, what decides instead."""
    if confounder is None:
        return "Saliency is weak evidence: a map that looks right proves nothing."
    return (
        "Saliency is weak evidence: a map that looks right proves nothing, and one can be moved off the confounder while the reliance "
        "stays. The false alarms after insertion decide."
    )


@dataclass(frozen=True)
class _Stratum:
    words: str
    films: NDArray[np.int64]


@in_house_style
def gradcam_montage(
    test: TestSet,
    cohort: Cohort,
    images: ImageCache,
    *,
    model: TrainedModel | str | None = None,
    confounder: str | None = None,
    per_row: int = 4,
) -> None:
    """Show test films beside their Grad-CAM, one row a stratum, chosen at random.

    `model`, or its name, defaults to the selected one. With `confounder` the rows are label x confounder, and a second figure
    shows the baseline and that model on films with the confounder drawn in. Raises ClinjupError for a model or a cohort that the
    test set was not opened with.
    """
    name = test.selected if model is None else model if isinstance(model, str) else model.name
    if name not in test.models:
        raise ClinjupError(
            f"The model '{name}' is not among those that the test set was opened for: {', '.join(test.models)}. Show one of them."
        )
    shown = test.models[name]
    if not cohort.part("test").index.equals(test.part.table.index):
        raise ClinjupError(
            "The test part of this cohort is not the one that was opened. Pass the cohort that was evaluated."
        )
    _stratum_montage(test, images, shown, confounder, per_row)
    if confounder is not None:
        _insertion_montage(test, images, shown, confounder, per_row)


def strata_of(test: TestSet, confounder: str | None) -> Iterator[_Stratum]:
    """Label x confounder where it is annotated, else the two labels; strata without films are left out."""
    labels, name = test.part.labels, plain_name(confounder or "")
    presence = test.part.presence(confounder) if confounder else np.full(len(labels), np.nan)
    for label, disease in ((1, test.target), (0, f"no {test.target}")):
        known = [(1, f"\nwith {name}"), (0, f"\nwithout {name}")]
        parts = known if not np.isnan(presence[labels == label]).all() else [(None, "")]
        for flag, words in parts:
            members = labels == label if flag is None else (labels == label) & (presence == flag)
            if members.any():
                yield _Stratum(f"{disease}{words}\n(n = {members.sum()})", np.flatnonzero(members))


def _stratum_montage(
    test: TestSet, images: ImageCache, model: TrainedModel, confounder: str | None, per_row: int
) -> None:
    strata, threshold, p = list(strata_of(test, confounder)), test.threshold(model.name), test.probabilities[model.name]
    random = np.random.default_rng(test.seed)
    picks = [np.sort(random.permutation(stratum.films)[:per_row]) for stratum in strata]
    pixels = images.pixels_of(test.part.table.index[np.concatenate(picks)])
    maps = iter(grad_cam(model, pixels))
    films = iter(pixels)
    figure, axes = new_figure(
        columns=per_row,
        rows=len(strata),
        width=2 * _CELL * per_row + 1.4,
        height=(_CELL + 0.22) * len(strata) + 0.4,
        squeeze=False,
    )
    for cell in axes.flat:
        cell.set_axis_off()
    for row, (stratum, picked) in enumerate(zip(strata, picks, strict=True)):
        _say_left(axes[row, 0], stratum.words)
        for cell, at in zip(axes[row], picked, strict=False):
            film, heat = next(films), next(maps)
            _film(cell, np.hstack([film, film]), np.hstack([np.zeros_like(heat), heat]))
            positive = test.part.labels[at] == 1
            correct = (p[at] >= threshold) == positive
            verdict = "correct" if correct else "missed" if positive else "false alarm"
            _verdict(cell, f"{p[at]:.2f}, {verdict}", alarm=not correct)
    _title(
        figure,
        f"Grad-CAM of {model_words(model.name)}, test images chosen at random (threshold {threshold_words(threshold)})",
    )
    show_figure(
        figure,
        f"gradcam_{model.name}",
        title=f"Grad-CAM of {model_words(model.name)} by stratum",
        caption=(
            f"Test images beside their Grad-CAM for {test.target} (each map scaled to its own maximum, none where nothing speaks for "
            f"it), chosen at random in each stratum, with the probability that {model_words(model.name)} states and whether the call at the "
            "frozen threshold was correct. Look whether the warm area lies on the finding or on something else that goes with it. "
            f"{caution(confounder)}"
        ),
        alt=f"{len(strata)} rows of images with heat maps: "
        + "; ".join(s.words.replace("\n", " ") for s in strata)
        + ".",
        synthetic=test.synthetic,
    )


def _insertion_montage(test: TestSet, images: ImageCache, model: TrainedModel, confounder: str, count: int) -> None:
    name, inserter = plain_name(confounder), inserter_for(confounder)
    baseline = next(iter(test.models.values()))
    others = [each for each in test.models.values() if each.name != baseline.name]
    models = [baseline, *(others[-1:] if model.name == baseline.name else [model])]
    # Few resamples: the case is only asked which films it inserts into, and where.
    few = Bootstrap(test.part.clusters, test.part.labels, resamples=1, seed=test.seed)
    case = Case(
        confounder, model, images, test.part, test.probabilities[model.name], test.threshold(model.name), few, test.seed
    )
    films, _ = insertable_films(case)
    if inserter is None or not_insertable(case, films):
        return
    picked = np.sort(np.random.default_rng(test.seed).permutation(films)[:count])
    before = images.pixels_of(test.part.table.index[picked])
    drawn = [inserter.insert(film, film_random(case, at)) for film, at in zip(before, picked, strict=True)]
    after, masks = np.stack([film for film, _ in drawn]), [mask for _, mask in drawn]
    figure, axes = new_figure(
        columns=len(picked),
        rows=2 + len(models),
        width=(_CELL + 0.35) * len(picked) + 1.4,
        height=(_CELL + 0.55) * (2 + len(models)) + 0.3,
        squeeze=False,
    )
    for column in range(len(picked)):
        _film(axes[0, column], before[column])
        _film(axes[1, column], after[column])
    rows = ["as it was", f"{name}\ndrawn in"]
    for row, each in enumerate(models, start=2):
        threshold = test.threshold(each.name)
        rows.append(f"Grad-CAM of\n{plain_name(each.name)}\nalarm from {threshold_words(threshold)}")
        p_before, p_after = test.probabilities[each.name][picked], each.score(after, test.part.table.iloc[picked])
        for column, heat in enumerate(grad_cam(each, after)):
            cell = axes[row, column]
            _film(cell, after[column], heat)
            cell.contour(masks[column], levels=[0.5], colors="white", linewidths=0.6)
            alarm, already = bool(p_after[column] >= threshold), bool(p_before[column] >= threshold)
            call = ("\nfalse alarm, as before" if already else "\nfalse alarm") if alarm else ""
            words = f"{p_before[column]:.2f} → {p_after[column]:.2f}{call}"
            _verdict(cell, words, alarm=alarm)
    thresholds = ", ".join(f"{plain_name(each.name)} {threshold_words(test.threshold(each.name))}" for each in models)
    for row, words in enumerate(rows):
        _say_left(axes[row, 0], words)
    _title(figure, f"{name.capitalize()} drawn into images without {test.target}")
    show_figure(
        figure,
        f"gradcam_insertion_{confounder}",
        title=f"Grad-CAM with {with_article(name)} drawn in",
        caption=(
            f"{len(picked)} test images without {test.target}, chosen at random, before and after {with_article(name)} is drawn in, "
            f"and the Grad-CAM of {' and '.join(each.name for each in models)} on the images after; the white line surrounds the "
            f"{name}. Above each map the probability of {test.target} before and after; "
            f"a false alarm is one from the model's threshold on ({thresholds}). Look whether the probability rises and the "
            f"warm area follows the {name}. {caution(confounder)}"
        ),
        alt=f"Images before and after insertion with heat maps of {' and '.join(each.name for each in models)}.",
        synthetic=test.synthetic,
    )


def _film(axes: Axes, film: NDArray[np.uint8], heat: NDArray[np.float32] | None = None) -> None:
    axes.set_axis_off()
    axes.imshow(film, cmap="gray", vmin=0, vmax=255)
    if heat is not None:
        axes.imshow(heat, cmap="inferno", vmin=0, vmax=1, alpha=np.minimum(heat, 0.6))


def _title(figure: Figure, words: str) -> None:
    """A headline over all films, and room below them for the stamp of synthetic data."""
    figure.suptitle(words, x=0.01, ha="left", fontsize=11, weight="bold")
    figure.set_layout_engine("constrained", rect=(0, 0.025, 1, 0.975))


def _say_left(axes: Axes, words: str) -> None:
    axes.text(-0.06, 0.5, words, transform=axes.transAxes, ha="right", va="center", fontsize=8.5)


def _verdict(axes: Axes, words: str, *, alarm: bool) -> None:
    axes.set_title(
        words, loc="center", fontsize=8, color=VERMILION if alarm else GREY, weight="bold" if alarm else "normal", pad=2
    )
