"""What is not known of an image is never taken for none: broken files, lost boxes, formats that disagree, a model's own marks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clinjup.agent.roles import decide_roles
from clinjup.contracts import UnusableData
from clinjup.imaging import profile_data
from clinjup.learning.detection.coco import coco_marks
from clinjup.learning.detection.matching import Marks
from tests.imaging.test_boxes import (
    BOX,
    NAMED,
    NAMES,
    REQUEST,
    SIDE,
    YOLO,
    coco,
    codes,
    folder,
    places,
    read,
    supervisely,
    voc,
)

VOC = {f"voc/{name}.xml": voc(10, 15, 30, 25) for name in ("film0", "film1", "film3")}
WITHOUT_BOX = "<annotation><object><name>{}</name></object></annotation>"


def labels(root: Path) -> dict[str, int]:
    """Film -> label; without one it is absent."""
    return {Path(row.image).stem: row.label for row in read(root).table.itertuples()}


def listed(*drawn: dict[str, Any], **other: Any) -> str:
    """COCO that lists every film: film0, film1 and film3 with a box, and the annotations `drawn`."""
    return json.dumps(json.loads(coco([10, 15, 20, 10])) | {"annotations": [*marked(0, 1, 3), *drawn]} | other)


def marked(*films: int) -> list[dict[str, Any]]:
    return [{"id": i, "image_id": i, "category_id": 7, "bbox": [10, 15, 20, 10]} for i in films]


UNREADABLE = {
    "VOC that ends in the middle": {**VOC, "voc/film4.xml": voc(10, 15, 30, 25)[:60]},
    "VOC without a box": {**VOC, "voc/film4.xml": WITHOUT_BOX.format("fracture")},
    "VOC without corners": {**VOC, "voc/film4.xml": voc("a", 1, 2, 3)},  # type: ignore[arg-type]
    "zero area beside another class": {**YOLO, **NAMED, "labels/film4.txt": "0 0.5 0.5 0 0.2\n1 0.5 0.5 0.2 0.2\n"},
    "YOLO line too short": {**YOLO, **NAMED, "labels/film4.txt": "0 0.5 0.5 0.2\n"},
    "YOLO line without a class": {**YOLO, **NAMED, "labels/film4.txt": "1 0.5 0.5 0.2 0.2\n? ? ? ? ?\n"},
    "Supervisely without points": {
        **{f"ann/{n}.png.json": supervisely([[10, 15], [30, 25]]) for n in ("film0", "film1", "film3")},
        "ann/film4.png.json": json.dumps(
            {"size": None, "objects": [{"classTitle": "fracture", "points": None}, {"classTitle": "metal"}]}
        ),
    },
    "Supervisely with nothing for an object": {
        **{f"ann/{n}.png.json": supervisely([[10, 15], [30, 25]]) for n in ("film0", "film1", "film3")},
        "ann/film4.png.json": '{"size": {"width": 40, "height": 40}, "objects": [null]}',
    },
    "COCO with a run-length mask": {
        "coco.json": listed({"id": 9, "image_id": 4, "category_id": 7, "segmentation": {"size": [40, 40], "counts": "x"}})
    },
    "COCO with nothing in a box": {
        "coco.json": listed({"id": 9, "image_id": 4, "category_id": 7, "bbox": [1, None, 3, 4]})
    },
    "COCO with an odd outline": {
        "coco.json": listed({"id": 9, "image_id": 4, "category_id": 7, "segmentation": [[1, 2, 3, 4, 5]]})
    },
}  # fmt: skip


@pytest.mark.parametrize("files", UNREADABLE.values(), ids=UNREADABLE)
def test_a_film_whose_boxes_cannot_be_read_has_no_label_by_them(tmp_path, files):
    found = labels(folder(tmp_path, files, labels="-"))
    assert "film4" not in found and {name for name, label in found.items() if label} == {"film0", "film1", "film3"}


@pytest.mark.parametrize("files", UNREADABLE.values(), ids=UNREADABLE)
def test_a_positive_film_whose_boxes_cannot_be_read_is_not_boxed_and_that_is_said(tmp_path, files):
    cohort = read(folder(tmp_path, files, labels="110110"))
    assert places(cohort, "film4") is None and len(places(cohort, "film0")) == 1
    assert {"boxes_unreadable", "boxes_without_area"} & codes(cohort) and "images_not_boxed" in codes(cohort)


def test_one_lost_box_of_several_leaves_the_film_unboxed(tmp_path):
    line = YOLO["labels/film0.txt"]
    cohort = read(folder(tmp_path, {**YOLO, **NAMED, "labels/film0.txt": f"{line}0 0.1 0.1\n"}))
    assert places(cohort, "film0") is None
    metal = read(folder(tmp_path / "metal", {**YOLO, **NAMED, "labels/film0.txt": f"{line}1 0.1 0.1\n"}))
    np.testing.assert_allclose(places(metal, "film0"), BOX, atol=1e-6)


@pytest.mark.parametrize(
    "broken", [{"categories": None}, {"annotations": [*marked(0, 1, 3), None, 7]}, {"images": None}]
)
def test_malformed_coco_is_no_traceback(tmp_path, broken):
    root = folder(tmp_path, {"coco.json": listed(**broken)})
    if broken.get("images", 0) is None:
        with pytest.raises(UnusableData, match="no file says where"):
            decide_roles(profile_data(root), REQUEST)
    else:
        np.testing.assert_allclose(places(read(root), "film0"), BOX, atol=1e-6)


def test_a_yolo_class_may_be_written_with_a_point(tmp_path):
    cohort = read(folder(tmp_path, {**YOLO, **NAMED, "labels/film4.txt": "0.0 0.5 0.5 0.5 0.25\n"}, labels="110110"))
    np.testing.assert_allclose(places(cohort, "film4"), BOX, atol=1e-6)


def test_formats_that_disagree_leave_a_film_without_any_label(tmp_path):
    files = {"coco.json": listed(), **VOC, "voc/film4.xml": voc(10, 15, 30, 25)}
    assert labels(folder(tmp_path, files, labels="-")) == {"film0": 1, "film1": 1, "film2": 0, "film3": 1, "film5": 0}
    table = read(folder(tmp_path / "table", files))
    assert places(table, "film4") is None and "box_formats_disagree" in codes(table)
    assert "images_not_boxed" not in codes(table)  # that one speaks of positive films


@pytest.mark.parametrize(
    ("other", "where"),
    [
        ("0 0.2 0.2 0.1 0.1\n", "another class name"),
        ("0 0.2 0.2 0.1 0.1\n", "a number"),
        ("3 0.2 0.2 0.1 0.1\n8 0.9 0.1 0.05 0.05\n", "numbers"),
    ],
)
def test_formats_are_compared_however_they_call_the_target(tmp_path, other, where):
    drawn = other.replace("0.2 0.2 0.1 0.1", "0.5 0.5 0.5 0.25")
    files = {f"labels/{name}.txt": drawn for name in ("film0", "film1")} | {"labels/film3.txt": other}
    if where == "another class name":
        files["data.yaml"] = "names: [fracture]\n"
    cohort = read(folder(tmp_path, {"coco.json": listed(), **files}))  # COCO says "fractured"
    assert places(cohort, "film3") is None and places(cohort, "film0") is not None
    assert "box_formats_disagree" in codes(cohort)


def marks_of_a_model() -> str:
    marks = [Marks(np.array([[1, 1, 9, 9]], np.float32), np.array([0.9], np.float32)) for _ in NAMES]
    names = [f"{name}.png" for name in NAMES]
    return json.dumps(coco_marks(names, [(SIDE, SIDE)] * len(NAMES), marks, SIDE, "fracture", 0.5))


def test_the_marks_of_a_model_are_no_reference_standard(tmp_path):
    cohort = read(folder(tmp_path, {**YOLO, **NAMED, "marks.json": marks_of_a_model()}))
    np.testing.assert_allclose(places(cohort, "film0"), BOX, atol=1e-6)
    assert "box_formats_disagree" not in codes(cohort)
    (told,) = [each for each in cohort.warnings if each.code == "boxes_of_a_model"]
    assert "marks.json" in told.sentence and "6 boxes carry a score" in told.sentence


def test_the_marks_of_a_model_alone_teach_nothing(tmp_path):
    root = folder(tmp_path, {"marks.json": marks_of_a_model()})
    with pytest.raises(UnusableData, match=r"no file says where .* so a model drew them"):
        decide_roles(profile_data(root), REQUEST)


SCORED = {f"labels/{name}.txt": "0 0.5 0.5 0.5 0.25 0.83\n0 0.1 0.1 0.1 0.1 0.31\n" for name in NAMES[:4]}


def test_yolo_files_with_scores_are_no_reference_standard(tmp_path):
    drawn = {f"voc/{name}.xml": voc(1, 1, 5, 5) for name in ("film0", "film1", "film3")}
    cohort = read(folder(tmp_path, {**drawn, **SCORED, **NAMED, "labels/film5.txt": ""}))
    np.testing.assert_allclose(places(cohort, "film0"), [[0.025, 0.025, 0.125, 0.125]], atol=1e-6)
    assert "box_formats_disagree" not in codes(cohort)
    (told,) = [each for each in cohort.warnings if each.code == "boxes_of_a_model"]
    assert "labels" in told.sentence and "8 boxes carry a score" in told.sentence
    with pytest.raises(UnusableData, match=r"no file says where .* so a model drew them"):
        decide_roles(profile_data(folder(tmp_path / "alone", {**SCORED, **NAMED, "labels/film5.txt": ""})), REQUEST)


def test_a_yolo_file_with_scores_among_files_by_hand_is_left_out_alone(tmp_path):
    cohort = read(folder(tmp_path, {**YOLO, **NAMED, "labels/film3.txt": SCORED["labels/film3.txt"]}))
    assert places(cohort, "film3") is None
    np.testing.assert_allclose(places(cohort, "film0"), BOX, atol=1e-6)
    assert {"boxes_of_a_model", "images_not_boxed"} <= codes(cohort)
