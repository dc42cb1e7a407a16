"""Chest films that are not frontal are left out and listed, in every layout that says which they are; other films stay as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from clinjup.agent.intent import parse_request
from clinjup.agent.roles import decide_roles
from clinjup.contracts import Roles
from clinjup.imaging import Cohort, profile_data, read_cohort
from tests.conftest import REQUEST
from tests.imaging.folders import codes, film, sentence, write_dicom, write_image, write_table

FILMS = 12


def understood(root: Path, request: str = REQUEST) -> tuple[Roles, Cohort]:
    profile, task = profile_data(root), parse_request(request)
    roles = decide_roles(profile, task).roles
    assert roles is not None and task.target is not None
    given = roles.model_dump(exclude_defaults=True)
    return roles, read_cohort(root, layout=profile.layout, target=task.target, emit_finding=False, **given)


def clinic(root: Path, header: str, views: list[str], label: str = "pneumothorax") -> Path:
    """A table of a hospital with a column `header`; its values in turn."""
    rows: list[list[object]] = [["image", "patient", header, label]]
    for i in range(FILMS):
        write_image(root / f"{i:03d}.png", film(i))
        rows.append([f"{i:03d}.png", f"P{i}", views[i % len(views)], "yes" if i % 2 else "no"])
    write_table(root / "list.csv", rows)
    return root


def chexpert(root: Path) -> Path:
    rows: list[list[object]] = [["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", "Support Devices", "Pneumothorax"]]
    for i in range(FILMS):
        lateral = i % 3 == 0
        path = f"train/patient{i:05d}/study1/{'view2_lateral' if lateral else 'view1_frontal'}.jpg"
        write_image(root / path, film(i))
        view = ["Lateral", ""] if lateral else ["Frontal", "AP" if i % 2 else "PA"]
        rows.append([f"CheXpert-v1.0-small/{path}", "Male", 40 + i, *view, "", "1.0" if i % 2 else "0.0"])
    write_table(root / "train.csv", rows)
    return root


def test_lateral_films_of_chexpert_are_left_out_and_listed(tmp_path):
    roles, cohort = understood(chexpert(tmp_path))
    assert len(cohort.table) == 8 and not cohort.table["image"].str.contains("lateral").any()
    assert [entry.reason for entry in cohort.excluded] == ["not a frontal film"] * 4
    assert all("view2_lateral" in entry.path for entry in cohort.excluded)
    said = sentence(cohort.warnings, "not_frontal")
    assert said.startswith("4 of 12 films are not frontal ones ('Lateral' in the column 'Frontal/Lateral'); left out")
    assert "because a network that sees both views learns the view as well, and drains" in said
    assert roles.covariates["view"] == "train.csv:AP/PA" and set(cohort.table["view"]) == {"AP", "PA"}


def test_padchest_says_it_with_a_letter(tmp_path):
    rows: list[list[object]] = [["ImageID", "PatientID", "Projection", "Labels"]]
    for i, view in enumerate(("PA", "L", "AP_horizontal", "COSTAL", "AP", "L", "PA", "EXCLUDE", "PA", "PA")):
        write_image(tmp_path / "0" / f"{i}.png", film(i))
        rows.append([f"{i}.png", f"P{i}", view, "\"['pneumothorax']\"" if i % 2 else "\"['normal']\""])
    write_table(tmp_path / "labels.csv", rows)
    _, cohort = understood(tmp_path)
    assert cohort.table["view"].tolist() == ["PA", "AP_horizontal", "AP", "PA", "PA", "PA"]
    assert sorted(entry.path for entry in cohort.excluded) == ["0/1.png", "0/3.png", "0/5.png", "0/7.png"]


def test_dicom_headers_say_it_and_a_decubitus_film_is_no_lateral_one(tmp_path):
    views = ["PA", "LL", "AP", "RL", "LLD", "PA", "LATERAL", "PA", "", "PA"]
    rows: list[list[object]] = [["AccessionNumber", "Pneumothorax"]]
    for i, view in enumerate(views):
        tags = {"SOPInstanceUID": f"1.2.9.{i}", "AccessionNumber": f"A{i}", "PatientID": f"P{i}", "ViewPosition": view}
        write_dicom(tmp_path / f"DICOM/ST{i}/IM000001", film(i), **tags)
        rows.append([f"A{i}", "yes" if i % 2 else "no"])
    write_table(tmp_path / "reports.csv", rows)
    _, cohort = understood(tmp_path)
    assert cohort.table["view"].fillna("").tolist() == ["PA", "AP", "LLD", "PA", "PA", "", "PA"]
    assert "3 of 10 films" in sentence(cohort.warnings, "not_frontal")


def clinic_of_dicom(root: Path, modalities: list[str]) -> Path:
    rows: list[list[object]] = [["AccessionNumber", "Pneumothorax"]]
    for i, modality in enumerate(modalities):
        tags = {"AccessionNumber": f"A{i}", "PatientID": f"P{i}", "Modality": modality, "SOPInstanceUID": f"1.2.9.{i}"}
        write_dicom(root / f"DICOM/ST{i}/IM000001", film(i), **tags)
        rows.append([f"A{i}", "yes" if i % 2 else "no"])
    write_table(root / "reports.csv", rows)
    return root


def test_what_is_no_radiograph_by_its_header_is_left_out_and_listed(tmp_path):
    root = clinic_of_dicom(tmp_path, ["DX", "MR", "CR", "CT", "", "OT", "SC", "RF", "RG"])
    roles, cohort = understood(root)
    assert roles.radiographs is not None and set(roles.radiographs.absent) == {"CT", "MR"}
    assert len(cohort.table) == 7
    listed = {entry.path: entry.reason for entry in cohort.excluded}
    assert listed == dict.fromkeys(["DICOM/ST1/IM000001", "DICOM/ST3/IM000001"], "not a radiograph")
    said = sentence(cohort.warnings, "not_radiographs")
    assert said.startswith("2 of 9 images are not radiographs by their DICOM headers (CT, MR); left out.")
    said = sentence(profile_data(root).warnings, "not_radiographs")
    assert said.startswith("2 of 8 DICOM files are not radiographs (Modality CT, MR)")


def test_pictures_of_which_none_is_a_radiograph_are_kept_and_said(tmp_path):
    _, cohort = understood(clinic_of_dicom(tmp_path, ["CT"] * 6))
    assert len(cohort.table) == 6 and cohort.excluded == []
    assert "None of the 6 images is a radiograph by its DICOM header (CT)" in sentence(
        cohort.warnings, "no_radiographs"
    )


def test_a_kind_of_picture_that_radiographs_are_not_stays_where_the_question_is_about_skin(tmp_path):
    rows: list[list[object]] = [["image", "diagnosis"]]
    for i in range(8):
        write_dicom(tmp_path / f"{i}.dcm", film(i), PatientID=f"P{i}", Modality="XC" if i < 4 else "DX")
        rows.append([f"{i}.dcm", "melanoma" if i % 2 else "nevus"])
    write_table(tmp_path / "t.csv", rows)
    roles, cohort = understood(tmp_path, "I need a model that tells melanoma from nevus on dermoscopic images.")
    assert roles.radiographs is None and len(cohort.table) == 8


@pytest.mark.parametrize(
    ("header", "views", "kept"),
    [
        ("Strahlengang", ["p.a.", "seitlich", "a.p. liegend"], 8),
        ("view", ["frontal", "left lateral"], 6),
        ("View Position", ["PA", "AP"], FILMS),
        ("Aufnahmeart", ["L", "S"], FILMS),  # lying and standing
        ("view", ["PA and lateral", "PA"], FILMS),
        ("Lagerung", ["Rückenlage", "links lateral"], FILMS),  # lying on the left side
    ],
)
def test_words_of_hospital_tables(tmp_path, header, views, kept):
    _, cohort = understood(clinic(tmp_path, header, views))
    assert len(cohort.table) == kept
    assert ("not_frontal" in codes(cohort.warnings)) == (kept < FILMS)


def test_lateral_films_alone_are_kept_and_said(tmp_path):
    _, cohort = understood(clinic(tmp_path, "projection", ["L"]))
    assert len(cohort.table) == FILMS and cohort.excluded == []
    assert "None of the 12 films is a frontal one" in sentence(cohort.warnings, "no_frontal_films")


def test_lateral_films_of_a_wrist_stay(tmp_path):
    request = "I need a model that tells whether a wrist X-ray shows a fracture."
    roles, cohort = understood(clinic(tmp_path, "projection", ["PA", "lateral"], label="fracture"), request)
    assert len(cohort.table) == FILMS and roles.frontal is None and not roles.chest_films
