from __future__ import annotations

import asyncio
import subprocess
import sys
import unicodedata

import numpy as np
import pytest

from clinjup.agent.intent import parse_request
from clinjup.agent.roles import decide_roles
from clinjup.contracts import Flag, UnusableData
from clinjup.imaging import check_usable, profile_data
from clinjup.kernel.errors import ClinjupError, MissingColumnError, MissingFileError
from clinjup.preflight import check
from tests.imaging.folders import codes, film, findings, read, sentence, write_cohort, write_image, write_table

DRAIN = {"chest_drain": {"column": "films.csv:drain", "present": ["1"], "absent": ["0"]}}


def small(root, rows, header=("name", "patient", "ptx")):
    """A folder with the table `rows` and one film for each name that ends in no exclamation mark."""
    write_table(root / "films.csv", [header, *rows])
    for seed, name in enumerate(dict.fromkeys(row[0] for row in rows if row[0])):
        if not name.endswith("!"):
            write_image(root / "films" / f"{name}.png", film(seed))
    return root


def reasons(cohort):
    return {entry.path: entry.reason for entry in cohort.excluded}


def test_clean_cohort(tmp_path):
    cohort = read(write_cohort(tmp_path), confounders=DRAIN, covariates={"age": "films.csv:age"})
    assert len(cohort.table) == 48 and cohort.table["label"].sum() == 24 and cohort.table["patient"].nunique() == 24
    assert cohort.table["chest_drain"].isin([0.0, 1.0]).all() and cohort.table["age"].tolist()[:3] == [40.0, 40.0, 41.0]
    assert cohort.warnings == [] and cohort.excluded == [] and cohort.has_patient_ids
    assert cohort.classes == ["negative", "positive"] and cohort.confounders == ["chest_drain"]
    assert cohort.summary().loc["all", ["images", "patients", "positive"]].tolist() == [48, 24, 24]
    check_usable(cohort)


def test_flags_may_come_as_models_and_nothing_may_come_as_none(tmp_path):
    root = write_cohort(tmp_path, patients=4)
    cohort = read(root, confounders={"d": Flag(column="films.csv:drain", present=["1"], absent=["0"])}, covariates=None)
    assert cohort.confounders == ["d"]
    assert read(root, confounders=None, split=None, patient=None).has_patient_ids is False


def test_german_table_with_semicolons_umlauts_and_emoji(tmp_path):
    names = ["Müller 🫁 1", "Groß_2", "Ärger_3"]
    rows = [["Bild", "Patientin", "Befund", "Größe"]] + [
        [unicodedata.normalize("NFD", name) + ".PNG", i, befund, "1,5"]
        for i, (name, befund) in enumerate(zip(names, ["Ja", " nein", "JA "], strict=True))
    ]
    write_table(tmp_path / "films.csv", rows, delimiter=";", encoding="utf-8-sig")
    for seed, name in enumerate(names):
        write_image(tmp_path / "Aufnahmen" / f"{name}.png", film(seed))
    cohort = read(
        tmp_path,
        image="films.csv:Bild",
        label="films.csv:Befund",
        patient="films.csv:Patientin",
        positive=["ja"],
        negative=["nein"],
        covariates={"size": "films.csv:Größe"},
    )
    assert cohort.table["label"].tolist() == [1, 0, 1] and cohort.table["size"].tolist() == [1.5] * 3


def test_list_labels_match_one_entry(tmp_path):
    rows = [
        ("a", 1, "Pneumothorax|Effusion"),
        ("b", 2, "No Finding"),
        ("c", 3, "Pneumothorax_old|Mass"),
        ("d", 4, "Mass"),
    ]
    cohort = read(small(tmp_path, rows), positive=["Pneumothorax"], negative=[])
    assert cohort.table["label"].tolist() == [1, 0, 0, 0]


def test_value_that_is_neither_is_left_out_and_listed(tmp_path):
    cohort = read(small(tmp_path, [("a", 1, "yes"), ("b", 2, "no"), ("c", 3, "maybe")]))
    assert cohort.table["image"].tolist() == ["a", "b"]
    assert reasons(cohort) == {"films/c.png": "the label 'maybe' is neither positive nor negative"}


def test_blank_label_is_unlabelled_not_negative(tmp_path):
    root = small(tmp_path, [("a", 1, "yes"), ("b", 2, None), ("c", 3, "  "), ("d", 4, "no")])
    for negative in (["no"], []):
        cohort = read(root, negative=negative)
        assert cohort.table["image"].tolist() == ["a", "d"]
        assert reasons(cohort) == {"films/b.png": "no label", "films/c.png": "no label"}
        assert "unlabelled" in codes(cohort.warnings)


def test_each_image_that_is_left_out_is_counted_under_one_reason(tmp_path):
    rows = [(f"f{i}", i, value) for i, value in enumerate(["ja", "ja", "nein", "nein", "fraglich", "fraglich", "", ""])]
    root = small(tmp_path, [*rows, ("gone!", 9, "fraglich")])
    found = asyncio.run(check("Diagnose pneumothorax on chest X-rays.", str(root), {}))
    assert "uncertain_labels" not in codes(found.warnings)  # it counts rows of the table
    assert sentence(found.warnings, "other_labels") == (
        "2 images have a label that is neither positive nor negative ('fraglich'); left out."
    )
    assert sentence(found.warnings, "unlabelled").startswith("2 images have no label")
    assert sentence(found.warnings, "missing_files").startswith("1 of 9 rows")
    cohort = read(root, positive=["ja"], negative=["nein"])
    assert len(cohort.table) == 4 and len(cohort.excluded) == 5


def test_blank_label_is_negative_where_the_roles_say_so(tmp_path):
    cohort = read(small(tmp_path, [("a", 1, "1.0"), ("b", 2, None)]), positive=["1"], negative=[""])
    assert cohort.table["label"].tolist() == [1, 0] and cohort.excluded == []


def test_repeated_rows_count_once(tmp_path):
    cohort = read(small(tmp_path, [("a", 1, "yes"), ("a", 1, "yes"), ("b", 2, "no"), ("a", 1, None)]))
    assert cohort.table["image"].tolist() == ["a", "b"] and cohort.excluded == []
    assert "1 row repeats" in sentence(cohort.warnings, "duplicates")


def test_contradictory_labels_exclude_the_image(tmp_path):
    cohort = read(small(tmp_path, [("a", 1, "yes"), ("a", 1, "no"), ("b", 2, "no"), ("c", 3, "yes")]))
    assert cohort.table["image"].tolist() == ["b", "c"]
    assert reasons(cohort) == {"films/a.png": "the table gives this image both labels"}
    assert "contradictory_labels" in codes(cohort.warnings)


def test_missing_files_are_listed_and_files_without_a_row_counted(tmp_path):
    root = small(tmp_path, [("a", 1, "yes"), ("b", 2, "no"), ("gone!", 3, "no"), (None, 4, "no")])
    write_image(root / "films" / "extra.png", film(99))
    cohort = read(root)
    assert reasons(cohort) == {
        "gone!": "no file of this name in the folder",
        "(row without an image name)": "no file of this name in the folder",
    }
    assert "2 of 4 rows" in sentence(cohort.warnings, "missing_files")
    assert "1 of 3 image files" in sentence(cohort.warnings, "images_without_row")


def test_name_that_fits_two_files_is_not_guessed(tmp_path):
    root = small(tmp_path, [("a", 1, "yes"), ("b", 2, "no")])
    write_image(root / "other" / "a.png", film(50))
    assert reasons(read(root)) == {"a": "several files have this name"}


def test_no_patient_column_means_each_image_is_its_own_patient(tmp_path):
    cohort = read(write_cohort(tmp_path, patients=3), patient=None)
    assert cohort.table["patient"].nunique() == 6 and not cohort.has_patient_ids
    assert "no_patient_ids" in codes(cohort.warnings)


def test_patient_folders_stand_in_for_a_patient_column(tmp_path):
    for i, folder in enumerate(["ptx/patient_1", "ptx/patient_2", "normal/patient_3", "normal/patient_3"]):
        write_image(tmp_path / folder / f"{i}.png", film(i))
    cohort = read(
        tmp_path, layout="class_folders", image=None, label=None, patient=None, positive=["ptx"], negative=["normal"]
    )
    assert cohort.has_patient_ids and cohort.table["patient"].nunique() == 3
    assert dict(zip(cohort.table["image"], cohort.table["label"], strict=True))["ptx/patient_1/0.png"] == 1


def test_blank_patient_ids_are_patients_of_their_own(tmp_path):
    cohort = read(small(tmp_path, [("a", None, "yes"), ("b", None, "no"), ("c", "P1", "no")]))
    assert cohort.table["patient"].nunique() == 3 and cohort.has_patient_ids
    assert "2 of 3 images" in sentence(cohort.warnings, "missing_patient_ids")


def test_image_without_a_confounder_row_is_unknown_never_absent(tmp_path):
    root = small(tmp_path, [("a", 1, "yes"), ("b", 2, "no"), ("c", 3, "no"), ("d", 4, "yes"), ("e", 5, "no")])
    write_table(
        root / "drains.csv",
        [
            ["Film", "n", "Drain"],
            ["a.png", 3, 1],
            ["B.PNG", 1, 0],
            ["d.png", 2, None],
            ["e.png", 2, -1],
            ["z.png", 5, 1],
        ],
    )
    flag = {"column": "drains.csv:Drain", "present": ["1"], "absent": ["0"]}
    values = read(root, confounders={"chest_drain": flag}).table["chest_drain"].tolist()
    assert np.array_equal(values, [1.0, 0.0, np.nan, np.nan, np.nan], equal_nan=True)
    values = read(root, confounders={"chest_drain": flag | {"absent": ["0", ""]}}).table["chest_drain"].tolist()
    assert np.array_equal(values, [1.0, 0.0, np.nan, 0.0, np.nan], equal_nan=True), "blank cell, not missing row"


def test_contradictory_confounder_rows_are_unknown(tmp_path):
    root = small(tmp_path, [("a", 1, "yes"), ("b", 2, "no")])
    write_table(root / "drains.csv", [["name", "d"], ["a", 1], ["a", 0], ["b", 0], ["b", 0]])
    cohort = read(root, confounders={"chest_drain": {"column": "drains.csv:d", "present": ["1"], "absent": ["0"]}})
    assert np.isnan(cohort.table["chest_drain"][0]) and cohort.table["chest_drain"][1] == 0.0
    assert "contradictory_confounder" in codes(cohort.warnings)


def test_table_is_joined_by_patient_where_it_names_no_images(tmp_path):
    root = small(tmp_path, [("a", "P1", "yes"), ("b", "P2", "no"), ("c", "P2", "no")])
    write_table(root / "people.csv", [["pid", "age"], ["p1", "61"], ["P2", "40"]])
    assert read(root, covariates={"age": "people.csv:age"}).table["age"].tolist() == [61.0, 40.0, 40.0]


def test_table_that_cannot_be_joined_is_a_warning(tmp_path):
    root = small(tmp_path, [("a", "P1", "yes"), ("b", "P2", "no")])
    write_table(root / "other.csv", [["x", "drain"], ["q", "1"]])
    cohort = read(root, confounders={"chest_drain": {"column": "other.csv:drain", "present": ["1"], "absent": ["0"]}})
    assert cohort.table["chest_drain"].isna().all() and "table_not_joined" in codes(cohort.warnings)


def test_label_and_patient_from_another_table(tmp_path):
    root = small(tmp_path, [("a", "P1", "-"), ("b", "P2", "-"), ("c", "P3", "-")])
    write_table(root / "labels.csv", [["file", "who", "y"], ["c.png", "Q3", 0], ["a.png", "Q1", 1]])
    cohort = read(root, label="labels.csv:y", patient="labels.csv:who", positive=["1"], negative=["0"])
    assert dict(zip(cohort.table["image"], cohort.table["label"], strict=True)) == {"a": 1, "c": 0}
    assert cohort.table["patient"].nunique() == 2 and reasons(cohort) == {"films/b.png": "no label"}


def test_rows_without_a_file_are_not_joined_with_one_another(tmp_path):
    root = small(tmp_path, [("a", "P1", "-"), ("b", "P2", "-"), ("gone1!", "P3", "-"), ("gone2!", "P3", "-")])
    write_table(root / "labels.csv", [["file", "y"], ["a", 1], ["b", 0], ["gone1!", 1], ["gone2!", 0]])
    cohort = read(root, label="labels.csv:y", positive=["1"], negative=["0"])
    assert [entry.path for entry in cohort.excluded] == ["gone1!", "gone2!"] and len(cohort.table) == 2


def test_confounder_on_positives_only_is_said(tmp_path):
    root = write_cohort(tmp_path, patients=8, drains=False)
    rows = [[f"p{p:03d}_{n}.png", (p + n) % 2] for p in range(4) for n in range(2)]
    write_table(root / "drains.csv", [["name", "Drain"], *rows])
    flag = {"column": "drains.csv:Drain", "present": ["1"], "absent": ["0"]}
    cohort = read(root, confounders={"chest_drain": flag})
    assert "8 images" in sentence(cohort.warnings, "confounder_annotated_on_positives_only")
    write_table(root / "drains.csv", [["name", "Drain"], *rows, ["p007_0.png", 1]])
    assert "confounder_annotated_on_positives_only" not in codes(read(root, confounders={"chest_drain": flag}).warnings)


def test_split_column_lists_and_folders(tmp_path):
    rows = [("a", 1, "yes", "Training"), ("b", 2, "no", "test"), ("c", 3, "no", "Val"), ("d", 4, "no", None)]
    root = small(tmp_path, rows, header=("name", "patient", "ptx", "fold"))
    assert read(root, split="films.csv:fold").table["split"].tolist() == ["train", "test", "validation", ""]
    (root / "train_val_list.txt").write_text("a.png\nb.png\nc.png\n")
    (root / "test_list.txt").write_text("c.png\n")
    assert read(root).table["split"].tolist() == ["train", "train", "test", ""], "in both lists: never trained on"


def test_words_of_a_split_column_that_the_agent_takes_are_obeyed(tmp_path):
    words = ["tr", "Trainingsset", "val", "eval"]
    rows = [(f"p{i}", i, "yes" if i % 2 else "no", words[i // 2]) for i in range(8)]
    root = small(tmp_path, rows, header=("name", "patient", "ptx", "set"))
    roles = decide_roles(profile_data(root), parse_request("Detect pneumothorax on chest X-rays.")).roles
    assert roles is not None and roles.split == "films.csv:set"
    parts = ["train"] * 4 + ["validation"] * 2 + ["test"] * 2
    assert read(root, split=roles.split).table["split"].tolist() == parts


def test_a_part_that_is_not_understood_is_never_trained_on(tmp_path):
    rows = [("a", 1, "yes", "train"), ("b", 2, "no", "test"), ("c", 3, "no", "lockbox")]
    root = small(tmp_path, rows, header=("name", "patient", "ptx", "fold"))
    with pytest.raises(ClinjupError, match="'lockbox'"):
        read(root, split="films.csv:fold")


def test_spellings_of_one_patient_id_are_one_patient(tmp_path):
    ids = ["P-017", "p-017 ", "12", "12.0", "P-018", None]
    cohort = read(small(tmp_path, [(f"f{i}", ids[i], "yes" if i % 2 else "no") for i in range(6)]))
    assert cohort.table["patient"].tolist() == ["1", "1", "2", "2", "3", "4"]
    assert cohort.table["group"].tolist() == ["2", "2", "1", "1", "3", "4"], "sorts as the ids do, so splits stay"
    told = sentence(cohort.warnings, "patient_ids_merged")
    assert told.startswith("2 patient ids are") and "017" not in told


def test_a_space_within_a_patient_id_tells_nobody_apart(tmp_path):
    ids = ["PAT 1", "PAT1", "pat  1", "1 23", "12 3", "Maier Eva"]
    cohort = read(small(tmp_path, [(f"f{i}", ids[i], "yes" if i % 2 else "no") for i in range(6)]))
    assert cohort.table["patient"].tolist() == ["1", "1", "1", "2", "3", "4"]
    assert sentence(cohort.warnings, "patient_ids_merged").startswith("1 patient id is")


def test_doubt_in_a_list_of_findings_is_no_negative(tmp_path):
    said = ["Pneumothorax", "Erguss", "V.a. Pneumothorax|Erguss", "Pneumothorax|Erguss|unklar", "Pneumothorax?"]
    root = small(tmp_path, [(f"f{i}", i, text) for i, text in enumerate(said)])
    decision = decide_roles(profile_data(root), parse_request("Detect pneumothorax on chest X-rays."))
    assert decision.roles is not None
    assert sentence(decision.warnings, "uncertain_labels").endswith("left out.")
    cohort = read(root, **decision.roles.model_dump(include={"label", "positive", "negative", "uncertain"}))
    assert dict(zip(cohort.table["image"], cohort.table["label"], strict=True)) == {"f0": 1, "f1": 0, "f3": 1}


@pytest.mark.parametrize(
    "said",
    [
        ["Pneumothorax|left", "Effusion|right", "Effusion|left", "Nodule|bilateral", "Pneumothorax", "x", "Nodule|1"],
        [
            "Pneumothorax|links",
            "Erguss|rechts",
            "Erguss|links",
            "Rundherd|beidseits",
            "Pneumothorax",
            "x",
            "Rundherd|1",
        ],
    ],
)
def test_a_side_beside_another_finding_is_no_pneumothorax(tmp_path, said):
    root = small(tmp_path, [(f"f{i}", i, text) for i, text in enumerate(said)], header=("name", "patient", "Befund"))
    roles = decide_roles(profile_data(root), parse_request("Detect pneumothorax on chest X-rays.")).roles
    assert roles is not None and roles.positive == ["Pneumothorax"]
    cohort = read(root, **roles.model_dump(include={"label", "positive", "negative", "uncertain"}))
    assert cohort.table["label"].tolist() == [1, 0, 0, 0, 1, 0, 0]


def test_a_side_in_a_list_of_pneumothoraces_says_where_it_is(tmp_path):
    said = ["left", "left|right", "no", "Pneumothorax|left", "no"]
    root = small(
        tmp_path, [(f"f{i}", i, text) for i, text in enumerate(said)], header=("name", "patient", "pneumothorax")
    )
    roles = decide_roles(profile_data(root), parse_request("Detect pneumothorax on chest X-rays.")).roles
    assert roles is not None
    cohort = read(root, **roles.model_dump(include={"label", "positive", "negative", "uncertain"}))
    assert cohort.table["label"].tolist() == [1, 1, 0, 1, 0]


def test_one_value_for_all_images_of_a_patient_is_said(tmp_path):
    root = small(tmp_path, [(f"f{i}", f"P{i // 2}", "yes" if i < 4 else "no") for i in range(7)])
    write_table(
        root / "drains.csv", [["pid", "drain", "age"], ["P0", 1, 40], ["P1", 0, 50], ["P2", None, 60], ["P3", 1, 70]]
    )
    flag = {"column": "drains.csv:drain", "present": ["1"], "absent": ["0"]}
    cohort = read(root, confounders={"chest_drain": flag}, covariates={"age": "drains.csv:age"})
    (told,) = [warning.sentence for warning in cohort.warnings if warning.code == "value_per_patient"]
    assert "'drains.csv' says 'drain' per patient" in told and "all 4 images of 2 patients with several" in told


def test_gone_tables_and_columns_are_named(tmp_path):
    root = write_cohort(tmp_path, patients=3)
    with pytest.raises(MissingColumnError, match=r"'films.csv' has no column 'finding'.*'ptx'"):
        read(root, label="films.csv:finding")
    flag = {"column": "drains.csv:d", "present": ["1"], "absent": ["0"]}
    with pytest.raises(MissingFileError, match=r"drains\.csv"):
        read(root, confounders={"chest_drain": flag})
    write_table(root / "drains.csv", [["name", "x"], ["p000_0", 1]])
    with pytest.raises(MissingColumnError, match=r"'drains.csv' has no column 'd'"):
        read(root, confounders={"chest_drain": flag})
    with pytest.raises(MissingFileError, match="nowhere"):
        read(root / "nowhere")


def test_no_positive_value_and_taken_names_are_errors(tmp_path):
    root = write_cohort(tmp_path, patients=3)
    with pytest.raises(ClinjupError, match="positive"):
        read(root, positive=[])
    with pytest.raises(ClinjupError, match=r"'label'.*taken"):
        read(root, covariates={"label": "films.csv:age"})


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("a", 1, None), ("b", 2, None)], "No image has a label"),
        ([("a", 1, "yes"), ("b", 2, "yes"), ("c", 3, "yes")], "All 3 labelled images are positive"),
        ([("a", 1, "yes"), ("b", 2, "no"), ("c", 2, "no")], "2 patients"),
    ],
)
def test_unusable_cohorts_say_why(tmp_path, rows, words):
    cohort = read(small(tmp_path, rows))
    with pytest.raises(UnusableData, match=words):
        check_usable(cohort)


def test_three_patients_with_both_classes_are_usable(tmp_path):
    check_usable(read(small(tmp_path, [("a", 1, "yes"), ("b", 2, "no"), ("c", 3, "no")])))


def test_many_exclusions_end_in_a_count(tmp_path):
    root = small(tmp_path, [("a", 1, "yes"), ("b", 2, "no"), *((f"{i}!", i, "no") for i in range(1500))])
    cohort = read(root)
    assert len(cohort.excluded) == 1001 and cohort.excluded[-1].path == "(500 more)"


def test_images_can_be_left_out_by_name(tmp_path):
    cohort = read(small(tmp_path, [("a", 1, "yes"), ("b", 2, "no"), ("c", 3, "no")]))
    smaller = cohort.without(["films/b.png", "c", "unknown"], reason="left out by the run")
    assert smaller.table["image"].tolist() == ["a"] and len(cohort.table) == 3
    assert reasons(smaller) == {"films/b.png": "left out by the run", "films/c.png": "left out by the run"}
    assert cohort.without([], reason="x").table.equals(cohort.table)


def test_finding_says_what_was_read(tmp_path):
    with findings() as shown:
        read(write_cohort(tmp_path, patients=4), confounders=DRAIN, target_name="pneumothorax", emit_finding=True)
    (finding,) = shown.emitted
    assert finding["kind"] == "cohort" and finding["classes"] == {"negative": 4, "positive": 4}
    assert sum(finding["confounders"]["chest_drain"].values()) == 8
    assert "8 images of 4 patients: 4 with pneumothorax" in str(shown.shown.outputs[0].data["text/plain"])


def test_reading_needs_no_torch_and_no_heavy_library(tmp_path):
    code = (
        "import sys; from tests.imaging.folders import read, write_cohort; from pathlib import Path; "
        f"heavy = {{'torch', 'sklearn', 'scipy', 'matplotlib'}}; "
        f"read(write_cohort(Path({str(tmp_path)!r}), patients=3)); print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
