"""A detector in subgroups: with and without cast and metal, by view, first visit or follow-up, and age."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinjup.contracts import Estimate, Stratum
from clinjup.evaluation.bootstrap import Bootstrap
from clinjup.evaluation.detection.metrics import false_marks_shown, share_marked, weighted_in_rows
from clinjup.evaluation.detection.parts import DetectionPart
from clinjup.learning.detection.matching import Marks
from clinjup.nouns import plain_name

if TYPE_CHECKING:
    from clinjup.imaging.cohort import Cohort

AGES = (
    (-np.inf, 6, "under 6 years"),
    (6, 11, "6 to 10 years"),
    (11, 15, "11 to 14 years"),
    (15, np.inf, "15 years and older"),
)
_COVARIATES = ("view", "follow_up", "age")
_FEWEST_BOXES = 10


def detection_strata(
    cohort: Cohort, marks: Sequence[Marks], part: DetectionPart, threshold: float, seed: int
) -> list[Stratum]:
    """Share of boxes marked and false marks an image, group by group, at the frozen threshold."""
    ranked = part.ranked(marks)
    bootstrap = Bootstrap(part.clusters, None, resamples=1000, seed=seed)
    found = []
    for attribute, words, members in _groups(cohort, part):
        inside = members.astype(np.float32)[None, :]
        boxes = int((ranked.boxes * members).sum())

        def within(statistic, inside: NDArray[np.float32] = inside):  # type: ignore[no-untyped-def]
            return lambda weights: statistic(weights * inside)

        metrics = {
            "box_sensitivity": bootstrap.estimate(
                weighted_in_rows(part, within(share_marked(ranked, threshold))), boxes
            )
            if boxes >= _FEWEST_BOXES
            else Estimate(value=None, reason=f"only {boxes} boxes in this group", n=boxes),
            "false_marks_per_image": bootstrap.estimate(
                weighted_in_rows(part, within(false_marks_shown(ranked, threshold))),
                int((members & (part.weight > 0)).sum()),
            ),
        }
        positives = int((part.labels[members] == 1).sum())
        found.append(
            Stratum(attribute=attribute, value=words, images=int(members.sum()), positives=positives, metrics=metrics)
        )
    return found


def _groups(cohort: Cohort, part: DetectionPart) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    for name in cohort.confounders:
        presence = part.presence(name)
        for flag, word in ((1, "with"), (0, "without")):
            if (presence == flag).any():
                yield name, f"{word} {plain_name(name)}", presence == flag
    for name in _COVARIATES:
        if name not in cohort.covariates:
            continue
        values = part.table[name]
        if name == "age":
            ages = pd.to_numeric(values, errors="coerce").to_numpy(float)
            for low, high, words in AGES:
                if ((ages >= low) & (ages < high)).any():
                    yield name, words, (ages >= low) & (ages < high)
            continue
        words_of = (
            {1.0: "follow-up", 0.0: "first visit", "1": "follow-up", "0": "first visit"} if name == "follow_up" else {}
        )
        for value, rows in part.table.groupby(name, observed=True):
            members = part.table.index.isin(rows.index)
            yield name, str(words_of.get(value, f"{plain_name(name)} {value}")), np.asarray(members)
