"""What a run could not do is told once and the same way: in its sentence, its report and its model card."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clinjup.contracts import (
    ConfounderResult,
    DataWarning,
    Estimate,
    NamedConfounder,
    NoteFinding,
    Results,
    RiskPreference,
    RunStatus,
)
from clinjup.phrases import OUT_OF_TIME, WORD_JOINER
from clinjup.reporting.cautions import end_cautions
from clinjup.reporting.limits import limits
from clinjup.reporting.model_card import render_model_card
from clinjup.reporting.report import render_report
from clinjup.reporting.verdict import verdict
from tests.reporting import example
from tests.reporting.example import plain

OPENED = "test set was opened, and the run was interrupted before its figures were complete"


def told(results: Results, folder: Path) -> str:
    """The report as a reader sees it."""
    page = re.sub(r"<style>.*?</style>|<[^>]+>", " ", render_report(results, run_dir=folder), flags=re.DOTALL)
    return plain(re.sub(r"\s+", " ", page.replace("&nbsp;", " "))).replace(WORD_JOINER, "")


def without_patients() -> Results:
    results = example.results()
    results.data.warnings.append(DataWarning(code="no_patient_ids", sentence="No column names the patients."))
    return results


def with_pacemaker_only() -> Results:
    """A pacemaker was named, and nothing could examine it."""
    results = example.results(confounders=[NamedConfounder(id="pacemaker", name="pacemaker", phrase="pacemakers")])
    for model in results.models:
        model.confounders, model.validation_confounders, model.strata = {}, {}, []
    return results


def test_steps_left_out_for_time_lead_the_result(tmp_path: Path) -> None:
    note = f"{OUT_OF_TIME} (1 min) no model was trained against the chest drain. These steps were left out: Train."
    results = example.results(found=[*example.findings(), NoteFinding(sentence=note)])
    assert results.notes == [note] and results.sentence.startswith(note)
    page = told(results, tmp_path)
    assert page.count(note) == 1 and page.index(note) < page.index("Inserting a chest drain")
    assert OUT_OF_TIME in render_model_card(results)


def test_of_a_confounder_that_nothing_can_examine_nothing_else_is_claimed(tmp_path: Path) -> None:
    results = with_pacemaker_only()
    said = "No confounder could be examined; the pacemaker was named and not examined, because the data do not say"
    page = told(results, tmp_path)
    assert said in verdict(results) and said in render_model_card(results)
    assert page.count(said) >= 3  # in the result, under trust, among the limits
    for untrue in (
        "Only the pacemaker was examined",
        "the pacemaker is drawn into",
        "could not be done",
        "conventions",
    ):
        assert untrue not in page, untrue


def test_of_two_confounders_the_one_that_was_examined_is_named_apart() -> None:
    named = [NamedConfounder(id="pacemaker", name="pacemaker", phrase="pacemakers"), *example.task().confounders]
    sentences = limits(example.results(confounders=named))
    assert any(sentence.startswith("The pacemaker was named and not examined") for sentence in sentences)
    assert any(sentence.startswith("Only the chest drain was examined.") for sentence in sentences)
    assert any("the chest drain is drawn into the film" in sentence for sentence in sentences)


def test_a_test_auroc_below_the_interval_of_validation_is_told_with_its_fall(tmp_path: Path) -> None:
    results = example.results()
    assert results.selected and not any("less than on validation" in sentence for sentence in limits(results))
    chosen = next(model for model in results.models if model.name == results.selected)
    chosen.validation["auroc"] = example.estimate(0.94, 0.03, 300)
    chosen.test["auroc"] = example.estimate(0.5, 0.03, 600)
    said = (
        "the AUROC of the chosen model is 0.50, 0.44 less than on validation (0.94, 95 % confidence interval 0.91–0.97)"
    )
    page = told(results, tmp_path)
    assert said in page and "The test figure counts." in page and "slightly" not in page


def test_where_a_drain_is_not_annotated_no_figure_is_said_to_be_on_films_without_it(tmp_path: Path) -> None:
    results = example.results()
    page = told(results, tmp_path)
    assert "False alarms on films without pneumothorax and without chest drain" in page
    assert "figures on real films with and without it" in page and "There are no figures" not in page
    unknown = Estimate.missing("the chest drain is not annotated in these images")
    for model in results.models:
        for found in (model.confounders, model.validation_confounders):
            figures = found.get("chest_drain", ConfounderResult())
            note = "on all negatives, whether they hold a chest drain is not annotated"
            increase = figures.false_alarm_increase.model_copy(update={"note": note})
            changed = {"auroc_with": unknown, "auroc_without": unknown, "false_alarm_increase": increase}
            found["chest_drain"] = figures.model_copy(update=changed)
    page = told(results, tmp_path)
    assert "False alarms on films without pneumothorax, chest drain not annotated" in page
    assert "without pneumothorax and without chest drain" not in page and "neither" not in page
    assert "There are no figures on real films with and without it" in page and "Read it together" not in page


def test_a_test_set_that_was_opened_is_never_said_to_be_closed(tmp_path: Path) -> None:
    found = [*example.preparation_findings(), *example.model_findings(), example.opened_findings()[0]]
    results = example.results(RunStatus.INTERRUPTED, found)
    page, card = told(results, tmp_path), render_model_card(results)
    assert f"(validation; the {OPENED})" in verdict(results)
    assert page.count(OPENED) == 4 and OPENED in card  # result, what is missing, figures, audit trail
    for untrue in ("not opened", "opened once, at the end, for all models"):
        assert untrue not in page and untrue not in card, untrue


def test_a_model_that_leans_strongly_is_named_and_said_to(tmp_path: Path) -> None:
    results = example.results()
    results.selected = "baseline"
    text = plain(verdict(results))
    assert "the chosen model, baseline, finds 92; of 100 without" in text
    assert text.endswith(end_cautions(results)[-1]) and all(plain(each) in text for each in end_cautions(results))
    assert "leans strongly" not in verdict(example.results())


def test_patients_that_are_unknown_are_not_counted(tmp_path: Path) -> None:
    page, card = told(without_patients(), tmp_path), render_model_card(without_patients())
    assert "patients unknown" in page and "each image counts as a patient of its own" in page
    assert "patients unknown" in card and "each image counted as a patient of its own" in card
    for untrue in (
        "1,500 patients",
        "600 images of 300 patients",
        "interval , clustered by patient",
        "interval, clustered by patient",
    ):
        assert untrue not in page and untrue not in card, untrue
    assert "1,500 patients" in told(example.results(), tmp_path)


@pytest.mark.parametrize(
    ("with_drain", "sensitivity", "said"),
    [
        (73, None, "Of the 45 films with pneumothorax but without a chest drain it finds 87 % (95 % CI 75–99)."),
        (30, None, ""),
        (
            73,
            Estimate.missing("too few"),
            "Only 45 films with pneumothorax but without a chest drain could be tried: too few",
        ),
    ],
)
def test_where_most_positives_show_the_confounder_the_others_are_told_apart(
    tmp_path: Path, with_drain: int, sensitivity: Estimate | None, said: str
) -> None:
    results = example.results()
    present, absent = results.models[1].strata
    present.positives = with_drain
    if sensitivity is not None:
        absent.metrics["sensitivity"] = sensitivity
    for text in (plain(verdict(results)), told(results, tmp_path), plain(render_model_card(results))):
        assert said in text if said else "but without a chest drain" not in text


@pytest.mark.parametrize(
    ("risk", "said"),
    [
        (RiskPreference(), "no sensitivity was named, so the default of at least 90 % holds"),
        (RiskPreference(kind="specificity_first"), "no specificity was named, so the default of at least 95 % holds"),
        (RiskPreference(kind="sensitivity_first", target_sensitivity=0.9), ""),
        (RiskPreference(kind="harm_ratio", harm_ratio=20), ""),
    ],
)
def test_a_threshold_by_default_is_called_one(tmp_path: Path, risk: RiskPreference, said: str) -> None:
    page = told(example.results(risk=risk), tmp_path)
    assert said in page if said else "so the default of" not in page
