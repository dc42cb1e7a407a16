"""Boxes that lie in several folders or files are one set; the set that knows most is read, and what it lacks is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from clinjup.agent.roles import decide_roles
from clinjup.imaging import profile_data
from tests.imaging.folders import write_image
from tests.imaging.test_boxes import BOX, NAMED, NAMES, REQUEST, SIDE, YOLO, codes, folder, grey, places, read, voc

LINE = YOLO["labels/film0.txt"]


def coco(*films: int, boxed: tuple[int, ...] = ()) -> str:
    images = [{"id": i, "file_name": f"{NAMES[i]}.png", "width": SIDE, "height": SIDE} for i in films]
    drawn = [{"id": i, "image_id": i, "category_id": 1, "bbox": [10, 15, 20, 10]} for i in boxed]
    return json.dumps({"images": images, "annotations": drawn, "categories": [{"id": 1, "name": "fracture"}]})


FRACTURE = voc(10, 15, 30, 25)


def parts(one: str, other: str, boxed: str = LINE, empty: str = "") -> dict[str, str]:
    """film0 and film1 in one folder, film3 and the empty film4 in another; {} stands for the film."""
    return {one.format(0): boxed, one.format(1): boxed, other.format(3): boxed, other.format(4): empty}


PARTS = {
    "YOLO": {**NAMED, **parts("labels/train/film{}.txt", "labels/val/film{}.txt")},
    "YOLO beside the images": {**NAMED, **parts("train/labels/film{}.txt", "valid/labels/film{}.txt")},
    "COCO": {
        "annotations/instances_train.json": coco(0, 1, boxed=(0, 1)),
        "annotations/instances_val.json": coco(3, 4, boxed=(3,)),
    },
    "COCO beside the images": {
        "train/_annotations.coco.json": coco(0, 1, boxed=(0, 1)),
        "valid/_annotations.coco.json": coco(3, 4, boxed=(3,)),
    },
    "Pascal VOC": parts("voc/a/film{}.xml", "voc/b/film{}.xml", FRACTURE, "<annotation></annotation>"),
}


@pytest.mark.parametrize("files", PARTS.values(), ids=PARTS)
def test_boxes_in_several_folders_are_one_set(tmp_path, files):
    cohort = read(folder(tmp_path, files))
    for name in ("film0", "film1", "film3"):
        np.testing.assert_allclose(places(cohort, name), BOX, atol=1e-6)
    assert {"images_not_boxed", "boxes_not_read"}.isdisjoint(codes(cohort))
    (boxes,) = profile_data(tmp_path).boxes
    assert (boxes.images, boxes.boxed) == (4, {"fracture": 3})


@pytest.mark.parametrize("files", PARTS.values(), ids=PARTS)
def test_boxes_in_several_folders_label_the_films_of_all_of_them(tmp_path, files):
    cohort = read(folder(tmp_path, files, labels="-"))
    found = {Path(row.image).stem: row.label for row in cohort.table.itertuples()}
    assert found == {"film0": 1, "film1": 1, "film3": 1, "film4": 0}


def test_a_folder_for_each_patient_is_one_set_whatever_is_drawn_in_the_first(tmp_path):
    files = {"voc/p0/film0.xml": FRACTURE, "voc/p1/film1.xml": voc(1, 1, 9, 9, name="metal")}
    files["voc/p3/film3.xml"] = FRACTURE.replace("</annotation>", voc(1, 1, 9, 9, name="metal").partition(">")[2])
    files["voc/p4/film4.xml"] = FRACTURE
    cohort = read(folder(tmp_path, files, labels="-"))
    found = {Path(row.image).stem: row.label for row in cohort.table.itertuples()}
    assert found == {"film0": 1, "film1": 0, "film3": 1, "film4": 1}


@pytest.mark.parametrize("inside", ["labels/{part}/{name}", "{part}/labels/{name}"])
def test_names_that_repeat_in_every_part_find_the_film_of_their_own(tmp_path, inside):
    images = inside.replace("labels", "images")
    for i in range(6):
        part, name = ("train", "val")[i // 3], f"{i % 3}"
        write_image(tmp_path / (images.format(part=part, name=name) + ".png"), grey(SIDE, SIDE))
        path = tmp_path / (inside.format(part=part, name=name) + ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"0 0.5 0.5 0.5 {0.1 * (i + 1):.1f}\n" if i % 3 else "", encoding="utf-8")
    (tmp_path / "data.yaml").write_text(NAMED["data.yaml"], encoding="utf-8")
    cohort = read(tmp_path)
    assert "boxes_without_image" not in codes(cohort) and len(cohort.table) == 6
    for i in (1, 2, 4, 5):
        ((_, y0, _, y1),) = places(cohort, images.format(part=("train", "val")[i // 3], name=f"{i % 3}.png"))
        assert y1 - y0 == pytest.approx(0.1 * (i + 1), abs=1e-5)


def test_sets_that_contradict_each_other_are_not_thrown_together(tmp_path):
    second = {f"second/{name}.txt": "0 0.2 0.2 0.1 0.1\n" for name in ("film0", "film1")}
    cohort = read(folder(tmp_path, {**YOLO, **NAMED, **second}))
    assert places(cohort, "film0") is None and len(places(cohort, "film3")) == 1
    assert "box_formats_disagree" in codes(cohort)


def test_sets_of_other_classes_are_not_thrown_together(tmp_path):
    """A film on which only metal was looked for is not free of fractures."""
    files = {f"fractures/{name}.xml": voc(10, 15, 30, 25) for name in ("film0", "film1", "film3")}
    files |= {"metal/film4.xml": voc(1, 1, 9, 9, name="metal")}
    cohort = read(folder(tmp_path, files, labels="-"))
    assert {Path(row.image).stem for row in cohort.table.itertuples()} == {"film0", "film1", "film3"}


def test_the_set_that_speaks_of_most_films_is_read_and_what_it_lacks_is_said(tmp_path):
    root = folder(tmp_path, {"annotations/few.json": coco(0, 2, boxed=(0, 2)), **YOLO, **NAMED}, labels="111100")
    roles = decide_roles(profile_data(root), REQUEST).roles
    assert roles is not None and roles.boxes is not None and roles.boxes.format == "yolo"
    cohort = read(root)
    assert places(cohort, "film2") is None
    (told,) = [each for each in cohort.warnings if each.code == "boxes_not_read"]
    assert told.sentence.startswith("1 image has a box of fracture only in 'annotations/few.json' (COCO)")


def test_a_file_that_gives_no_boxes_is_said(tmp_path):
    whole = coco(3, 4, boxed=(3,))
    cohort = read(
        folder(tmp_path, {"instances_train.json": coco(0, 1, boxed=(0, 1)), "instances_val.json": whole[:-40]})
    )
    assert places(cohort, "film3") is None
    (told,) = [each for each in cohort.warnings if each.code == "boxes_unreadable"]
    assert told.sentence.startswith("In 'instances_val.json': 1 line or file")


def test_a_list_of_names_that_is_too_short_is_asked_about(tmp_path):
    lines = {f"labels/{name}.txt": "3 0.5 0.5 0.5 0.25\n0 0.1 0.1 0.1 0.1\n" for name in ("film0", "film1", "film3")}
    root = folder(tmp_path, {**lines, "data.yaml": "names: [metal]\n"})
    (question,) = decide_roles(profile_data(root), REQUEST).questions
    assert question.id == "box_class" and [option.value for option in question.options] == ["3"]
    np.testing.assert_allclose(places(read(root, {"box_class": "3"}), "film0"), BOX, atol=1e-6)
