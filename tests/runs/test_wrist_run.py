"""Complete runs that mark fractures, through the command line: all boxes, few boxes, and data that cannot carry marks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from clinjup.agent import plan_detection
from clinjup.contracts import Results, RunRequest
from clinjup.imaging.synthetic import write_cohort
from tests.runs.door import Said, clinjup, run_in_process

REQUEST = (
    "Mark suspicious fractures on wrist X-rays. At most one false mark per two images, otherwise nobody will use it."
)
GERMAN = "Bitte markiere mir Frakturen am kindlichen Handgelenk, aber Gips und Metall sollen nicht als Fraktur gelten."
FEW = "Only some of our images have boxes; for the rest we just know fracture yes or no."


@pytest.fixture(scope="module")
def wrists(tmp_path_factory) -> Path:
    return write_cohort("wrist", tmp_path_factory.mktemp("wrists") / "data", patients=40, seed=11, workers=1)


@pytest.fixture(scope="module")
def finished(wrists: Path, tmp_path_factory) -> tuple[Said, Path]:
    folder = tmp_path_factory.mktemp("runs") / "run"
    return clinjup("run", REQUEST, "--data", wrists, "--out", folder, "--budget-minutes", "1", "--json"), folder


@pytest.fixture(scope="module")
def results(finished) -> Results:
    assert finished[0].code == 0, finished[0].err
    return Results.model_validate_json(finished[0].out)


def test_it_completes_with_marks_in_coco_form_and_the_clinicians_limit(finished, results):
    folder = finished[1]
    left = {path.name for path in folder.iterdir()}
    assert {"notebook.ipynb", "report.html", "results.json", "predictions.json", "model_card.md"} <= left
    assert "predictions.csv" not in left
    (model,) = results.models
    assert results.selected == model.name == "baseline" and results.test_openings == 1
    assert "0.5 false marks per image" in model.operating_point.rule and "default" not in model.operating_point.rule
    for name in (
        "ap50",
        "ap50_95",
        "box_sensitivity",
        "false_marks_per_image",
        "auroc",
        "latency_ms",
        "latency_ms_p95",
    ):
        assert model.test[name].value is not None, name
    content = json.loads((folder / "predictions.json").read_text(encoding="utf-8"))
    assert content["info"]["threshold"] == model.operating_point.threshold
    assert {"file_name", "width", "height", "id", "split", "patient", "label"} <= content["images"][0].keys()


def test_casts_and_metal_are_checked_though_nobody_named_them(results):
    (model,) = results.models
    assert set(model.confounders) == {"cast", "metal"}
    assert {stratum.attribute for stratum in model.strata} >= {"cast", "metal", "view", "follow_up", "age"}


def test_the_report_assists_and_rules_nothing_out(finished, results):
    text = (finished[1] / "report.html").read_text(encoding="utf-8")
    assert (
        "Synthetic data." in text and "suspicious areas" in text and "without a mark is not free of fractures" in text
    )
    assert "ruled out" not in text.replace("not ruled out", "")
    assert results.sentence.count("suspicious areas") == 1
    card = (finished[1] / "model_card.md").read_text(encoding="utf-8")
    assert "object-detection" in card


def test_the_run_can_be_verified_and_its_detector_used_on_a_folder(finished, wrists, tmp_path):
    assert clinjup("verify", finished[1]).code == 0
    films = tmp_path / "films"
    films.mkdir()
    for path in sorted((wrists / "images_part1").iterdir())[:3]:
        shutil.copy(path, films)
    said = clinjup("predict", finished[1], "--data", films, "--out", tmp_path / "marks.json", "--json")
    assert said.code == 0, said.err
    content = json.loads((tmp_path / "marks.json").read_text(encoding="utf-8"))
    assert len(content["images"]) == 3 and all(len(mark["bbox"]) == 4 for mark in content["annotations"])


@pytest.fixture
def short_ladder(monkeypatch):
    """A few batches a step: what is looked at is the way, not how well it marks."""
    monkeypatch.setattr(plan_detection, "LADDER_STEPS", dict.fromkeys(plan_detection.LADDER_STEPS, 12))
    monkeypatch.setattr(plan_detection, "GATE_EPOCHS", 1)


def test_few_boxes_are_climbed_step_by_step_as_experiments(tmp_path, short_ladder):
    data = write_cohort("wrist", tmp_path / "data", patients=40, seed=11, annotated=0.4, workers=1)
    request = RunRequest(intent=f"{REQUEST} {FEW}", data=str(data), out=str(tmp_path / "run"))
    found, questions, _ = run_in_process(request)
    assert found.status == "completed" and not questions, found.sentence
    names = [item.name for item in found.experiments]
    assert names[:3] == ["baseline", "with_negatives", "pseudo_boxes"]
    assert all(item.hypothesis and item.change for item in found.experiments)
    assert any("pseudo-boxes on" in note for note in found.notes)
    assert any(warning.code == "images_not_boxed" for warning in found.data.warnings)
    assert "image_classifier" in {model.name for model in found.models}


def test_what_the_request_names_is_trained_against_and_told_before_and_after(wrists, tmp_path, monkeypatch):
    """Few batches: what is looked at is the way from the German sentence to the report, not how well it marks."""
    monkeypatch.setattr(plan_detection, "STEPS", 20)
    request = RunRequest(intent=GERMAN, data=str(wrists), out=str(tmp_path / "run"))
    found, questions, _ = run_in_process(request)
    assert found.status == "completed" and not questions, found.sentence
    before, after = found.models
    assert (before.mitigation, after.mitigation) == (None, "insertion_augmentation")
    assert set(after.confounders) == set(after.validation_confounders) == {"cast", "metal"}
    baseline, against = found.experiments
    assert baseline.outcome == "baseline" and against.outcome in ("kept", "discarded")
    assert "casts and metal" in against.hypothesis and "boxes unchanged" in against.change
    assert "inserting a cast or metal changes the share of films with a mark" in against.reason
    assert found.selected == ("insertion_augmentation" if against.outcome == "kept" else "baseline")
    assert found.test_openings == 1
    for thing in ("Inserting a cast", "Inserting metal"):
        (sentence,) = (part for part in found.sentence.split(". ") if part.startswith(thing))
        assert "; after training with inserted objects, " in sentence
    report = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Training with inserted objects" in report and against.hypothesis in report
    card = (tmp_path / "run" / "model_card.md").read_text(encoding="utf-8")
    assert "after training with inserted objects" in card


def test_a_detector_that_the_time_did_not_allow_to_check_is_not_judged(tmp_path, short_ladder, monkeypatch):
    """The budget may end between a training and its check; the best that was checked is evaluated all the same."""
    data = write_cohort("wrist", tmp_path / "data", patients=40, seed=11, annotated=0.4, workers=1)
    request = RunRequest(intent=f"{REQUEST} {FEW}", data=str(data), out=str(tmp_path / "run"))

    def spend_the_time(manager, run_id, event):
        if event.type == "cell.finished" and event.data["step_id"] == "train_with_negatives":
            manager._runs[run_id].state.deadline = 0.0

    found, _, _ = run_in_process(request, on_event=spend_the_time)
    assert found.status == "completed", found.sentence
    assert found.selected == "baseline" and [item.name for item in found.experiments] == ["baseline"]
    assert found.test_openings == 1


def test_marks_without_any_boxes_are_refused_before_the_first_cell(tmp_path, wrists):
    data = Path(shutil.copytree(wrists, tmp_path / "data"))
    shutil.rmtree(data / "folder_structure")
    said = clinjup("run", REQUEST, "--data", data, "--out", tmp_path / "run")
    assert said.code == 2 and "no file says where a fracture is" in said.err
    assert not (tmp_path / "run").exists()


def test_abnormal_is_not_fracture_so_a_question_comes_first(wrists, tmp_path):
    request = "Images only labelled abnormal/normal. Build me a fracture detector."
    said = clinjup("run", request, "--data", wrists, "--out", tmp_path / "run", "--json")
    assert said.code == 3 and [question["id"] for question in said.json["questions"]] == ["abnormal_labels"]
