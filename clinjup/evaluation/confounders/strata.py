"""Strata: positives with and without the confounder apart (Oakden-Rayner et al., hidden stratification, ACM CHIL 2020).

- auroc_with, auroc_without: positives of the one kind against all negatives. Negatives need no annotation, so a table that covers
  positives only, as the drains of ChestX-ray14 do, is enough.
- worst_group_auroc: the lower of the two.
- cross_strata_auroc: positives without the confounder against negatives with it. A model that reads the confounder falls below 0.5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import Estimate, Stratum
from clinjup.evaluation.bootstrap import Statistic
from clinjup.evaluation.confounders.registry import FEWEST_IMAGES, Case, confounder_check
from clinjup.evaluation.proportions import proportion
from clinjup.evaluation.ranking import auroc_statistic


@confounder_check(
    "strata",
    question="Does the model find the disease where the confounder does not help it?",
    fields=("auroc_with", "auroc_without", "worst_group_auroc", "cross_strata_auroc"),
)
def strata(case: Case) -> dict[str, Estimate]:
    """AUROC of positives by stratum, with intervals clustered by patient."""
    if np.isnan(case.presence).all():
        reason = f"the {case.name} is not annotated in these images"
        return dict.fromkeys(
            ("auroc_with", "auroc_without", "worst_group_auroc", "cross_strata_auroc"), Estimate.missing(reason)
        )
    positive, present, absent = case.part.labels == 1, case.presence == 1, case.presence == 0
    found = {
        "auroc_with": _auroc(case, positive & present, ~positive),
        "auroc_without": _auroc(case, positive & absent, ~positive),
        "cross_strata_auroc": _auroc(case, positive & absent, ~positive & present),
    }
    groups = (found["auroc_with"], found["auroc_without"])
    missing = next((group for group in groups if group.value is None), None)
    found["worst_group_auroc"] = missing or _worst(case, positive & present, positive & absent, ~positive)
    return found


def strata_table(case: Case) -> list[Stratum]:
    """Sensitivity and specificity with and without the confounder, at the frozen threshold; empty where it is not annotated."""
    called, positive = case.probabilities >= case.threshold, case.part.labels == 1
    rows = []
    for flag, word in ((1, "with"), (0, "without")):
        members = case.presence == flag
        if not members.any():
            continue
        sick, well = members & positive, members & ~positive
        rows.append(
            Stratum(
                attribute=case.confounder,
                value=f"{word} {case.name}",
                images=int(members.sum()),
                positives=int(sick.sum()),
                metrics={
                    "sensitivity": _share(case, called, sick, "positives"),
                    "specificity": _share(case, ~called, well, "negatives"),
                },
            )
        )
    return rows


def _share(case: Case, outcomes: NDArray[np.bool_], members: NDArray[np.bool_], kind: str) -> Estimate:
    if members.sum() < FEWEST_IMAGES:
        return Estimate(value=None, reason=f"only {members.sum()} {kind} in this stratum", n=int(members.sum()))
    return proportion(outcomes[members], case.part.clusters[members])


def _auroc(case: Case, positives: NDArray[np.bool_], negatives: NDArray[np.bool_]) -> Estimate:
    n = int((positives | negatives).sum())
    if min(positives.sum(), negatives.sum()) < FEWEST_IMAGES:
        reason = f"only {positives.sum()} positives and {negatives.sum()} negatives of this kind"
        return Estimate(value=None, reason=reason, n=n)
    return case.bootstrap.estimate(_statistic(case, positives, negatives), n)


def _worst(case: Case, first: NDArray[np.bool_], second: NDArray[np.bool_], negatives: NDArray[np.bool_]) -> Estimate:
    groups = [_statistic(case, positives, negatives) for positives in (first, second)]
    n = int((first | second | negatives).sum())
    return case.bootstrap.estimate(lambda weights: np.minimum(*(group(weights) for group in groups)), n)


def _statistic(case: Case, positives: NDArray[np.bool_], negatives: NDArray[np.bool_]) -> Statistic:
    return auroc_statistic(case.probabilities, case.part.labels, np.flatnonzero(positives | negatives))
