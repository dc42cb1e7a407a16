"""A model on validation: its metrics, its operating point, its lean on each confounder. What is decided here is frozen for the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import ConfounderResult, Estimate, OperatingPoint, ValidationFinding
from clinjup.evaluation.bootstrap import Bootstrap
from clinjup.evaluation.cohort_parts import Part, part_of, predict_rows, scores_of
from clinjup.evaluation.confounders import Case, run_checks
from clinjup.evaluation.operating_point import choose_threshold, operating_point, rule_in_words, specific_threshold
from clinjup.evaluation.safe_point import harm_threshold, safe_threshold
from clinjup.evaluation.several_classes import part_metrics
from clinjup.evaluation.temperature import fit_scaling
from clinjup.evaluation.wording import insertion_sentence, metrics_table, performance_sentence, strata_sentence
from clinjup.hashing import sha256_of
from clinjup.kernel import emit
from clinjup.kernel.errors import ClinjupError
from clinjup.learning.scaling import Scaling
from clinjup.nouns import class_words, model_words

if TYPE_CHECKING:
    import pandas as pd

    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort
    from clinjup.learning.cross_fit import OutOfFold
    from clinjup.learning.trained import TrainedModel


@dataclass(frozen=True)
class Validation:
    """One model on the validation part; `probabilities` [images] in the order of `part.table`.

    Of several classes they are those of the class of interest, and `predicted` [images, classes] has all. `checkpoint_sha256` says which
    weights were validated. `scaling` calibrates the probabilities, fitted here. `cautious`: many false alarms are meant, because a missed
    case is feared more.
    """

    name: str
    model: TrainedModel
    part: Part
    probabilities: NDArray[np.float64]
    metrics: dict[str, Estimate]
    operating_point: OperatingPoint
    checkpoint_sha256: str
    predicted: NDArray[np.float64]
    scaling: Scaling = field(default_factory=Scaling)
    confounders: dict[str, ConfounderResult] = field(default_factory=dict)
    cautious: bool = False

    @property
    def threshold(self) -> float:
        return self.operating_point.threshold

    def summary(self) -> pd.DataFrame:
        """Every metric with its 95 % confidence interval."""
        return metrics_table({self.name: self.metrics})


def validate(
    model: TrainedModel,
    cohort: Cohort,
    images: ImageCache,
    *,
    confounders: Sequence[str] = (),
    target_sensitivity: float = 0.90,
    target_specificity: float | None = None,
    lower_bound: bool = False,
    harm_ratio: float | None = None,
    out_of_fold: OutOfFold | None = None,
    prevalence: float | None = None,
    seed: int = 0,
) -> Validation:
    """Measure `model` on the validation part and choose its operating point there.

    The point has the highest specificity at which the sensitivity reaches `target_sensitivity`; with `lower_bound` its one-sided 95 %
    lower bound must reach it, judged on the images of `out_of_fold` where given (see safe_point.py). `harm_ratio` instead takes the
    threshold that weighs a missed case as that many false alarms, on probabilities calibrated for `prevalence`, and `target_specificity`
    that with the highest sensitivity at which the specificity reaches it.

    `prevalence` is what PPV and NPV are stated at (None: that of the validation part). Models validated with the same `seed` are paired:
    they see the same bootstrap resamples and the same insertions. Emits a ValidationFinding. Raises ClassAbsentError where the validation
    part lacks positives or negatives, ClinjupError where `out_of_fold` belongs to other weights.
    """
    if out_of_fold is not None and out_of_fold.checkpoint != model.checkpoint:
        raise ClinjupError(
            f"The images were judged out of fold beside other weights of '{model.name}' than it has now, so they say nothing of it. Run the "
            "cell that judges every image by a network that has not seen it again."
        )
    part = part_of(cohort, "validation")
    predicted = predict_rows(model, images, part.table)
    validation = validation_of(
        model,
        part,
        predicted,
        images,
        confounders=confounders,
        target_sensitivity=target_sensitivity,
        target_specificity=target_specificity,
        lower_bound=lower_bound,
        harm_ratio=harm_ratio,
        out_of_fold=out_of_fold,
        prevalence=prevalence,
        seed=seed,
    )
    emit_validation(validation, cohort)
    return validation


def validation_of(
    model: TrainedModel,
    part: Part,
    predicted: NDArray[np.float64],
    images: ImageCache,
    *,
    confounders: Sequence[str],
    target_sensitivity: float,
    target_specificity: float | None = None,
    lower_bound: bool,
    harm_ratio: float | None,
    out_of_fold: OutOfFold | None,
    prevalence: float | None = None,
    seed: int,
) -> Validation:
    """What `validate` finds, for predictions that are known already; emits nothing."""
    probabilities = scores_of(model, predicted)
    balanced = model.mitigation is not None or bool(model.settings.get("class_weighting"))
    scaling = fit_scaling(probabilities, part.labels, balanced=balanced)
    if target_specificity is not None:
        threshold, rule = specific_threshold(probabilities, part.labels, target_specificity)
    elif harm_ratio is not None:
        threshold, rule = harm_threshold(harm_ratio, scaling, seen=float(part.labels.mean()), prevalence=prevalence)
    elif lower_bound:
        threshold, rule = safe_threshold(probabilities, part, target_sensitivity, out_of_fold)
    else:
        threshold = choose_threshold(probabilities, part.labels, target_sensitivity)
        rule = rule_in_words(probabilities, part.labels, target_sensitivity, threshold)
    bootstrap = Bootstrap(part.clusters, part.labels, seed=seed)
    return Validation(
        name=model.name,
        model=model,
        part=part,
        probabilities=probabilities,
        metrics=part_metrics(part, predicted, probabilities, threshold, prevalence, bootstrap),
        operating_point=operating_point(probabilities, part.labels, part.clusters, threshold=threshold, rule=rule),
        checkpoint_sha256=sha256_of(model.checkpoint),
        predicted=predicted,
        scaling=scaling,
        confounders={
            confounder: run_checks(Case(confounder, model, images, part, probabilities, threshold, bootstrap, seed))
            for confounder in confounders
        },
        cautious=lower_bound or harm_ratio is not None,
    )


def emit_validation(validation: Validation, cohort: Cohort) -> None:
    """The ValidationFinding, with its sentence."""
    emit(
        ValidationFinding(
            name=validation.name,
            metrics=validation.metrics,
            operating_point=validation.operating_point,
            confounders=validation.confounders,
        ),
        validation_sentence(validation, class_words(cohort.finding)),
    )


def validation_sentence(validation: Validation, target: str) -> str:
    """What validation showed, in words."""
    performance = performance_sentence(validation.metrics, validation.operating_point, target)
    sentences = [
        f"{model_words(validation.name)} on validation: {performance.replace('frozen on validation', 'chosen here')}"
    ]
    for confounder, result in validation.confounders.items():
        sentences += filter(
            None, (strata_sentence(confounder, result, target), insertion_sentence(confounder, result, target))
        )
    return " ".join(sentences)
