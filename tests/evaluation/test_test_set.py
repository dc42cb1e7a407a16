"""The one opening of the test set: counted, frozen, told in words a clinician understands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from clinjup.evaluation import TestSet, decision_curve, gradcam_montage, open_test_set, validate
from clinjup.evaluation.bootstrap import Bootstrap
from clinjup.evaluation.opening import RECORD
from clinjup.evaluation.triage import triage_metrics
from clinjup.imaging import Cohort, ImageCache
from clinjup.kernel.errors import ClinjupError, TestAlreadyOpenedError
from clinjup.kernel.figures import new_figure
from clinjup.learning.scaling import Scaling
from tests.evaluation.conftest import Published, captured_findings
from tests.evaluation.phantoms import DRAIN, drain_reader


@dataclass(frozen=True)
class Notebook:
    """A run whose test set was opened with every check and whose figures were drawn."""

    folder: Path
    test: TestSet
    published: Published


@pytest.fixture(scope="module")
def notebook(models, validations, phantoms, selection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch, captured_findings() as published:
        patch.chdir(folder)
        test = open_test_set(models, validations, *phantoms, selection=selection, confounders=[DRAIN])
        draw_all(test, *phantoms)
        yield Notebook(folder, test, published)


@pytest.fixture
def opened(models, validations, cohort, images, selection, run_folder: Path, published: Published) -> TestSet:
    return open_test_set(models, validations, cohort, images, selection=selection)


def draw_all(test: TestSet, cohort: Cohort, images: ImageCache) -> None:
    test.plot_roc()
    test.plot_calibration()
    test.plot_operating_point()
    test.plot_insertion(DRAIN)
    test.plot_strata(DRAIN)
    gradcam_montage(test, cohort, images, confounder=DRAIN, per_row=2)


def test_one_opening_evaluates_all_models_together(notebook: Notebook) -> None:
    (opening,) = notebook.published("test_opening")
    assert opening["models"] == ["baseline", "balanced"]
    assert (opening["images"], opening["patients"]) == (64, 32)
    evaluations = notebook.published("evaluation")
    assert [finding["name"] for finding in evaluations] == ["baseline", "balanced"]
    for finding in evaluations:
        assert finding["operating_point"]["threshold"] == notebook.test.threshold(finding["name"])
        assert [row["value"] for row in finding["strata"]] == ["with chest drain", "without chest drain"]
        assert finding["confounders"][DRAIN]["cam_energy_in_mask"]["reason"] != "not measured"
    assert notebook.test.selected == "balanced"


def test_the_verdict_is_a_sentence_a_clinician_understands(notebook: Notebook) -> None:
    sentence = notebook.published("evaluation")[0]["sentence_shown"]
    assert sentence.startswith("baseline on the test set: Inserting a chest drain raised false alarms from ")
    assert "\u00a0% (n = 26 images without pneumothorax and without chest drain, placebo: +" in sentence
    assert "\u00a0points). AUROC " in sentence
    assert "at the threshold frozen on validation it finds" in sentence


def test_predictions_of_the_selected_model_on_validation_and_test(notebook: Notebook, cohort: Cohort) -> None:
    (finding,) = notebook.published("predictions")
    table = pd.read_csv(notebook.folder / finding["path"], dtype={"image": str, "patient": str})
    assert list(table.columns) == ["image", "patient", "split", "label", "probability", "decision"]
    assert len(table) == finding["rows"] == (cohort.table["split"] != "train").sum()
    assert set(table["split"]) == {"validation", "test"}
    test = table[table["split"] == "test"]
    called = notebook.test.probabilities["balanced"] >= notebook.test.threshold("balanced")
    assert (test["decision"] == called).all()
    assert test["image"].tolist() == cohort.part("test")["image"].tolist()
    shown = test["probability"].to_numpy()
    assert (
        shown == notebook.test.probabilities["balanced"].astype(float)
    ).all()  # all digits, so that decisions follow from them


def test_the_same_models_again_return_what_was_stored_and_count_no_second_opening(
    opened: TestSet, models, validations, cohort, images, selection, published: Published
) -> None:
    written = RECORD.read_text("utf-8")
    again = open_test_set(models, validations, cohort, images, selection=selection)
    assert again.findings == opened.findings
    assert RECORD.read_text("utf-8") == written
    first, second = published("test_opening")
    assert first == second, "one opening, told again for a run that was killed before it heard of it"
    assert len(published("evaluation")) == 4, "the findings are told again, for a notebook that runs again"


def test_the_opening_counts_patients_as_the_split_does_and_by_their_name(
    models, validations, cohort, images, selection, run_folder: Path, published: Published
) -> None:
    joined = cohort.table["group"].mask(cohort.table["split"] == "test", "near-duplicates of one another")
    lesions = replace(cohort, table=cohort.table.assign(group=joined), grouped_by="lesion")
    test = open_test_set(models, validations, lesions, images, selection=selection)
    (opening,) = published("test_opening")
    assert opening["patients"] == 32 and "64 images of 32 lesions" in opening["sentence_shown"]
    test.plot_calibration()
    assert "clustered by lesion" in published("figure")[0]["caption"]


def test_a_triage_on_films_speaks_of_images_not_of_lesions(
    models, validations, cohort, images, selection, run_folder: Path, published: Published
) -> None:
    open_test_set(models, validations, cohort, images, selection=selection, triage=True)
    (price,) = [note["sentence"] for note in published("note") if "For each" in note["sentence"]]
    assert "For each pneumothorax found, " in price and " images are called positive" in price


@pytest.mark.parametrize(("offset", "worse"), [(5.0, True), (0.0, False)])
def test_a_calibration_that_does_worse_than_none_says_so_beside_its_figure(
    validations, offset: float, worse: bool
) -> None:
    scaled = replace(validations["baseline"], scaling=Scaling(1.0, offset))
    part = scaled.part
    bootstrap = Bootstrap(part.clusters, part.labels, resamples=50, seed=0)
    found = triage_metrics(part, scaled.probabilities, scaled, None, bootstrap)
    assert ("on the test set worse than before scaling" in found["ece_scaled"].note) is worse
    assert "worse" not in found["brier_scaled"].note


@pytest.mark.parametrize("wording", [True, False])
def test_what_each_case_costs_may_be_told_without_the_wording_of_a_triage(
    models, validations, cohort, images, selection, run_folder: Path, published: Published, wording: bool
) -> None:
    test = open_test_set(
        models, validations, cohort, images, selection=selection, triage=True, wording=wording, prevalence=0.1
    )
    assert test.findings[test.selected].metrics["excisions_per_case"].value is not None
    table = pd.read_csv(published("predictions")[0]["path"])
    assert "probability_calibrated" in table and ("wording" in table) is wording
    scaling = validations[test.selected].scaling
    for finding in published("evaluation"):
        assert finding["wording"] is wording
        assert finding["calibration"].keys() == {"temperature", "offset"}
    told = {finding["name"]: finding["calibration"] for finding in published("evaluation")}
    assert Scaling(**told[test.selected]) == scaling


@pytest.mark.parametrize(("ratio", "widest"), [(100, 200), (10, 50), (None, 50)])
def test_the_decision_curve_reaches_beyond_the_clinicians_own_ratio(
    opened: TestSet, published: Published, monkeypatch: pytest.MonkeyPatch, ratio: int | None, widest: int
) -> None:
    drawn = []
    monkeypatch.setattr(decision_curve, "new_figure", lambda **size: drawn.append(new_figure(**size)) or drawn[-1])
    opened.plot_decision_curve(ratio)
    ((_, axes),) = drawn
    assert axes.get_xlim() == (1, widest) and max(axes.lines[0].get_xdata()) == pytest.approx(widest)
    assert f"At a ratio of {ratio or 10} to 1 " in published("figure")[-1]["alt"]
    assert axes.get_xticks()[-1] == widest


def test_an_evaluation_that_crashed_may_be_repeated_with_the_same_models(
    models,
    validations,
    cohort,
    images,
    selection,
    run_folder: Path,
    published: Published,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def open_it() -> TestSet:
        return open_test_set(models, validations, cohort, images, selection=selection)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "inference_mode", None)
        with pytest.raises(TypeError):
            open_it()
    assert set(open_it().findings) == {"baseline", "balanced"}
    first, second = published("test_opening")
    assert first == second and first["opened_at"] == json.loads(RECORD.read_text("utf-8"))["opened_at"]


def test_a_model_trained_after_the_opening_is_turned_away(
    opened: TestSet, models, validations, cohort, images, selection, run_folder: Path
) -> None:
    again = drain_reader(run_folder)
    Path(again.checkpoint).write_bytes(b"other weights")
    now = validations | {"baseline": validate(again, cohort, images)}
    with pytest.raises(TestAlreadyOpenedError, match="already opened for baseline, balanced"):
        open_test_set([again, models[1]], now, cohort, images, selection=selection)


def test_a_threshold_moved_after_the_opening_is_turned_away(
    opened: TestSet, models, validations, cohort, images, selection
) -> None:
    moved = {model.name: validate(model, cohort, images, target_sensitivity=0.5) for model in models}
    with pytest.raises(TestAlreadyOpenedError):
        open_test_set(models, moved, cohort, images, selection=selection)


def test_another_choice_or_other_test_images_are_turned_away(
    opened: TestSet, models, validations, cohort, images, selection
) -> None:
    with pytest.raises(TestAlreadyOpenedError):
        chosen = selection.model_copy(update={"selected": "baseline"})
        open_test_set(models, validations, cohort, images, selection=chosen)
    with pytest.raises(TestAlreadyOpenedError):
        fewer = replace(cohort, table=cohort.table.drop(index=cohort.part("test").index[0]))
        open_test_set(models, validations, fewer, images, selection=selection)


def test_a_damaged_record_does_not_open_the_test_set_again(
    opened: TestSet, models, validations, cohort, images, selection
) -> None:
    RECORD.write_text(RECORD.read_text("utf-8")[:-20], "utf-8")
    with pytest.raises(ClinjupError, match="cannot be read"):
        open_test_set(models, validations, cohort, images, selection=selection)


def test_the_record_names_checkpoints_by_their_hash(opened: TestSet, validations) -> None:
    record = json.loads(RECORD.read_text("utf-8"))
    assert record["models"]["baseline"]["checkpoint_sha256"] == validations["baseline"].checkpoint_sha256
    assert len(record["models"]["baseline"]["checkpoint_sha256"]) == 64


def test_a_model_must_be_validated_as_it_is_now(models, validations, cohort, images, run_folder: Path) -> None:
    with pytest.raises(ClinjupError, match="was not validated"):
        open_test_set([*models, drain_reader(run_folder, "newcomer")], validations, cohort, images)
    again = drain_reader(run_folder)
    Path(again.checkpoint).write_bytes(b"other weights")
    with pytest.raises(ClinjupError, match="trained again after it was validated"):
        open_test_set([again, models[1]], validations, cohort, images)
    assert not RECORD.exists()


def test_a_test_part_without_positives_is_reported_not_raised(
    models, validations, cohort, images, selection, run_folder: Path, published: Published
) -> None:
    table = cohort.table[(cohort.table["split"] != "test") | (cohort.table["label"] == 0)]
    test = open_test_set(
        models, validations, replace(cohort, table=table), images, selection=selection, confounders=[DRAIN]
    )
    metrics = test.findings["baseline"].metrics
    assert all("no positive images" in estimate.reason for estimate in metrics.values())
    assert test.findings["baseline"].confounders[DRAIN].false_alarm_increase.value is not None
    draw_all(test, replace(cohort, table=table), images)
    assert "holds no image with pneumothorax" in published("note")[0]["sentence"]


def test_every_figure_has_a_picture_a_caption_and_a_description(notebook: Notebook) -> None:
    figures = {figure["name"]: figure for figure in notebook.published("figure")}
    assert set(figures) == {
        "roc",
        "calibration",
        "operating_point_balanced",
        f"insertion_{DRAIN}",
        f"strata_{DRAIN}",
        "gradcam_balanced",
        f"gradcam_insertion_{DRAIN}",
    }
    for name, figure in figures.items():
        assert (notebook.folder / figure["path"]).stat().st_size > 5000, name
        assert len(figure["caption"]) > 100 and len(figure["alt"]) > 30, name
    threshold = notebook.test.threshold("balanced")
    assert f"balanced {threshold:.2f}" in figures[f"gradcam_insertion_{DRAIN}"]["caption"]
    assert "Saliency is weak evidence" in figures["gradcam_balanced"]["caption"]
    assert "AUROC" in figures["roc"]["alt"] and "n = 64 images (24 with pneumothorax)" in figures["roc"]["caption"]
    assert "on all negatives" not in figures[f"insertion_{DRAIN}"]["caption"]
    assert "pneumothorax with chest drain" in figures["gradcam_balanced"]["alt"]


def test_a_confounder_without_annotation_is_still_judged_by_insertion(
    models, validations, cohort, images, selection, published: Published, run_folder: Path
) -> None:
    cohort = replace(cohort, table=cohort.table.drop(columns=DRAIN))
    test = open_test_set(models, validations, cohort, images, selection=selection, confounders=[DRAIN])
    draw_all(test, cohort, images)
    figures = {figure["name"]: figure for figure in published("figure")}
    assert len(figures) == 7
    assert "on all negatives" in figures[f"insertion_{DRAIN}"]["caption"]
    assert "without pneumothorax, chest drain not annotated" in published("evaluation")[0]["sentence_shown"]
    forest = figures[f"strata_{DRAIN}"]
    assert (
        "Not drawn, because the chest drain is not annotated in these images: among images with chest drain, among"
        in forest["caption"]
    )
    assert "In the last line" not in forest["caption"] and "–" not in forest["alt"]
    assert figures["gradcam_balanced"]["alt"].startswith("2 rows of images")
    assert (
        test.findings["baseline"].confounders[DRAIN].worst_group_auroc.reason
        == "the chest drain is not annotated in these images"
    )
    assert test.findings["baseline"].strata == []


def test_a_confounder_that_cannot_be_drawn_is_said_in_place_of_the_figure(
    models, validations, cohort, images, selection, run_folder: Path, published: Published
) -> None:
    test = open_test_set(models, validations, cohort, images, selection=selection, confounders=["surgical_clips"])
    test.plot_insertion("surgical_clips")
    gradcam_montage(test, cohort, images, confounder="surgical_clips", per_row=2)
    assert "no way to draw surgical clips" in published("note")[0]["sentence"]
    assert [figure["name"] for figure in published("figure")] == ["gradcam_balanced"]


def test_the_montage_shows_only_models_that_the_test_set_was_opened_for(
    opened: TestSet, cohort: Cohort, images: ImageCache, run_folder: Path
) -> None:
    with pytest.raises(ClinjupError, match="not among those"):
        gradcam_montage(opened, cohort, images, model=drain_reader(run_folder, "newcomer"))
