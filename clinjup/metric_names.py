"""What each metric is called, the same in notebook, findings and report. Imports nothing of ours but the nouns."""

from __future__ import annotations

from clinjup.nouns import class_words, plain_name

NAMES = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "specificity_at_sensitivity": "specificity at the required sensitivity",
    "sensitivity_at_specificity": "sensitivity at the required specificity",
    "false_alarm_rate": "false-alarm rate",
    "ppv": "positive predictive value",
    "npv": "negative predictive value",
    "brier": "Brier score",
    "ece": "expected calibration error",
    "worst_group_auroc": "worst-group AUROC",
    "false_alarm_increase": "change of false alarms by insertion",
    "ap50": "AP50",
    "ap50_95": "AP50-95",
    "box_sensitivity": "share of boxes marked",
    "sensitivity_at_false_mark_limit": "share of boxes marked at the limit of false marks",
    "study_auroc": "AUROC, whole visits",
    "latency_ms": "milliseconds an image, median",
    "latency_ms_p95": "milliseconds an image, 95th percentile",
    "auroc_gain": "gain of AUROC",
    "cam_pointing_finding": "Grad-CAM highest on the finding",
    "cam_energy_finding": "Grad-CAM attention on the finding as outlined",
    "macro_auroc": "mean AUROC of the classes",
    "excisions_per_case": "referred for each one found",
    "miss_rate_bound": "miss rate, upper bound",
    "brier_scaled": "Brier score, after temperature scaling",
    "ece_scaled": "expected calibration error, after temperature scaling",
    "calibration_slope_scaled": "calibration slope, after temperature scaling",
    "calibration_intercept_scaled": "calibration intercept, after temperature scaling",
}
# Marks are counted at the threshold that keeps the limit.
_ALSO = {"sensitivity_at_false_mark_limit": "box_sensitivity"}
PER_CLASS = ("auroc", "sensitivity", "specificity", "ppv", "npv")


def metric_words(key: str) -> str:
    """A metric's key as it stands in a sentence: 'ppv' -> 'positive predictive value', 'auroc_bcc' -> 'AUROC for basal cell carcinoma'."""
    if key in NAMES:
        return NAMES[key]
    if key.startswith("sensitivity_at_") and key.endswith("_false_marks"):
        rate = key.removeprefix("sensitivity_at_").removesuffix("_false_marks")
        return f"share of boxes marked at {rate} false marks per image"
    stem, of = class_metric(key)
    return f"{NAMES.get(stem, stem)} for {class_words(of)}" if stem else plain_name(key)


def metric_heading(key: str) -> str:
    """The same at the beginning of a line: 'Positive predictive value'."""
    name = metric_words(key)
    return name[:1].upper() + name[1:]


def same_metric(one: str, other: str) -> bool:
    """Whether two keys are one metric: melanoma_sensitivity and sensitivity_melanoma are."""
    return metric_words(_ALSO.get(one, one)) == metric_words(_ALSO.get(other, other))


def class_metric(key: str) -> tuple[str, str]:
    """('sensitivity', 'melanoma') of sensitivity_melanoma and of melanoma_sensitivity; empty for a metric of no class."""
    for stem in PER_CLASS:
        if key.startswith(f"{stem}_"):
            return stem, key.removeprefix(f"{stem}_")
    return ("sensitivity", key.removesuffix("_sensitivity")) if key.endswith("_sensitivity") else ("", "")
