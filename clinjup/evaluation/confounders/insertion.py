"""Insertion, the headline check: does drawing the confounder into a film make the model see the disease?

Films without the disease and without the confounder are judged as they are, with the confounder inserted, and with a placebo (another
foreign body of the same brightness that is not the confounder), all at the frozen threshold. Nothing but the insertion differs, so a rise
of false alarms is caused by it.

- false_alarms_before, false_alarms_after: share called positive.
- false_alarm_increase: after minus before. placebo_increase: placebo minus before; near zero if it is the
  confounder that counts, not any insertion.
- flip_rate: share of the films rightly called negative that the insertion turns into false alarms.
- delta_probability: mean change of the probability.

Shares carry Wilson intervals at the effective sample size, differences paired bootstrap intervals, both clustered by patient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import Estimate
from clinjup.evaluation.bootstrap import mean_statistic
from clinjup.evaluation.confounders.registry import Case, confounder_check
from clinjup.evaluation.insertion import Inserter, inserter_for
from clinjup.evaluation.proportions import proportion
from clinjup.evaluation.ranking import FEWEST_IMAGES
from clinjup.nouns import with_article
from clinjup.phrases import counted

if TYPE_CHECKING:
    from clinjup.imaging.cache import ImageCache

MOST_FILMS = 1000
FEWEST_KNOWN = 100  # films known to be without the confounder; an interval on fewer hardly decides anything
_FILMS_AT_ONCE = 256
FIELDS = (
    "false_alarms_before",
    "false_alarms_after",
    "false_alarm_increase",
    "placebo_increase",
    "flip_rate",
    "delta_probability",
)


@confounder_check(
    "insertion",
    question="Do false alarms appear when the confounder is drawn into images that have neither it nor the disease?",
    fields=FIELDS,
)
def insertion(case: Case) -> dict[str, Estimate]:
    """False alarms on films without disease and confounder: as they are, with the confounder, with a placebo."""
    inserter = inserter_for(case.confounder)
    films, note = insertable_films(case)
    reason = (
        f"no way to draw {with_article(case.name)} into an image is known"
        if inserter is None
        else not_insertable(case, films)
    )
    if inserter is None or reason:
        return dict.fromkeys(FIELDS, Estimate.missing(reason))
    inserted, placebo = _probabilities(case, inserter, films)
    before, clusters = case.probabilities[films], case.part.clusters[films]
    alarm_before, alarm_after, alarm_placebo = (p >= case.threshold for p in (before, inserted, placebo))
    found = case.bootstrap.estimates(
        {
            "false_alarm_increase": mean_statistic(alarm_after.astype(float) - alarm_before, films),
            "placebo_increase": mean_statistic(alarm_placebo.astype(float) - alarm_before, films),
            "delta_probability": mean_statistic(inserted - before, films),
        },
        len(films),
    )
    found["false_alarms_before"] = proportion(alarm_before, clusters)
    found["false_alarms_after"] = proportion(alarm_after, clusters)
    found["flip_rate"] = proportion(
        alarm_after[~alarm_before], clusters[~alarm_before], reason="every image was a false alarm already"
    )
    return {
        name: estimate.model_copy(update={"note": "; ".join(filter(None, (note, estimate.note))) or None})
        for name, estimate in found.items()
    }


def insertable_films(case: Case) -> tuple[NDArray[np.int64], str | None]:
    """Positions in the part of the films to insert into, at most MOST_FILMS, and what a reader must know about the choice."""
    negative, presence = case.part.labels == 0, case.presence
    chosen, notes = negative & (presence == 0), []
    unknown = negative & np.isnan(presence)
    if chosen.sum() < FEWEST_KNOWN and unknown.any():
        share = f"{int(unknown.sum())} of these" if chosen.any() else "all"
        notes.append(f"on {share} negatives, whether they hold {with_article(case.name)} is not annotated")
        chosen |= unknown
    films = np.flatnonzero(chosen)
    if len(films) > MOST_FILMS:
        notes.append(f"on {MOST_FILMS} of {len(films)} images, drawn at random")
        films = np.sort(np.random.default_rng(case.seed).choice(films, MOST_FILMS, replace=False))
    return films, "; ".join(notes) or None


def not_insertable(case: Case, films: NDArray[np.int64]) -> str:
    """Why nothing can be inserted into `films`, or an empty string."""
    inserter = inserter_for(case.confounder)
    if case.images.pixels.ndim != 3 and inserter is not None and not inserter.colour:
        return f"{with_article(case.name)} can only be drawn into grey images"
    if len(films) < FEWEST_IMAGES:
        return f"only {counted(len(films), 'image')} without the disease and without {case.name}"
    return ""


def film_random(case: Case, film: int) -> np.random.Generator:
    """The same drain in the same film for every model, whatever the order."""
    return np.random.default_rng([case.seed, int(case.part.table.index[film])])


def _probabilities(
    case: Case, inserter: Inserter, films: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """P(target) of each film with the confounder and with the placebo."""
    drawn, disturbed = _drawn(case, inserter, films)
    patients = case.part.table.iloc[films]
    blocks = [slice(start, start + _FILMS_AT_ONCE) for start in range(0, len(films), _FILMS_AT_ONCE)]
    found = [
        np.concatenate([case.model.score(pixels[block], patients.iloc[block]) for block in blocks]).astype(float)
        for pixels in (drawn, disturbed)
    ]
    return found[0], found[1]


# Every model of a run is asked about the same films: (images, confounder, part, seed, films) -> films drawn.
_LATEST: dict[tuple[object, ...], tuple[ImageCache, NDArray[np.uint8], NDArray[np.uint8]]] = {}
_KEPT = 4


def _drawn(case: Case, inserter: Inserter, films: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The films with the confounder and with the placebo; drawn once for all models."""
    key = (
        id(case.images),
        case.confounder,
        case.part.split,
        case.seed,
        case.part.table.index[films].to_numpy().tobytes(),
    )
    if key not in _LATEST:
        pixels = case.images.pixels_of(case.part.table.index[films])
        pairs = list(zip(pixels, films, strict=True))
        drawn = np.stack([inserter.insert(film, film_random(case, at))[0] for film, at in pairs])
        disturbed = np.stack([inserter.placebo(film, film_random(case, at)) for film, at in pairs])
        while len(_LATEST) >= _KEPT:
            del _LATEST[next(iter(_LATEST))]
        _LATEST[key] = (case.images, drawn, disturbed)  # the images are kept so that their id stays theirs
    return _LATEST[key][1:]
