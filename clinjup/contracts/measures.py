"""Figures: estimates with their intervals, of models, strata and confounders."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clinjup.contracts.base import Contract


class Estimate(Contract):
    """One figure with its 95 % confidence interval, or the reason why it cannot be had."""

    value: float | None
    ci95: tuple[float, float] | None = None
    reason: str | None = None
    n: int | None = Field(None, description="images it rests on")
    note: str | None = Field(
        None, description="how to read it, e.g. the prevalence that a predictive value is stated at"
    )

    @classmethod
    def missing(cls, reason: str) -> Estimate:
        return cls(value=None, reason=reason)


class OperatingPoint(Contract):
    threshold: float
    rule: str
    sensitivity: Estimate
    specificity: Estimate
    box_sensitivity: Estimate | None = Field(None, description="of a detector: share of the true boxes that are marked")
    false_marks_per_image: Estimate | None = Field(None, description="of a detector")


class Stratum(Contract):
    """Metrics in one subgroup; `value` e.g. 'with chest drain'."""

    attribute: str
    value: str
    images: int
    positives: int
    metrics: dict[str, Estimate]


class ConfounderResult(Contract):
    """How far one model leans on one confounder. Definitions stand in evaluation/confounders/."""

    false_alarms_before: Estimate = Estimate.missing("not measured")
    false_alarms_after: Estimate = Estimate.missing("not measured")
    false_alarm_increase: Estimate = Estimate.missing("not measured")
    placebo_increase: Estimate = Estimate.missing("not measured")
    flip_rate: Estimate = Estimate.missing("not measured")
    delta_probability: Estimate = Estimate.missing("not measured")
    cam_energy_in_mask: Estimate = Estimate.missing("not measured")
    cam_pointing: Estimate = Estimate.missing("not measured")
    cam_energy_outlined: Estimate = Estimate.missing("not measured")
    removal_flip_rate: Estimate = Estimate.missing("not measured")
    removal_placebo_flip_rate: Estimate = Estimate.missing("not measured")
    auroc_with: Estimate = Estimate.missing("not measured")
    auroc_without: Estimate = Estimate.missing("not measured")
    cross_strata_auroc: Estimate = Estimate.missing("not measured")
    worst_group_auroc: Estimate = Estimate.missing("not measured")


class Confusion(Contract):
    """Of several classes: `counts[i][j]` images of class i that the model named class j; `classes` in words."""

    classes: list[str]
    counts: list[list[int]]


class Calibration(Contract):
    """What calibrates the probability that a model states: its logit / `temperature` + `offset`. Fitted on validation."""

    temperature: float
    offset: float


class ModelResults(Contract):
    """Everything known about one trained model."""

    name: str
    seconds: float
    seed: int
    architecture: str = ""
    parameters: int | None = None
    mitigation: str | None = None
    epochs: int | None = None
    stopped: str | None = Field(None, description="why training ended, as TrainingFinding.stopped")
    device: str | None = None
    checkpoint: str | None = Field(None, description="relative to the run folder")
    validation: dict[str, Estimate] = {}
    test: dict[str, Estimate] = {}
    operating_point: OperatingPoint | None = None
    strata: list[Stratum] = []
    confusion: Confusion | None = None
    calibration: Calibration | None = Field(
        None, description="where the table of predictions has a calibrated probability"
    )
    wording: bool = Field(False, description="whether the table of predictions says refer or reassure")
    confounders: dict[str, ConfounderResult] = {}
    validation_confounders: dict[str, ConfounderResult] = {}


class SplitCount(Contract):
    images: int
    patients: int
    positives: int


class Experiment(Contract):
    """One hypothesis, one change, judged on validation."""

    name: str
    hypothesis: str
    change: str
    metric: str
    validation: Estimate
    outcome: Literal["baseline", "kept", "discarded", "crashed", "skipped"]
    reason: str
