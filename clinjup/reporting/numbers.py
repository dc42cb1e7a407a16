"""How figures and names are written for a clinician: one way to round, one name for each metric."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from clinjup.contracts import Estimate

NBSP = "\u00a0"
Unit = Literal["ratio", "percent", "points", "change", "odds", "count"]


@dataclass(frozen=True)
class Metric:
    """Name, unit and glossary entry of a metric; `better` says which direction one hopes for."""

    label: str
    unit: Unit = "ratio"
    gloss: str = ""
    better: Literal["higher", "lower", "near 0", "near 1", ""] = "higher"


METRICS: dict[str, Metric] = {
    "auroc": Metric("AUROC", gloss="auroc"),
    "auprc": Metric("AUPRC", gloss="auprc"),
    "sensitivity": Metric("Sensitivity", "percent", "sensitivity"),
    "specificity_at_sensitivity": Metric("Specificity at the required sensitivity", "percent", "specificity"),
    "specificity": Metric("Specificity", "percent", "specificity"),
    "false_alarm_rate": Metric("False-alarm rate", "percent", "false_alarm", "lower"),
    "ppv": Metric("Positive predictive value", "percent", "ppv"),
    "npv": Metric("Negative predictive value", "percent", "npv"),
    "accuracy": Metric("Accuracy", "percent", "accuracy"),
    "balanced_accuracy": Metric("Balanced accuracy", "percent", "accuracy"),
    "brier": Metric("Brier score", gloss="brier", better="lower"),
    "ece": Metric("Expected calibration error", gloss="ece", better="lower"),
    "calibration_slope": Metric("Calibration slope", gloss="calibration", better="near 1"),
    "calibration_intercept": Metric("Calibration intercept", gloss="calibration", better="near 0"),
    "worst_group_auroc": Metric("Worst-group AUROC", gloss="worst_group_auroc"),
    "false_alarm_increase": Metric("Change of false alarms by insertion", "points", "insertion", "near 0"),
    "ap50": Metric("AP50", gloss="average_precision"),
    "ap50_95": Metric("AP50-95", gloss="average_precision"),
    "box_sensitivity": Metric("Share of boxes marked", "percent", "mark"),
    "false_marks_per_image": Metric("False marks per image", gloss="mark", better="lower"),
    "sensitivity_at_false_mark_limit": Metric("Share of boxes marked at the limit of false marks", "percent", "froc"),
    "study_auroc": Metric("AUROC, whole visits", gloss="auroc"),
    "latency_ms": Metric("Milliseconds an image, median", gloss="latency", better="lower"),
    "latency_ms_p95": Metric("Milliseconds an image, 95th percentile", gloss="latency", better="lower"),
    "auroc_gain": Metric("Gain of AUROC", "change", "auroc", ""),
    "macro_auroc": Metric("Mean AUROC of the classes", gloss="auroc"),
    "excisions_per_case": Metric("Referred for each one found", "count", "excisions_per_case", "lower"),
    "miss_rate_bound": Metric("Miss rate, upper bound", "percent", "miss_rate_bound", "lower"),
    "brier_scaled": Metric("Brier score, after temperature scaling", gloss="temperature", better="lower"),
    "ece_scaled": Metric("Expected calibration error, after temperature scaling", gloss="temperature", better="lower"),
    "calibration_slope_scaled": Metric(
        "Calibration slope, after temperature scaling", gloss="temperature", better="near 1"
    ),
    "calibration_intercept_scaled": Metric(
        "Calibration intercept, after temperature scaling", gloss="temperature", better="near 0"
    ),
}
_PLAIN = ("brier", "ece", "calibration_slope", "calibration_intercept")
CALIBRATION = (*_PLAIN, *(f"{name}_scaled" for name in _PLAIN))
# Dermoscopy's codes in words; all others are words already.
_CLASS_WORDS = {
    "akiec": "actinic keratosis",
    "bcc": "basal cell carcinoma",
    "bkl": "benign keratosis",
    "df": "dermatofibroma",
    "vasc": "vascular lesion",
}

CONFOUNDER_METRICS: dict[str, Metric] = {
    "false_alarms_before": Metric("False alarms, films as they are", "percent", "false_alarm", "lower"),
    "false_alarms_after": Metric("False alarms, {name} inserted", "percent", "insertion", "lower"),
    "false_alarm_increase": Metric("Increase by the {name}", "points", "insertion", "near 0"),
    "placebo_increase": Metric("Increase by a placebo", "points", "placebo", "near 0"),
    "flip_rate": Metric("Decisions turned into an alarm", "percent", "flip_rate", "lower"),
    "delta_probability": Metric("Mean change of the probability", "change", "delta_probability", "near 0"),
    "worst_group_auroc": Metric("Worst-group AUROC", gloss="worst_group_auroc"),
    "cross_strata_auroc": Metric("Cross-strata AUROC", gloss="cross_strata_auroc"),
    "auroc_with": Metric("AUROC, images with {name}", gloss="auroc_with"),
    "auroc_without": Metric("AUROC, images without {name}", gloss="auroc_with"),
    "cam_energy_in_mask": Metric("Grad-CAM attention on the inserted {name}", "percent", "cam_energy", ""),
    "cam_pointing": Metric("Grad-CAM highest on the {name}", "percent", "cam_pointing", ""),
    "removal_flip_rate": Metric("Findings gone when the {name} is taken out", "percent", "removal", "lower"),
    "removal_placebo_flip_rate": Metric(
        "Findings gone when as much is taken out elsewhere", "percent", "removal", "lower"
    ),
}
# Shown only where the data outline a confounder.
OUTLINED_METRICS = frozenset({"cam_pointing", "removal_flip_rate", "removal_placebo_flip_rate"})


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
        rate = key.removeprefix("sensitivity_at_").removesuffix("_false_marks")
        return Metric(f"Share of boxes marked at {rate} false marks per image", "percent", "froc")
    if key.startswith("auroc_"):
        return Metric(f"AUROC, {class_words(key.removeprefix('auroc_'))}", gloss="auroc")
    for stem in ("sensitivity", "specificity", "ppv", "npv"):
        if key.startswith(f"{stem}_"):
            return Metric(f"{METRICS[stem].label}, {class_words(key.removeprefix(stem + '_'))}", "percent", stem)
    if key.endswith("_sensitivity"):
        return Metric(f"Sensitivity for {class_words(key.removesuffix('_sensitivity'))}", "percent", "sensitivity")
    return Metric(words(key).capitalize(), better="")


def show(estimate: Estimate | None, unit: Unit = "ratio") -> Shown:
    """An estimate in `unit`: ratios with two decimals, shares as percent, differences of shares as percentage points."""
    if estimate is None:
        return Shown(reason="not measured")
    if estimate.value is None or not math.isfinite(estimate.value):
        return Shown(reason=estimate.reason or "not measured", n=estimate.n)
    interval = ""
    if estimate.ci95 is not None and all(math.isfinite(limit) for limit in estimate.ci95):
        low, high = (_bare(limit, unit) for limit in estimate.ci95)
        signed = unit in ("points", "change") or "−" in low
        interval = f"{low} to {high}" if signed else f"{low}–{high}"
    suffix = {"percent": f"{NBSP}%", "points": f"{NBSP}points"}.get(unit, "")
    return Shown(_bare(estimate.value, unit) + suffix, interval, n=estimate.n)


def percent(value: float) -> str:
    """A share as whole percent: 0.163 -> '16 %'."""
    return f"{_bare(value, 'percent')}{NBSP}%"


def out_of_100(share: float) -> int:
    """A share as a count out of 100, halves rounded up: 0.905 -> 91."""
    return math.floor(100 * share + 0.5)


def known(estimate: Estimate | None) -> float | None:
    """The value of an estimate if it has a finite one."""
    if estimate is None or estimate.value is None or not math.isfinite(estimate.value):
        return None
    return estimate.value


def words(identifier: str) -> str:
    """'chest_drain' -> 'chest drain'."""
    return identifier.replace("_", " ").strip()


def class_words(identifier: str) -> str:
    """'bcc' -> 'basal cell carcinoma'."""
    return _CLASS_WORDS.get(identifier, words(identifier))


def counted(number: int, noun: str) -> str:
    """'1 film', '3,000 films'."""
    return f"{number:,}{NBSP}{noun if number == 1 else noun + 's'}"


def duration(seconds: float) -> str:
    """'48 s', '4 min 5 s', '1 h 12 min'."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{NBSP}s"
    if whole < 3600:
        return f"{whole // 60}{NBSP}min {whole % 60}{NBSP}s"
    return f"{whole // 3600}{NBSP}h {whole % 3600 // 60}{NBSP}min"


def _bare(value: float, unit: Unit) -> str:
    if unit == "ratio":
        text = f"{value:.2f}"
    elif unit == "percent":
        text = f"{out_of_100(value)}"
    elif unit == "count":
        text = f"{value:.1f}"
    elif unit == "odds":
        text = f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
    elif unit == "points":
        text = f"{out_of_100(value):+d}"
    else:
        text = f"{value:+.2f}"
    return {"+0": "0", "-0.00": "0.00", "+0.00": "0.00"}.get(text, text.replace("-", "−"))
