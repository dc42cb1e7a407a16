"""The nouns of clinjup, one meaning each. Everything that crosses a wall is one of these models.

This module imports nothing of ours and stays cheap to import: the CLI, the server and the kernel all load it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

FINDING_MIME = "application/vnd.clinjup.result+json"
PROGRESS_MIME = "application/vnd.clinjup.progress+json"
RESULTS_SCHEMA = "clinjup.results/1"

Language = Literal["en", "de"]


class Contract(BaseModel):
    """Base of all nouns: unknown fields are an error, so that a typing mistake shows at once."""

    model_config = ConfigDict(extra="forbid")


# --------------------------------------------------------------------------------------------- the request


class TaskType(StrEnum):
    BINARY = "binary_classification"
    MULTICLASS = "multiclass_classification"
    DETECTION = "detection"


class RiskPreference(Contract):
    """What the clinician fears more, as numbers where they gave numbers."""

    kind: Literal["balanced", "sensitivity_first", "specificity_first", "harm_ratio", "false_mark_limit"] = "balanced"
    target_sensitivity: float | None = Field(None, gt=0, le=1)
    target_specificity: float | None = Field(None, gt=0, le=1)
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


# ------------------------------------------------------------------------------------------------ the data


class DataWarning(Contract):
    code: str
    sentence: str


class Excluded(Contract):
    path: str
    reason: str


class ValueCount(Contract):
    value: str
    count: int


class ColumnProfile(Contract):
    """One column as it lies on disk. `values` stay on this machine."""

    name: str
    kind: Literal["empty", "flag", "integer", "number", "date", "list", "category", "text"]
    unique: int
    missing: int
    values: list[ValueCount] = Field([], description="the most frequent values, at most 30")
    image_matches: float = Field(0.0, description="share of non-missing values that name an image file of the folder")


class TableProfile(Contract):
    path: str = Field(description="relative to the data folder, with forward slashes")
    rows: int
    duplicate_rows: int = 0
    encoding: str
    delimiter: str
    decimal: Literal[".", ","] = "."
    columns: list[ColumnProfile]

    def column(self, name: str) -> ColumnProfile | None:
        return next((column for column in self.columns if column.name == name), None)


class ImageProfile(Contract):
    """Image files, counted by reading headers of a sample; pixels are audited later, in the kernel."""

    count: int
    extensions: dict[str, int] = {}
    modes: dict[str, int] = {}
    sizes: dict[str, int] = Field({}, description="'WIDTHxHEIGHT' -> images in the sample, at most 10 entries")
    sampled: int = 0
    unreadable_in_sample: int = 0


class DataProfile(Contract):
    """What imaging found in a folder, before any column has a role."""

    root: str
    layout: str = Field(description="name of the reader that takes this folder: table, class_folders, chestxray14 ...")
    tables: list[TableProfile] = []
    images: ImageProfile
    class_folders: dict[str, int] = {}
    official_splits: dict[str, int] = Field({}, description="split list files found: split name -> images listed")
    synthetic: bool = False
    warnings: list[DataWarning] = []

    def table(self, path: str) -> TableProfile | None:
        return next((table for table in self.tables if table.path == path), None)

    def column(self, reference: str) -> ColumnProfile | None:
        """Look up a 'TABLE:COLUMN' reference."""
        path, _, name = reference.partition(":")
        table = self.table(path)
        return table.column(name) if table else None


class Flag(Contract):
    """A column read as yes/no. A value in neither list, or an image without a row, is unknown, never 0."""

    column: str = Field(description="'TABLE:COLUMN'")
    present: list[str]
    absent: list[str]


class Roles(Contract):
    """What each column is for; decided in agent/roles.py, visible as arguments of the cell that loads the cohort.

    References are 'TABLE:COLUMN' with TABLE relative to the data folder. For class folders `image` and `label` are None and
    `positive`/`negative` name folders.
    """

    image: str | None = None
    label: str | None = None
    positive: list[str] = Field([], description="values (or one token of a '|' list) that mean: target present")
    negative: list[str] = Field([], description="values that mean: target absent; empty = every other non-blank value")
    patient: str | None = None
    split: str | None = None
    confounders: dict[str, Flag] = {}
    covariates: dict[str, str] = Field({}, description="age, sex, view ... -> column reference")


class UnusableData(Exception):
    """The data cannot carry the task. The sentence says what happened, why it matters, what to do next (exit 2)."""


# ------------------------------------------------------------------------------------ plan, attempts, actions


class StepStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class Step(Contract):
    """One step of the plan; `parameters` fill the parameter block of the recipe."""

    id: str
    title: str
    recipe: str
    parameters: dict[str, Any] = {}
    words: dict[str, str] = Field({}, description="fill the $places of the recipe's markdown cell")
    depends_on: list[str] = []
    optional: bool = Field(False, description="may be skipped when the time budget is spent")
    status: StepStatus = StepStatus.PENDING
    note: str | None = None


class Plan(Contract):
    objective: str
    steps: list[Step]

    def step(self, step_id: str) -> Step:
        return next(step for step in self.steps if step.id == step_id)


class CellError(Contract):
    """An error raised in the kernel. `signature` is equal for the same mistake made twice."""

    name: str
    message: str
    traceback: str
    signature: str


class Attempt(Contract):
    """One try at a step."""

    step_id: str
    number: int
    source_sha256: str
    ok: bool
    seconds: float
    error: CellError | None = None
    repair: str | None = Field(None, description="what was changed before this attempt, in one sentence")


class AddMarkdown(Contract):
    type: Literal["add_markdown"] = "add_markdown"
    step_id: str
    text: str


class PlaceRecipe(Contract):
    type: Literal["place_recipe"] = "place_recipe"
    step_id: str
    recipe: str
    parameters: dict[str, Any] = {}
    words: dict[str, str] = {}
    repair: str | None = Field(None, description="what was changed after the last failed attempt, in one sentence")


class RunCell(Contract):
    """Code that the planner wrote itself; the policy looks at it before it runs."""

    type: Literal["run_cell"] = "run_cell"
    step_id: str
    source: str
    explanation: str = ""
    repair: str | None = None


class Inspect(Contract):
    """Look at something without changing the notebook: a table's columns, a step's findings."""

    type: Literal["inspect"] = "inspect"
    what: Literal["profile", "findings", "plan"]


class AskClinician(Contract):
    type: Literal["ask_clinician"] = "ask_clinician"
    questions: list[Question] = Field(min_length=1, max_length=3)


class RecordFinding(Contract):
    type: Literal["record_finding"] = "record_finding"
    step_id: str
    sentence: str


class StartExperiment(Contract):
    type: Literal["start_experiment"] = "start_experiment"
    name: str
    hypothesis: str
    change: str


class Finish(Contract):
    type: Literal["finish"] = "finish"
    status: Literal["completed", "failed", "refused"] = "completed"
    sentence: str


Action = Annotated[
    AddMarkdown | PlaceRecipe | RunCell | Inspect | AskClinician | RecordFinding | StartExperiment | Finish,
    Field(discriminator="type"),
]


# --------------------------------------------------------------------------------------------- measurements


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
    auroc_with: Estimate = Estimate.missing("not measured")
    auroc_without: Estimate = Estimate.missing("not measured")
    cross_strata_auroc: Estimate = Estimate.missing("not measured")
    worst_group_auroc: Estimate = Estimate.missing("not measured")


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


# ------------------------------------------------------------------------------------------------- findings


class CohortFinding(Contract):
    kind: Literal["cohort"] = "cohort"
    images: int
    patients: int
    target: str
    classes: dict[str, int]
    confounders: dict[str, dict[str, int]] = Field({}, description="name -> {present, absent, unknown}")
    layout: str
    synthetic: bool
    warnings: list[DataWarning] = []
    excluded: list[Excluded] = []


class AuditFinding(Contract):
    kind: Literal["audit"] = "audit"
    images_checked: int
    excluded: list[Excluded]
    warnings: list[DataWarning]


class SplitFinding(Contract):
    kind: Literal["split"] = "split"
    split: dict[str, SplitCount]
    method: str
    warnings: list[DataWarning] = []
    excluded: list[Excluded] = []


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
    kind: Literal["test_opening"] = "test_opening"
    images: int
    patients: int
    models: list[str]


class EvaluationFinding(Contract):
    """A final model on the test set."""

    kind: Literal["evaluation"] = "evaluation"
    name: str
    metrics: dict[str, Estimate]
    operating_point: OperatingPoint
    strata: list[Stratum]
    confounders: dict[str, ConfounderResult]


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


# ------------------------------------------------------------------------------------------- the run's results


class RunStatus(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    NEEDS_ANSWER = "needs_answer"
    FAILED = "failed"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"


class DataSummary(Contract):
    images: int = 0
    patients: int = 0
    excluded: list[Excluded] = []
    warnings: list[DataWarning] = []
    synthetic: bool = False
    layout: str = ""
    classes: dict[str, int] = Field({}, description="class -> images as read, before the audit")
    confounders: dict[str, dict[str, int]] = Field({}, description="name -> {present, absent, unknown}")


class CellCounts(Contract):
    executed: int = 0
    repaired: int = 0
    failed: int = 0


class Results(Contract):
    """results.json. Written only by the process that owns the run, built from Findings."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)

    schema_: str = Field(RESULTS_SCHEMA, alias="schema")
    intent: str
    task: ClinicalTask
    status: RunStatus
    sentence: str = ""
    seconds: float = 0.0
    data: DataSummary = DataSummary()
    split: dict[str, SplitCount] = {}
    split_method: str = ""
    associations: list[AssociationFinding] = []
    models: list[ModelResults] = []
    selected: str | None = None
    selection: str = ""
    experiments: list[Experiment] = []
    test_openings: int = 0
    figures: list[FigureFinding] = []
    notes: list[str] = []
    cells: CellCounts = CellCounts()
    disclosures: int = 0
    versions: dict[str, str] = {}


class Disclosure(Contract):
    """One payload that left this process for a model, whatever its destination. Its text lies in `file`, byte for byte."""

    at: str = Field(description="UTC, ISO 8601")
    destination: str = Field(description="the server, e.g. https://api.anthropic.com")
    loopback: bool = Field(description="whether only programs on this machine can answer there")
    bytes: int
    kinds: list[str] = Field(description="what sorts of things it tells: request, data profile, findings ...")
    withheld: int = Field(0, description="places where something was taken out before it left")
    sha256: str
    file: str = Field(description="relative to the run folder")


# --------------------------------------------------------------------------------------------------- events


class Event(Contract):
    """What subscribers of a run see; replayable from `seq`."""

    v: int = 1
    run_id: str
    seq: int
    ts: float
    type: Literal[
        "run.started",
        "plan.updated",
        "text.delta",
        "action.proposed",
        "approval.requested",
        "approval.resolved",
        "question.asked",
        "question.answered",
        "cell.inserted",
        "cell.started",
        "cell.progress",
        "cell.finished",
        "error.diagnosed",
        "error.repaired",
        "result",
        "usage",
        "run.paused",
        "notebook.changed",
        "notebook.restored",
        "run.finished",
    ]
    data: dict[str, Any] = {}


class Approval(StrEnum):
    """Who must agree before a cell runs; the same four words everywhere."""

    EACH = "each"
    RISKY = "risky"
    NONE = "none"
    PLAN_ONLY = "plan-only"


class RunRequest(Contract):
    """What a clinician submits: the sentence, the data, the limits."""

    intent: str
    data: str
    out: str | None = None
    planner: Literal["offline", "claude"] = "offline"
    model: str | None = Field(None, description="for the Claude planner; None = its default")
    base_url: str | None = Field(None, description="a server that speaks the Anthropic Messages API")
    local_only: bool = Field(False, description="refuse any server that is not on this machine")
    max_cost: float | None = Field(None, gt=0, description="US dollars")
    approval: Approval = Approval.RISKY
    budget_minutes: float = Field(20.0, gt=0)
    seed: int = Field(0, ge=0)
    answers: dict[str, str] = {}
    notebook: str | None = Field(
        None, description="JupyterLab's path of the notebook; None = notebook.ipynb of the run"
    )
