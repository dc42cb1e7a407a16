"""Label x confounder per split, before any training: how strong the shortcut on offer is.

Odds ratio with Woolf's logit interval (Ann Hum Genet 1955), its variance clustered by patient: the influences of a patient's images add up
before they are squared, which is Woolf's formula where each patient has one image. Where a cell is empty 0.5 is added to all four (Haldane
1956, Anscombe 1956).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from clinjup.contracts import AssociationFinding, Estimate
from clinjup.evaluation.proportions import Z_95, proportion
from clinjup.kernel import emit
from clinjup.nouns import class_words, plain_name
from clinjup.phrases import percent

if TYPE_CHECKING:
    import pandas as pd

    from clinjup.imaging.cohort import Cohort

SPLITS = ("train", "validation", "test")
CELLS = ("positive_with", "positive_without", "negative_with", "negative_without")


def association(cohort: Cohort, confounder: str) -> pd.DataFrame:
    """Counts of label x confounder and the odds ratio with its 95 % interval, one row a split; of several classes that of interest.

    Emits an AssociationFinding and shows the figure. Images whose confounder is unknown are counted apart and enter no odds ratio.
    """
    import pandas as pd

    from clinjup.evaluation.confounder_plots import plot_association

    name, target, counts, ratios, shares, rows = plain_name(confounder), class_words(cohort.finding), {}, {}, {}, []
    for split in SPLITS:
        table = cohort.part(split)
        if not len(table):
            continue
        labels = (table["label"] == cohort.positive).astype(int)
        presence = table[confounder].to_numpy(float) if confounder in table else np.full(len(table), np.nan)
        counts[split] = count_cells(labels, presence) | {"unknown": int(np.isnan(presence).sum())}
        ratios[split] = odds_ratio(labels, presence, table["group"])
        shares[split] = {
            group: proportion(presence[known] == 1, table["group"][known], reason="not annotated")
            for group, known in (
                ("positive", (labels == 1).to_numpy() & ~np.isnan(presence)),
                ("negative", (labels != 1).to_numpy() & ~np.isnan(presence)),
            )
        }
        estimate = ratios[split]
        rows.append(
            {
                "split": split,
                **{f"{cell.replace('_', ', ')} {name}": counts[split][cell] for cell in CELLS},
                f"{name} unknown": counts[split]["unknown"],
                "odds ratio": "–" if estimate.value is None else f"{estimate.value:.1f}",
                "95 % CI": "–" if estimate.ci95 is None else f"{estimate.ci95[0]:.1f} to {estimate.ci95[1]:.1f}",
            }
        )
    emit(
        AssociationFinding(confounder=confounder, odds_ratios=ratios, counts=counts),
        association_sentence(name, target, ratios, counts),
    )
    plot_association(
        confounder, ratios, shares, target=target, synthetic=cohort.synthetic, grouped_by=cohort.grouped_by
    )
    return pd.DataFrame(rows).set_index("split")


def count_cells(labels: ArrayLike, presence: ArrayLike) -> dict[str, int]:
    """Images per cell of the 2 x 2 table; unknown presence (NaN) counts nowhere."""
    y, flag = np.asarray(labels) == 1, np.asarray(presence, float)
    groups = (y & (flag == 1), y & (flag == 0), ~y & (flag == 1), ~y & (flag == 0))
    return {cell: int(group.sum()) for cell, group in zip(CELLS, groups, strict=True)}


def odds_ratio(labels: ArrayLike, presence: ArrayLike, patients: ArrayLike) -> Estimate:
    """Odds of the confounder among positives over that among negatives; missing where either has no annotated image."""
    y, flag, clusters = np.asarray(labels) == 1, np.asarray(presence, float), np.asarray(patients).astype(str)
    a, b, c, d = (float(count) for count in count_cells(y, flag).values())
    n = int(a + b + c + d)
    for group, annotated in (("positive", a + b), ("negative", c + d)):
        if not annotated:
            return Estimate(value=None, reason=f"the confounder is annotated on no {group} image", n=n)
    if not (a + c and b + d):
        word = "every" if b + d == 0 else "no"
        return Estimate(value=None, reason=f"{word} annotated image shows the confounder", n=n)
    added = 0.5 if min(a, b, c, d) == 0 else 0.0
    a, b, c, d = (count + added for count in (a, b, c, d))
    known = ~np.isnan(flag)
    sizes = np.where(y, np.where(flag == 1, a, b), np.where(flag == 1, c, d))
    influence = np.where(y == (flag == 1), 1.0, -1.0)[known] / sizes[known]
    _, cluster = np.unique(clusters[known], return_inverse=True)
    variance = (np.bincount(cluster, weights=influence) ** 2).sum() + sum(added / size**2 for size in (a, b, c, d))
    centre, half = np.log(a * d / (b * c)), Z_95 * np.sqrt(variance)
    return Estimate(
        value=float(np.exp(centre)),
        ci95=(float(np.exp(centre - half)), float(np.exp(centre + half))),
        n=n,
        note="0.5 added to each count, one is zero" if added else None,
    )


def association_sentence(name: str, target: str, ratios: dict[str, Estimate], counts: dict[str, dict[str, int]]) -> str:
    """What the association means for training, in one sentence."""
    split = next(iter(ratios))
    cells, ratio = counts[split], ratios[split]
    if ratio.value is None:
        return f"The association of {name} and {target} cannot be computed in the {split} part: {ratio.reason}."
    with_target = cells["positive_with"] / (cells["positive_with"] + cells["positive_without"])
    without_target = cells["negative_with"] / (cells["negative_with"] + cells["negative_without"])
    low, high = ratio.ci95 or (ratio.value, ratio.value)
    verdict = (
        f"a model can profit from reading the {name} instead of the disease"
        if low > 1 or high < 1
        else f"the {name} alone tells little about the label"
    )
    return (
        f"In the {split} part {percent(with_target)} of the images with {target} and {percent(without_target)} of those without "
        f"show a {name} (odds ratio {ratio.value:.1f}, 95 % CI {low:.1f} to {high:.1f}, n = {ratio.n}): {verdict}."
    )
