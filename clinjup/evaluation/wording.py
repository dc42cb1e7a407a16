"""Figures and verdicts in the words that stand in notebook and report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from clinjup.contracts import ConfounderResult, Estimate, OperatingPoint
from clinjup.metric_names import metric_words
from clinjup.nouns import model_words, plain_name, with_article
from clinjup.phrases import change_of, decimals, negatives_words, percent, points, shift_words

if TYPE_CHECKING:
    import pandas as pd


def with_ci(estimate: Estimate, digits: int = 2) -> str:
    """'0.91 (0.88 to 0.94)', or a dash where there is no value."""
    if estimate.value is None:
        return "–"
    digits = decimals(estimate.value, digits, 0.0, 1.0)
    if estimate.ci95 is None:
        return f"{estimate.value:.{digits}f}"
    low, high = estimate.ci95
    return f"{estimate.value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def metrics_table(models: Mapping[str, Mapping[str, Estimate]]) -> pd.DataFrame:
    """One row a metric, one column a model: value and 95 % confidence interval."""
    import pandas as pd

    return pd.DataFrame(
        {
            model_words(name): {metric_words(metric): with_ci(estimate) for metric, estimate in metrics.items()}
            for name, metrics in models.items()
        }
    )


def performance_sentence(metrics: Mapping[str, Estimate], point: OperatingPoint, target: str) -> str:
    """'AUROC 0.91 (95 % CI 0.88 to 0.94); at the frozen threshold it finds 90 % of ... and raises false alarms on 12 % of the others.'"""
    auroc = metrics["auroc"]
    if auroc.value is None or point.sensitivity.value is None or point.specificity.value is None:
        return f"AUROC, sensitivity and specificity cannot be given: {auroc.reason}."
    low, high = auroc.ci95 or (auroc.value, auroc.value)
    return (
        f"AUROC {auroc.value:.2f} (95 % CI {low:.2f} to {high:.2f}, n = {auroc.n}); at the threshold frozen on validation it finds "
        f"{percent(point.sensitivity.value)} of {point.sensitivity.n} with {target} and raises false alarms on "
        f"{percent(1 - point.specificity.value)} of {point.specificity.n} without."
    )


def insertion_sentence(confounder: str, result: ConfounderResult, target: str) -> str | None:
    """The headline: what inserting the confounder did to false alarms; None where it was not measured."""
    before, after, increase = result.false_alarms_before, result.false_alarms_after, result.false_alarm_increase
    if before.value is None or after.value is None or increase.value is None:
        return None
    name = plain_name(confounder)
    films = negatives_words("image", target, name, increase.note)
    placebo = "" if result.placebo_increase.value is None else f", placebo: {points(result.placebo_increase.value)}"
    base = f"n = {increase.n} {films}{placebo}"
    shift = shift_words(change_of(increase), before.value, after.value, "false alarms")
    return f"Inserting {with_article(name)} {shift} ({base})."


def strata_sentence(confounder: str, result: ConfounderResult, target: str) -> str | None:
    """How well the disease is found with and without the confounder; None where that is not annotated."""
    with_it, without = result.auroc_with.value, result.auroc_without.value
    if with_it is None or without is None:
        return None
    name = plain_name(confounder)
    return f"AUROC for {target} among images with {name} {with_it:.2f}, among those without {without:.2f}."
