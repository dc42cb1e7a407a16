"""Complete runs on dermoscopy, through the command line: melanoma or nevus with rulers and ink, and seven classes."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import nbformat
import pytest

from clinjup.contracts import Results
from clinjup.imaging.synthetic import write_cohort
from tests.runs.door import Said, clinjup

TRIAGE = (
    "I want to distinguish melanoma from nevus. Please try your best not to miss a single case. Some pictures have rulers and pen "
    "marks, please make sure it doesn't look at them. Use patient age and site too if that helps."
)
SEVEN = "I want an AI model to help diagnose skin lesions. Priority should be given to melanoma. Does it also work on dark skin?"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cohort("dermoscopy", tmp_path_factory.mktemp("skin") / "data", patients=70, seed=5, workers=1)


def finished(request: str, cohort: Path, folder: Path) -> tuple[Results, Path]:
    said: Said = clinjup("run", request, "--data", cohort, "--out", folder, "--json", "--budget-minutes", "3")
    assert said.code == 0, said.err
    return Results.model_validate_json(said.out), folder


@pytest.fixture(scope="module")
def triage(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Path]:
    return finished(TRIAGE, cohort, tmp_path_factory.mktemp("runs") / "triage")


@pytest.fixture(scope="module")
def seven(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Path]:
    return finished(SEVEN, cohort, tmp_path_factory.mktemp("runs") / "seven")


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "predictions.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def notebook_of(folder: Path) -> str:
    return "\n".join(cell.source for cell in nbformat.read(folder / "notebook.ipynb", as_version=4).cells)


def test_ruler_and_ink_are_both_examined_although_only_one_is_annotated(triage):
    results, folder = triage
    for model in results.models:
        assert set(model.confounders) == {"ruler", "ink"}
        assert all(each.false_alarm_increase.value is not None for each in model.confounders.values())
    assert [model.mitigation for model in results.models] == [None, "insertion_balancing+insertion_augmentation"]
    assert "confounder_not_annotated" in {warning.code for warning in results.data.warnings}
    assert (folder / "plots" / "insertion_ink.png").is_file() and (folder / "plots" / "insertion_ruler.png").is_file()


def test_the_threshold_rests_on_out_of_fold_cases_and_says_what_they_support(triage):
    results, folder = triage
    assert results.task.risk.lower_bound
    for model in results.models:
        assert "out-of-fold" in model.operating_point.rule
        assert (
            model.architecture == "mean of 5 small_cnn_64"
            and model.checkpoint == f"checkpoints/{model.name}.ensemble.ckpt"
        )
        assert {"miss_rate_bound", "excisions_per_case", "ece_scaled", "npv"} <= set(model.test)
    assert any(re.search(r"by the rule of three|(was|were) missed\. On other patients", note) for note in results.notes)
    assert any("atient data" in note for note in results.notes)
    assert "cross_fit(" in notebook_of(folder) and (folder / "plots" / "decision_curve.png").is_file()


def test_the_networks_that_were_judged_together_are_those_that_predict(triage, cohort, tmp_path):
    _, folder = triage
    assert clinjup("verify", folder).code == 0
    said = clinjup("predict", folder, "--data", cohort, "--out", tmp_path / "out.csv")
    assert said.code == 0, said.err
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        predicted = {Path(row["image"]).stem: row for row in csv.DictReader(file)}
    for row in rows_of(folder):
        applied = predicted[Path(row["image"]).stem]
        assert list(applied) == [*(name for name in row if name not in {"patient", "split", "label"}), "problem"]
        for name in ("probability", "probability_calibrated"):
            assert float(applied[name]) == pytest.approx(float(row[name]), abs=1e-5)
        assert applied["decision"] == row["decision"] and applied.get("wording") == row.get("wording")
    told = " ".join(said.err.split())
    assert "was chosen on the column probability and decides there" in told
    assert "seen only melanoma and nevus. An image of another kind of lesion, such as seborrhoeic keratosis," in told


def test_triage_predictions_say_refer_or_reassure_where_the_model_beats_chance(triage):
    results, folder = triage
    rows = rows_of(folder)
    model = next(model for model in results.models if model.name == results.selected)
    beats = model.test["auroc"].ci95 is not None and model.test["auroc"].ci95[0] > 0.5
    worded = {"0": "reassure", "1": "refer"} if beats else {"0": None, "1": None}
    assert all(row.get("wording") == worded[row["decision"]] for row in rows)
    assert any("neither refer nor reassure" in note for note in results.notes) is not beats
    assert all(0 <= float(row["probability_calibrated"]) <= 1 for row in rows)


def test_subgroups_are_shown_and_small_ones_suppressed(triage):
    results, folder = triage
    groups = {stratum.attribute for stratum in results.models[0].strata}
    assert {"sex", "age", "reference"} <= groups
    reasons = [metric.reason or "" for stratum in results.models[0].strata for metric in stratum.metrics.values()]
    assert any("suppressed: only" in reason for reason in reasons)
    assert "suppressed: only" in (folder / "report.html").read_text(encoding="utf-8")


def test_seven_classes_are_judged_class_by_class(seven):
    results, folder = seven
    names = set(results.data.classes) - {"negative", "positive"}
    assert "melanoma" in names and "nevus" in names
    chosen = next(model for model in results.models if model.name == results.selected)
    assert {"sensitivity_melanoma", "auroc_nevus", "balanced_accuracy", "macro_auroc"} <= set(chosen.test)
    assert sum(map(sum, chosen.confusion.counts)) == results.split["test"].images
    assert {model.mitigation for model in results.models} == {None, "logit_adjustment", "class_balanced_sampling"}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "named melanoma" in page and "not a medical device" in page
    assert "melanoma" in results.sentence


def test_seven_class_predictions_hold_every_class_and_the_melanoma_flag(seven):
    results, folder = seven
    rows = rows_of(folder)
    probabilities = [name for name in rows[0] if name.startswith("probability_")]
    assert {"decision", "flag_melanoma", "label"} <= set(rows[0]) and "wording" not in rows[0]
    for row in rows:
        assert sum(float(row[name]) for name in probabilities) == pytest.approx(1, abs=1e-4)
        assert row["decision"] == max(probabilities, key=lambda name: float(row[name])).removeprefix("probability_")
    model = next(model for model in results.models if model.name == results.selected)
    threshold = model.operating_point.threshold
    assert all((float(row["probability_melanoma"]) >= threshold) == (row["flag_melanoma"] == "1") for row in rows)


def test_the_question_about_dark_skin_gets_an_answer_of_what_would_answer_it(seven):
    said = {warning.code: warning.sentence for warning in seven[0].data.warnings}["skin_tone_unknown"]
    assert "cannot be answered" in said and "Fitzpatrick" in said
    assert "Fitzpatrick" in notebook_of(seven[1])


def test_a_trained_model_of_several_classes_predicts_a_plain_folder(seven, cohort, tmp_path):
    said = clinjup("predict", seven[1], "--data", cohort / "HAM10000_images_part1", "--out", tmp_path / "out.csv")
    assert said.code == 0, said.err
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    assert header[0] == "image" and "probability_melanoma" in header
    assert header[-3:] == ["decision", "flag_melanoma", "problem"]
