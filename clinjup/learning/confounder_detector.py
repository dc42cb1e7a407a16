"""Which films show the confounder, where nobody wrote it down: a small detector whose probabilities stand in for the annotation.

It learns from the annotated films, and from films without the disease as they are and with the confounder drawn in, by the drawing that
augments training (never by the one that tests). Films without the disease teach it nothing of the disease, and few of them show the
confounder. A drawn confounder is not a real one, so the detector's own probabilities are not believed: its scores are taken for a mixture
of films with and without, whose shares may differ between the classes, and the mixture is fitted to the films that it judges.
A detector that hardly tells drawn confounders from none, or a mixture that calls nearly every film the same, stands in for nothing.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from clinjup.contracts import Estimate, NoteFinding
from clinjup.imaging.cache import ImageCache
from clinjup.imaging.classes import label_words
from clinjup.imaging.presence import estimate_column
from clinjup.kernel.errors import ClinjupError
from clinjup.kernel.findings import emit
from clinjup.learning.batches import as_films, as_input
from clinjup.learning.mitigation.insertion_augmentation import PLAIN_DRAIN, draw_tubes
from clinjup.learning.training import train
from clinjup.nouns import class_words, plain_name, plural, with_article
from clinjup.phrases import NOT_KNOWN, beats_chance

if TYPE_CHECKING:
    from clinjup.imaging.cohort import Cohort
    from clinjup.learning.trained import TrainedModel

DRAWABLE = frozenset({"chest_drain"})
MOST_FILMS = 1500  # without the disease, that the detector is shown as they are and with the confounder drawn in
MOST_REPEATS = 8  # of an annotated film among them
JUDGED = ("train", "validation")  # no film of the test part is estimated: its groups are those that are annotated
# AUROC on drawn confounders below which nothing is estimated: two distributions of scores that overlap so far are not two to a mixture,
# which then calls nearly all films 'with' or nearly none (seen at 0.52 to 0.54 with 120 patients; with 1,500 it is 0.99).
LEAST_AUROC = 0.8
NEARLY_NONE = 0.02  # share of the films of a part; as near to all of them is nearly all
_FILMS_AT_ONCE = 256
_ROUNDS = 200  # of expectation maximisation
_RAREST = 0.002  # share of a class
_NARROWEST = 0.05  # deviation of a score
_LEAST = 1e-6  # weight of a film, so that none is nothing


def estimate_confounder(
    cohort: Cohort,
    images: ImageCache,
    confounder: str,
    *,
    epochs: int = 5,
    batch_size: int = 64,
    max_minutes: float = 3.0,
    seed: int = 0,
) -> Cohort:
    """The cohort with P(confounder) for the films of training and validation on which it is not annotated.

    The column CONFOUNDER_estimate holds it, 0..1, NaN elsewhere; mitigations and the choice of the model use it where the annotation is
    missing. Without the column where the detector cannot be relied on. Emits a note on how many films were annotated and what stood in
    for the rest. Raises ClinjupError for a confounder that cannot be drawn, and where there is no film to draw it into.
    """
    if confounder not in DRAWABLE:
        raise ClinjupError(
            f"No detector can be trained for '{confounder}', because no drawing of it exists to learn from. "
            f"There is one of: {', '.join(sorted(DRAWABLE))}."
        )
    table = cohort.table if confounder in cohort.table else cohort.table.assign(**{confounder: np.nan})
    table = table.drop(columns=estimate_column(confounder), errors="ignore")  # of an earlier call
    cohort = replace(cohort, table=table)
    judged = table["split"].isin(JUDGED) & table[confounder].isna()
    if not judged.any():
        return cohort
    shown, films, drawn = _shown(cohort, images, confounder, seed)
    files = pd.DataFrame({"sha256": [hashlib.sha256(film.tobytes()).hexdigest() for film in films], "reason": ""})
    detector = train(
        shown,
        ImageCache(films, images.size, images.channels, files),
        name=f"{confounder}_detector",
        epochs=epochs,
        batch_size=batch_size,
        max_minutes=max_minutes,
        seed=seed,
        quiet=True,
    )
    part = table[table["split"].isin(JUDGED)]
    scores = pd.Series(_scores(detector, images, part.index), part.index)
    shares = mixture(scores.to_numpy(), part["label"].to_numpy(np.int64), part[confounder].to_numpy(float))
    there = pd.Series(shares, part.index)
    estimate = there.where(judged).reindex(table.index)
    sources, trial = _sources(cohort, confounder, drawn), _trial(detector, shown, films)
    doubt = _why_refused(trial, there.groupby(part["split"]).mean(), with_article(plain_name(confounder)))
    if doubt:
        sentence = _refusal(cohort, confounder, sources, doubt)
        emit(NoteFinding(sentence=sentence), sentence)
        return cohort
    sentence = _sentence(cohort, scores, estimate, confounder, sources, trial)
    emit(NoteFinding(sentence=sentence), sentence)
    return replace(cohort, table=table.assign(**{estimate_column(confounder): estimate}))


def mixture(
    scores: NDArray[np.float64], labels: NDArray[np.int64], annotated: NDArray[np.float64]
) -> NDArray[np.float64]:
    """P(with) of each film [films] from its score, as a mixture of two normal distributions, one of films with and one of films without.

    The share of films with the confounder differs between the classes `labels`; `annotated` films (0 or 1, NaN unknown) stay what they are.
    Fitted by expectation maximisation (Dempster et al., J R Stat Soc B 1977). A score beyond the middle of a distribution counts as at it, so
    that the probability never falls where the score rises.
    """
    known = np.isfinite(annotated)
    low, high = np.quantile(scores, [0.1, 0.9])
    means, deviations = np.array([low, high]), np.full(2, max(scores.std() / 2, _NARROWEST))
    shares = {value: 0.5 for value in np.unique(labels)}
    there = np.full(len(scores), 0.5)
    for _ in range(_ROUNDS):
        within = np.clip(scores, *means) if means[0] < means[1] else scores
        density = -np.log(deviations) - 0.5 * ((within[:, None] - means) / deviations) ** 2
        prior = np.array([shares[value] for value in labels])
        odds = density[:, 1] - density[:, 0] + np.log(prior / (1 - prior))
        there = np.where(known, annotated, 1 / (1 + np.exp(-np.clip(odds, -50, 50))))
        for component, weight in enumerate((1 - there, there)):
            means[component] = np.average(scores, weights=weight + _LEAST)
            spread = np.average((scores - means[component]) ** 2, weights=weight + _LEAST)
            deviations[component] = max(np.sqrt(spread), _NARROWEST)
        shares = {value: float(np.clip(there[labels == value].mean(), _RAREST, 1 - _RAREST)) for value in shares}
    return there


def _shown(cohort: Cohort, images: ImageCache, confounder: str, seed: int) -> tuple[Cohort, NDArray[np.uint8], int]:
    """What the detector learns from: a cohort whose finding is the confounder, its films, and into how many films it was drawn."""
    rng, generator = np.random.default_rng([seed, 7]), torch.Generator().manual_seed(seed)
    shown: list[tuple[NDArray[np.uint8], int, str]] = []
    drawn = 0
    for split in JUDGED:
        part = cohort.part(split)
        plain = part.index[(part["label"] != cohort.positive) & (part[confounder] != 1)].to_numpy()
        if len(plain) > MOST_FILMS:
            plain = np.sort(rng.choice(plain, MOST_FILMS, replace=False))
        if not len(plain):
            raise ClinjupError(f"The {split} part has no film without the disease, so no detector can be trained.")
        pixels = images.pixels_of(plain)
        shown += [(pixels, 0, split), (_with_drains(pixels, generator), 1, split)]
        drawn += len(plain) * (split == "train")
        for flag in (0, 1):
            annotated = np.setdiff1d(part.index[part[confounder] == flag], plain)
            repeats = min(MOST_REPEATS, len(plain) // (2 * len(annotated) + 1)) if split == "train" else 1
            shown.append((images.pixels_of(np.repeat(annotated, max(repeats, 1))), flag, split))
    table = pd.DataFrame(
        {
            "label": [label for pixels, label, _ in shown for _ in pixels],
            "split": [split for pixels, _, split in shown for _ in pixels],
        }
    )
    films = np.concatenate([pixels for pixels, *_ in shown])
    return (
        replace(cohort, table=table, target=confounder, classes=["absent", "present"], priority=None, confounders=[]),
        films,
        drawn,
    )


def _with_drains(pixels: NDArray[np.uint8], generator: torch.Generator) -> NDArray[np.uint8]:
    """Films uint8 [N, H, W] or [N, H, W, 3] with a drain in each."""
    done = []
    for start in range(0, len(pixels), _FILMS_AT_ONCE):
        films = as_input(as_films(pixels[start : start + _FILMS_AT_ONCE].copy()))
        drawn = draw_tubes(films, torch.arange(len(films)), generator, PLAIN_DRAIN)
        done.append(drawn.mul(255).round().byte().permute(0, 2, 3, 1).numpy())
    films = np.concatenate(done)
    return films[..., 0] if pixels.ndim == 3 else films


def _scores(detector: TrainedModel, images: ImageCache, rows: pd.Index) -> NDArray[np.float64]:
    """Logits of the detector, [rows]."""
    parts = [
        detector.predict(images.pixels_of(rows[start : start + _FILMS_AT_ONCE]))
        for start in range(0, len(rows), _FILMS_AT_ONCE)
    ]
    found = np.clip(np.concatenate(parts).astype(float), 1e-6, 1 - 1e-6)
    return np.log(found / (1 - found))


def _trial(detector: TrainedModel, shown: Cohort, films: NDArray[np.uint8]) -> Estimate:
    """AUROC on the films of validation that it was shown, most of them as they are and with the confounder drawn in.

    With the interval of Hanley and McNeil, Radiology 1982; at an AUROC of 1 that of one pair in doubt, since none has no width.
    """
    from sklearn.metrics import roc_auc_score

    tried = shown.part("validation")
    there = tried["label"].to_numpy() == 1
    auroc, (absent, present) = float(roc_auc_score(there, detector.predict(films[tried.index]))), np.bincount(there)
    a = min(auroc, 1 - 0.5 / min(absent, present))
    spread = (present - 1) * (a / (2 - a) - a**2) + (absent - 1) * (2 * a**2 / (1 + a) - a**2)
    half = 1.96 * math.sqrt((a * (1 - a) + spread) / (absent * present))
    return Estimate(value=auroc, ci95=(max(auroc - half, 0.0), min(auroc + half, 1.0)), n=len(tried))


def _why_refused(trial: Estimate, shares: pd.Series, noun: str) -> str:
    """Why the detector cannot be relied on; empty where it can. `shares` of films with the confounder, by part."""
    if (trial.value or 0.0) < LEAST_AUROC or not beats_chance(trial):
        return f"it hardly tells films with {noun} drawn in from the others. {_trial_words(trial)}"
    if shares.max() > 1 - NEARLY_NONE:
        return f"it takes nearly every film to show {noun}, with and without the disease alike."
    if shares.min() < NEARLY_NONE:
        return f"it takes next to no film to show {noun}, with and without the disease alike."
    return ""


def _trial_words(trial: Estimate) -> str:
    low, high = trial.ci95 or (0.0, 1.0)
    return f"Its AUROC on {trial.n} films of validation, drawn ones among them, is {trial.value:.2f} (95 % CI {low:.2f} to {high:.2f})."


def _sources(cohort: Cohort, confounder: str, drawn: int) -> str:
    """What the detector was trained on."""
    annotated = int(cohort.part("train")[confounder].notna().sum())
    name = plural(plain_name(confounder))
    return (
        f"those {annotated} and on {name} drawn into {drawn} films without the disease"
        if annotated
        else f"{name} drawn into {drawn} films without the disease"
    )


def _refusal(cohort: Cohort, confounder: str, sources: str, doubt: str) -> str:
    """Why nothing stands in for the missing annotation, and what follows."""
    noun, flags = with_article(plain_name(confounder)), cohort.part("train")[confounder]
    said = (
        f"{noun.capitalize()} is annotated, as there or not, on {flags.notna().sum()} of {len(flags)} training films. A detector was to "
        f"stand in for the others, trained on {sources}, but {doubt}"
    )
    if flags.notna().any():
        return f"{said} So nothing was estimated, and only the annotated films say whether they show {noun}."
    return f"{said} So nothing was estimated, and {NOT_KNOWN}."


def _expected(cohort: Cohort, estimate: pd.Series, name: str) -> str:
    """How many of the films without annotation it takes to show the confounder, by class."""
    counts = []
    for code, words in reversed(list(enumerate(label_words(cohort)))):
        ours = estimate[cohort.table["label"] == code].dropna()
        counts += [f"{ours.sum():.0f} of {len(ours)} films {words}"] if len(ours) else []
    noun, first = with_article(name), counts[0]
    return (
        f"It expects {noun} on {first} and on {' and on '.join(counts[1:])}."
        if counts[1:]
        else f"It expects {noun} on {first}."
    )


def _sentence(
    cohort: Cohort, scores: pd.Series, estimate: pd.Series, confounder: str, sources: str, trial: Estimate
) -> str:
    """How many films were annotated, what stood in for the rest, what it says of them, and how far that can be believed."""
    from sklearn.metrics import roc_auc_score

    name, flags = plain_name(confounder), cohort.part("train")[confounder]
    real = cohort.part("validation")[confounder].dropna()
    if real.nunique() == 2:
        auroc = roc_auc_score(real, scores[real.index])
        trust = (
            f"On the {len(real)} annotated films of validation it tells with from without with an AUROC of {auroc:.2f}."
        )
    else:
        trust = f"Too few films of validation are annotated to say how well it does on real {plural(name)}."
    return (
        f"{with_article(name).capitalize()} is annotated, as there or not, on {flags.notna().sum()} of {len(flags)} training films. For "
        f"the others a detector stands in, trained on {sources}; a film counts as with and as without by its probability. "
        f"{_expected(cohort, estimate, name)} {_trial_words(trial)} {trust}"
    )


def confounder_counts(cohort: Cohort, confounder: str) -> pd.DataFrame:
    """Films of training and validation with and without the confounder, annotated and expected by estimate; one row a part and class."""
    column, rows = estimate_column(confounder), {}
    for split in JUDGED:
        for code, name in enumerate(cohort.classes):
            part = cohort.part(split)
            part = part[part["label"] == code]
            estimate = part[column].dropna() if column in part else pd.Series(dtype=float)
            rows[f"{split}, {class_words(name)}"] = {
                "annotated: with": int((part[confounder] == 1).sum()),
                "annotated: without": int((part[confounder] == 0).sum()),
                "estimated: with": round(float(estimate.sum())),
                "estimated: without": round(float((1 - estimate).sum())),
            }
    return pd.DataFrame(rows).T
