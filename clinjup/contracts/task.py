"""The request, as it was understood."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from clinjup.contracts.base import Contract, Language

DEFAULT_SENSITIVITY = 0.90  # where the request names neither a share nor a price of errors
DEFAULT_SPECIFICITY = 0.95  # where false alarms are what is feared


class TaskType(StrEnum):
    BINARY = "binary_classification"
    MULTICLASS = "multiclass_classification"
    DETECTION = "detection"


class RiskPreference(Contract):
    """What the clinician fears more, as numbers where they gave numbers."""

    kind: Literal["balanced", "sensitivity_first", "specificity_first", "harm_ratio", "false_mark_limit"] = "balanced"
    target_sensitivity: float | None = Field(None, gt=0, le=1)
    target_specificity: float | None = Field(None, gt=0, le=1)
    lower_bound: bool = Field(
        False, description="the target must hold for patients to come: its one-sided 95 % lower bound must reach it"
    )
    harm_ratio: float | None = Field(None, gt=0, description="harm of one missed case in units of one false alarm")
    false_marks_per_image: float | None = Field(None, gt=0)
    phrase: str | None = Field(None, description="the clinician's own words that decided it")


class PrimaryMetric(Contract):
    """The one number that experiments are judged by, always on validation."""

    name: str
    direction: Literal["maximize", "minimize"] = "maximize"


class NamedConfounder(Contract):
    """Something in the picture that the clinician fears the model will read instead of the disease."""

    id: str = Field(description="canonical id of agent/vocabulary.py, e.g. chest_drain")
    name: str = Field(description="plain English name for notebook and report, e.g. 'chest drain'")
    phrase: str = Field(description="the clinician's own words")


class QuestionOption(Contract):
    value: str
    text: str


class Question(Contract):
    """Something only the clinician can know. `text` and the options' texts are in the clinician's language."""

    id: str
    text: str
    options: list[QuestionOption] = []
    own_words: bool = Field(False, description="an answer that is none of the options is welcome too")
    default: str | None = None
    step_id: str | None = None


class ClinicalTask(Contract):
    """The parsed intent of one request."""

    request: str
    language: Language = "en"
    objective: str = Field(description="one English sentence, shown in notebook and report")
    task_type: TaskType = TaskType.BINARY
    target: str | None = Field(None, description="canonical id, e.g. pneumothorax; None until known")
    target_name: str | None = Field(None, description="plain English name of the target")
    classes: list[str] = Field([], description="canonical class ids where the request names several")
    comparator: str | None = Field(None, description="canonical id of the class to tell it from, e.g. nevus")
    priority: str | None = Field(None, description="canonical id of the class that matters most among several")
    of_interest: str | None = Field(
        None,
        description="of several classes the one whose figures come first: with priority, else the most harmful in the data",
    )
    modality: str | None = Field(None, description="canonical id: chest_radiograph, dermoscopy, wrist_radiograph ...")
    modality_name: str | None = None
    risk: RiskPreference = RiskPreference()
    primary_metric: PrimaryMetric = PrimaryMetric(name="auroc")
    confounders: list[NamedConfounder] = []
    constraints: list[str] = Field([], description="canonical ids, e.g. group_by_patient, run_on_cpu, few_boxes")
    prevalence: float | None = Field(None, gt=0, lt=1, description="prevalence to state PPV and NPV at")
    output_format: Literal["probability", "class_probabilities", "boxes", "refer_reassure"] = "probability"
    open_questions: list[Question] = []


class Refusal(Contract):
    """An unsound request: why it is refused and what can be done instead, in the clinician's language."""

    code: str
    reason: str
    instead: list[str]
