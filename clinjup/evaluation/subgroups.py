"""The chosen operating point in subgroups of covariates: sex, age band, body site, how the diagnosis was made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import Estimate, Stratum
from clinjup.evaluation.bootstrap import Bootstrap
from clinjup.evaluation.cohort_parts import Part
from clinjup.evaluation.proportions import proportion
from clinjup.evaluation.ranking import auroc_statistic
from clinjup.imaging.values import in_order
from clinjup.phrases import counted
from clinjup.unknown_words import says_unknown

FEWEST_EVENTS = 10
_AGE_BANDS = ((0, 40, "under 40"), (40, 60, "40 to 59"), (60, 200, "60 and over"))
_WORDS = {"histo": "histology", "follow_up": "follow-up", "": "unknown"}
SCALE = "skin_type"  # the covariate whose groups are steps of a scale and come in their order
_TITLES = {"reference": "diagnosis by"}
MOST_VALUES = 12  # groups of one covariate; the rest of its values are one group
_REST = "all others"


def subgroup_table(
    part: Part,
    probabilities: NDArray[np.float64],
    threshold: float,
    covariates: Sequence[str],
    bootstrap: Bootstrap,
) -> list[Stratum]:
    """AUROC, sensitivity and specificity at the frozen `threshold` in each group, however small: a group that is gone is not asked about.

    Sensitivity and AUROC are suppressed where fewer than 10 images are positive, specificity where fewer than 10 are negative: such a
    figure says more about chance, and about single patients, than about the model.
    """
    called, positive = probabilities >= threshold, part.labels == 1
    rows = []
    for covariate in covariates:
        for value, members in _groups(part, covariate):
            sick, well = members & positive, members & ~positive
            few = {
                "positive": _too_few(int(sick.sum()), "with the finding"),
                "negative": _too_few(int(well.sum()), "without"),
            }
            reason = few["positive"] or few["negative"]
            auroc = (
                Estimate(value=None, reason=reason, n=int(members.sum()))
                if reason
                else bootstrap.estimate(
                    auroc_statistic(probabilities, part.labels, np.flatnonzero(members)), int(members.sum())
                )
            )
            rows.append(
                Stratum(
                    attribute=covariate,
                    value=f"{_TITLES.get(covariate, covariate.replace('_', ' '))}: {value}",
                    images=int(members.sum()),
                    positives=int(sick.sum()),
                    metrics={
                        "auroc": auroc,
                        "sensitivity": _share(called, sick, part, few["positive"]),
                        "specificity": _share(~called, well, part, few["negative"]),
                    },
                )
            )
    return rows


def _groups(part: Part, covariate: str) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    if covariate not in part.table:
        return
    column = part.table[covariate]
    if covariate == "age" and column.dtype.kind == "f":
        ages = column.to_numpy(float)
        found = [(words, (ages >= low) & (ages < high)) for low, high, words in _AGE_BANDS]
        found.append(("unknown", np.isnan(ages)))
    else:
        text = column.map(_written).astype(object).where(column.notna(), "")
        text = text.mask(text.isin([value for value in text.unique() if says_unknown(value)]), "")
        common = text.value_counts().index[: MOST_VALUES - 1]
        if text.nunique() > MOST_VALUES:
            text = text.where(text.isin(common), _REST)
        values = list(text.value_counts().index)
        if covariate == SCALE:
            values = in_order({*values, *part.skin_types})
        found = [(_WORDS.get(value, value.replace("_", " ")), (text == value).to_numpy()) for value in values]
    yield from ((words, members) for words, members in found if members.any() or covariate == SCALE)


def _written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _too_few(count: int, kind: str) -> str:
    return f"suppressed: only {counted(count, 'image')} {kind}" if count < FEWEST_EVENTS else ""


def _share(outcomes: NDArray[np.bool_], members: NDArray[np.bool_], part: Part, reason: str) -> Estimate:
    if reason:
        return Estimate(value=None, reason=reason, n=int(members.sum()))
    return proportion(outcomes[members], part.clusters[members])
