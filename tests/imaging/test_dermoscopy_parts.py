"""Dermoscopy sets as distributed with their official test parts: the parts are used, and the patient data of every part are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from clinjup.imaging import Cohort, profile_data, split_cohort
from clinjup.split_words import folder_split, table_split
from tests.imaging.folders import codes, film, sentence, write_image, write_table
from tests.imaging.test_dermoscopy import SEVEN, TRIAGE, read

DX_2018 = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
DX_2019 = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
NAMES = {
    part: [f"ISIC_{start + number:07d}" for number in range(count)]
    for part, start, count in (("Training", 0, 42), ("Validation", 100, 14), ("Test", 200, 18))
}


def one_hot(names: Sequence[str], classes: Sequence[str], used: Sequence[str]) -> list[list[object]]:
    """Ground truth that deals the diagnoses `used` in turn."""
    told = {name: used[number % len(used)] for number, name in enumerate(names)}
    return [["image", *classes], *([name, *(float(dx == told[name]) for dx in classes)] for name in names)]


def write_images(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        write_image(folder / f"{name}.jpg", film(int(name[5:])), mode="RGB")


def isic2019(root: Path, images: str = "ISIC_2019_{part}_Input") -> Path:
    """Training and test part; the test part has images of no known class, and its metadata know no lesion."""
    for part in ("Training", "Test"):
        names = NAMES[part]
        write_images(root / images.format(part=part), names)
        used = DX_2019 if part == "Test" else DX_2019[:-2]
        write_table(root / f"ISIC_2019_{part}_GroundTruth.csv", one_hot(names, DX_2019, used))
        lesions = part == "Training"
        rows: list[list[object]] = [["image", "age_approx", "anatom_site_general", *["lesion_id"] * lesions, "sex"]]
        rows += [
            [
                name,
                40.0 + number,
                ("head/neck", "palms/soles")[number % 2],
                *[f"BCN_{number // 2}"] * lesions,
                ("male", "female")[number % 2],
            ]
            for number, name in enumerate(names)
        ]
        write_table(root / f"ISIC_2019_{part}_Metadata.csv", rows)
    return root


def isic2018(root: Path, parts: Sequence[str] = ("Training", "Validation", "Test")) -> Path:
    for part in parts:
        write_images(root / f"ISIC2018_Task3_{part}_Input", NAMES[part])
        truth = f"ISIC2018_Task3_{part}_GroundTruth"
        write_table(root / truth / f"{truth}.csv", one_hot(NAMES[part], DX_2018, DX_2018))
    return root


def ham_table(path: Path, names: Sequence[str], delimiter: str = ",") -> None:
    rows: list[list[object]] = [["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"]]
    for name in names:
        number = int(name[5:])
        dx = ("mel", "nv", "bcc", "akiec", "bkl", "df", "vasc")[number % 7]
        site, sex = ("back", "face")[number % 2], ("male", "female")[number % 2]
        rows.append([f"HAM_{name[5:]}", name, dx, "histo", 30.0 + number % 50, sex, site])
    write_table(path, rows, delimiter)


def parts_of(cohort: Cohort) -> dict[str, set[str]]:
    """Part -> images, after the split."""
    return {part: set(rows["image"]) for part, rows in split_cohort(cohort, seed=0).table.groupby("split")}


@pytest.mark.parametrize("images", ["ISIC_2019_{part}_Input", "images"], ids=["a folder a part", "one folder"])
def test_the_test_part_of_isic_2019_is_used_as_it_is_and_keeps_its_patient_data(tmp_path, images):
    cohort = read(isic2019(tmp_path, images))
    parts = parts_of(cohort)
    known = [name for number, name in enumerate(NAMES["Test"]) if number % 9 < 7]
    assert parts["test"] == set(known) and parts["train"] | parts["validation"] == set(NAMES["Training"])
    assert cohort.table[["age", "sex", "body_site"]].notna().all(axis=None) and cohort.grouped_by == "lesion"
    assert cohort.table.set_index("image").loc[known[1], ["age", "sex"]].tolist() == [41.0, "female"]
    assert "'scc', 'unk'" in sentence(cohort.warnings, "other_labels")
    assert "datasets_overlap" not in codes(cohort.warnings)


@pytest.mark.parametrize("request_text", [TRIAGE, "I want to recognise melanoma on dermoscopic images."])
def test_an_image_of_no_known_class_is_never_melanoma(tmp_path, request_text):
    cohort = read(isic2019(tmp_path), request_text)
    melanomas = {name for part in ("Training", "Test") for name in NAMES[part][:: 7 if part == "Training" else 9]}
    assert set(cohort.table.loc[cohort.table["label"] == 1, "image"]) == melanomas


def test_the_three_parts_of_isic_2018_are_used_as_they_are(tmp_path):
    assert parts_of(read(isic2018(tmp_path))) == {
        "train": set(NAMES["Training"]),
        "validation": set(NAMES["Validation"]),
        "test": set(NAMES["Test"]),
    }


def test_folders_tell_the_part_where_no_table_does(tmp_path):
    for part in ("Training", "Test"):
        write_images(tmp_path / f"ISIC2018_Task3_{part}_Input", NAMES[part])
    write_table(tmp_path / "truth.csv", one_hot([*NAMES["Training"], *NAMES["Test"]], DX_2018, DX_2018))
    assert profile_data(tmp_path).official_splits == {"train": 42, "test": 18}
    assert parts_of(read(tmp_path))["test"] == set(NAMES["Test"])


@pytest.mark.parametrize("tables", ["a table a part", "one table"])
def test_an_image_in_the_folders_of_two_parts_is_of_the_later_one(tmp_path, tables):
    copied = NAMES["Training"][0]
    isic2018(tmp_path)
    write_images(tmp_path / "ISIC2018_Task3_Validation_Input", [copied])
    truths = sorted(tmp_path.glob("*GroundTruth/*.csv"))
    rows = "".join(table.read_text(encoding="utf-8") for table in truths)
    if tables == "one table":
        (tmp_path / "truth.csv").write_text(rows, encoding="utf-8")
        for table in truths:
            table.unlink()
    else:
        own = next(row for row in rows.splitlines() if row.startswith(copied))
        truths[-1].write_text(truths[-1].read_text(encoding="utf-8") + own + "\n", encoding="utf-8")
    assert copied in parts_of(read(tmp_path))["validation"]


@pytest.mark.parametrize("name", ["ISIC2018_Task3_Test_GroundTruth", "ISIC2018_Task3_Test_GroundTruth.tab"])
def test_the_test_images_beside_ham10000_are_read_and_are_its_test_part(tmp_path, name):
    write_images(tmp_path / "HAM10000_images_part_1", NAMES["Training"][:20])
    write_images(tmp_path / "HAM10000_images_part_2", NAMES["Training"][20:])
    write_images(tmp_path / "ISIC2018_Task3_Test_Images", NAMES["Test"])
    ham_table(tmp_path / "HAM10000_metadata", NAMES["Training"])
    ham_table(tmp_path / name, NAMES["Test"], "\t" if name.endswith(".tab") else ",")
    cohort = read(tmp_path)
    assert parts_of(cohort)["test"] == set(NAMES["Test"]) and "images_without_row" not in codes(cohort.warnings)
    assert cohort.table[["age", "sex", "body_site"]].notna().all(axis=None) and len(cohort.table) == 60


def test_a_feared_sex_is_unknown_where_the_table_says_so(tmp_path):
    write_images(tmp_path / "images", NAMES["Training"])
    ham_table(tmp_path / "HAM10000_metadata.csv", NAMES["Training"])
    table = tmp_path / "HAM10000_metadata.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("7.0,female", "7.0,unknown"), encoding="utf-8")
    sex = read(tmp_path, "Melanoma or mole? It must not depend on sex.").table["sex"]
    assert sex.isna().any() and set(sex.dropna()) == {0.0, 1.0}


def test_two_tables_of_ham10000_that_name_no_part_are_one(tmp_path):
    write_images(tmp_path / "images", NAMES["Training"])
    ham_table(tmp_path / "first.csv", NAMES["Training"][:30])
    ham_table(tmp_path / "second.csv", NAMES["Training"][25:])
    cohort = read(tmp_path)
    assert len(cohort.table) == 42 and (cohort.table["split"] == "").all()


def test_ham10000_laid_beside_isic_2019_is_said_to_be_no_external_test(tmp_path):
    root = isic2019(tmp_path)
    write_images(root / "external" / "HAM10000_images_part_1", NAMES["Training"][:10])
    ham_table(root / "external" / "HAM10000_metadata.csv", NAMES["Training"][:10])
    said = sentence(read(root, SEVEN).warnings, "datasets_overlap")
    assert "10 images are named in both" in said and "neither set is an external test" in said


@pytest.mark.parametrize(
    ("folder", "part"),
    [
        ("ISIC2018_Task3_Training_Input", "train"),
        ("ISIC2018_Task3_Validation_Input", "validation"),
        ("ISIC_2019_Test_Input", "test"),
        ("ISIC2018_Task3_Test_Images", "test"),
        ("ISIC-2017_Test_v2_Data", "test"),
        ("testset", "test"),
        ("images", ""),
        ("HAM10000_images_part_1", ""),
        ("latest_images", ""),
        ("test_of_time", ""),
    ],
)
def test_the_part_in_the_name_of_a_folder(folder, part):
    assert folder_split(folder) == part


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("ISIC2018_Task3_Test_GroundTruth/ISIC2018_Task3_Test_GroundTruth.csv", "test"),
        ("ISIC_2019_Training_Metadata.csv", "train"),
        ("test/labels.csv", "test"),
        ("train_val_labels.csv", "train"),
        ("train_and_test.csv", ""),
        ("HAM10000_metadata.csv", ""),
        ("attestation.csv", ""),
    ],
)
def test_the_part_in_the_name_of_a_table(path, part):
    assert table_split(path) == part
