"""Patient data beside the image, probes of what shows no disease, and Table 1."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from clinjup.contracts import SelectionFinding
from clinjup.evaluation import metadata_ablation, probe_pictures, validate
from clinjup.evaluation.bootstrap import Bootstrap
from clinjup.evaluation.cohort_parts import part_of
from clinjup.evaluation.metadata import SUFFIX
from clinjup.evaluation.subgroups import MOST_VALUES, _groups, subgroup_table
from clinjup.evaluation.table_one import table_one, table_one_frame
from clinjup.learning import load_model, train
from clinjup.learning.fusion import Fusion, fit_fusion
from clinjup.learning.predict_folder import predict_folder
from clinjup.phrases import percent
from tests.imaging.folders import film, read, write_image, write_table
from tests.learning.blobs import blob_cohort


def patients(cohort, *, telling: bool):
    """The cohort with an age and a sex; the age goes with the label where it is `telling`."""
    random = np.random.default_rng(3)
    label = cohort.table["label"].to_numpy()
    age = random.normal(50, 10, len(label)) + (25 * (label == 1) if telling else 0)
    age[::9] = np.nan
    table = cohort.table.assign(age=age, sex=random.choice(["male", "female", "unknown"], len(label)))
    table["split"] = np.where(np.arange(len(label)) % 3 == 0, "train", "validation")
    return replace(cohort, table=table, covariates=["age", "sex"])


@pytest.fixture
def trained(run_folder, request):
    cohort, images = blob_cohort(80)
    cohort = patients(cohort, telling=request.param)
    model = train(cohort, images, name="baseline", epochs=1, batch_size=16, quiet=True)
    selection = SelectionFinding(selected="baseline", rule="", sentence="baseline goes on.", experiments=[])
    return cohort, images, {"baseline": validate(model, cohort, images)}, selection


@pytest.mark.parametrize("trained", [True], indirect=True)
def test_patient_data_that_help_are_kept_and_used_from_then_on(trained, published):
    cohort, images, validations, selection = trained
    found = metadata_ablation(selection, validations, cohort, images, covariates=["age", "sex"], prevalence=0.02)
    name = "baseline" + SUFFIX
    assert found.selection.selected == name and found.selection.experiments[-1].outcome == "kept"
    assert found.estimates["difference"].ci95[0] > 0
    part = found.validations[name].part
    loaded = load_model(found.models[name].checkpoint)
    pixels = images.pixels_of(part.table.index)
    with_data, without = loaded.predict(pixels, part.table), loaded.predict(pixels)
    assert not np.allclose(with_data, without)
    old = part.table.assign(age=90.0)
    assert (loaded.predict(pixels, old) > loaded.predict(pixels, part.table.assign(age=20.0))).all()
    assert [item["name"] for item in published("validation")][-1] == name
    point, metrics = found.validations[name].operating_point, found.validations[name].metrics
    true, false = point.sensitivity.value * 0.02, (1 - point.specificity.value) * 0.98
    assert metrics["ppv"].value == pytest.approx(true / (true + false))


@pytest.mark.parametrize("trained", [False], indirect=True)
def test_patient_data_that_do_not_help_are_left_out(trained, published):
    cohort, images, validations, selection = trained
    found = metadata_ablation(selection, validations, cohort, images, covariates=["age", "sex"])
    assert found.selection.selected == "baseline" and not found.models
    assert found.selection.experiments[-1].outcome == "discarded"
    assert "images alone decide" in published("note")[-1]["sentence"]


def test_without_covariates_fusion_keeps_the_ranking_and_missing_data_count_as_average():
    random = np.random.default_rng(0)
    p = random.random(200)
    labels = (random.random(200) < p).astype(int)
    table = pd.DataFrame({"age": random.normal(50, 10, 200)})
    plain = fit_fusion(p, labels, table, [])
    assert (np.argsort(plain.apply(p, None)) == np.argsort(p)).mean() > 0.97
    with_age = fit_fusion(p, labels, table, ["age"])
    average = pd.DataFrame({"age": np.full(200, with_age.numbers["age"][0])})
    assert with_age.apply(p, None) == pytest.approx(with_age.apply(p, average), abs=1e-6)
    assert with_age.apply(p, pd.DataFrame({"age": [np.nan] * 200})) == pytest.approx(with_age.apply(p, None))


def test_fusion_of_several_classes_gives_probabilities_that_add_up():
    fusion = Fusion(
        {"age": [50.0, 10.0]}, {"sex": ["male"]}, [[1, 0, 0, 0.1, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0.5]], [0.0] * 3
    )
    found = fusion.apply(np.array([[0.2, 0.3, 0.5], [0.8, 0.1, 0.1]]), None)
    assert found.sum(axis=1) == pytest.approx([1, 1]) and found.argmax(axis=1).tolist() == [2, 0]


def test_a_site_that_nobody_wrote_down_counts_as_average():
    random = np.random.default_rng(0)
    p, site = random.random(300), random.choice(["back", "face", "hand"], 300, p=[0.7, 0.2, 0.1])
    labels = (random.random(300) < np.where(site == "face", 0.9, p / 2)).astype(int)
    fusion = fit_fusion(p, labels, pd.DataFrame({"site": site}), ["site"])
    known = fusion.describe(pd.DataFrame({"site": site}), 300)
    assert known.mean(axis=0) == pytest.approx([0, 0, 0], abs=1e-9)
    assert not fusion.describe(pd.DataFrame({"site": ["unknown", None, "knee"]}), 3).any()
    assert not fusion.describe(None, 3).any()


def test_fusion_gives_two_of_three_classes_opposite_odds():
    random = np.random.default_rng(0)
    p = random.dirichlet([1, 1, 1], 200)
    codes = np.where(p[:, 2] > p[:, 0], 2, 0)
    found = fit_fusion(p, codes, pd.DataFrame({"age": np.full(200, 50.0)}), []).apply(p, None)
    assert found[:, 1].max() < 1e-4
    assert ((found[:, 2] > found[:, 0]) == (codes == 2)).mean() > 0.95


@pytest.mark.parametrize("trained", [True], indirect=True)
def test_predictions_without_the_patient_data_of_their_model_are_said_to_lack_them(trained, tmp_path):
    cohort, images, validations, selection = trained
    found = metadata_ablation(selection, validations, cohort, images, covariates=["age", "sex"])
    (tmp_path / "films").mkdir()
    Image.fromarray(images.pixels[0]).save(tmp_path / "films" / "0.png")
    for name, lacking in ((found.selection.selected, True), ("baseline", False)):
        checkpoint = {**{"baseline": validations["baseline"].model}, **found.models}[name].checkpoint
        said = predict_folder(Path(checkpoint), tmp_path / "films", tmp_path / f"{name}.csv")
        assert said["lacks_patient_data"] is lacking


def test_of_many_sites_the_commonest_have_a_group_and_the_others_share_one():
    sites = np.repeat([f"site_{number}" for number in range(15)], np.arange(30, 15, -1))
    table = pd.DataFrame({"body_site": sites, "skin_type": np.resize([1.0, 2.0], len(sites))})
    part = SimpleNamespace(table=table, skin_types=())
    groups = {name: int(members.sum()) for name, members in _groups(part, "body_site")}
    assert len(groups) == MOST_VALUES and groups["site 0"] == 30 and sum(groups.values()) == len(sites)
    assert groups["all others"] == 19 + 18 + 17 + 16
    assert [name for name, _ in _groups(part, "skin_type")] == ["1", "2"]


def test_a_file_that_differs_says_nothing_where_the_table_is_sorted_by_label(run_folder, published):
    cohort, images = blob_cohort(80)
    cohort = replace(cohort, table=cohort.table.sort_values("label", kind="stable"))
    modes = np.where(np.arange(80) == 3, "L", "RGB")
    images.files = images.files.assign(width=32, height=32, bits=8, mode=modes, source="")
    shown = probe_pictures(cohort, images)
    assert shown.loc["size and kind of file", "AUROC (95 % CI)"].startswith("0.5")


def test_too_few_patients_for_a_probe_are_told_as_such(run_folder, published):
    cohort, images = blob_cohort(6)
    images.files = images.files.assign(width=[32, 31, 32, 30, 32, 29], height=32, bits=8, mode="L", source="")
    probe_pictures(cohort, images)
    said = published("note")[-1]["sentence"]
    assert "was not examined: too few patients of one class" in said and "–" not in said


def test_a_bright_edge_that_goes_with_the_label_is_found_by_the_border_probe(run_folder, published):
    cohort, images = blob_cohort(80)
    images.files = images.files.assign(width=32, height=32, bits=8, mode="L", source="")
    shown = probe_pictures(cohort, images)
    said = published("note")[-1]["sentence"]
    assert said.startswith("More than chance") and "border only" in said
    assert shown.loc["size and kind of file", "AUROC (95 % CI)"].startswith("0.50")


@pytest.mark.parametrize("place", ["corners", "middles of the sides"])
def test_dark_corners_that_go_with_the_label_are_found_by_the_corner_probe_and_sides_are_not(
    run_folder, published, place
):
    cohort, images = blob_cohort(80)
    images.files = images.files.assign(width=32, height=32, bits=8, mode="L", source="")
    images.pixels = np.random.default_rng(0).integers(90, 160, (len(images.pixels), 32, 32), dtype=np.uint8)
    ends, middle = [slice(0, 5), slice(27, 32)], slice(8, 24)
    dark = [(a, b) for a in ends for b in ends] if place == "corners" else [(a, middle) for a in ends]
    for index in cohort.table.index[cohort.table["label"] == 1]:
        for rows, columns in dark:
            images.pixels[index, rows, columns] -= 60
    shown = probe_pictures(cohort, images)["AUROC (95 % CI)"]
    auroc = {name: float(text.split()[0]) for name, text in shown.items()}
    assert auroc["border only"] > 0.95
    assert auroc["corners only"] > 0.95 if place == "corners" else auroc["corners only"] < 0.7
    telling = re.search(r"\((.*?)\)", published("note")[-1]["sentence"])[1]
    assert ("corners only" in telling) == (place == "corners")


def test_a_file_size_that_goes_with_the_label_is_found(run_folder, published):
    cohort, images = blob_cohort(80)
    wide = np.where(cohort.table["label"] == 1, 600, 1024)
    images.files = images.files.assign(width=wide, height=450, bits=8, mode="RGB", source="")
    shown = probe_pictures(cohort, images)
    assert float(shown.loc["size and kind of file", "AUROC (95 % CI)"][:4]) > 0.95


def test_table_one_counts_what_is_known_and_what_is_not():
    cohort, _ = blob_cohort(80)
    cohort = patients(cohort, telling=True)
    frame = table_one_frame(cohort).set_index(["group", "row"])
    assert frame.loc[("Number", "images"), "all"] == "80"
    known = cohort.table["sex"] != "unknown"
    males = int((cohort.table["sex"] == "male").sum())
    assert frame.loc[("Sex", "male"), "all"] == f"{males} ({percent(males / known.sum())})"
    assert frame.loc[("Sex", "unknown"), "all"] == str(int((~known).sum()))
    assert float(frame.loc[("Age, years", "mean (SD)"), "with blob"][:4]) > float(
        frame.loc[("Age, years", "mean (SD)"), "without blob"][:4]
    )
    assert "Synthetic data" in table_one(cohort).as_raw_html()


def test_table_one_shows_no_numbers_of_examinations():
    cohort, _ = blob_cohort(80)
    cohort = replace(cohort, covariates=["visit"], table=cohort.table.assign(visit="ACC-4711"))
    assert "ACC-4711" not in table_one_frame(cohort).to_csv()


def test_each_skin_type_has_its_row_however_few_images_it_has():
    cohort, _ = blob_cohort(80)
    types = np.array(["1"] * 30 + ["10"] * 20 + ["6"] * 7 + [None] * 3 + ["5"] * 20, dtype=object)
    split = np.where(np.arange(80) < 60, "test", "train")
    table = cohort.table.assign(skin_type=types, split=split, label=np.arange(80) % 2)
    part = part_of(replace(cohort, table=table, covariates=["skin_type"]), "test")
    rows = subgroup_table(part, np.linspace(0, 1, 60), 0.5, ["skin_type"], Bootstrap(part.clusters, part.labels))
    assert [row.value for row in rows] == [f"skin type: {name}" for name in ("1", "5", "6", "10", "unknown")]
    assert [row.images for row in rows] == [30, 0, 7, 20, 3]
    for row in rows[1:3]:
        assert all("suppressed" in figure.reason for figure in row.metrics.values())
    assert rows[0].metrics["auroc"].value is not None


def test_a_blank_and_a_word_for_it_are_one_group():
    part = SimpleNamespace(table=pd.DataFrame({"sex": ["unknown", None, "k. A.", "male"]}))
    assert [(name, int(members.sum())) for name, members in _groups(part, "sex")] == [("unknown", 3), ("male", 1)]


def test_table_one_counts_skin_types_in_their_order_and_takes_no_mean_of_them(tmp_path):
    rows = [["image", "dx", "age", "fitzpatrick"]]
    for number in range(24):
        write_image(tmp_path / f"{number}.png", film(number))
        age = "unknown" if number % 6 == 0 else 50 + number
        rows.append([number, ("mel", "nv")[number % 2], age, ("2.0", "2.0", "1.0", "unknown")[number % 4]])
    write_table(tmp_path / "t.csv", rows)
    roles = {"covariates": {"age": "t.csv:age", "skin_type": "t.csv:fitzpatrick"}, "positive": ["mel"], "patient": None}
    cohort = read(tmp_path, image="t.csv:image", label="t.csv:dx", negative=["nv"], target="melanoma", **roles)
    frame = table_one_frame(cohort).set_index(["group", "row"])["all"]
    assert frame["Skin type"].to_dict() == {"1": f"6 ({percent(1 / 3)})", "2": f"12 ({percent(2 / 3)})", "unknown": "6"}
    assert frame["Age, years"]["unknown"] == "4" and frame["Age, years"]["mean (SD)"].startswith("6")
    assert [name for name, _ in _groups(SimpleNamespace(table=cohort.table), "age")] == [
        "40 to 59",
        "60 and over",
        "unknown",
    ]
