"""The traps of each real layout, on the synthetic cohorts that are written in exactly that layout."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clinjup.agent.identifying import without_patients
from clinjup.agent.intent import parse_request
from clinjup.agent.roles import decide_roles
from clinjup.contracts import DataProfile, Roles, UnusableData
from clinjup.imaging import Cohort, audit_cohort, prepare_images, profile_data, read_cohort
from clinjup.imaging.masks import read_masks
from clinjup.imaging.pictures import decode_image
from clinjup.imaging.synthetic import plan_cohort, write_cohort
from clinjup.imaging.synthetic.layouts import LAYOUTS
from tests.conftest import REQUEST
from tests.imaging.folders import codes, film, findings, sentence, write_dicom, write_image, write_table

PATIENTS, SEED = 12, 4
READER = {"nih": "chestxray14", "clinic": "table"}
FILMS = [planned.film for planned in plan_cohort(PATIENTS, SEED)]


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """`written(layout)` is a small cohort in that layout, written once."""
    folders: dict[str, Path] = {}

    def write(layout: str) -> Path:
        if layout not in folders:
            out = tmp_path_factory.mktemp("layouts") / layout
            folders[layout] = write_cohort("pneumothorax", out, layout=layout, patients=PATIENTS, seed=SEED, workers=1)
        return folders[layout]

    return write


def understood(root: Path) -> tuple[DataProfile, Roles]:
    """The profile of a folder and the roles that a request for pneumothorax, with drains as a worry, gives its columns."""
    profile = profile_data(root)
    decision = decide_roles(profile, parse_request(REQUEST))
    assert decision.roles is not None, decision.questions
    return profile, decision.roles


def read(root: Path) -> Cohort:
    profile, roles = understood(root)
    given = roles.model_dump(exclude_defaults=True)
    return read_cohort(root, layout=profile.layout, target="pneumothorax", emit_finding=False, **given)


@pytest.mark.parametrize("layout", ["nih", "siim", "candid", "dicom", "clinic", "chexpert", "padchest"])
def test_a_request_is_understood_on_every_layout(written, layout):
    profile, _ = understood(written(layout))
    assert profile.layout == READER.get(layout, layout) and profile.synthetic
    cohort = read(written(layout))
    assert cohort.has_patient_ids and cohort.table["patient"].nunique() <= PATIENTS
    expected = pd.Series([film.pneumothorax for film in FILMS]).sum()
    if layout == "chexpert":
        assert cohort.table["label"].sum() <= expected
    elif layout == "padchest":
        assert cohort.table["label"].sum() == expected
    else:
        assert len(cohort.table) == len(FILMS) and cohort.table["label"].sum() == expected
        assert cohort.table["patient"].nunique() == PATIENTS
    if "chest_drain" in cohort.confounders:
        drains = sum(film.drain for film in FILMS)
        assert cohort.table["chest_drain"].sum() == pytest.approx(drains, abs=2)
    assert ("chest_drain" in cohort.confounders) == (layout not in ("siim", "chexpert"))


@pytest.mark.parametrize("layout", sorted(set(LAYOUTS) - {"chestxray14"}))
def test_same_seed_writes_the_same_bytes(written, tmp_path, layout):
    again = write_cohort("pneumothorax", tmp_path / layout, layout=layout, patients=PATIENTS, seed=SEED, workers=3)
    for path in sorted(written(layout).rglob("*")):
        if path.is_file() and path.suffix != ".xlsx":  # a workbook holds the time of writing
            assert (again / path.relative_to(written(layout))).read_bytes() == path.read_bytes(), path


# ---------------------------------------------------------------------------------------------------------------- SIIM


def test_siim_header_begins_with_a_space_and_rows_repeat(written):
    lines = (written("siim") / "train-rle.csv").read_text().splitlines()
    assert lines[0] == "ImageId, EncodedPixels"
    names = [line.split(",")[0] for line in lines[1:]]
    assert len(set(names)) < len(names), "no image has two rows: this cohort tests nothing"
    assert "duplicates" not in codes(read(written("siim")).warnings), "rows of masks are no repeated images"


def test_siim_without_drain_labels_says_so(written):
    decision = decide_roles(profile_data(written("siim")), parse_request(REQUEST))
    assert "confounder_not_annotated" in codes(decision.warnings)


def test_siim_mask_that_cannot_be_read_makes_no_negative(tmp_path, written):
    names = ["1.2.3.1", "1.2.3.2", "1.2.3.3"]
    for i, name in enumerate(names):
        write_dicom(tmp_path / "d" / f"{name}.dcm", film(i), SOPInstanceUID=name)
    rows = [["ImageId", " EncodedPixels"], [names[0], " 1 2 3"], [names[1], " 5 9"], [names[2], " -1"]]
    write_table(tmp_path / "train-rle.csv", rows)
    profile = profile_data(tmp_path)
    assert profile.layout == "siim" and "1 row of" in sentence(profile.warnings, "unreadable_masks")
    cohort = read_cohort(
        tmp_path, layout="siim", target="pneumothorax", positive=["1"], negative=["0"], emit_finding=False
    )
    assert cohort.table["label"].tolist() == [1, 0] and [entry.path for entry in cohort.excluded] == ["d/1.2.3.1.dcm"]


@pytest.mark.parametrize("alike", ["1 2", "-1"])
def test_siim_takes_the_table_that_tells_films_apart_not_the_sample_of_a_submission(tmp_path, written, alike):
    names = [f"1.2.3.{i}" for i in range(6)]
    for i, name in enumerate(names):
        write_dicom(tmp_path / "d" / f"{name}.dcm", film(i), SOPInstanceUID=name, PatientID=f"P{i}")
    header = ["ImageId", " EncodedPixels"]
    runs = [" 5 9", " -1"]
    write_table(tmp_path / "sample_submission.csv", [header, *([name, f" {alike}"] for name in names)])
    write_table(tmp_path / "stage_2_train.csv", [header, *([name, runs[i % 2]] for i, name in enumerate(names))])
    write_table(tmp_path / "train-rle.csv", [header, *([name, runs[i % 2]] for i, name in enumerate(names[:4]))])
    profile, roles = understood(tmp_path)
    assert roles.label == "stage_2_train.csv:Pneumothorax" and [table.path for table in profile.tables] == [
        *("stage_2_train.csv", "DICOM headers")
    ]
    cohort = read(tmp_path)
    assert cohort.table["label"].tolist() == [1, 0, 1, 0, 1, 0]
    assert cohort.masks["pneumothorax"].table == "stage_2_train.csv"
    assert read_masks(cohort, "pneumothorax").of(0).sum() == 9
    said = sentence(profile.warnings, "mask_tables_left_out")
    assert "'train-rle.csv', 'sample_submission.csv' are left out" in said and said == sentence(
        cohort.warnings, "mask_tables_left_out"
    )


# -------------------------------------------------------------------------------------------------------------- CANDID


def test_candid_groups_by_the_patient_in_the_file_name(written):
    cohort = read(written("candid"))
    groups = cohort.table.groupby("patient").size().sort_values().tolist()
    assert groups == sorted(pd.Series([film.patient for film in FILMS]).value_counts().tolist())


def test_candid_film_without_a_row_of_tubes_is_unknown_not_free(tmp_path, written):
    root = Path(tmp_path / "data")
    write_cohort("pneumothorax", root, layout="candid", patients=PATIENTS, seed=SEED, workers=1)
    table = root / "chest_tube.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join(line for line in lines if not line.endswith(",-1")) + "\n")  # as the real set has it
    cohort = read(root)
    drain = cohort.table["chest_drain"]
    assert drain.eq(1).sum() == sum(film.drain for film in FILMS)
    said = sentence(cohort.warnings, "confounder_never_absent")
    assert f"No image is known to be free of 'chest_drain': the data name {drain.eq(1).sum()} with it" in said
    assert drain.isna().sum() == sum(not film.drain for film in FILMS) and not drain.eq(0).any()


@pytest.mark.parametrize("outline", ["1 2 3", ""])
def test_candid_outline_that_cannot_be_read_is_neither_a_tube_nor_none(tmp_path, outline):
    root = Path(tmp_path / "data")
    write_cohort("pneumothorax", root, layout="candid", patients=PATIENTS, seed=SEED, workers=1)
    table = root / "chest_tube.csv"
    header, *lines = (line for line in table.read_text().splitlines() if not line.endswith(",-1"))  # positives only
    uid = lines[0].split(",")[0]
    lines = [line for line in lines if not line.startswith(f"{uid},")]
    table.write_text("\n".join([header, f"{uid},T,{outline}", *lines]) + "\n")
    profile, roles = understood(root)
    assert not outline or "1 row of 'chest_tube.csv'" in sentence(profile.warnings, "unreadable_masks")
    assert (roles.confounders["chest_drain"].present, roles.confounders["chest_drain"].absent) == (["1"], [])
    drain = read(root).table["chest_drain"]
    assert drain.eq(1).sum() == sum(film.drain for film in FILMS) - 1 and not drain.eq(0).any()


@pytest.mark.parametrize("layout", ["siim", "candid"])
def test_mask_that_cannot_be_read_is_no_negative_where_there_are_only_positives(tmp_path, layout):
    names = [f"1.2.3.{i}" for i in range(4)]
    for i, name in enumerate(names):
        write_dicom(tmp_path / "d" / name, film(i), SOPInstanceUID=name, PatientID=f"P{i}")
    columns = {"siim": ("train-rle.csv", "ImageId"), "candid": ("Pneumothorax_reports.csv", "SOPInstanceUID")}[layout]
    rows = [[name, "5 9" if i < 3 else "1 2 3"] for i, name in enumerate(names)]
    write_table(tmp_path / columns[0], [[columns[1], "EncodedPixels"], *rows])
    with pytest.raises(UnusableData, match="No image is labelled as without"):
        decide_roles(profile_data(tmp_path), parse_request(REQUEST))


def test_siim_outline_that_cannot_be_read_is_the_reason_why_a_film_is_left_out(tmp_path):
    names = [f"1.2.3.{i}" for i in range(4)]
    for i, name in enumerate(names):
        write_dicom(tmp_path / "d" / name, film(i), SOPInstanceUID=name, PatientID=f"P{i}")
    outlines = ["5 9", "-1", "9223372036854775807 5", "-1"]
    write_table(tmp_path / "train-rle.csv", [["ImageId", "EncodedPixels"], *zip(names, outlines, strict=True)])
    cohort = read(tmp_path)
    assert cohort.table["label"].tolist() == [1, 0, 0]
    assert [entry.reason for entry in cohort.excluded] == ["no outline that can be read"]
    assert sentence(cohort.warnings, "unreadable_outlines").startswith("1 image has no outline")
    assert "other_labels" not in codes(cohort.warnings)


def test_candid_reports_are_never_shown(written):
    assert "no report" not in profile_data(written("candid")).model_dump_json()


# --------------------------------------------------------------------------------------------------------------- DICOM

SECRETS = ("SYN-", "Synthetic^Patient", "1.2.826.0.1")


def test_dicom_identifiers_reach_neither_profile_nor_cohort(written):
    root = written("dicom")
    profile, cohort = profile_data(root), read(root)
    shown = cohort.table.drop(columns="path").to_csv() + repr(cohort.excluded) + repr(cohort.warnings)
    for secret in SECRETS:
        assert any(secret.encode() in path.read_bytes() for path in root.rglob("IM*"))
        assert secret not in profile.model_dump_json() and secret not in shown
    assert set(cohort.table["patient"]) == {str(number + 1) for number in range(PATIENTS)}
    assert cohort.table["image"].str.startswith("DICOM/PA").all()


def test_dicom_labels_are_joined_by_accession_number_from_the_sheet_that_has_them(written):
    profile, roles = understood(written("dicom"))
    assert roles.image is None and roles.label == "Reports.xlsx#Reports:Pneumothorax"
    assert roles.patient == "DICOM headers:PatientID" and "device" in roles.covariates
    said = sentence(profile.warnings, "workbook_sheets")
    assert "'Reports'" in said and "'About'" in said
    assert profile.table("Reports.xlsx#About") is None


def test_dicom_both_detectors_show_lungs_dark(written):
    root = written("dicom")
    shown: dict[str, list[float]] = {}
    for path in sorted(root.rglob("IM*")):
        pixels, facts = decode_image(path, 64)
        shown.setdefault(facts.mode, []).append(float(pixels[20:44, 14:24].mean()) - float(pixels[24:44, 30:36].mean()))
        assert facts.bits == 12
    assert set(shown) == {"MONOCHROME1", "MONOCHROME2"}
    assert all(np.mean(values) < -20 for values in shown.values()), "lungs are darker than the mediastinum"


def write_studies(root: Path, films: int = 4, **tags: object) -> Path:
    for i in range(films):
        header = {"AccessionNumber": f"A{i // 2}", "PatientID": f"Q{i // 2}", "SOPInstanceUID": f"1.2.3.{i}"} | tags
        write_dicom(root / f"ST{i // 2}" / f"IM{i}", film(i), **header)
    return root


@pytest.mark.parametrize(
    ("header", "keys"),
    [
        ("SOP Instance UID", ["1.2.3.0", "1.2.3.1", "1.2.3.2", "1.2.3.3"]),
        ("Datei", ["ST0/IM0", "ST0/IM1", "ST1/IM2", "ST1/IM3"]),
        ("Accession Number", ["A0", "A1"]),
        ("Patient ID", ["Q0", "Q1"]),
    ],
)
def test_dicom_labels_may_come_by_any_number_of_the_header(tmp_path, header, keys):
    root = write_studies(tmp_path)
    rows = [[header, "Pneumothorax"], *([key, "ja" if i < len(keys) / 2 else "nein"] for i, key in enumerate(keys))]
    write_table(root / "befunde.csv", rows)
    profile = profile_data(root)
    image = f"befunde.csv:{header}" if len(keys) == 4 else None
    cohort = read_cohort(
        root,
        layout=profile.layout,
        target="pneumothorax",
        image=image,
        label="befunde.csv:Pneumothorax",
        positive=["ja"],
        negative=["nein"],
        emit_finding=False,
    )
    assert profile.layout == "dicom" and cohort.table["label"].tolist() == [1, 1, 0, 0]
    assert cohort.table["patient"].tolist() == ["1", "1", "2", "2"]
    assert cohort.table["image"].tolist() == ["ST0/IM0", "ST0/IM1", "ST1/IM2", "ST1/IM3"]


def test_dicom_missing_film_is_listed_by_its_row_not_by_its_number(tmp_path):
    root = write_studies(tmp_path)
    rows = [["SOP Instance UID", "Pneumothorax"], *([f"1.2.3.{i}", i % 2] for i in range(4)), ["9.9.9", 1]]
    write_table(root / "t.csv", rows)
    cohort = read_cohort(
        root,
        layout="dicom",
        target="pneumothorax",
        image="t.csv:SOP Instance UID",
        label="t.csv:Pneumothorax",
        positive=["1"],
        negative=["0"],
        emit_finding=False,
    )
    assert [entry.path for entry in cohort.excluded] == ["row 5 of 't.csv'"]


def test_dicom_export_with_one_patient_id_for_all_is_said(tmp_path):
    root = write_studies(tmp_path, PatientID="ANONYM-1")
    write_table(root / "t.csv", [["SOPInstanceUID", "Pneumothorax"], *([f"1.2.3.{i}", i % 2] for i in range(4))])
    profile = profile_data(root)
    assert "same PatientID" in sentence(profile.warnings, "dicom_patient_ids_unusable")
    decision = decide_roles(profile, parse_request(REQUEST))
    assert decision.roles is not None and decision.roles.patient is None


def test_dicom_burned_in_text_is_a_warning_of_profile_and_audit(tmp_path, monkeypatch):
    root = tmp_path / "data"
    for i in range(12):
        burned = {} if i in (4, 7, 8) else {"BurnedInAnnotation": "YES" if i == 0 else "NO"}
        write_dicom(root / f"{i}.dcm", film(i), PatientID=f"P{i}", SOPInstanceUID=f"1.2.{i}", **burned)
    write_table(root / "t.csv", [["file", "Pneumothorax"], *([f"{i}.dcm", i % 2] for i in range(12))])
    told = sentence(profile_data(root).warnings, "burned_in_annotation")
    assert "1 of 12" in told and "3 more do not say whether it is so" in told
    monkeypatch.chdir(tmp_path)
    with findings():
        cohort = read(root)
        audited = audit_cohort(cohort, prepare_images(cohort, size=32))
    told = sentence(audited.warnings, "burned_in_annotation")
    assert "1 of 12" in told and "3 more do not say whether it is so" in told and "('0.dcm')" in told


def test_of_many_files_with_text_three_are_named_and_all_are_listed(tmp_path, monkeypatch):
    root = tmp_path / "data"
    for i in range(12):
        write_dicom(root / f"{i:02d}.dcm", film(i), PatientID=f"P{i}", BurnedInAnnotation="YES" if i < 5 else "NO")
    write_table(root / "t.csv", [["file", "Pneumothorax"], *([f"{i:02d}.dcm", i % 2] for i in range(12))])
    monkeypatch.chdir(tmp_path)
    with findings() as shown:
        cohort = read(root)
        audit_cohort(cohort, prepare_images(cohort, size=32))
    [told] = [found for found in shown.emitted if found["kind"] == "audit"]
    [warning] = [each for each in told["warnings"] if each["code"] == "burned_in_annotation"]
    assert "('00.dcm', '01.dcm', '02.dcm' and 2 more, all of them in results.json)" in warning["sentence"]
    assert warning["files"] == [f"{i:02d}.dcm" for i in range(5)]


def test_a_dicom_file_that_is_cut_off_in_its_header_is_named_and_listed(tmp_path):
    rows: list[list[object]] = [["AccessionNumber", "Pneumothorax"]]
    for i in range(8):
        path = tmp_path / f"DICOM/ST{i}/IM000001"
        write_dicom(path, film(i), PatientID=f"P{i}", AccessionNumber=f"A{i}", SOPInstanceUID=f"1.2.9.{i}")
        rows.append([f"A{i}", "yes" if i % 2 else "no"])
    path.write_bytes(path.read_bytes()[:340])
    report = tmp_path / "DICOM" / "ST9" / "SR000001"  # no damage: a report has no picture
    write_dicom(report, film(9), SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", Rows=None, AccessionNumber="A9")
    write_table(tmp_path / "reports.csv", rows)
    cohort = read(tmp_path)
    assert len(cohort.table) == 7
    said = sentence(cohort.warnings, "damaged_headers")
    assert said.startswith("The DICOM header of 1 image file breaks off before the picture: 'DICOM/ST7/IM000001'.")
    listed = {entry.path: entry.reason for entry in cohort.excluded}
    assert listed["DICOM/ST7/IM000001"] == "the DICOM header is cut off or damaged"
    assert listed.get("DICOM/ST9/SR000001") != "the DICOM header is cut off or damaged"


def test_dicom_in_class_folders_is_read_by_folder_and_grouped_by_header(tmp_path):
    for i in range(8):
        folder = "normal" if i % 2 else "pneumothorax"
        write_dicom(tmp_path / folder / f"{i}.dcm", film(i), PatientID=f"P{i // 2}", PatientSex="F")
    profile, roles = understood(tmp_path)
    assert profile.layout == "class_folders" and roles.patient == "DICOM headers:PatientID"
    assert read(tmp_path).table["patient"].nunique() == 4


def test_study_and_series_folders_are_no_classes(tmp_path):
    root = write_studies(tmp_path)
    for i in range(2):
        write_dicom(root / f"1.2.840.{i}.7.9" / "IM9", film(20 + i))
    assert profile_data(root).class_folders == {}


def test_folders_of_single_studies_are_no_classes_beside_a_table_by_patient(tmp_path):
    for i in range(12):
        write_dicom(tmp_path / "D" / f"S{i}" / f"IM{i}", film(i), SOPInstanceUID=f"1.2.9.{i}", PatientID=f"P{i // 3}")
    write_table(tmp_path / "labels.csv", [["PatientID", "Pneumothorax"], *([f"P{i}", i % 2] for i in range(4))])
    profile, _ = understood(tmp_path)
    cohort = read(tmp_path)
    assert profile.layout == "dicom" and profile.class_folders == {}
    labels = {row.image: row.label for row in cohort.table.itertuples()}
    assert labels == {f"D/S{i}/IM{i}": i // 3 % 2 for i in range(12)} and cohort.table["patient"].nunique() == 4
    assert "all 12 images of 4 patients" in sentence(cohort.warnings, "value_per_patient")


def test_folders_that_say_nothing_of_the_target_give_way_to_a_table_that_does(tmp_path):
    for i in range(12):
        write_dicom(
            tmp_path / ("wardA" if i % 3 else "wardB") / f"{i}", film(i), AccessionNumber=f"A{i}", PatientID=f"P{i}"
        )
    write_table(tmp_path / "labels.csv", [["Accession", "Pneumothorax"], *([f"A{i}", i % 2] for i in range(12))])
    assert read(tmp_path).table.sort_values("path")["label"].sum() == 6


# ------------------------------------------------------------------------------------------------------------ CheXpert


def test_chexpert_blank_is_neither_negative_nor_uncertain(written):
    tables = sorted(written("chexpert").rglob("*.csv"))
    with_label = {"1.0": 0, "0.0": 0, "-1.0": 0, "": 0}
    for table in tables:
        with table.open(newline="") as file:
            for row in csv.DictReader(file):
                with_label[row["Pneumothorax"]] += 1
    cohort = read(written("chexpert"))
    assert len(tables) == 2 and with_label[""] > 0
    assert cohort.table["label"].value_counts().to_dict() == {1: with_label["1.0"], 0: with_label["0.0"]}
    assert len(cohort.excluded) == with_label[""] + with_label["-1.0"]
    assert cohort.table["split"].isin(["train", "validation"]).all()


def test_chexpert_with_positives_and_blanks_only_is_unusable(tmp_path):
    rows = [["Path", "Frontal/Lateral", "Support Devices", "Pneumothorax"]]
    for i in range(6):
        path = f"train/patient{i:05d}/study1/view1_frontal.jpg"
        write_image(tmp_path / path, film(i))
        rows.append([path, "Frontal", "", "1.0" if i % 2 else ""])
    write_table(tmp_path / "train.csv", rows)
    with pytest.raises(UnusableData, match="No image is labelled as without"):
        decide_roles(profile_data(tmp_path), parse_request(REQUEST))


def test_chexpert_support_devices_are_no_drains_and_their_blanks_no_absence(written):
    decision = decide_roles(profile_data(written("chexpert")), parse_request(REQUEST))
    assert decision.roles is not None and decision.roles.confounders == {}
    assert "confounder_not_annotated" in codes(decision.warnings)


# ------------------------------------------------------------------------------------------------------------ PadChest


def test_padchest_sixteen_bits_are_windowed(written):
    path = next(written("padchest").rglob("*.png"))
    pixels, facts = decode_image(path, 64)
    assert facts.bits == 16 and pixels.min() == 0 and pixels.max() == 255 and 0.15 < pixels.mean() / 255 < 0.85


def test_padchest_labels_that_say_nothing_are_no_negatives(tmp_path):
    labels = ["['pneumothorax']", "['normal']", "['unchanged']", "['exclude', 'suboptimal study']", "", "['nodule']"]
    rows = [["ImageID", "PatientID", "StudyDate_DICOM", "PatientBirth", "Report", "Labels"]]
    for i, label in enumerate(labels):
        write_image(tmp_path / "0" / f"{i}.png", film(i))
        rows.append([f"{i}.png", f"P{i}", "20140506", f"19{50 + i}.0", "sin cambios", f'"{label}"'])
    write_table(tmp_path / "labels.csv", rows)
    profile, roles = understood(tmp_path)
    cohort = read(tmp_path)
    assert cohort.table["image"].tolist() == ["0.png", "1.png", "5.png"]
    assert cohort.table["label"].tolist() == [1, 0, 0] and cohort.table["age"].tolist() == [64.0, 63.0, 59.0]
    assert "sin cambios" not in profile.model_dump_json() and roles.label == "labels.csv:Labels"


def test_padchest_finds_what_is_rare_among_many_labels(tmp_path):
    common = [f"'finding {number}'" for number in range(45)]
    rare = {0: "'pneumothorax'", 1: "'pneumothorax'", 2: "'possible pneumothorax'"}
    rows: list[list[object]] = [["ImageID", "PatientID", "Labels"]]
    for i in range(8):
        write_image(tmp_path / "0" / f"{i}.png", film(i))
        rows.append([f"{i}.png", f"P{i}", f'"[{", ".join([*common, *([rare[i]] if i in rare else [])])}]"'])
    write_table(tmp_path / "labels.csv", rows)
    profile, roles = understood(tmp_path)
    assert roles.positive == ["pneumothorax"] and roles.uncertain == ["possible pneumothorax"]
    cohort = read(tmp_path)
    assert cohort.table["image"].tolist() == [f"{i}.png" for i in (0, 1, 3, 4, 5, 6, 7)]
    assert cohort.table["label"].tolist() == [1, 1, 0, 0, 0, 0, 0]
    written = without_patients(profile, roles).model_dump()["tables"][0]["columns"][2]
    assert written["unique"] == 47 and len(written["values"]) == 30, "what is written down stays short"


def test_a_column_of_free_text_with_a_stroke_in_it_is_no_list_of_labels(tmp_path):
    write_image(tmp_path / "0.png", film(0))
    texts = [f"Report {i}: no pneumothorax seen | stable" for i in range(1100)]
    write_table(tmp_path / "reports.csv", [["image", "Befund"], *([f"{i}.png", text] for i, text in enumerate(texts))])
    with pytest.raises(UnusableData, match="holds free text"):
        decide_roles(profile_data(tmp_path), parse_request(REQUEST))


def test_padchest_uncertain_drain_is_unknown(tmp_path):
    rows: list[list[object]] = [["ImageID", "PatientID", "Labels"]]
    for i in range(6):
        write_image(tmp_path / "0" / f"{i}.png", film(i))
        rows.append([f"{i}.png", f"P{i}", "\"['pneumothorax']\"" if i % 2 else "\"['normal']\""])
    write_table(tmp_path / "labels.csv", rows)
    write_table(tmp_path / "neatx.csv", [["ImageID", "Chest_drain"], ["0.png", 1], ["1.png", 0], ["2.png", -1]])
    drain = read(tmp_path).table["chest_drain"]
    assert drain.fillna(9).tolist() == [1, 0, 9, 9, 9, 9]
