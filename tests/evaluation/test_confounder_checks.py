"""Every registered confounder check by the same tests, then what each must see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import binary_dilation
from sklearn.metrics import roc_auc_score

from clinjup.contracts import ConfounderResult
from clinjup.evaluation.bootstrap import Bootstrap
from clinjup.evaluation.cohort_parts import part_of, predict_rows
from clinjup.evaluation.confounders import Case, list_checks, run_checks
from clinjup.evaluation.confounders.insertion import FEWEST_KNOWN
from clinjup.evaluation.confounders.registry import RegisteredCheck
from clinjup.evaluation.confounders.strata import strata, strata_table
from clinjup.evaluation.pointing import ON_THE_FINDING, outlines_of, pointing
from clinjup.evaluation.saliency import grad_cam
from clinjup.evaluation.take_out import take_out
from clinjup.imaging import Cohort, ImageCache
from clinjup.imaging.presence import estimate_column
from clinjup.learning.trained import TrainedModel
from tests.evaluation.phantoms import DRAIN, SIZE, Reader, disease_reader, drain_reader, phantom_films, trained

every_check = pytest.mark.parametrize("check", list_checks(), ids=lambda check: check.name)


def case_of(model: TrainedModel, cohort: Cohort, images: ImageCache, *, confounder: str = DRAIN, seed: int = 0) -> Case:
    part = part_of(cohort, "test")
    probabilities = predict_rows(model, images, part.table)
    return Case(
        confounder, model, images, part, probabilities, 0.5, Bootstrap(part.clusters, part.labels, resamples=400), seed
    )


def with_presence(cohort: Cohort, presence: object, rows: object = slice(None)) -> Cohort:
    table = cohort.table.copy()
    table.loc[rows, DRAIN] = presence
    return replace(cohort, table=table)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory, phantoms: tuple[Cohort, ImageCache]) -> Case:
    return replace(case_of(drain_reader(tmp_path_factory.mktemp("models")), *phantoms), masks=phantom_films()[2])


@pytest.fixture(scope="module")
def result(case: Case) -> ConfounderResult:
    return run_checks(case)


@every_check
def test_a_check_fills_its_fields_with_a_value_or_a_reason(check: RegisteredCheck, case: Case) -> None:
    found = check.run(case)
    assert set(found) == set(check.fields) <= set(ConfounderResult.model_fields)
    assert check.question.endswith("?")
    for estimate in found.values():
        assert estimate.value is not None, estimate.reason
        low, high = estimate.ci95
        assert low <= estimate.value + 1e-6 and estimate.value <= high + 1e-6 and estimate.n > 0


@every_check
def test_a_check_is_repeatable_and_leaves_the_films_alone(check: RegisteredCheck, case: Case) -> None:
    before = case.images.pixels.copy()
    assert check.run(case) == check.run(case)
    assert (case.images.pixels == before).all()


@every_check
@pytest.mark.parametrize("confounder", ["surgical_clips", DRAIN])
def test_a_confounder_that_nobody_annotated_is_measured_or_has_a_reason(
    check: RegisteredCheck, baseline: TrainedModel, cohort: Cohort, images: ImageCache, confounder: str
) -> None:
    unlabelled = replace(cohort, table=cohort.table.drop(columns=DRAIN))
    for estimate in check.run(case_of(baseline, unlabelled, images, confounder=confounder)).values():
        assert (estimate.value is None) == bool(estimate.reason)


@every_check
def test_a_check_survives_a_part_without_positives(
    check: RegisteredCheck, baseline: TrainedModel, cohort: Cohort, images: ImageCache
) -> None:
    table = cohort.table[(cohort.table["label"] == 0) | (cohort.table["split"] != "test")]
    for estimate in check.run(case_of(baseline, replace(cohort, table=table), images)).values():
        assert (estimate.value is None) == bool(estimate.reason)


def test_all_fields_of_a_result_are_filled_on_the_test_part(result: ConfounderResult) -> None:
    assert all(estimate.value is not None for _, estimate in result)


def test_a_check_that_never_decides_is_left_out_on_validation(case: Case) -> None:
    on_validation = run_checks(replace(case, part=replace(case.part, split="validation")))
    assert on_validation.cam_energy_in_mask.reason == "not measured"
    assert on_validation.false_alarm_increase.value is not None


def test_insertion_raises_false_alarms_only_of_the_model_that_reads_the_drain(
    result: ConfounderResult, balanced: TrainedModel, cohort: Cohort, images: ImageCache
) -> None:
    leaning, honest = result, run_checks(case_of(balanced, cohort, images))
    assert leaning.false_alarm_increase.value > 0.5
    assert leaning.false_alarm_increase.ci95[0] > 0.3
    assert leaning.false_alarm_increase.value == pytest.approx(
        leaning.false_alarms_after.value - leaning.false_alarms_before.value, abs=1e-6
    )
    assert leaning.delta_probability.value > 0.3 and leaning.flip_rate.value > 0.5
    assert abs(honest.false_alarm_increase.value) < 0.05
    assert leaning.auroc_with.value < honest.auroc_with.value
    assert leaning.cross_strata_auroc.value < 0.5 < honest.cross_strata_auroc.value


def test_insertion_takes_films_known_to_have_neither_disease_nor_drain(case: Case, result: ConfounderResult) -> None:
    test = case.part.table
    expected = ((test["label"] == 0) & (test[DRAIN] == 0)).sum()
    assert result.false_alarms_after.n == result.false_alarm_increase.n == expected
    assert result.false_alarms_after.note is None


def test_without_annotation_on_negatives_all_of_them_are_taken_and_it_is_said(
    baseline: TrainedModel, cohort: Cohort, images: ImageCache
) -> None:
    positives_only = with_presence(cohort, np.nan, cohort.table["label"] == 0)
    case = case_of(baseline, positives_only, images)
    result = run_checks(case)
    assert result.false_alarm_increase.n == (case.part.labels == 0).sum()
    assert result.false_alarm_increase.note.startswith("on all negatives")
    members = (case.part.labels == 0) | (case.presence == 0)
    assert result.auroc_without.value == pytest.approx(
        roc_auc_score(case.part.labels[members], case.probabilities[members])
    ), "positives of a stratum stand against all negatives"
    assert "annotated on positives only" in result.auroc_without.note
    assert result.cross_strata_auroc.value is None


def test_a_few_films_known_to_have_no_drain_do_not_take_the_place_of_the_many_that_are_not_annotated(
    baseline: TrainedModel, cohort: Cohort, images: ImageCache
) -> None:
    rows = np.arange(len(cohort.table)) % 5 > 0
    case = case_of(baseline, with_presence(cohort, np.nan, rows), images)
    known, unknown = ((case.part.labels == 0) & mask for mask in (case.presence == 0, np.isnan(case.presence)))
    assert 0 < known.sum() < FEWEST_KNOWN
    found = run_checks(case).false_alarm_increase
    assert found.n == (known | unknown).sum()
    assert found.note.startswith(f"on {unknown.sum()} of these negatives")


def test_strata_are_scikit_learns_aurocs(case: Case, result: ConfounderResult) -> None:
    positive, present, p = case.part.labels == 1, case.presence == 1, case.probabilities
    for field, members in (
        ("auroc_with", present),
        ("auroc_without", ~present),
        ("cross_strata_auroc", (positive & ~present) | (~positive & present)),
    ):
        assert getattr(result, field).value == pytest.approx(roc_auc_score(positive[members], p[members])), field
        assert getattr(result, field).n == members.sum()
    assert result.worst_group_auroc.value == pytest.approx(min(result.auroc_with.value, result.auroc_without.value))


def test_a_stratum_of_two_positives_is_too_small(baseline: TrainedModel, cohort: Cohort, images: ImageCache) -> None:
    test_positives = cohort.table.index[(cohort.table["split"] == "test") & (cohort.table["label"] == 1)]
    few = with_presence(with_presence(cohort, 1.0, test_positives), 0.0, test_positives[[0, 4]])
    result = run_checks(case_of(baseline, few, images))
    assert result.auroc_without.reason.startswith("only 2\u00a0positives")
    assert result.worst_group_auroc.reason == result.auroc_without.reason
    assert result.auroc_with.value is not None


def test_sensitivity_and_specificity_by_stratum_at_the_threshold(case: Case) -> None:
    with_drain, without = strata_table(case)
    assert (with_drain.value, without.value) == ("with chest drain", "without chest drain")
    assert with_drain.images + without.images == len(case.part.table)
    members = (case.presence == 1) & (case.part.labels == 1)
    assert with_drain.positives == members.sum()
    assert with_drain.metrics["sensitivity"].value == pytest.approx((case.probabilities[members] >= 0.5).mean())
    assert with_drain.metrics["specificity"].value < without.metrics["specificity"].value
    assert (
        with_drain.metrics["auroc"] == strata(case)["auroc_with"]
        and without.metrics["auroc"] == strata(case)["auroc_without"]
    )


def test_two_models_see_the_same_drains_and_another_seed_draws_others(case: Case, result: ConfounderResult) -> None:
    assert run_checks(replace(case, model=replace(case.model, name="twin"))) == result
    assert run_checks(replace(case, seed=1)).delta_probability != result.delta_probability


def test_grad_cam_of_the_drain_reader_lies_on_the_drain_more_than_chance(result: ConfounderResult) -> None:
    share = result.cam_energy_in_mask
    area = float(share.note.split("covers ")[1].split(" %")[0]) / 100
    assert share.value > 5 * area


def test_grad_cam_has_the_films_size_and_scale(baseline: TrainedModel, images: ImageCache) -> None:
    maps = grad_cam(baseline, images.pixels[:20])
    assert maps.shape == images.pixels[:20].shape
    assert maps.min() >= 0 and maps.max() <= 1


def test_strata_by_estimate_are_those_of_the_annotation_where_the_estimate_is_right(case: Case) -> None:
    table = case.part.table
    hidden = np.arange(len(table)) % 3 > 0
    estimated = table.assign(**{DRAIN: table[DRAIN].where(~hidden), estimate_column(DRAIN): table[DRAIN].where(hidden)})
    annotated, by_estimate = strata(case), strata(replace(case, part=replace(case.part, table=estimated)))
    for name, estimate in by_estimate.items():
        assert estimate.value == pytest.approx(annotated[name].value) and estimate.ci95 == pytest.approx(
            annotated[name].ci95
        )
        assert f"on {hidden.sum()} of {len(table)} images" in (estimate.note or "")


def test_an_image_counts_in_both_strata_by_its_probability(case: Case) -> None:
    table, random = case.part.table, np.random.default_rng(2)
    share = np.where(table[DRAIN] == 1, 0.9, 0.2) + random.uniform(-0.1, 0.1, len(table))
    hidden = table.assign(**{DRAIN: np.nan, estimate_column(DRAIN): share})
    found = strata(replace(case, part=replace(case.part, table=hidden)))
    for name, weight in (("auroc_with", share), ("auroc_without", 1 - share)):
        wanted = roc_auc_score(case.part.labels, case.probabilities, sample_weight=weight)
        assert found[name].value == pytest.approx(wanted, abs=1e-4)
    assert found["worst_group_auroc"].value == min(found["auroc_with"].value, found["auroc_without"].value)


def test_a_stratum_that_no_image_is_likely_to_be_in_has_no_figure(case: Case) -> None:
    table = case.part.table.assign(**{DRAIN: np.nan, estimate_column(DRAIN): 0.3})
    found = strata(replace(case, part=replace(case.part, table=table)))
    few = "a detector estimates that there are only 0\u00a0positives and 0\u00a0negatives "
    assert found["auroc_with"].value is None and found["auroc_with"].reason == f"{few}with a chest drain"
    assert found["worst_group_auroc"].reason == f"{few}with a chest drain" and found["auroc_without"].value is not None
    assert "positives without and 0\u00a0negatives with a chest drain" in (found["cross_strata_auroc"].reason or "")
    table = table.assign(**{estimate_column(DRAIN): 0.7})
    found = strata(replace(case, part=replace(case.part, table=table)))
    assert found["worst_group_auroc"].reason == f"{few}without a chest drain"


def test_taking_the_drain_out_takes_the_finding_from_a_model_that_reads_the_drain(
    case: Case, cohort: Cohort, images: ImageCache, tmp_path: Path
) -> None:
    blind = trained(tmp_path, "blind", Reader(drain=25000.0, disease=0.0, offset=-1.5))
    case = replace(case_of(blind, cohort, images), masks=case.masks)
    leaning = run_checks(case)
    honest = run_checks(replace(case_of(disease_reader(tmp_path), cohort, images), masks=case.masks))
    assert leaning.removal_flip_rate.value > 0.8 > 0.1 > honest.removal_flip_rate.value
    assert leaning.removal_placebo_flip_rate.value < 0.2
    drained = (case.part.labels == 1) & (case.presence == 1) & (case.probabilities >= case.threshold)
    assert leaning.removal_flip_rate.n == drained.sum()
    assert leaning.cam_pointing.value > 0.5 and leaning.cam_pointing.n > 10
    assert "by chance alone" in leaning.cam_pointing.note
    chance = float(leaning.cam_energy_outlined.note.removeprefix("by chance alone ").removesuffix(" %")) / 100
    assert leaning.cam_energy_outlined.ci95[0] > 2 * chance > 0


def test_whether_the_grad_cam_lies_on_what_is_outlined_is_measured_against_chance(
    case: Case, cohort: Cohort, images: ImageCache, tmp_path: Path
) -> None:
    blind = case_of(trained(tmp_path, "blind", Reader(drain=25000.0, disease=0.0, offset=-1.5)), cohort, images)
    outlines = outlines_of(case.masks, case.part, SIZE)
    beside = {position: np.roll(mask, SIZE // 2, axis=1) & ~mask for position, mask in outlines.items()}
    on, off = (
        pointing(blind.model, images, blind.part, drawn, ON_THE_FINDING, blind.bootstrap, 0)
        for drawn in (outlines, beside)
    )
    for name in ON_THE_FINDING:
        assert on[name].ci95[0] > off[name].ci95[1] and "by chance alone" in on[name].note
    few = dict(list(outlines.items())[:2])
    found = pointing(blind.model, images, blind.part, few, ON_THE_FINDING, blind.bootstrap, 0)
    assert all("too few images" in found[name].reason for name in ON_THE_FINDING)


def test_without_outlines_the_reason_is_said(case: Case) -> None:
    found = run_checks(replace(case, masks=None))
    for estimate in (
        found.removal_flip_rate,
        found.removal_placebo_flip_rate,
        found.cam_pointing,
        found.cam_energy_outlined,
    ):
        assert estimate.value is None and "do not outline the chest drain" in estimate.reason


@pytest.mark.parametrize("colour", [False, True])
def test_what_is_taken_out_leaves_the_ramp_that_lay_under_it(colour: bool) -> None:
    ramp = np.add.outer(np.arange(60), 2 * np.arange(60)).astype(np.uint8)
    mask = np.zeros(ramp.shape, bool)
    mask[20:24, 10:50] = mask[0:5, 0:3] = True
    film = np.where(mask, 255, ramp).astype(np.uint8)
    film, ramp = (np.stack([x, x // 2, x // 3], axis=2) if colour else x for x in (film, ramp))
    found = take_out(film, mask)
    assert found.shape == film.shape and found.dtype == np.uint8
    assert np.abs(found[6:].astype(int) - ramp[6:]).max() <= 2
    far = ~binary_dilation(mask, iterations=2)
    assert (found[far] == film[far]).all() and not (found[mask] == 255).any()
