"""results.json: everything a run measured, merged from the Findings that its cells emitted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from platform import python_version
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter

from clinjup.atomic_files import write_atomic
from clinjup.contracts import (
    AssociationFinding,
    AuditFinding,
    CellCounts,
    ClinicalTask,
    CohortFinding,
    Contract,
    DataSummary,
    DataWarning,
    Estimate,
    EvaluationFinding,
    Excluded,
    FigureFinding,
    Finding,
    ModelResults,
    NoteFinding,
    Results,
    RunStatus,
    SelectionFinding,
    SplitFinding,
    TestOpeningFinding,
    TrainingFinding,
    ValidationFinding,
)
from clinjup.reporting.verdict import verdict

_FINDING: TypeAdapter[Finding] = TypeAdapter(Finding)
_PACKAGES = ("clinjup", "torch", "torchvision", "timm", "lightning", "scikit-learn", "pandas", "numpy", "grad-cam")
NO_FIGURE = "could not be computed from these data"

F = TypeVar("F", bound=Contract)
T = TypeVar("T", bound=BaseModel)


class ResultsBuilder:
    """Collects the Findings of one run. A step that runs again replaces what it said before; test openings add up.

    `warnings` and `synthetic` are what was known before the first cell ran.
    """

    def __init__(
        self, intent: str, task: ClinicalTask, *, warnings: Iterable[DataWarning] = (), synthetic: bool = False
    ) -> None:
        self.intent = intent
        self.task = task
        self._warnings = list(warnings)
        self._synthetic = synthetic
        self._latest: dict[tuple[str, str], Finding] = {}
        self._test_openings = 0

    def add(self, finding: Finding | Mapping[str, Any]) -> Finding:
        """Take in one finding, as a model or as the JSON value under FINDING_MIME. ValueError if it is none."""
        raw = finding.model_dump() if isinstance(finding, BaseModel) else dict(finding)
        raw.pop("schema", None)
        parsed = _FINDING.validate_python(_without_nan(raw))
        if isinstance(parsed, TestOpeningFinding):
            self._test_openings += 1
        self._latest[parsed.kind, _key(parsed)] = parsed
        return parsed

    def build(
        self,
        status: RunStatus,
        *,
        seconds: float,
        cells: CellCounts | None = None,
        disclosures: int = 0,
        versions: Mapping[str, str] | None = None,
        sentence: str | None = None,
    ) -> Results:
        """The results so far. `sentence` defaults to the verdict; `versions` to the packages installed here."""
        split = self._last(SplitFinding)
        selection = self._last(SelectionFinding)
        results = Results(
            intent=self.intent,
            task=self.task,
            status=status,
            seconds=round(seconds, 1),
            data=self._data(),
            split=split.split if split else {},
            split_method=split.method if split else "",
            associations=self._all(AssociationFinding),
            models=self._models(),
            selected=selection.selected if selection else None,
            selection=selection.sentence if selection else "",
            experiments=selection.experiments if selection else [],
            test_openings=self._test_openings,
            figures=self._all(FigureFinding),
            notes=[note.sentence for note in self._all(NoteFinding)],
            cells=cells or CellCounts(),
            disclosures=disclosures,
            versions=dict(package_versions() if versions is None else versions),
        )
        results.sentence = verdict(results) if sentence is None else sentence
        return results

    def _all(self, kind: type[F]) -> list[F]:
        return [finding for finding in self._latest.values() if isinstance(finding, kind)]

    def _last(self, kind: type[F]) -> F | None:
        return next(iter(reversed(self._all(kind))), None)

    def _data(self) -> DataSummary:
        cohort, audit, split = self._last(CohortFinding), self._last(AuditFinding), self._last(SplitFinding)
        parts = [part for part in (cohort, audit, split) if part is not None]
        summary = DataSummary(
            excluded=_unique(item for part in parts for item in part.excluded),
            warnings=_unique([*self._warnings, *(item for part in parts for item in part.warnings)]),
            synthetic=self._synthetic,
        )
        if cohort:
            summary.images = cohort.images - _later(cohort.excluded, audit.excluded if audit else [])
            summary.patients = cohort.patients
            summary.synthetic, summary.layout = cohort.synthetic or self._synthetic, cohort.layout
            counted = next((part for part in (split, audit) if part is not None and part.classes), cohort)
            summary.classes, summary.confounders = counted.classes, counted.confounders
            summary.grouped_by = cohort.grouped_by
        if split and split.split:
            summary.images = sum(part.images for part in split.split.values())
            summary.patients = sum(part.patients for part in split.split.values())
        return summary

    def _models(self) -> list[ModelResults]:
        models: dict[str, ModelResults] = {}
        for finding in self._latest.values():
            if isinstance(finding, (TrainingFinding, ValidationFinding, EvaluationFinding)):
                model = models.setdefault(finding.name, ModelResults(name=finding.name, seconds=0.0, seed=0))
                _merge(model, finding)
        return sorted(models.values(), key=lambda model: (model.name != "baseline", model.mitigation is not None))


def write_results(path: Path, results: Results) -> None:
    """Write results.json in one visible step."""
    write_atomic(path, results.model_dump_json(indent=2, by_alias=True) + "\n")


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide figures; nothing is imported."""
    versions = {"python": python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _key(finding: Finding) -> str:
    if isinstance(finding, NoteFinding):
        return finding.sentence
    if isinstance(finding, AssociationFinding):
        return finding.confounder
    return str(getattr(finding, "name", ""))


def _merge(model: ModelResults, finding: TrainingFinding | ValidationFinding | EvaluationFinding) -> None:
    if isinstance(finding, TrainingFinding):
        for name in (
            "architecture",
            "mitigation",
            "parameters",
            "seconds",
            "seed",
            "epochs",
            "stopped",
            "device",
            "checkpoint",
        ):
            setattr(model, name, getattr(finding, name))
        return
    model.operating_point = finding.operating_point
    if isinstance(finding, ValidationFinding):
        model.validation, model.validation_confounders = finding.metrics, finding.confounders
    else:
        model.test, model.confounders, model.strata = finding.metrics, finding.confounders, finding.strata
        model.confusion, model.calibration, model.wording = finding.confusion, finding.calibration, finding.wording


def _later(before: list[Excluded], after: list[Excluded]) -> int:
    """Images that only the later of two exclusion lists names."""
    return len({item.path for item in after} - {item.path for item in before})


def _unique(items: Iterable[T]) -> list[T]:
    return list({item.model_dump_json(): item for item in items}.values())


def _without_nan(value: Any) -> Any:
    """NaN and infinity are no figures: null, and an estimate says why it has none."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    cleaned = {key: _without_nan(item) for key, item in value.items()}
    if "value" in cleaned and cleaned.keys() <= Estimate.model_fields.keys():
        interval = cleaned.get("ci95")
        if cleaned["value"] is None:
            cleaned["ci95"], cleaned["reason"] = None, cleaned.get("reason") or NO_FIGURE
        elif interval is not None and None in interval:
            cleaned["ci95"] = None
    return cleaned
