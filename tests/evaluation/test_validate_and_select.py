"""From validation to the chosen model: what is measured, which rule decides, how it is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clinjup.contracts import ConfounderResult, Estimate
from clinjup.evaluation import Validation, select_model, validate
from clinjup.evaluation.metrics import METRICS
from clinjup.imaging import Cohort, ImageCache
from clinjup.kernel.errors import ClassAbsentError, ClinjupError
from clinjup.learning.cross_fit import OutOfFold
from clinjup.learning.trained import TrainedModel
from tests.evaluation.conftest import Published
from tests.evaluation.phantoms import DRAIN


@pytest.fixture
def validation(validations: dict[str, Validation]) -> Validation:
    return validations["baseline"]


def judged(
    validation: Validation,
    name: str,
    *,
    auroc: float,
    worst: float | None = None,
    alarms: float | None = None,
    before: float = 0.1,
    width: float = 0.0,
) -> Validation:
    """`validation` as if these figures had been measured."""

    def estimate(value: float | None) -> Estimate:
        return Estimate.missing("not annotated") if value is None else Estimate(value=value, ci95=(value, value))

    mitigation = None if name == "baseline" else "balanced_sampling"
    return replace(
        validation,
        name=name,
        model=replace(validation.model, name=name, mitigation=mitigation, confounder=mitigation and DRAIN),
        metrics=validation.metrics
        | {"auroc": Estimate(value=auroc, ci95=(auroc - width, auroc + width)), "brier": estimate(1 - auroc)},
        confounders={
            DRAIN: ConfounderResult(
                worst_group_auroc=estimate(worst),
                false_alarm_increase=estimate(alarms),
                false_alarms_before=estimate(before),
            ),
        },
    )


def test_validation_measures_everything_and_freezes_the_operating_point(
    baseline: TrainedModel, cohort: Cohort, images: ImageCache, published: Published
) -> None:
    found = validate(baseline, cohort, images, confounders=[DRAIN], target_sensitivity=0.8, prevalence=0.1)
    labels = found.part.labels
    assert tuple(found.metrics) == METRICS
    assert found.operating_point.sensitivity.value >= 0.8
    assert ((found.probabilities >= found.threshold)[labels == 1]).mean() == found.operating_point.sensitivity.value
    assert "at least 80\u00a0%" in found.operating_point.rule
    assert "10.0 %, as stated" in found.metrics["ppv"].note
    assert found.confounders[DRAIN].worst_group_auroc.value is not None
    finding = published("validation")[0]
    assert finding["name"] == "baseline" and set(finding["metrics"]) == set(METRICS)
    assert "Inserting a chest drain raised false alarms from " in finding["sentence_shown"]
    assert found.summary().loc["AUROC", "baseline"].count("to") == 1


def test_a_harm_ratio_is_weighed_at_the_stated_prevalence_and_balancing_is_taken_back(
    baseline, balanced, cohort, images
):
    plain = validate(baseline, cohort, images, harm_ratio=10)
    rare = validate(baseline, cohort, images, harm_ratio=10, prevalence=0.02)
    assert plain.scaling.offset == 0 and plain.scaling([plain.threshold])[0] == pytest.approx(1 / 11)
    assert rare.threshold > plain.threshold and "prevalence of 2" in rare.operating_point.rule
    assert validate(balanced, cohort, images, harm_ratio=10).scaling.offset != 0


def test_judgements_beside_other_weights_are_refused(baseline, cohort, images):
    rows = np.arange(4)
    other = OutOfFold("checkpoints/other.ckpt", rows, rows / 4, np.array([0, 0, 1, 1]), rows.astype(str), rows % 2)
    with pytest.raises(ClinjupError, match=r"other weights of 'baseline'.*Run the cell"):
        validate(baseline, cohort, images, lower_bound=True, out_of_fold=other)


def test_a_validation_part_without_positives_stops_with_a_sentence(
    baseline: TrainedModel, cohort: Cohort, images: ImageCache
) -> None:
    table = cohort.table[(cohort.table["split"] != "validation") | (cohort.table["label"] == 0)]
    with pytest.raises(ClassAbsentError, match="'positive'"):
        validate(baseline, replace(cohort, table=table), images)


def test_the_best_worst_group_wins_within_the_allowed_loss(validation: Validation, published: Published) -> None:
    models = {
        "baseline": judged(validation, "baseline", auroc=0.92, worst=0.55, alarms=0.49),
        "balanced": judged(validation, "balanced", auroc=0.88, worst=0.84, alarms=0.01),
        "reckless": judged(validation, "reckless", auroc=0.70, worst=0.90),
    }
    finding = select_model(models, confounder=DRAIN, max_auroc_loss=0.10)
    assert finding.selected == "balanced"
    assert finding.sentence == (
        "balanced goes on: worst-group AUROC on validation 0.84, baseline 0.55; overall validation AUROC 0.88, baseline 0.92."
        " False alarms when a chest drain is inserted: balanced +1\u00a0point, baseline +49\u00a0points."
    )
    assert "at most 0.10 below the baseline's" in finding.rule
    outcomes = {experiment.name: experiment.outcome for experiment in finding.experiments}
    assert outcomes == {"baseline": "baseline", "balanced": "kept", "reckless": "discarded"}
    assert "falls by 0.22, more than the limit of 0.10" in finding.experiments[2].reason
    assert published("selection")[0]["sentence_shown"] == finding.sentence


def test_experiments_carry_the_hypothesis_of_their_mitigation(validation: Validation, published: Published) -> None:
    models = {name: judged(validation, name, auroc=0.9, worst=0.8) for name in ("baseline", "balanced")}
    reference, experiment = select_model(models, confounder=DRAIN).experiments
    assert reference.change == "nothing, the reference"
    assert (
        experiment.hypothesis
        == "Balanced sampling keeps the model from reading the chest drain instead of the disease."
    )
    assert "drawn equally often" in experiment.change
    assert experiment.metric == "worst_group_auroc"


def test_the_baseline_stays_where_nothing_beats_it(validation: Validation, published: Published) -> None:
    models = {
        "baseline": judged(validation, "baseline", auroc=0.92, worst=0.85),
        "balanced": judged(validation, "balanced", auroc=0.90, worst=0.80),
    }
    finding = select_model(models, confounder=DRAIN)
    assert finding.selected == "baseline"
    assert "no other model had a better worst-group AUROC" in finding.sentence


@pytest.mark.parametrize(("baseline_leads_by", "selected"), [(0.01, "balanced"), (0.09, "baseline")])
def test_of_models_within_one_standard_error_the_one_that_leans_less_goes_on(
    validation: Validation, published: Published, baseline_leads_by: float, selected: str
) -> None:
    def uncertain(name: str, worst: float, alarms: float) -> Validation:
        model = judged(validation, name, auroc=0.9, worst=worst, alarms=alarms)
        found = model.confounders[DRAIN]
        found = found.model_copy(update={"worst_group_auroc": Estimate(value=worst, ci95=(worst - 0.1, worst + 0.1))})
        return replace(model, confounders={DRAIN: found})

    models = {
        "baseline": uncertain("baseline", 0.80 + baseline_leads_by, 0.48),
        "balanced": uncertain("balanced", 0.80, -0.01),
    }
    finding = select_model(models, confounder=DRAIN)
    assert finding.selected == selected
    if selected == "balanced":
        assert finding.sentence == (
            "balanced goes on: worst-group AUROC on validation 0.80, baseline 0.81, which is within one standard error of it, and it leans "
            "less on the confounder; overall validation AUROC 0.90, baseline 0.90. False alarms when a chest drain is inserted: balanced "
            "\u22121\u00a0point, baseline +48\u00a0points."
        )
        assert finding.experiments[1].reason.startswith("within one standard error of the best worst-group AUROC")
    assert "the one whose false alarms change least when a chest drain is inserted" in finding.rule


def test_without_annotation_insertion_decides(validation: Validation, published: Published) -> None:
    models = {
        "baseline": judged(validation, "baseline", auroc=0.92, alarms=0.50),
        "overshot": judged(validation, "overshot", auroc=0.91, alarms=-0.20),
        "balanced": judged(validation, "balanced", auroc=0.90, alarms=0.05),
    }
    finding = select_model(models, confounder=DRAIN)
    assert finding.selected == "balanced"
    assert finding.rule.startswith("smallest change of false alarms")
    assert finding.experiments[2].metric == "false_alarm_increase"
    assert finding.sentence.startswith("The worst-group AUROC cannot decide: not annotated. balanced goes on")


@pytest.mark.parametrize("confounder", [DRAIN, None])
@pytest.mark.parametrize(("width", "selected"), [(0.10, "blind"), (0.20, "baseline")])
def test_a_model_that_may_be_chance_does_not_go_on_where_another_is_not(
    validation: Validation, published: Published, width: float, selected: str, confounder: str | None
) -> None:
    better = {"worst": 0.6} if confounder else {"worst": None}
    models = {
        "baseline": judged(validation, "baseline", auroc=0.66, width=0.2, **better),
        "blind": judged(validation, "blind", auroc=0.64, width=width, worst=better["worst"] and 0.5),
    }
    finding = select_model(models, confounder=confounder)
    assert finding.selected == selected
    told = "baseline does not go on, because it was not shown to be better than chance: validation AUROC 0.66 (95 % CI 0.46 to 0.86)."
    assert (told in finding.sentence) == (selected == "blind")
    models["baseline"] = judged(validation, "baseline", auroc=0.9, width=0.2, **better)
    models["blind"] = judged(validation, "blind", auroc=0.64, width=0.2, worst=better["worst"] and 0.7)
    finding = select_model(models, confounder=confounder, max_auroc_loss=0.5)
    assert finding.selected == "baseline"
    assert finding.experiments[1].reason == "it was not shown to be better than chance on validation"


def test_all_others_may_be_beyond_the_limit_of_a_baseline_that_may_be_chance(
    validation: Validation, published: Published
) -> None:
    models = {
        "baseline": judged(validation, "baseline", auroc=0.8, width=0.35, worst=0.9),
        "balanced": judged(validation, "balanced", auroc=0.65, width=0.1, worst=0.6),
    }
    assert select_model(models, confounder=DRAIN).selected == "balanced"


def test_a_model_that_alarms_on_most_images_is_not_preferred_for_what_insertion_adds(
    validation: Validation, published: Published
) -> None:
    models = {
        "baseline": judged(validation, "baseline", auroc=0.80, alarms=0.50),
        "localised": judged(validation, "localised", auroc=0.83, alarms=0.25, before=0.40),
        "crowded": judged(validation, "crowded", auroc=0.78, alarms=0.08, before=0.83),
    }
    finding = select_model(models, confounder=DRAIN)
    assert finding.selected == "localised"
    assert (
        "crowded was not preferred for what inserting a chest drain changes: it raises an alarm on 83\u00a0% of the images before, so there "
        "is little room for more."
    ) in finding.sentence
    assert finding.experiments[2].reason.startswith("it raises an alarm on most images anyway")
    models["crowded"] = judged(validation, "crowded", auroc=0.78, alarms=0.08, before=0.49)
    finding = select_model(models, confounder=DRAIN)
    assert finding.selected == "crowded" and "room" not in finding.sentence


def test_where_all_alarm_on_most_images_the_overall_auroc_decides_unless_many_alarms_are_meant(
    validation: Validation, published: Published
) -> None:
    models = {
        "baseline": judged(validation, "baseline", auroc=0.70, alarms=0.15, before=0.6),
        "localised": judged(validation, "localised", auroc=0.83, alarms=0.25, before=0.54),
        "balanced": judged(validation, "balanced", auroc=0.66, alarms=0.08, before=0.83),
    }
    finding = select_model(models, confounder=DRAIN)
    assert finding.selected == "localised"
    assert (
        "localised goes on: overall validation AUROC 0.83, the best of the 3 models between which" in finding.sentence
    )
    assert finding.experiments[1].reason == "best overall AUROC of models that all alarm on most images anyway"

    cautious = {name: replace(model, cautious=True) for name, model in models.items()}
    finding = select_model(cautious, confounder=DRAIN)
    assert finding.selected == "balanced" and "anyway" not in finding.sentence + finding.experiments[2].reason


@pytest.mark.parametrize(("before", "selected"), [(0.7, "baseline"), (0.4, "balanced")])
def test_of_equals_none_goes_on_because_it_alarms_on_most_images(
    validation: Validation, published: Published, before: float, selected: str
) -> None:
    def uncertain(name: str, worst: float, **figures: float) -> Validation:
        model = judged(validation, name, auroc=0.9, worst=worst, **figures)
        found = model.confounders[DRAIN]
        found = found.model_copy(update={"worst_group_auroc": Estimate(value=worst, ci95=(worst - 0.1, worst + 0.1))})
        return replace(model, confounders={DRAIN: found})

    models = {
        "baseline": uncertain("baseline", 0.80, alarms=0.30),
        "balanced": uncertain("balanced", 0.82, alarms=0.02, before=before),
    }
    finding = select_model(models, confounder=DRAIN)
    assert finding.selected == selected
    assert ("it does not alarm on most images anyway" in finding.sentence) == (selected == "baseline")


@pytest.mark.parametrize(("metric", "better"), [("auroc", 0.95), ("brier", 0.95)])
def test_without_confounder_the_primary_metric_decides_in_its_direction(
    validation: Validation, published: Published, metric: str, better: float
) -> None:
    models = {
        "baseline": judged(validation, "baseline", auroc=0.90),
        "other": judged(validation, "other", auroc=better),
    }
    finding = select_model(models, primary_metric=metric)
    assert finding.selected == "other"
    assert finding.experiments[1].metric == metric


def test_the_most_sensitive_model_for_one_class_goes_on_unless_it_gave_up_the_others(
    validation: Validation, published: Published
) -> None:
    def of_classes(name: str, melanoma: float, balanced: float, ci95: tuple[float, float] | None = None) -> Validation:
        figures = {
            "sensitivity_melanoma": Estimate(value=melanoma, ci95=ci95),
            "balanced_accuracy": Estimate(value=balanced),
        }
        model = judged(validation, name, auroc=0.9)
        return replace(model, metrics=model.metrics | figures)

    models = {
        "baseline": of_classes("baseline", 0.78, 0.66),
        "adjusted": of_classes("adjusted", 0.91, 0.74),
        "lucky": of_classes("lucky", 0.78, 0.91),  # on rare classes of three images
        "one_class": of_classes("one_class", 1.0, 0.14),
    }
    finding = select_model(models, primary_metric="sensitivity_melanoma", guard_metric="balanced_accuracy")
    assert finding.selected == "adjusted" and "0.05 below the baseline's" in finding.rule
    reasons = {each.name: each.reason for each in finding.experiments}
    assert reasons["one_class"] == "it gives up too much of the other classes"

    # 0.91 of 53 melanomas is 0.83 to 0.99, standard error 0.04: one fewer found is no reason to pass over a better model.
    models["adjusted"] = of_classes("adjusted", 0.91, 0.74, ci95=(0.83, 0.99))
    models["sampled"] = of_classes("sampled", 0.89, 0.82)
    finding = select_model(models, primary_metric="sensitivity_melanoma", guard_metric="balanced_accuracy")
    assert finding.selected == "sampled" and finding.rule.endswith("the one with the best balanced accuracy")
    assert "one standard error of it; the balanced accuracy decided: 0.82, adjusted 0.74" in finding.sentence
    reasons = {each.name: each.reason for each in finding.experiments}
    assert "its balanced accuracy is lower" in reasons["adjusted"] and "better" in reasons["sampled"]

    models["sampled"] = of_classes("sampled", 0.85, 0.82)  # more than one standard error fewer
    finding = select_model(models, primary_metric="sensitivity_melanoma", guard_metric="balanced_accuracy")
    assert finding.selected == "adjusted"


def test_a_single_model_goes_on(validation: Validation, published: Published) -> None:
    finding = select_model({"baseline": judged(validation, "baseline", auroc=0.9, worst=0.8)}, confounder=DRAIN)
    assert finding.selected == "baseline" and "the only model" in finding.sentence


def test_nothing_to_choose_from_is_an_error() -> None:
    with pytest.raises(ClinjupError, match="no validated model"):
        select_model({})


def test_models_validated_with_one_seed_are_paired(
    run_folder: Path, baseline: TrainedModel, cohort: Cohort, images: ImageCache
) -> None:
    first, second = (validate(model, cohort, images) for model in (baseline, replace(baseline, name="twin")))
    assert first.metrics == second.metrics
    np.testing.assert_array_equal(first.probabilities, second.probabilities)
