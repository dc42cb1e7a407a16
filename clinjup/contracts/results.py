"""What a run leaves: results.json, and a record of each payload that was sent."""

from __future__ import annotations

from enum import StrEnum

from pydantic import ConfigDict, Field

from clinjup.contracts.base import RESULTS_SCHEMA, Contract
from clinjup.contracts.data import DataWarning, Excluded
from clinjup.contracts.findings import AssociationFinding, FigureFinding
from clinjup.contracts.measures import Experiment, ModelResults, SplitCount
from clinjup.contracts.task import ClinicalTask


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
    grouped_by: str = Field("patient", description="whom `patients` counts: patient, lesion or case")
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
