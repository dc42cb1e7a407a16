"""Synthetic wrists: what lies where in each layout, which children are boxed, and that a film is its own counterfactual."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clinjup.agent.intent import parse_request
from clinjup.agent.roles import decide_roles
from clinjup.imaging import profile_data, read_cohort
from clinjup.imaging.synthetic import write_cohort
from clinjup.imaging.synthetic.wrist import WristFilm, boxed_patients, plan_wrists, render_wrist

PATIENTS, SEED = 30, 11
REQUEST = parse_request("Mark suspicious fractures on wrist X-rays. Casts and metal should not count.")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """`written(annotated)` is a small cohort in GRAZPEDWRI-DX's layout, written once."""
    folders: dict[float, Path] = {}

    def write(annotated: float) -> Path:
        if annotated not in folders:
            out = tmp_path_factory.mktemp("wrists") / "data"
            folders[annotated] = write_cohort(
                "wrist", out, patients=PATIENTS, seed=SEED, annotated=annotated, workers=1
            )
        return folders[annotated]

    return write


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "dataset.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def label_files(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "folder_structure/yolov5/labels").glob("*.txt")}


def test_the_table_has_a_byte_order_mark_and_flags_of_one_or_blank(written):
    assert (written(1.0) / "dataset.csv").read_bytes().startswith(b"\xef\xbb\xbffilestem,patient_id,")
    flags = [
        row[name] for row in rows_of(written(1.0)) for name in ("cast", "metal", "fracture_visible", "initial_exam")
    ]
    assert set(flags) == {"1", ""}


def test_films_are_sixteen_bit_and_portrait(written):
    path = next(written(1.0).rglob("*.png"))
    with Image.open(path) as film:
        pixels = np.asarray(film)
    assert pixels.max() > 255 and pixels.shape[0] > pixels.shape[1]


def test_boxes_are_drawn_for_whole_children_and_nested():
    shares = [boxed_patients(200, 3, share) for share in (0.01, 0.05, 0.10, 1.0)]
    assert [len(each) for each in shares] == [2, 10, 20, 200]
    assert shares[0] < shares[1] < shares[2] < shares[3]


def test_without_their_boxes_the_films_are_the_same_and_the_label_files_of_the_others_absent(written):
    few, every = written(0.2), written(1.0)
    assert rows_of(few) == rows_of(every)
    boxed = {row["filestem"] for row in rows_of(few) if int(row["patient_id"]) in boxed_patients(PATIENTS, SEED, 0.2)}
    assert label_files(few) == boxed and label_files(every) == {row["filestem"] for row in rows_of(every)}
    for path in few.rglob("*.png"):
        assert path.read_bytes() == (every / path.relative_to(few)).read_bytes()
    for name in boxed:
        file = f"folder_structure/yolov5/labels/{name}.txt"
        assert (few / file).read_text() == (every / file).read_text()


def test_a_child_has_two_views_a_visit_and_may_come_back(written):
    rows = rows_of(written(1.0))
    visits = {(row["patient_id"], row["study_number"]): set() for row in rows}
    for row in rows:
        visits[row["patient_id"], row["study_number"]].add(row["projection"])
    assert all(views == {"1", "2"} for views in visits.values())
    assert len({row["patient_id"] for row in rows}) == PATIENTS < len(visits)
    assert any(not row["initial_exam"] for row in rows)


@pytest.mark.parametrize("layout", ["grazpedwri", "fracatlas"])
def test_a_request_for_marks_is_understood_on_the_layout(tmp_path, layout):
    root = write_cohort("wrist", tmp_path / "data", patients=24, seed=SEED, layout=layout, workers=1)
    profile = profile_data(root)
    assert profile.layout == layout and profile.synthetic
    roles = decide_roles(profile, REQUEST).roles
    assert roles is not None and roles.boxes is not None
    given = roles.model_dump(exclude_defaults=True)
    cohort = read_cohort(root, layout=layout, target="fracture", emit_finding=False, **given)
    films = [planned for planned in plan_wrists(24, SEED) if not planned.uncertain or layout == "fracatlas"]
    assert len(cohort.table) == len(films)
    assert cohort.table["label"].sum() == sum(planned.film.fracture is not None for planned in films)
    assert cohort.boxes is not None and len(cohort.boxes.places) >= 0.97 * len(films)
    assert cohort.has_patient_ids == (layout == "grazpedwri")
    assert "metal" in cohort.confounders and ("cast" in cohort.confounders) == (layout == "grazpedwri")


def test_uncertain_films_are_neither_with_nor_without_a_fracture(written):
    root = written(1.0)
    uncertain = [row["filestem"] for row in rows_of(root) if row["diagnosis_uncertain"]]
    profile = profile_data(root)
    roles = decide_roles(profile, REQUEST).roles
    assert roles is not None
    given = roles.model_dump(exclude_defaults=True)
    cohort = read_cohort(root, layout=profile.layout, target="fracture", emit_finding=False, **given)
    assert uncertain and not set(uncertain) & set(cohort.table["image"])
    assert any(warning.code == "uncertain_left_out" for warning in cohort.warnings)


def test_the_boxes_of_yolo_and_pascal_voc_agree(written):
    profile = profile_data(written(1.0))
    assert {boxes.format: boxes.boxes for boxes in profile.boxes}.keys() == {"yolo", "voc"}
    roles = decide_roles(profile, REQUEST).roles
    assert roles is not None
    given = roles.model_dump(exclude_defaults=True)
    cohort = read_cohort(written(1.0), layout="grazpedwri", target="fracture", emit_finding=False, **given)
    assert not any(warning.code == "box_formats_disagree" for warning in cohort.warnings)


def film(**fields) -> WristFilm:
    about = {"seed": 1, "patient": 4, "number": 0, "visit": 0, "sex": "M", "age": 9.0, "side": "L", "view": "PA"}
    return WristFilm(**{**about, **fields})


def test_a_fracture_changes_the_film_inside_its_box_and_not_the_bone_beyond():
    broken = film(fracture="buckle")
    with_it, without = render_wrist(broken), render_wrist(broken, fracture=False)
    assert "fracture" in with_it.boxes and "fracture" not in without.boxes
    changed = np.abs(with_it.pixels.astype(int) - without.pixels) > 200
    x0, y0, x1, y1 = (round(value) for value in with_it.boxes["fracture"][0])
    assert changed[y0:y1, x0:x1].sum() > 0.8 * changed.sum() > 20


@pytest.mark.parametrize("what", ["cast", "metal"])
def test_a_cast_or_metal_is_the_only_difference_to_its_counterfactual(what):
    plain = film()
    drawn = render_wrist(plain, **{what: True}).pixels.astype(int) - render_wrist(plain, **{what: False}).pixels
    assert (drawn >= -2).all() and (drawn > 300).mean() > 0.003


def test_same_seed_writes_the_same_bytes_whatever_the_workers(tmp_path):
    for workers in (1, 3):
        write_cohort("wrist", tmp_path / str(workers), patients=5, seed=2, workers=workers)
    for path in sorted((tmp_path / "1").rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "3" / path.relative_to(tmp_path / "1")).read_bytes()
    assert json.loads((tmp_path / "1/clinjup-synthetic.json").read_text())["task"] == "wrist"
