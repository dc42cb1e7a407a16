"""Strata: images with and without the confounder apart (Oakden-Rayner et al., hidden stratification, ACM CHIL 2020).

- auroc_with, auroc_without: AUROC among the images with, and among those without, the confounder. Within a stratum the confounder
  tells nothing, so a model that reads nothing else falls to 0.5; one that reads the disease as well can stay high here, and shows itself
  in the last figure and by insertion. Where the confounder is annotated on positives only, as the drains of
  ChestX-ray14 are, the positives of a stratum stand against all negatives, and the estimate says so.
- worst_group_auroc: the lower of the two.
- cross_strata_auroc: positives without the confounder against negatives with it. A model that reads the confounder falls below 0.5.

Where a detector estimated the confounder (validation only; learning/confounder_detector.py), an image counts in both strata by its
probability, and the estimate says so.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import Estimate, Stratum
from clinjup.evaluation.bootstrap import Statistic
from clinjup.evaluation.confounders.registry import Case, confounder_check
from clinjup.evaluation.proportions import proportion
from clinjup.evaluation.ranking import FEWEST_IMAGES, auroc_statistic
from clinjup.imaging.presence import presence_of
from clinjup.nouns import with_article
from clinjup.phrases import counted


@confounder_check(
    "strata",
    question="Does the model find the disease where the confounder does not help it?",
    fields=("auroc_with", "auroc_without", "worst_group_auroc", "cross_strata_auroc"),
)
def strata(case: Case) -> dict[str, Estimate]:
    """AUROC of positives by stratum, with intervals clustered by patient."""
    if case.part.estimated(case.confounder).any():
        return _by_estimate(case)
    if np.isnan(case.presence).all():
        reason = f"the {case.name} is not annotated in these images"
        return dict.fromkeys(
            ("auroc_with", "auroc_without", "worst_group_auroc", "cross_strata_auroc"), Estimate.missing(reason)
        )
    positive, present, absent = case.part.labels == 1, case.presence == 1, case.presence == 0
    negatives_annotated = bool((~positive & (present | absent)).any())
    strata_of = {
        "auroc_with": (positive & present, ~positive & (present if negatives_annotated else True)),
        "auroc_without": (positive & absent, ~positive & (absent if negatives_annotated else True)),
    }
    found = {name: _auroc(case, *groups) for name, groups in strata_of.items()}
    found["cross_strata_auroc"] = _auroc(case, positive & absent, ~positive & present)
    missing = next((found[name] for name in strata_of if found[name].value is None), None)
    found["worst_group_auroc"] = missing or _worst(case, *strata_of.values())
    if not negatives_annotated:
        note = f"the {case.name} is annotated on positives only; these stand against all negatives"
        found = {
            name: estimate.model_copy(update={"note": note})
            if name in strata_of and estimate.value is not None
            else estimate
            for name, estimate in found.items()
        }
    return found


def _by_estimate(case: Case) -> dict[str, Estimate]:
    """The same figures with images weighed by how probably they show the confounder."""
    present = np.nan_to_num(presence_of(case.part.table, case.confounder))
    absent = np.nan_to_num(1 - presence_of(case.part.table, case.confounder))
    positive, estimated = case.part.labels == 1, int(case.part.estimated(case.confounder).sum())
    across = np.where(positive, absent, present)
    groups = {"with": present, "without": absent}
    found = {f"auroc_{kind}": _weighed(case, {kind: share}) for kind, share in groups.items()}
    found |= {"cross_strata_auroc": _weighed(case, {"across": across}), "worst_group_auroc": _weighed(case, groups)}
    note = f"on {estimated} of {len(positive)} images the {case.name} is not annotated, but estimated by a detector"
    return {
        name: estimate if estimate.value is None else estimate.model_copy(update={"note": note})
        for name, estimate in found.items()
    }


def _weighed(case: Case, memberships: dict[str, NDArray[np.float64]]) -> Estimate:
    """The lowest AUROC among groups (with, without, across) to which each image belongs by a probability [images]."""
    positive = case.part.labels == 1
    for kind, share in memberships.items():
        likely = [int((share[group] > 0.5).sum()) for group in (positive, ~positive)]
        if min(likely) < FEWEST_IMAGES:
            sick, well = counted(likely[0], "positive"), counted(likely[1], "negative")
            noun = with_article(case.name)
            reason = {
                "with": f"a detector estimates that there are only {sick} and {well} with {noun}",
                "without": f"a detector estimates that there are only {sick} and {well} without {noun}",
                "across": f"a detector estimates that there are only {sick} without and {well} with {noun}",
            }[kind]
            return Estimate(value=None, reason=reason, n=len(share))
    auroc = auroc_statistic(case.probabilities, case.part.labels)
    shares = [share.astype(np.float32) for share in memberships.values()]
    return case.bootstrap.estimate(
        lambda weights: np.minimum.reduce([auroc(weights * share) for share in shares]), len(positive)
    )


def strata_table(case: Case) -> list[Stratum]:
    """Sensitivity and specificity at the frozen threshold, and AUROC, with and without the confounder; empty where it is not annotated."""
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
                    "sensitivity": _share(case, called, sick, "positive"),
                    "specificity": _share(case, ~called, well, "negative"),
                    "auroc": _auroc(case, sick, well),
                },
            )
        )
    return rows


def _share(case: Case, outcomes: NDArray[np.bool_], members: NDArray[np.bool_], kind: str) -> Estimate:
    if members.sum() < FEWEST_IMAGES:
        return Estimate(value=None, reason=f"only {counted(members.sum(), kind)} in this stratum", n=int(members.sum()))
    return proportion(outcomes[members], case.part.clusters[members])


def _auroc(case: Case, positives: NDArray[np.bool_], negatives: NDArray[np.bool_]) -> Estimate:
    n = int((positives | negatives).sum())
    if min(positives.sum(), negatives.sum()) < FEWEST_IMAGES:
        reason = f"only {counted(positives.sum(), 'positive')} and {counted(negatives.sum(), 'negative')} of this kind"
        return Estimate(value=None, reason=reason, n=n)
    return case.bootstrap.estimate(_statistic(case, positives, negatives), n)


def _worst(case: Case, *strata: tuple[NDArray[np.bool_], NDArray[np.bool_]]) -> Estimate:
    """The lowest AUROC of the strata, within each resample."""
    groups = [_statistic(case, positives, negatives) for positives, negatives in strata]
    n = int(np.logical_or.reduce([positives | negatives for positives, negatives in strata]).sum())
    return case.bootstrap.estimate(lambda weights: np.minimum(*(group(weights) for group in groups)), n)


def _statistic(case: Case, positives: NDArray[np.bool_], negatives: NDArray[np.bool_]) -> Statistic:
    return auroc_statistic(case.probabilities, case.part.labels, np.flatnonzero(positives | negatives))
