"""How the report writes its figures: the unit and the glossary entry of each metric, an estimate ready for print."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from clinjup.contracts import Estimate
from clinjup.metric_names import class_metric, metric_heading
from clinjup.phrases import NBSP, decimals, percent_number, points, share_decimals, signed_points

Unit = Literal["ratio", "percent", "points", "change", "odds", "count"]


@dataclass(frozen=True)
class Metric:
    """Name, unit and glossary entry of a metric."""

    label: str
    unit: Unit = "ratio"
    gloss: str = ""


_TRAITS: dict[str, tuple[Unit, str]] = {
    "auroc": ("ratio", "auroc"),
    "auprc": ("ratio", "auprc"),
    "sensitivity": ("percent", "sensitivity"),
    "sensitivity_at_specificity": ("percent", "sensitivity"),
    "specificity_at_sensitivity": ("percent", "specificity"),
    "specificity": ("percent", "specificity"),
    "false_alarm_rate": ("percent", "false_alarm"),
    "ppv": ("percent", "ppv"),
    "npv": ("percent", "npv"),
    "accuracy": ("percent", "accuracy"),
    "balanced_accuracy": ("percent", "accuracy"),
    "brier": ("ratio", "brier"),
    "ece": ("ratio", "ece"),
    "calibration_slope": ("ratio", "calibration"),
    "calibration_intercept": ("ratio", "calibration"),
    "worst_group_auroc": ("ratio", "worst_group_auroc"),
    "false_alarm_increase": ("points", "insertion"),
    "ap50": ("ratio", "average_precision"),
    "ap50_95": ("ratio", "average_precision"),
    "box_sensitivity": ("percent", "mark"),
    "false_marks_per_image": ("ratio", "mark"),
    "sensitivity_at_false_mark_limit": ("percent", "froc"),
    "study_auroc": ("ratio", "auroc"),
    "latency_ms": ("ratio", "latency"),
    "latency_ms_p95": ("ratio", "latency"),
    "auroc_gain": ("change", "auroc"),
    "macro_auroc": ("ratio", "auroc"),
    "cam_pointing_finding": ("percent", "cam_pointing"),
    "cam_energy_finding": ("percent", "cam_energy_outlined"),
    "excisions_per_case": ("count", "excisions_per_case"),
    "miss_rate_bound": ("percent", "miss_rate_bound"),
    "brier_scaled": ("ratio", "temperature"),
    "ece_scaled": ("ratio", "temperature"),
    "calibration_slope_scaled": ("ratio", "temperature"),
    "calibration_intercept_scaled": ("ratio", "temperature"),
}
METRICS = {key: Metric(metric_heading(key), unit, gloss) for key, (unit, gloss) in _TRAITS.items()}
_PLAIN = ("brier", "ece", "calibration_slope", "calibration_intercept")
CALIBRATION = (*_PLAIN, *(f"{name}_scaled" for name in _PLAIN))

CONFOUNDER_METRICS: dict[str, Metric] = {
    "false_alarms_before": Metric("False alarms, films as they are", "percent", "false_alarm"),
    "false_alarms_after": Metric("False alarms, {name} inserted", "percent", "insertion"),
    "false_alarm_increase": Metric("Increase by the {name}", "points", "insertion"),
    "placebo_increase": Metric("Increase by a placebo", "points", "placebo"),
    "flip_rate": Metric("Decisions turned into an alarm", "percent", "flip_rate"),
    "delta_probability": Metric("Mean change of the probability", "change", "delta_probability"),
    "worst_group_auroc": Metric("Worst-group AUROC", gloss="worst_group_auroc"),
    "cross_strata_auroc": Metric("Cross-strata AUROC", gloss="cross_strata_auroc"),
    "auroc_with": Metric("AUROC, images with {name}", gloss="auroc_with"),
    "auroc_without": Metric("AUROC, images without {name}", gloss="auroc_with"),
    "cam_energy_in_mask": Metric("Grad-CAM attention on the inserted {name}", "percent", "cam_energy"),
    "cam_pointing": Metric("Grad-CAM highest on the {name}", "percent", "cam_pointing"),
    "cam_energy_outlined": Metric("Grad-CAM attention on the {name} as outlined", "percent", "cam_energy_outlined"),
    "removal_flip_rate": Metric("Findings gone when the {name} is taken out", "percent", "removal"),
    "removal_placebo_flip_rate": Metric("Findings gone when as much is taken out elsewhere", "percent", "removal"),
}
# Shown only where the data outline a confounder.
OUTLINED_METRICS = frozenset({"cam_pointing", "cam_energy_outlined", "removal_flip_rate", "removal_placebo_flip_rate"})


@dataclass(frozen=True)
class Shown:
    """A figure ready for print: `text` and `interval`, or the `reason` why there is none."""

    text: str = ""
    interval: str = ""
    reason: str = ""
    n: int | None = None

    @property
    def line(self) -> str:
        """For one line of plain text: '0.91 (0.88 to 0.94)'."""
        if self.reason:
            return f"not available ({self.reason})"
        return f"{self.text} ({self.interval})" if self.interval else self.text


def metric_of(key: str) -> Metric:
    """The entry of a metric; one that is not listed keeps its own name."""
    if key in METRICS:
        return METRICS[key]
    if key.startswith("sensitivity_at_") and key.endswith("_false_marks"):
        return Metric(metric_heading(key), "percent", "froc")
    stem, _ = class_metric(key)
    return Metric(metric_heading(key), *_TRAITS[stem]) if stem else Metric(metric_heading(key))


def show(estimate: Estimate | None, unit: Unit = "ratio") -> Shown:
    """An estimate in `unit`: ratios with two decimals, shares as percent, differences of shares as percentage points."""
    if estimate is None:
        return Shown(reason="not measured")
    value = known(estimate)
    if value is None:
        return Shown(reason=estimate.reason or "not measured", n=estimate.n)
    places = _decimals(value, unit)
    interval = ""
    if estimate.ci95 is not None and all(math.isfinite(limit) for limit in estimate.ci95):
        low, high = (_bare(limit, unit, places) for limit in estimate.ci95)
        signed = unit in ("points", "change") or "−" in low
        interval = f"{low} to {high}" if signed else f"{low}–{high}"
    bare = _bare(value, unit, places)
    text = points(value) if unit == "points" else f"{bare}{NBSP}%" if unit == "percent" else bare
    return Shown(text, interval, n=estimate.n)


def known(estimate: Estimate | None) -> float | None:
    """The value of an estimate if it has a finite one."""
    if estimate is None or estimate.value is None or not math.isfinite(estimate.value):
        return None
    return estimate.value


def duration(seconds: float) -> str:
    """'48 s', '4 min 5 s', '1 h 12 min'."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{NBSP}s"
    if whole < 3600:
        return f"{whole // 60}{NBSP}min {whole % 60}{NBSP}s"
    return f"{whole // 3600}{NBSP}h {whole % 3600 // 60}{NBSP}min"


def _decimals(value: float, unit: Unit) -> int:
    if unit == "percent":
        return share_decimals(value)
    return decimals(value, 2, 0.0, 1.0) if unit == "ratio" else 0


def _bare(value: float, unit: Unit, places: int) -> str:
    if unit == "ratio":
        text = f"{value:.{places}f}"
    elif unit == "percent":
        text = percent_number(value, places)
    elif unit == "count":
        text = f"{value:.1f}"
    elif unit == "odds":
        text = f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
    elif unit == "points":
        text = signed_points(value)
    else:
        text = f"{value:+.2f}"
    return {"-0.00": "0.00", "+0.00": "0.00"}.get(text, text.replace("-", "−"))
