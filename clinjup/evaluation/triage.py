"""What a decision to refer or to reassure needs beside sensitivity and specificity.

- excisions_per_case: images referred for each one that has the finding, 1 / PPV, at the stated prevalence.
- miss_rate_bound: how high the true miss rate may be, one-sided 95 % upper bound; with none missed in n about 3 / n.
- npv: as elsewhere, but its interval joins those of sensitivity and specificity: resampling images of which none was missed would call
  an NPV of 100 % certain.
- brier_scaled, ece_scaled, calibration_slope_scaled, calibration_intercept_scaled: calibration after temperature scaling on validation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import Estimate, EvaluationFinding, NoteFinding
from clinjup.evaluation.bootstrap import NO_SPREAD, Bootstrap
from clinjup.evaluation.cohort_parts import Part
from clinjup.evaluation.metrics import binary_metrics
from clinjup.evaluation.safe_point import miss_bound
from clinjup.kernel import emit
from clinjup.phrases import per_hundred

if TYPE_CHECKING:
    from clinjup.evaluation.validate import Validation

CALIBRATION = ("brier", "ece", "calibration_slope", "calibration_intercept")


def triage_metrics(
    part: Part,
    probabilities: NDArray[np.float64],
    validation: Validation,
    prevalence: float | None,
    bootstrap: Bootstrap,
) -> dict[str, Estimate]:
    """The metrics named above, of one model on `part`."""
    threshold = validation.threshold
    plain = binary_metrics(
        probabilities, part.labels, part.clusters, threshold=threshold, prevalence=prevalence, bootstrap=bootstrap
    )
    calibrated = binary_metrics(
        validation.scaling(probabilities),
        part.labels,
        part.clusters,
        threshold=threshold,
        bootstrap=bootstrap,
    )
    stated = float(part.labels.mean()) if prevalence is None else prevalence
    found = {
        "npv": _cautious_npv(plain, stated),
        "excisions_per_case": _inverse(plain["ppv"]),
        "miss_rate_bound": _misses(part, probabilities, threshold),
    }
    return found | {
        f"{name}_scaled": calibrated[name].model_copy(
            update={"note": validation.scaling.words + _worse(name, plain, calibrated)}
        )
        if calibrated[name].value is not None
        else calibrated[name]
        for name in CALIBRATION
    }


def _worse(name: str, plain: dict[str, Estimate], calibrated: dict[str, Estimate]) -> str:
    before, after = plain[name].value, calibrated[name].value
    if name != "ece" or before is None or after is None or round(after, 3) <= round(before, 3):
        return ""
    return f"; on the test set worse than before scaling ({before:.3f} before, {after:.3f} after)"


def say_triage(finding: EvaluationFinding, target: str, cases: int, grouped_by: str) -> None:
    """The bound on missed cases and the price of it, as a NoteFinding. The positive images show `cases` lesions (or patients)."""
    bound, excisions = finding.metrics["miss_rate_bound"], finding.metrics["excisions_per_case"]
    npv, sensitivity = finding.metrics["npv"], finding.operating_point.sensitivity
    if bound.value is None or bound.n is None or sensitivity.value is None:
        return
    missed = round((1 - sensitivity.value) * bound.n)
    rule = (
        f"None of {bound.n} images with {target} was missed. That does not mean none ever will be: by the rule of three"
        if missed == 0
        else f"{missed} of {bound.n} images with {target} {'was' if missed == 1 else 'were'} missed. On other patients"
    )
    sentence = f"{rule} up to {per_hundred(bound.value)} in 100 may be missed (one-sided 95 % bound)."
    if cases < bound.n:
        sentence += f" These images show {cases} {grouped_by}s, and the bound rests on these."
    if excisions.value is not None:
        at = f" ({excisions.note})" if excisions.note else ""
        sentence += f" For each {target} found, {excisions.value:.1f} images are called positive{at}."
    if npv.value is not None:
        low = npv.ci95[0] if npv.ci95 else npv.value
        sentence += f" Of 100 that are reassured, {per_hundred(npv.value)} have no {target} (at worst {per_hundred(low)}, 95 % CI)."
    emit(NoteFinding(sentence=sentence), sentence)


def say_no_wording() -> None:
    """Why the table of predictions tells nobody whom to refer or to reassure, as a NoteFinding."""
    sentence = (
        "The table of predictions says neither refer nor reassure: the model was not shown to be better than chance, so nobody should be "
        "reassured by it."
    )
    emit(NoteFinding(sentence=sentence), sentence)


def _misses(part: Part, probabilities: NDArray[np.float64], threshold: float) -> Estimate:
    positive = part.labels == 1
    if not positive.any():
        return Estimate(value=None, reason="there are no positive images", n=0)
    found = (probabilities >= threshold)[positive]
    note = "one-sided 95 % upper bound; it is a bound itself, so it has no interval"
    return Estimate(value=miss_bound(found, part.clusters[positive]), n=int(positive.sum()), note=note)


def _cautious_npv(metrics: dict[str, Estimate], prevalence: float) -> Estimate:
    """NPV with an interval that reaches from the worst sensitivity and specificity of their intervals to the best."""
    npv, sensitivity, specificity = metrics["npv"], metrics["sensitivity"].ci95, metrics["specificity"].ci95
    if npv.value is None or sensitivity is None or specificity is None:
        return npv
    low, high = (
        right * (1 - prevalence) / max(right * (1 - prevalence) + (1 - found) * prevalence, 1e-12)
        for found, right in zip(sensitivity, specificity, strict=True)
    )
    note = (npv.note or "").removesuffix(NO_SPREAD).removesuffix("; ")  # the interval is not the bootstrap's
    return npv.model_copy(update={"ci95": (low, high), "note": note or None})


def _inverse(share: Estimate) -> Estimate:
    if not share.value:
        return Estimate(value=None, reason=share.reason or "nothing that was referred had the finding", n=share.n)
    low, high = share.ci95 or (share.value, share.value)
    interval = (1 / high, 1 / low) if low > 0 else None
    return Estimate(value=1 / share.value, ci95=interval, n=share.n, note=share.note)


def net_benefit(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], thresholds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Net benefit at each threshold probability (Vickers and Elkin, Med Decis Making 2006)."""
    positive, n = labels == 1, len(labels)
    called = probabilities[None, :] >= thresholds[:, None]
    true, false = (called & positive).sum(axis=1) / n, (called & ~positive).sum(axis=1) / n
    return np.asarray(true - false * thresholds / (1 - thresholds))
