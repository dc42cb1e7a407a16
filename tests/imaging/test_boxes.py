"""Boxes: every form as annotation tools write it, every way in which it is wrong, and that unknown is never taken for none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from clinjup.agent.intent import parse_request
from clinjup.agent.roles import decide_roles
from clinjup.contracts import BoxRole, UnusableData
from clinjup.imaging import Cohort, check_boxes, prepare_images, profile_data, read_cohort
from clinjup.preflight import check
from tests.imaging.folders import sentence, write_image

REQUEST = parse_request("Mark wrist fractures.")
NAMES = [f"film{i}" for i in range(6)]
SIDE = 40


def grey(width: int, height: int) -> np.ndarray:
    return np.full((height, width), 90, np.uint8)


def folder(root: Path, files: Mapping[str, str], labels: str = "110100") -> Path:
    """Six films 40 x 40 of six patients, a table with `labels` ("-" leaves the table out), and `files`."""
    for name in NAMES:
        write_image(root / "images" / f"{name}.png", grey(SIDE, SIDE))
    if labels != "-":
        rows = [f"{name},p{i},{label}" for i, (name, label) in enumerate(zip(NAMES, labels, strict=True))]
        (root / "table.csv").write_text("\n".join(["image,patient,fracture", *rows]) + "\n", encoding="utf-8")
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def read(root: Path, answers: Mapping[str, str] | None = None) -> Cohort:
    profile = profile_data(root)
    decision = decide_roles(profile, REQUEST, answers)
    assert decision.roles is not None, decision.questions
    roles = decision.roles.model_dump(exclude_defaults=True)
    cohort = read_cohort(root, layout=profile.layout, target="fracture", emit_finding=False, **roles)
    cohort.warnings += decision.warnings
    return cohort


def places(cohort: Cohort, name: str) -> np.ndarray | None:
    """Boxes of one film as shares of it; None where they are unknown."""
    assert cohort.boxes is not None
    index = next(row.Index for row in cohort.table.itertuples() if name in row.image)
    return cohort.boxes.places.get(int(index))


def codes(cohort: Cohort) -> set[str]:
    return {warning.code for warning in cohort.warnings}


YOLO = {f"labels/{name}.txt": "0 0.5 0.5 0.5 0.25\n" for name in ("film0", "film1", "film3")}
NAMED = {"data.yaml": "names: [fracture, metal]\n"}
BOX = [[0.25, 0.375, 0.75, 0.625]]


def voc(x0: float, y0: float, x1: float, y1: float, name: str = "fracture", size: bool = True) -> str:
    told = f"<size><width>{SIDE}</width><height>{SIDE}</height></size>" if size else ""
    corners = f"<xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>"
    return f"<annotation>{told}<object><name>{name}</name><bndbox>{corners}</bndbox></object></annotation>"


def coco(box: list[float] | None = None, outline: list[float] | None = None, scale: float = 1.0) -> str:
    shape = {"bbox": [value * scale for value in box]} if box else {"segmentation": [outline]}
    images = [{"id": i, "file_name": f"{name}.png", "width": SIDE, "height": SIDE} for i, name in enumerate(NAMES)]
    drawn = [{"id": i, "image_id": i, "category_id": 7, **shape} for i in (0, 1, 3)]
    return json.dumps({"images": images, "annotations": drawn, "categories": [{"id": 7, "name": "fractured"}]})


def supervisely(points: list[list[float]]) -> str:
    drawn = [{"classTitle": "fracture", "points": {"exterior": points, "interior": []}}]
    return json.dumps({"size": {"width": SIDE, "height": SIDE}, "objects": drawn})


FORMS = {
    "YOLO": {**YOLO, **NAMED},
    "YOLO with names as a block": {**YOLO, "data.yaml": "nc: 2\nnames:\n  0: fracture\n  1: metal\n"},
    "YOLO with classes.txt": {**YOLO, "labels/classes.txt": "fracture\nmetal\n"},
    "Pascal VOC": {f"voc/{name}.xml": voc(10, 15, 30, 25) for name in ("film0", "film1", "film3")},
    "Pascal VOC without a size": {f"voc/{n}.xml": voc(10, 15, 30, 25, size=False) for n in ("film0", "film1", "film3")},
    "COCO": {"annotations/instances.json": coco([10, 15, 20, 10])},
    "COCO with polygons only": {"annotations/instances.json": coco(outline=[10, 15, 30, 15, 30, 25, 10, 25])},
    "Supervisely": {f"ann/{n}.png.json": supervisely([[10, 15], [30, 25]]) for n in ("film0", "film1", "film3")},
    "YOLO with polygons": {
        **{f"labels/{n}.txt": "0 0.25 0.375 0.75 0.375 0.75 0.625 0.25 0.5\n" for n in ("film0", "film1", "film3")},
        **NAMED,
    },
    "YOLO in pixels": {**{f"labels/{n}.txt": "0 20 20 20 10\n" for n in ("film0", "film1", "film3")}, **NAMED},
    "Pascal VOC as shares": {f"voc/{n}.xml": voc(0.25, 0.375, 0.75, 0.625) for n in ("film0", "film1", "film3")},
    "COCO as shares": {"annotations/instances.json": coco([10, 15, 20, 10], scale=1 / SIDE)},
}


@pytest.mark.parametrize("files", FORMS.values(), ids=FORMS)
def test_the_same_boxes_are_read_from_every_form(tmp_path, files):
    cohort = read(folder(tmp_path, files))
    assert cohort.table["label"].tolist() == [1, 1, 0, 1, 0, 0]
    for name in ("film0", "film1", "film3"):
        np.testing.assert_allclose(places(cohort, name), BOX, atol=1e-6)
    for name in ("film2", "film4", "film5"):
        assert places(cohort, name).shape == (0, 4)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ("YOLO in pixels", "boxes_in_pixels"),
        ("Pascal VOC as shares", "boxes_as_shares"),
        ("COCO as shares", "boxes_as_shares"),
        ("COCO with polygons only", "polygons_as_boxes"),
        ("YOLO with polygons", "polygons_as_boxes"),
    ],
)
def test_what_was_mended_is_said(tmp_path, form, code):
    assert code in codes(read(folder(tmp_path, FORMS[form])))


@pytest.mark.parametrize("pixels", [3, 2])
@pytest.mark.parametrize("form", ["YOLO", "Pascal VOC"])
def test_a_set_in_pixels_and_in_shares_is_read_box_by_box_and_that_is_said(tmp_path, form, pixels):
    files = {}
    for number, name in enumerate(NAMES[:5]):
        if form == "YOLO":
            files[f"labels/{name}.txt"] = "0 20 20 20 10\n" if number < pixels else "0 0.5 0.5 0.5 0.25\n"
        else:
            files[f"voc/{name}.xml"] = voc(10, 15, 30, 25) if number < pixels else voc(0.25, 0.375, 0.75, 0.625)
    cohort = read(folder(tmp_path, files, labels="111110"))
    for name in NAMES[:5]:
        np.testing.assert_allclose(places(cohort, name), BOX, atol=1e-6)
    code, count = ("boxes_in_pixels", pixels) if form == "YOLO" else ("boxes_as_shares", 5 - pixels)
    assert sentence(cohort.warnings, code).startswith(f"{count} boxes")


@pytest.mark.parametrize("line", ["0 0.9 0.5 1.2 0.5", "0 0.5 0.5 1 1"])
def test_a_box_whose_unit_is_unclear_leaves_its_film_unboxed(tmp_path, line):
    pixels = FORMS["YOLO in pixels"]
    cohort = read(folder(tmp_path, {**pixels, "labels/film4.txt": f"{line}\n"}, labels="110110"))
    assert places(cohort, "film4") is None and len(places(cohort, "film0")) == 1
    assert sentence(cohort.warnings, "boxes_unclear_unit").startswith("1 box fits")


def test_damaged_box_files_are_told_when_a_folder_is_looked_at_and_before_a_run(tmp_path):
    root = folder(tmp_path, {**FORMS["YOLO in pixels"], "labels/film3.txt": "0 20 20 0 10\n"}, labels="110110")
    told = {warning.code: warning.sentence for warning in profile_data(root).warnings}
    assert told["boxes_in_pixels"].startswith("In 'labels': ") and told["boxes_without_area"].startswith(
        "In 'labels': 1 "
    )
    (root / "labels" / "film4.txt").write_text("0 20 20 20 10\n", encoding="utf-8")
    before = asyncio.run(check(REQUEST.request, str(root), {})).warnings
    assert {"boxes_in_pixels", "boxes_without_area"} <= {warning.code for warning in before}


def test_boxes_that_are_all_of_no_use_are_told_with_the_reason(tmp_path):
    root = folder(tmp_path, {"labels/film0.txt": "0 0.5 0.5 0 0.2\n", "labels/film1.txt": "0 0.5 0.5 0.2 0\n"})
    with pytest.raises(UnusableData, match=r"no boxes that can be used .* 2 boxes have no width or height"):
        decide_roles(profile_data(root), REQUEST)


def test_a_missing_box_file_on_a_positive_film_means_not_boxed_and_never_background(tmp_path):
    cohort = read(folder(tmp_path, {**YOLO, **NAMED}, labels="111111"[:5] + "0"))
    assert [places(cohort, name) is None for name in NAMES] == [False, False, True, False, True, False]
    told = next(warning for warning in cohort.warnings if warning.code == "images_not_boxed")
    assert "2 of 5 images" in told.sentence and "never as free of it" in told.sentence


def test_an_empty_box_file_says_that_somebody_looked(tmp_path):
    cohort = read(folder(tmp_path, {**YOLO, **NAMED, "labels/film2.txt": ""}))
    assert cohort.boxes.by_hand == {0, 1, 2, 3} and "boxes_empty_files" in codes(cohort)


def test_an_empty_box_file_on_a_positive_film_does_not_make_it_background(tmp_path):
    cohort = read(folder(tmp_path, {**YOLO, **NAMED, "labels/film4.txt": ""}, labels="110110"))
    assert places(cohort, "film4") is None


@pytest.mark.parametrize(
    ("line", "code", "unknown"),
    [
        ("0 0.5 0.5 0.0 0.25", "boxes_without_area", True),
        ("0 1.8 0.5 0.2 0.25", "boxes_outside", True),
        ("0 2.5 0.5 0.2 0.25", "boxes_outside", True),
        ("0 0.9 0.5 0.4 0.25", "boxes_cut", False),
        ("0 nan 0.5 0.4 0.25", "boxes_unreadable", True),
    ],
)
def test_boxes_of_no_use_are_left_out_and_said(tmp_path, line, code, unknown):
    cohort = read(folder(tmp_path, {**YOLO, **NAMED, "labels/film4.txt": line + "\n"}, labels="110110"))
    assert code in codes(cohort)
    assert (places(cohort, "film4") is None) == unknown
    if not unknown:
        np.testing.assert_allclose(places(cohort, "film4")[0, [0, 2]], [0.7, 1.0], atol=1e-6)


def test_a_box_on_a_film_labelled_negative_contradicts_itself(tmp_path):
    cohort = read(folder(tmp_path, {**YOLO, **NAMED}, labels="010100"))
    assert "boxes_contradict_label" in codes(cohort)
    assert [item.path for item in cohort.excluded] == ["images/film0.png"]


def test_boxes_of_another_class_are_no_boxes_of_the_target(tmp_path):
    cohort = read(folder(tmp_path, {**YOLO, **NAMED, "labels/film2.txt": "1 0.5 0.5 0.2 0.2\n"}))
    assert places(cohort, "film2").shape == (0, 4)


def test_two_formats_that_disagree_leave_the_film_unboxed(tmp_path):
    other = {f"voc/{name}.xml": voc(10, 15, 30, 25) for name in ("film0", "film1")}
    cohort = read(folder(tmp_path, {**YOLO, **NAMED, **other, "voc/film3.xml": voc(1, 1, 5, 5)}))
    assert places(cohort, "film3") is None and places(cohort, "film0") is not None
    told = next(warning for warning in cohort.warnings if warning.code == "box_formats_disagree")
    assert "on 1 image. It counts as not boxed" in told.sentence and "VOC" in told.sentence


def test_class_numbers_without_names_are_asked_for(tmp_path):
    root = folder(tmp_path, {**YOLO, "labels/film2.txt": "3 0.5 0.5 0.2 0.2\n"})
    (question,) = decide_roles(profile_data(root), REQUEST).questions
    assert question.id == "box_class" and {option.value for option in question.options} == {"0", "3"}
    german = decide_roles(profile_data(root), parse_request("Bitte Frakturen am Handgelenk markieren.")).questions
    assert "Welche Nummer bedeutet Fraktur" in german[0].text
    assert places(read(root, {"box_class": "0"}), "film0") is not None


def test_the_only_class_number_is_taken_for_the_target_and_said(tmp_path):
    assert "box_class_unnamed" in codes(read(folder(tmp_path, YOLO)))


def refused(root: Path) -> str:
    with pytest.raises(UnusableData) as error:
        decide_roles(profile_data(root), REQUEST)
    return str(error.value)


def test_boxes_that_name_other_things_cannot_teach_the_target(tmp_path):
    sentence = refused(folder(tmp_path, {**YOLO, "data.yaml": "names: [metal, text]\n"}))
    assert "'metal' (3)" in sentence and "none of these is called fracture" in sentence


def test_without_any_boxes_marks_cannot_be_learned(tmp_path):
    assert "no file says where a fracture is" in refused(folder(tmp_path, {}))


def test_empty_box_files_alone_teach_nothing(tmp_path):
    files = {**{f"labels/{name}.txt": "" for name in NAMES}, **NAMED}
    assert "draw nothing" in refused(folder(tmp_path, files))


def test_one_boxed_film_is_too_little_and_said(tmp_path):
    cohort = read(folder(tmp_path, {"labels/film0.txt": YOLO["labels/film0.txt"], **NAMED}))
    with pytest.raises(UnusableData, match=r"1 image of 1 patient have a box .* at least 3 patients"):
        check_boxes(cohort)


def test_boxes_alone_say_which_films_are_positive(tmp_path):
    cohort = read(folder(tmp_path, {**YOLO, **NAMED, "labels/film2.txt": "", "labels/film4.txt": ""}, labels="-"))
    found = {Path(row.image).stem: row.label for row in cohort.table.itertuples()}
    assert found == {"film0": 1, "film1": 1, "film2": 0, "film3": 1, "film4": 0}
    assert "unlabelled" in codes(cohort)


def test_boxes_follow_the_film_into_its_prepared_square(tmp_path):
    root = folder(tmp_path, {**YOLO, **NAMED})
    for name in NAMES:
        write_image(root / "images" / f"{name}.png", grey(40, 80))
    cohort = read(root)
    images = prepare_images(cohort, size=32, folder=tmp_path / "cache")
    np.testing.assert_allclose(cohort.boxes.on(images, 0), [[8 + 4, 12, 8 + 12, 20]], atol=1e-4)


def test_gone_boxes_are_said(tmp_path):
    root = folder(tmp_path, {**YOLO, **NAMED})
    role = BoxRole(format="coco", path="gone.json", target=["fracture"])
    roles = {"image": "table.csv:image", "label": "table.csv:fracture", "positive": ["1"], "negative": ["0"]}
    with pytest.raises(UnusableData, match=r"gone\.json.* gone now"):
        read_cohort(root, layout="table", target="fracture", emit_finding=False, boxes=role, **roles)
