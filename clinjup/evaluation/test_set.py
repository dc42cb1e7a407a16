"""Opening the test set: once, for all final models together, with everything that could be tuned frozen before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import Calibration, EvaluationFinding, SelectionFinding, TestOpeningFinding
from clinjup.evaluation import confounder_plots, decision_curve, plots, plots_of_classes
from clinjup.evaluation.bootstrap import Bootstrap
from clinjup.evaluation.cohort_parts import Part, part_of, predict_rows, scores_of
from clinjup.evaluation.confounders import Case, run_checks
from clinjup.evaluation.confounders.strata import strata_table
from clinjup.evaluation.opening import (
    FrozenModel,
    OpeningRecord,
    check_opening,
    read_opening,
    write_opening,
)
from clinjup.evaluation.operating_point import operating_point
from clinjup.evaluation.pointing import ON_THE_FINDING, outlines_of, pointing
from clinjup.evaluation.predictions import write_predictions
from clinjup.evaluation.several_classes import confusion_of, part_metrics
from clinjup.evaluation.subgroups import subgroup_table
from clinjup.evaluation.triage import say_no_wording, say_triage, triage_metrics
from clinjup.evaluation.validate import Validation
from clinjup.evaluation.wording import insertion_sentence, metrics_table, performance_sentence
from clinjup.hashing import sha256_of
from clinjup.imaging.masks import Masks, read_masks
from clinjup.kernel import emit
from clinjup.kernel.errors import ClinjupError
from clinjup.nouns import class_words, model_words
from clinjup.phrases import beats_chance

if TYPE_CHECKING:
    import pandas as pd

    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort
    from clinjup.learning.trained import TrainedModel


@dataclass(frozen=True)
class TestSet:
    """The final models on the test part. `probabilities`, `predicted` and `findings` by model name, baseline first.

    `probabilities` [images] are those of the class of interest; `predicted` has all classes where there are more than two.
    """

    __test__ = False  # not a pytest class

    models: dict[str, TrainedModel]
    validations: Mapping[str, Validation]
    part: Part
    probabilities: dict[str, NDArray[np.float64]]
    predicted: dict[str, NDArray[np.float64]]
    findings: dict[str, EvaluationFinding]
    selected: str
    target: str
    synthetic: bool
    seed: int
    grouped_by: str

    def threshold(self, name: str) -> float:
        """Frozen operating point of a model."""
        return self.validations[name].threshold

    def summary(self) -> pd.DataFrame:
        """Every metric of every model with its 95 % confidence interval."""
        return metrics_table({name: finding.metrics for name, finding in self.findings.items()})

    def plot_roc(self) -> None:
        """ROC curves of all models with their operating points."""
        plots.plot_roc(self)

    def plot_calibration(self) -> None:
        """Calibration curves of all models, with how often each probability was given."""
        plots.plot_calibration(self)

    def plot_operating_point(self, model: str | None = None) -> None:
        """Sensitivity and specificity of one model (default: the selected) over the threshold."""
        plots.plot_operating_point(self, model)

    def plot_confusion(self, model: str | None = None) -> None:
        """Which class the model (default: the selected) names for which, of several classes."""
        plots_of_classes.plot_confusion(self, model)

    def plot_classes(self) -> None:
        """Sensitivity for each class, all models side by side."""
        plots_of_classes.plot_classes(self)

    def plot_decision_curve(self, harm_ratio: float | None = None) -> None:
        """Net benefit of each model over how much worse a missed case is than a false alarm."""
        decision_curve.plot_decision_curve(self, harm_ratio)

    def plot_insertion(self, confounder: str) -> None:
        """False alarms before and after insertion, and with a placebo, for all models."""
        confounder_plots.plot_insertion(self, confounder)

    def plot_strata(self, confounder: str) -> None:
        """AUROC overall and by stratum of the confounder, for all models."""
        confounder_plots.plot_strata(self, confounder)


def open_test_set(
    models: Sequence[TrainedModel],
    validations: Mapping[str, Validation],
    cohort: Cohort,
    images: ImageCache,
    *,
    selection: SelectionFinding | None = None,
    confounders: Sequence[str] = (),
    subgroups: Sequence[str] = (),
    triage: bool = False,
    wording: bool = True,
    prevalence: float | None = None,
    seed: int = 0,
) -> TestSet:
    """Evaluate the final models on the test part, baseline first. Without `selection` the last model counts as selected.

    `subgroups`: covariates whose groups are looked at apart. `triage` adds what a decision to refer or reassure needs (see triage.py),
    and with `wording` the predictions say refer / reassure.

    The opening is counted: a later call with the same models tells the same opening and returns what was stored, and one with other models,
    thresholds or images raises TestAlreadyOpenedError. Emits a TestOpeningFinding, an EvaluationFinding per model, and a
    PredictionsFinding for cache/predictions.csv (the selected model on validation and test). Raises ClinjupError for a model that was not
    validated.
    """
    by_name = validated_models(models, validations)
    part = part_of(cohort, "test")
    selected = selection.selected if selection else models[-1].name
    if selected not in by_name:
        raise ClinjupError(
            f"The selected model '{selected}' is not among those that the test set is opened for ({', '.join(by_name)}). "
            "Add it, so that its figures come from the one opening."
        )
    known = read_opening()
    record = check_opening(known, opening_record(list(by_name), validations, part, selected))
    if known is None:
        write_opening(record)
    tell_opening(record, cohort, f"{len(part.table)} images{cohort.patients_words(part.table['patient'].nunique())}.")
    predicted = {name: predict_rows(model, images, part.table) for name, model in by_name.items()}
    probabilities = {name: scores_of(model, predicted[name]) for name, model in by_name.items()}
    asked = {"confounders": list(confounders), "subgroups": list(subgroups), "triage": triage, "prevalence": prevalence}
    arguments = json.dumps({**asked, "seed": seed}, sort_keys=True)
    if arguments not in record.evaluations:
        bootstrap = Bootstrap(part.clusters, part.labels, seed=seed)
        outlines = {name: read_masks(cohort, name) for name in confounders if name in cohort.masks}
        drawn = read_masks(cohort, cohort.target) if cohort.target in cohort.masks else None
        of_finding = None if drawn is None else outlines_of(drawn, part, images.size)
        record.evaluations[arguments] = [
            _evaluate(
                model,
                validations[name],
                part,
                images,
                predicted[name],
                confounders,
                outlines,
                of_finding,
                subgroups,
                triage,
                prevalence,
                bootstrap,
                seed,
            )
            for name, model in by_name.items()
        ]
        write_opening(record)
    findings = {}
    for finding in record.evaluations[arguments]:
        calibration = Calibration(**asdict(validations[finding.name].scaling)) if triage else None
        told = {"calibration": calibration, "wording": triage and wording and beats_chance(finding.metrics["auroc"])}
        findings[finding.name] = finding.model_copy(update=told)
    target = class_words(cohort.finding)
    for finding in findings.values():
        emit(finding, verdict(finding, target))
    if triage:
        cases = len(np.unique(part.clusters[part.labels == 1]))
        say_triage(findings[selected], target, cases, cohort.grouped_by)
    worded = findings[selected].wording
    if triage and wording and not worded:
        say_no_wording()
    write_predictions(validations[selected], part, predicted[selected], calibrated=triage, wording=worded)
    return TestSet(
        by_name,
        validations,
        part,
        probabilities,
        predicted,
        findings,
        selected,
        target,
        cohort.synthetic,
        seed,
        cohort.grouped_by,
    )


def verdict(finding: EvaluationFinding, target: str) -> str:
    """What the test set says about one model: what inserting each confounder did, then how well it finds the target."""
    headlines = [insertion_sentence(confounder, result, target) for confounder, result in finding.confounders.items()]
    performance = performance_sentence(finding.metrics, finding.operating_point, target)
    return f"{model_words(finding.name)} on the test set: " + " ".join(filter(None, [*headlines, performance]))


def validated_models(models: Sequence[TrainedModel], validations: Mapping[str, Validation]) -> dict[str, TrainedModel]:
    """The models by name. Raises ClinjupError unless each was validated with the very weights that it has now."""
    by_name = {model.name: model for model in models}
    if not models or len(by_name) < len(models):
        raise ClinjupError(
            "The test set is opened for final models with different names; none, or two of one name, were given."
        )
    for name in by_name:
        if name not in validations:
            raise ClinjupError(
                f"The model '{name}' was not validated, so it has no frozen operating point. Validate it before the test set opens."
            )
        if sha256_of(by_name[name].checkpoint) != validations[name].checkpoint_sha256:
            raise ClinjupError(
                f"The model '{name}' was trained again after it was validated, so its operating point belongs to other weights. "
                "Validate it again before the test set opens."
            )
    return by_name


def tell_opening(record: OpeningRecord, cohort: Cohort, images: str) -> None:
    """Emit the opening, also one that an earlier call wrote down: the run may have been killed before it heard of it."""
    table = cohort.part("test")
    finding = TestOpeningFinding(
        images=len(table),
        patients=table["patient"].nunique(),
        models=list(record.models),
        opened_at=record.opened_at,
        grouped_by=cohort.grouped_by,
    )
    emit(finding, f"The test set was opened, once, for {' and '.join(record.models)}: {images}")


def opening_record(
    models: Sequence[str], validations: Mapping[str, Validation], part: Part, selected: str
) -> OpeningRecord:
    """What is written down when the test set opens: models with their weights and thresholds, and which images lie in it."""
    rows = zip(part.table["image"].astype(str), part.codes, strict=True)
    listing = "\n".join(f"{image}\t{label}" for image, label in rows)
    return OpeningRecord(
        opened_at=datetime.now(UTC).isoformat(timespec="seconds"),
        models={
            name: FrozenModel(
                checkpoint_sha256=validations[name].checkpoint_sha256, threshold=validations[name].threshold
            )
            for name in models
        },
        selected=selected,
        test_images_sha256=hashlib.sha256(listing.encode()).hexdigest(),
    )


def _evaluate(
    model: TrainedModel,
    validation: Validation,
    part: Part,
    images: ImageCache,
    predicted: NDArray[np.float64],
    confounders: Sequence[str],
    outlines: Mapping[str, Masks],
    of_finding: dict[int, NDArray[np.bool_]] | None,
    subgroups: Sequence[str],
    triage: bool,
    prevalence: float | None,
    bootstrap: Bootstrap,
    seed: int,
) -> EvaluationFinding:
    threshold, probabilities = validation.threshold, scores_of(model, predicted)
    cases = {
        confounder: Case(
            confounder, model, images, part, probabilities, threshold, bootstrap, seed, outlines.get(confounder)
        )
        for confounder in confounders
    }
    return EvaluationFinding(
        name=validation.name,
        metrics=part_metrics(part, predicted, probabilities, threshold, prevalence, bootstrap)
        | (triage_metrics(part, probabilities, validation, prevalence, bootstrap) if triage else {})
        | ({} if of_finding is None else pointing(model, images, part, of_finding, ON_THE_FINDING, bootstrap, seed)),
        operating_point=operating_point(
            probabilities, part.labels, part.clusters, threshold=threshold, rule=validation.operating_point.rule
        ),
        strata=[
            *(row for case in cases.values() for row in strata_table(case)),
            *subgroup_table(part, probabilities, threshold, subgroups, bootstrap),
        ],
        confusion=confusion_of(part, predicted),
        confounders={confounder: run_checks(case) for confounder, case in cases.items()},
    )
