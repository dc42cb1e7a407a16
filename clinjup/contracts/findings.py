"""Findings: what a cell reports to the process that owns the run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from clinjup.contracts.base import Contract
from clinjup.contracts.data import DataWarning, Excluded
from clinjup.contracts.measures import (
    Calibration,
    ConfounderResult,
    Confusion,
    Estimate,
    Experiment,
    OperatingPoint,
    SplitCount,
    Stratum,
)


class CohortFinding(Contract):
    kind: Literal["cohort"] = "cohort"
    images: int
    patients: int
    target: str
    classes: dict[str, int]
    confounders: dict[str, dict[str, int]] = Field({}, description="name -> {present, absent, unknown}")
    layout: str
    synthetic: bool
    grouped_by: str = Field("patient", description="whom `patients` counts: patient, lesion or case")
    warnings: list[DataWarning] = []
    excluded: list[Excluded] = []


class AuditFinding(Contract):
    kind: Literal["audit"] = "audit"
    images_checked: int
    excluded: list[Excluded]
    warnings: list[DataWarning]
    classes: dict[str, int] = Field({}, description="images of each class that are left")
    confounders: dict[str, dict[str, int]] = Field({}, description="of them, name -> {present, absent, unknown}")


class SplitFinding(Contract):
    kind: Literal["split"] = "split"
    split: dict[str, SplitCount]
    method: str
    classes: dict[str, int] = Field({}, description="images of each class in the three parts together")
    confounders: dict[str, dict[str, int]] = Field({}, description="of them, name -> {present, absent, unknown}")
    warnings: list[DataWarning] = []
    excluded: list[Excluded] = []
    grouped_by: str = Field("patient", description="whom `patients` counts: patient, lesion or case")


class AssociationFinding(Contract):
    """Label x confounder per split, before any training."""

    kind: Literal["association"] = "association"
    confounder: str
    odds_ratios: dict[str, Estimate]
    counts: dict[str, dict[str, int]] = Field(
        description="split -> {positive_with, positive_without, negative_with, ...}"
    )


class TrainingFinding(Contract):
    kind: Literal["training"] = "training"
    name: str
    architecture: str
    mitigation: str | None
    parameters: int
    seconds: float
    seed: int
    epochs: int
    stopped: Literal["all epochs", "time budget", "early stopping", "loaded from checkpoint"]
    precision: str
    device: str
    checkpoint: str


class ValidationFinding(Contract):
    """A model on validation: metrics, the frozen operating point, confounder checks."""

    kind: Literal["validation"] = "validation"
    name: str
    metrics: dict[str, Estimate]
    operating_point: OperatingPoint
    confounders: dict[str, ConfounderResult] = {}


class SelectionFinding(Contract):
    kind: Literal["selection"] = "selection"
    selected: str
    rule: str
    sentence: str
    experiments: list[Experiment]


class TestOpeningFinding(Contract):
    """Told again, with the same `opened_at`, by each cell that evaluates on the test set."""

    kind: Literal["test_opening"] = "test_opening"
    images: int
    patients: int
    models: list[str]
    opened_at: str = Field("", description="when the test set was opened, ISO 8601 in UTC")
    grouped_by: str = Field("patient", description="whom `patients` counts: patient, lesion or case")


class EvaluationFinding(Contract):
    """A final model on the test set."""

    kind: Literal["evaluation"] = "evaluation"
    name: str
    metrics: dict[str, Estimate]
    operating_point: OperatingPoint
    strata: list[Stratum]
    confounders: dict[str, ConfounderResult]
    confusion: Confusion | None = None
    calibration: Calibration | None = Field(
        None, description="where the table of predictions has a calibrated probability"
    )
    wording: bool = Field(False, description="whether the table of predictions says refer or reassure")


class PredictionsFinding(Contract):
    """A table of predictions written under RUN/cache, to be published as RUN/predictions.csv by the run's owner."""

    kind: Literal["predictions"] = "predictions"
    path: str
    rows: int


class FigureFinding(Contract):
    kind: Literal["figure"] = "figure"
    name: str
    path: str = Field(description="relative to the run folder, e.g. plots/roc.png")
    title: str
    caption: str
    alt: str


class NoteFinding(Contract):
    """A sentence worth keeping that fits nowhere else."""

    kind: Literal["note"] = "note"
    sentence: str


Finding = Annotated[
    CohortFinding
    | AuditFinding
    | SplitFinding
    | AssociationFinding
    | TrainingFinding
    | ValidationFinding
    | SelectionFinding
    | TestOpeningFinding
    | EvaluationFinding
    | PredictionsFinding
    | FigureFinding
    | NoteFinding,
    Field(discriminator="kind"),
]


class Progress(Contract):
    """A live line from a long cell; shown, never stored."""

    label: str
    done: float
    total: float
    unit: str
    seconds_left: float | None = None
    detail: str = ""
