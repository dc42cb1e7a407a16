"""Opening the test set for detectors: once, for all of them together, at mark thresholds frozen before."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import EvaluationFinding, SelectionFinding
from clinjup.evaluation import confounder_plots
from clinjup.evaluation.bootstrap import Bootstrap
from clinjup.evaluation.confounders import Case, run_checks
from clinjup.evaluation.detection import montage, plots
from clinjup.evaluation.detection.metrics import detection_metrics
from clinjup.evaluation.detection.operating_point import mark_point
from clinjup.evaluation.detection.parts import DetectionPart, detection_part, marks_on, scores
from clinjup.evaluation.detection.predictions import write_marks
from clinjup.evaluation.detection.strata import detection_strata
from clinjup.evaluation.detection.validate import DetectorValidation, latency_estimates, studies_of
from clinjup.evaluation.detection.wording import marks_sentence
from clinjup.evaluation.opening import check_opening, read_opening, write_opening
from clinjup.evaluation.test_set import opening_record, tell_opening, validated_models
from clinjup.evaluation.wording import insertion_sentence, metrics_table
from clinjup.kernel import emit
from clinjup.kernel.errors import ClinjupError
from clinjup.nouns import model_words, plain_name

if TYPE_CHECKING:
    import pandas as pd

    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort
    from clinjup.learning.detection import DetectorModel
    from clinjup.learning.detection.matching import Marks


@dataclass(frozen=True)
class DetectionTest:
    """The final detectors on the test part; `marks` and `findings` by name, baseline first."""

    models: dict[str, DetectorModel]
    validations: Mapping[str, DetectorValidation]
    part: DetectionPart
    marks: dict[str, list[Marks]]
    findings: dict[str, EvaluationFinding]
    selected: str
    target: str
    synthetic: bool
    seed: int
    images: ImageCache
    grouped_by: str

    @property
    def probabilities(self) -> dict[str, NDArray[np.float64]]:
        """Each image's own score, by detector."""
        return {name: scores(marks) for name, marks in self.marks.items()}

    def threshold(self, name: str) -> float:
        """Frozen threshold of a detector's marks."""
        return self.validations[name].threshold

    def summary(self) -> pd.DataFrame:
        """Every figure of every detector with its 95 % confidence interval."""
        return metrics_table({name: finding.metrics for name, finding in self.findings.items()})

    def plot_froc(self) -> None:
        """Share of boxes marked over false marks an image, for all detectors."""
        plots.plot_froc(self)

    def plot_speed(self) -> None:
        """AP50 over the time one film takes, where several detectors were tried."""
        plots.plot_speed(self)

    def plot_groups(self) -> None:
        """Share of boxes marked in each subgroup, for the chosen detector."""
        plots.plot_groups(self)

    def show_marks(self) -> None:
        """Films with marks and boxes: best, worst, missed."""
        montage.show_marks(self)

    def plot_insertion(self, confounder: str) -> None:
        """Films that get a mark before and after insertion, and with a placebo, for all detectors."""
        confounder_plots.plot_insertion(self, confounder)  # type: ignore[arg-type]


def open_test_set_for_marks(
    models: Sequence[DetectorModel],
    validations: Mapping[str, DetectorValidation],
    cohort: Cohort,
    images: ImageCache,
    *,
    selection: SelectionFinding | None = None,
    confounders: Sequence[str] = (),
    seed: int = 0,
) -> DetectionTest:
    """Evaluate the final detectors on the test part, baseline first. Without `selection` the last one counts as selected.

    The opening is counted and repeated as in `evaluation.test_set.open_test_set`. Emits an EvaluationFinding per detector, and writes
    predictions.json (the selected detector on validation and test). Raises TestAlreadyOpenedError, ClinjupError.
    """
    by_name = validated_models(models, validations)  # type: ignore[arg-type]
    part = detection_part(cohort, images, "test")
    selected = selection.selected if selection else models[-1].name
    if selected not in by_name:
        raise ClinjupError(
            f"The selected detector '{selected}' is not among those that the test set is opened for ({', '.join(by_name)}). Add it."
        )
    known = read_opening()
    record = check_opening(known, opening_record(list(by_name), validations, part, selected))  # type: ignore[arg-type]
    if known is None:
        write_opening(record)
    films = f"{len(part.table)} images{cohort.patients_words(part.table['patient'].nunique())}"
    tell_opening(record, cohort, f"{films}, {len(part.known)} of them with known boxes.")
    marks = {name: marks_on(model, images, part) for name, model in by_name.items()}  # type: ignore[arg-type]
    arguments = json.dumps({"marks": True, "confounders": list(confounders), "seed": seed}, sort_keys=True)
    if arguments not in record.evaluations:
        record.evaluations[arguments] = [
            _evaluate(validations[name], cohort, images, part, marks[name], confounders, seed) for name in by_name
        ]
        write_opening(record)
    findings = {finding.name: finding for finding in record.evaluations[arguments]}
    target = plain_name(cohort.target)
    for finding in findings.values():
        inserted = [insertion_sentence(name, result, target) for name, result in finding.confounders.items()]
        sentence = " ".join(filter(None, [*inserted, marks_sentence(finding.metrics, target)]))
        emit(finding, f"{model_words(finding.name)} on the test set: {sentence}")
    validation = validations[selected]
    written = [(validation.part, validation.marks), (part, marks[selected])]
    write_marks(written, cohort, images, target, validation.threshold)
    return DetectionTest(
        by_name,
        validations,
        part,
        marks,
        findings,
        selected,
        target,
        cohort.synthetic,
        seed,
        images,  # type: ignore[arg-type]
        cohort.grouped_by,
    )


def _evaluate(
    validation: DetectorValidation,
    cohort: Cohort,
    images: ImageCache,
    part: DetectionPart,
    marks: Sequence[Marks],
    confounders: Sequence[str],
    seed: int,
) -> EvaluationFinding:
    """One detector on the test part."""
    model, threshold = validation.model, validation.threshold
    bootstrap = Bootstrap(part.clusters, part.labels, seed=seed)
    metrics = detection_metrics(marks, part, threshold, bootstrap, studies=studies_of(cohort, part))
    metrics |= latency_estimates(model, images, part)
    return EvaluationFinding(
        name=validation.name,
        metrics=metrics,
        operating_point=mark_point(metrics, threshold, validation.operating_point.rule),
        strata=detection_strata(cohort, marks, part, threshold, seed),
        confounders={
            name: run_checks(Case(name, model, images, part, scores(marks), threshold, bootstrap, seed))  # type: ignore[arg-type]
            for name in confounders
        },
    )
