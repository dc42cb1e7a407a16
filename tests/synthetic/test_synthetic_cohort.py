"""Synthetic chest cohorts: ChestX-ray14's layout on disk, exact counterfactuals, the same films from the same seed."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import distance_transform_edt

from clinjup.imaging.synthetic import (
    Film,
    counterfactual_films,
    plan_cohort,
    render_film,
    write_chestxray14,
    write_cohort,
)

PATIENTS = 16


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cohort(
        "pneumothorax", tmp_path_factory.mktemp("data") / "cohort", patients=PATIENTS, seed=4, annotated=0.7
    )


@pytest.fixture(scope="module")
def drained() -> Film:
    return next(entry.film for entry in plan_cohort(200, 0) if entry.film.pneumothorax and entry.film.drain)


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_tables_and_images_are_laid_out_as_in_chestxray14(cohort: Path) -> None:
    header, *entries = _rows(cohort / "Data_Entry_2017_v2020.csv")
    assert ",".join(header) == (
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
        "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
    )
    names = [entry[0] for entry in entries]
    assert names[0] == "00000001_000.png"
    assert sorted(path.name for path in (cohort / "images").iterdir()) == names
    assert all(len(entry) == len(header) for entry in entries)
    assert {entry[3] for entry in entries} == {str(patient + 1) for patient in range(PATIENTS)}
    assert any("|" in entry[1] for entry in entries)
    assert any(entry[1] == "No Finding" for entry in entries)

    lists = [(cohort / f"{part}_list.txt").read_text(encoding="utf-8").split() for part in ("train_val", "test")]
    assert sorted([*lists[0], *lists[1]]) == names
    assert not {name[:8] for name in lists[0]} & {name[:8] for name in lists[1]}


def test_every_file_says_that_it_is_synthetic(cohort: Path) -> None:
    facts = json.loads((cohort / "clinjup-synthetic.json").read_text(encoding="utf-8"))
    assert facts["synthetic"] is True
    assert facts["seed"] == 4
    assert "SYNTHETIC" in (cohort / "README.txt").read_text(encoding="utf-8")
    for path in (cohort / "images").iterdir():
        with Image.open(path) as image:
            assert "synthetic" in image.text
            assert (image.mode, image.size) == ("L", (256, 256))


def test_drain_table_leaves_out_whole_patients_when_not_all_are_annotated(cohort: Path) -> None:
    _, *drains = _rows(cohort / "NIH-CX14_TubeAnnotations_NonExperts_aggregated.csv")
    films = {entry.film.name: entry for entry in plan_cohort(PATIENTS, 4, annotated=0.7)}
    assert dict(drains) == {name: str(int(entry.film.drain)) for name, entry in films.items() if entry.annotated}
    known = {name[:8] for name, _ in drains}
    assert 0 < len(known) < PATIENTS
    assert not known & {name[:8] for name in films if name not in dict(drains)}


def test_films_do_not_depend_on_workers_or_on_how_many_patients_there_are(cohort: Path, tmp_path: Path) -> None:
    again = write_chestxray14(tmp_path / "again", patients=3, seed=4, annotated=0.7, workers=1)
    for path in (again / "images").iterdir():
        assert path.read_bytes() == (cohort / "images" / path.name).read_bytes()
    other = write_chestxray14(tmp_path / "other", patients=1, seed=5)
    name = "00000001_000.png"
    assert (other / "images" / name).read_bytes() != (again / "images" / name).read_bytes()


def test_progress_reaches_the_number_of_films(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_cohort("pneumothorax", tmp_path / "c", patients=3, on_progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == list(range(1, seen[-1][1] + 1))


def test_a_cohort_that_was_interrupted_is_drawn_anew(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_chestxray14(tmp_path / "c", patients=3, seed=4, annotated=0.7, on_progress=interrupt)
    assert any((tmp_path / "c").iterdir()) and not (tmp_path / "c" / "clinjup-synthetic.json").exists()
    roots = [write_chestxray14(tmp_path / name, patients=3, seed=4, annotated=0.7) for name in ("c", "fresh")]
    files = [{path.relative_to(root) for path in root.rglob("*")} for root in roots]
    assert files[0] == files[1]


# Ends, as a killed program would, in the middle of moving the finished files to where they belong.
KILLED_WHILE_MOVING = """
import os, sys
moved = []

def die(event, arguments):
    if event == "os.rename":
        moved.append(arguments)
        if len(moved) == int(sys.argv[2]):
            os._exit(9)

sys.addaudithook(die)
from clinjup.imaging.synthetic import write_chestxray14
write_chestxray14(sys.argv[1], patients=3, seed=4)
"""


@pytest.mark.parametrize("moved", [1, 2, 4])
def test_a_cohort_that_was_killed_while_its_files_were_moved_is_made_whole(moved: int, tmp_path: Path) -> None:
    root = tmp_path / "c"
    killed = subprocess.run([sys.executable, "-c", KILLED_WHILE_MOVING, str(root), str(moved)], check=False)
    assert killed.returncode == 9 and not (root / "clinjup-synthetic.json").exists()
    roots = [write_chestxray14(root, patients=3, seed=4), write_chestxray14(tmp_path / "fresh", patients=3, seed=4)]
    files = [
        {str(path.relative_to(root)): path.is_file() and path.read_bytes() for path in root.rglob("*")}
        for root in roots
    ]
    assert files[0] == files[1]


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years of work", encoding="utf-8")
    with pytest.raises(FileExistsError, match="already holds files"):
        write_cohort("pneumothorax", tmp_path, patients=2)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


@pytest.mark.parametrize(
    ("task", "layout", "sentence"),
    [("gout", None, "no synthetic cohort for 'gout'"), ("pneumothorax", "mura", "no layout 'mura'")],
)
def test_unknown_task_or_layout_names_those_that_exist(
    task: str, layout: str | None, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=sentence):
        write_cohort(task, tmp_path / "c", patients=2, layout=layout)


def test_film_with_and_without_drain_differs_in_the_tube_only(drained: Film) -> None:
    with_drain, masks = render_film(drained)
    without, _ = render_film(drained, drain=False)
    changed = with_drain != without
    tube = masks["drain"]
    assert distance_transform_edt(~tube)[changed].max() < 5  # the soft edge of its walls
    assert changed[tube].mean() > 0.8
    assert (with_drain[tube].astype(int) - without[tube]).mean() > 15


def test_pneumothorax_darkens_a_rim_of_one_lung_slightly(drained: Film) -> None:
    film = replace(drained, drain=False, findings=())
    with_air, masks = render_film(film)
    without, none = render_film(film, pneumothorax=False)
    rim = masks["pneumothorax"]
    assert 0.002 < rim.mean() < 0.1
    assert not none["pneumothorax"].any()
    darker = without[rim].astype(int) - with_air[rim]
    assert 3 < darker.mean() < 40
    columns = np.flatnonzero(rim.any(axis=0))
    assert columns.max() < 136 or columns.min() > 120
    far = np.ones_like(rim)
    far[:, max(columns.min() - 6, 0) : columns.max() + 7] = False
    assert np.array_equal(with_air[far], without[far])


def test_counterfactual_films_are_those_on_disk_but_for_the_drain(cohort: Path) -> None:
    films = [entry.film for entry in plan_cohort(PATIENTS, 4, annotated=0.7)][:12]
    names = [film.name for film in films]
    with_drain, without = (counterfactual_films(cohort, names, drain=drain) for drain in (True, False))
    assert with_drain.shape == without.shape == (12, 256, 256)
    for index, film in enumerate(films):
        on_disk = np.asarray(Image.open(cohort / "images" / film.name))
        assert np.array_equal(on_disk, (with_drain if film.drain else without)[index])
        assert not np.array_equal(with_drain[index], without[index])


def test_counterfactual_films_refuse_a_cohort_of_other_constants(cohort: Path, tmp_path: Path) -> None:
    facts = json.loads((cohort / "clinjup-synthetic.json").read_text(encoding="utf-8"))
    facts["difficulty"]["noise"] = [0.5, 0.6]
    (tmp_path / "clinjup-synthetic.json").write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(ValueError, match="other constants"):
        counterfactual_films(tmp_path, ["00000001_000.png"], drain=True)


def test_the_drain_is_tied_to_the_label_except_in_a_balanced_test_part() -> None:
    def share(entries, pneumothorax: bool) -> float:
        return float(np.mean([entry.film.drain for entry in entries if entry.film.pneumothorax is pneumothorax]))

    tied, balanced = plan_cohort(1500, 0), plan_cohort(1500, 0, balanced_test=True)
    for part in (False, True):
        chosen = [entry for entry in tied if entry.test is part]
        assert share(chosen, True) > 0.8
        assert share(chosen, False) < 0.1
    assert [entry for entry in balanced if not entry.test] == [entry for entry in tied if not entry.test]
    chosen = [entry for entry in balanced if entry.test]
    assert abs(share(chosen, True) - 0.5) < 0.08
    assert abs(share(chosen, False) - 0.5) < 0.08
    assert [entry.labels for entry in balanced] == [entry.labels for entry in tied]


def test_age_sex_and_view_tell_nothing_of_the_label() -> None:
    films = [entry.film for entry in plan_cohort(3000, 1)]
    ill = np.array([film.pneumothorax for film in films])
    traits = [film.age for film in films], [film.sex == "F" for film in films], [film.view == "AP" for film in films]
    for trait in traits:
        values = np.array(trait, float)
        assert abs(values[ill].mean() - values[~ill].mean()) < 0.15 * values.std()


@pytest.mark.parametrize("size", [64, 97, 128])
def test_films_of_other_sizes_show_the_same_chest(drained: Film, size: int) -> None:
    small, masks = render_film(drained, size=size)
    large, _ = render_film(drained, size=256)
    assert small.shape == masks["lungs"].shape == (size, size)
    shrunk = np.asarray(Image.fromarray(large).resize((size, size), Image.Resampling.BOX))
    assert np.corrcoef(small.ravel(), shrunk.ravel())[0, 1] > 0.96


def test_a_pigtail_is_another_drain_in_the_same_film(drained: Film) -> None:
    usual, mask = render_film(drained)
    other, thin = render_film(drained, pigtail=True)
    without, _ = render_film(drained, drain=False)
    assert 0 < thin["drain"].sum() < 0.8 * mask["drain"].sum()
    near = distance_transform_edt(~thin["drain"]) <= 4
    assert (other[~near] == without[~near]).all() and (other[near] != without[near]).any()
    assert not (usual == other).all()
    rows, columns = np.nonzero(thin["drain"])
    loops = [  # somewhere the catheter surrounds a few pixels that it does not cover
        (row, column)
        for row in range(rows.min(), rows.max())
        for column in range(columns.min(), columns.max())
        if not thin["drain"][row, column]
        and all(
            line.any()
            for line in (
                thin["drain"][row, max(column - 12, 0) : column],
                thin["drain"][row, column + 1 : column + 13],
                thin["drain"][max(row - 12, 0) : row, column],
                thin["drain"][row + 1 : row + 13, column],
            )
        )
    ]
    assert len(loops) >= 5
