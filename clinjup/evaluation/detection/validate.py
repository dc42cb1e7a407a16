"""A detector on validation: its figures, the threshold of its marks, how far it leans on each confounder. Frozen for the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from clinjup.contracts import ConfounderResult, Estimate, OperatingPoint, ValidationFinding
from clinjup.evaluation.bootstrap import Bootstrap
from clinjup.evaluation.confounders import Case, run_checks
from clinjup.evaluation.detection.metrics import detection_metrics
from clinjup.evaluation.detection.operating_point import DEFAULT_LIMIT, mark_point, mark_threshold, rule_of
from clinjup.evaluation.detection.parts import DetectionPart, detection_part, marks_on, scores
from clinjup.evaluation.detection.wording import marks_sentence
from clinjup.evaluation.wording import insertion_sentence, metrics_table
from clinjup.hashing import sha256_of
from clinjup.kernel import emit
from clinjup.nouns import model_words, plain_name

if TYPE_CHECKING:
    import pandas as pd

    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort
    from clinjup.learning.detection import DetectorModel
    from clinjup.learning.detection.matching import Marks


@dataclass(frozen=True)
class DetectorValidation:
    """One detector on the validation part; `marks` [images] in the order of `part.table`."""

    name: str
    model: DetectorModel
    part: DetectionPart
    marks: list[Marks]
    metrics: dict[str, Estimate]
    operating_point: OperatingPoint
    checkpoint_sha256: str
    confounders: dict[str, ConfounderResult] = field(default_factory=dict)

    @property
    def threshold(self) -> float:
        return self.operating_point.threshold

    def summary(self) -> pd.DataFrame:
        """Every figure with its 95 % confidence interval."""
        return metrics_table({self.name: self.metrics})


def validate_detector(
    model: DetectorModel,
    cohort: Cohort,
    images: ImageCache,
    *,
    false_marks: float | None = None,
    confounders: Sequence[str] = (),
    seed: int = 0,
) -> DetectorValidation:
    """Measure `model` on validation and fix the threshold of its marks: at most `false_marks` false ones an image (None: 0.1).

    Adds what one film costs in time on one core. Emits a ValidationFinding. Raises ClassAbsentError where no positive is boxed.
    """
    part = detection_part(cohort, images, "validation")
    marks = marks_on(model, images, part)
    limit = DEFAULT_LIMIT if false_marks is None else false_marks
    threshold = mark_threshold(marks, part, limit)
    bootstrap = Bootstrap(part.clusters, part.labels, seed=seed)
    metrics = detection_metrics(marks, part, threshold, bootstrap, studies=studies_of(cohort, part))
    metrics |= latency_estimates(model, images, part)
    validation = DetectorValidation(
        name=model.name,
        model=model,
        part=part,
        marks=marks,
        metrics=metrics,
        operating_point=mark_point(metrics, threshold, rule_of(false_marks)),
        checkpoint_sha256=sha256_of(model.checkpoint),
        confounders={
            confounder: run_checks(Case(confounder, model, images, part, scores(marks), threshold, bootstrap, seed))  # type: ignore[arg-type]
            for confounder in confounders
        },
    )
    target = plain_name(cohort.target)
    sentences = [f"{model_words(model.name)} on validation: {marks_sentence(metrics, target)}"]
    sentences += filter(
        None, (insertion_sentence(name, result, target) for name, result in validation.confounders.items())
    )
    emit(
        ValidationFinding(
            name=model.name,
            metrics=metrics,
            operating_point=validation.operating_point,
            confounders=validation.confounders,
        ),
        " ".join(sentences),
    )
    return validation


def studies_of(cohort: Cohort, part: DetectionPart) -> NDArray[Any] | None:
    """Visit of each image: the patient with the number of the visit, where the data number visits; else None.

    An image whose visit is unknown is a visit of its own. First visit or follow-up would not do: a third visit is another study than
    the second.
    """
    if not cohort.has_patient_ids or "visit" not in cohort.covariates:
        return None
    visit = (
        part.table["visit"]
        .astype(object)
        .where(part.table["visit"].notna(), "image " + part.table["image"].astype(str))
    )
    return (part.table["patient"].astype(str) + "/" + visit.astype(str)).to_numpy(str)


def latency_estimates(model: DetectorModel, images: ImageCache, part: DetectionPart) -> dict[str, Estimate]:
    """Milliseconds a film takes on one core of this machine's CPU: median and 95th percentile."""
    films = 60
    median, slow = model.latency(images.pixels_of(part.table.index[: min(films, len(part.table))]), films=films)
    note = "one core, film by film, without reading the file"
    return {
        "latency_ms": Estimate(value=median, n=films, note=note),
        "latency_ms_p95": Estimate(value=slow, n=films, note=note),
    }
