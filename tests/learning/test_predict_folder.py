"""A trained model on a plain folder of images, through the door that `clinjup predict` uses."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clinjup.kernel.errors import ClinjupError
from clinjup.learning import TrainedModel, load_model
from clinjup.learning.predict_folder import main, predict_folder
from clinjup.learning.scaling import logit
from tests.imaging.folders import write_dicom
from tests.learning.blobs import blob_cohort, quick


@pytest.fixture
def model(run_folder: Path) -> TrainedModel:
    return quick(*blob_cohort(), epochs=4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve films, some in a folder with an umlaut, one of other size and mode, two that are no images."""
    root = tmp_path / "new films"
    (root / "Station ä").mkdir(parents=True)
    for number, pixels in enumerate(blob_cohort(12, seed=7)[1].pixels):
        Image.fromarray(pixels).save(root / ("Station ä" if number % 2 else ".") / f"film{number:02d}.png")
    Image.fromarray(np.full((50, 90, 3), 99, np.uint8)).save(root / "wide.jpg")
    (root / "cut.png").write_bytes((root / "film00.png").read_bytes()[:200])
    (root / "empty.png").touch()
    (root / "notes.txt").write_text("not an image")
    return root


def read(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_command_writes_a_table_and_one_json_document(model: TrainedModel, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    specification = {"checkpoint": model.checkpoint, "data": str(folder), "out": str(out), "threshold": 0.3}
    done = subprocess.run(
        [sys.executable, "-m", "clinjup.learning.predict_folder", json.dumps(specification)],
        capture_output=True, text=True, encoding="utf-8", check=True, cwd=tmp_path,
    )  # fmt: skip
    summary = json.loads(done.stdout)
    rows = read(out)
    assert list(rows[0]) == ["image", "probability", "decision", "problem"]
    read_again = [float(row["probability"]) for row in rows if row["probability"]]
    assert any(value != float(f"{value:.8g}") for value in read_again)  # decisions follow from all digits
    assert summary["images"] == 13 and len(rows) == 15
    assert [row["image"] for row in rows] == sorted(row["image"] for row in rows)
    assert {item["path"] for item in summary["unreadable"]} == {"cut.png", "empty.png"}
    assert "left out: empty.png (the file is empty (0 bytes))" in done.stderr
    by_name = {row["image"]: row for row in rows}
    films = blob_cohort(12, seed=7)[1].pixels
    expected = model.predict(films)
    for number, probability in enumerate(expected):
        row = by_name[("Station ä/" if number % 2 else "") + f"film{number:02d}.png"]
        assert float(row["probability"]) == pytest.approx(probability, abs=1e-5)
        assert row["decision"] == str(int(probability >= 0.3)) and row["problem"] == ""
    told = {row["image"]: row["problem"] for row in rows if row["problem"]}
    assert told == {
        "cut.png": "The file is cut off before the picture ends.",
        "empty.png": "The file is empty (0 bytes).",
    }
    assert all(by_name[name]["probability"] == by_name[name]["decision"] == "" for name in told)


def test_a_file_that_the_model_has_no_word_on_has_a_problem_and_no_figure(
    model: TrainedModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = blob_cohort(12, seed=7)[1].pixels
    kinds = {"dx": ("DX", "PA"), "ll": ("DX", "LL"), "mr": ("MR", ""), "none": ("", "")}
    for (name, (modality, view)), each in zip(kinds.items(), pixels, strict=False):
        write_dicom(tmp_path / "new" / f"{name}.dcm", each, Modality=modality, ViewPosition=view)
    specification = {"checkpoint": model.checkpoint, "data": str(tmp_path / "new"), "radiographs": True}

    def told(name: str, **more: bool) -> dict[str, str]:
        assert main([json.dumps({**specification, "out": str(tmp_path / name), **more})]) == 0
        rows = read(tmp_path / name)
        assert len(rows) == 4 and all(bool(row["problem"]) != bool(row["probability"]) for row in rows)
        return {row["image"]: row["problem"] for row in rows if row["problem"]}

    capsys.readouterr()
    lateral = "Its header says that it is no frontal film (LL), and this model judges frontal films."
    other = "Its header says that it is no radiograph (MR), and this model judges radiographs."
    assert told("chest.csv", frontal=True) == {"ll.dcm": lateral, "mr.dcm": other}
    assert told("wrist.csv") == {"mr.dcm": other}
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["images"] == 3
    assert told("skin.csv", radiographs=False) == {}


def test_a_triage_has_the_calibrated_probability_and_its_words_at_the_threshold_of_the_stated_one(
    model: TrainedModel, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    threshold = float(np.median(model.predict(blob_cohort(12, seed=7)[1].pixels)))
    specification = {"checkpoint": model.checkpoint, "data": str(folder), "out": str(tmp_path / "out.csv")}
    calibration = {"temperature": 2.0, "offset": -1.0}
    capsys.readouterr()
    assert (
        main([json.dumps({**specification, "threshold": threshold, "calibration": calibration, "wording": True})]) == 0
    )
    assert json.loads(capsys.readouterr().out)["threshold_column"] == "probability"
    rows = read(tmp_path / "out.csv")
    assert list(rows[0]) == ["image", "probability", "decision", "probability_calibrated", "wording", "problem"]
    judged = [row for row in rows if not row["problem"]]
    assert {row["wording"] for row in judged} == {"refer", "reassure"}
    for row in judged:
        assert (
            (row["wording"] == "refer") == (row["decision"] == "1") == (float(row["probability"]) >= threshold - 1e-7)
        )
        calibrated = 1 / (1 + np.exp(-logit(float(row["probability"])) / 2 + 1))
        assert float(row["probability_calibrated"]) == pytest.approx(calibrated, abs=1e-4)
    assert all(row["wording"] == "" for row in rows if row["problem"])


def test_a_drive_that_goes_away_leaves_a_row_for_each_image_that_was_not_read(
    model: TrainedModel, tmp_path: Path
) -> None:
    """Images are read 256 at a time. The last of these is a pipe, which is read from until this test has removed the folder."""
    data = tmp_path / "drive"
    data.mkdir()
    for number in range(270):
        path = data / f"{number:03d}.png"
        os.mkfifo(path) if number == 255 else Image.fromarray(np.full((8, 8), number % 256, np.uint8)).save(path)

    def take_away() -> None:
        with open(data / "255.png", "wb"):
            shutil.rmtree(data)

    taking = threading.Thread(target=take_away, daemon=True)
    taking.start()
    summary = predict_folder(Path(model.checkpoint), data, tmp_path / "out.csv")
    taking.join()
    rows = read(tmp_path / "out.csv")
    assert len(rows) == 270 and rows[0]["problem"] == ""
    assert {row["problem"] for row in rows[256:]} == {"The file is gone."}
    assert summary["images"] + len(summary["unreadable"]) == 270


def test_a_folder_that_cannot_be_opened_is_named_in_the_table(
    model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its path is longer than the system can open, which nobody's rights change."""
    monkeypatch.chdir(tmp_path)
    checkpoint, data = tmp_path / model.checkpoint, tmp_path / "data"
    data.mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(data / "a.png")
    os.chdir(data)
    for _ in range(17):
        os.mkdir("d" * 250)
        os.chdir("d" * 250)
    summary = predict_folder(checkpoint, data, tmp_path / "out.csv")
    first, last = read(tmp_path / "out.csv")
    assert first["problem"] == "" and (last["probability"], last["problem"]) == ("", "The folder cannot be opened.")
    assert [item["path"] for item in summary["unreadable"]] == [last["image"]]


def test_several_classes_have_a_column_each(run_folder: Path, folder: Path, tmp_path: Path) -> None:
    model = quick(*blob_cohort(classes=3))
    summary = predict_folder(Path(model.checkpoint), folder, tmp_path / "out.csv")
    rows = read(tmp_path / "out.csv")
    columns = ["probability_negative", "probability_positive", "probability_inverted"]
    assert list(rows[0]) == ["image", *columns, "decision", "problem"]
    judged = [row for row in rows if not row["problem"]]
    for row in judged:
        assert sum(float(row[column]) for column in columns) == pytest.approx(1, abs=1e-5)
        assert row["decision"] == max(columns, key=lambda column: float(row[column])).removeprefix("probability_")
    assert sum(summary["decided"].values()) == len(judged) == len(rows) - 2


def test_without_a_threshold_a_half_decides(model: TrainedModel, folder: Path, tmp_path: Path) -> None:
    assert predict_folder(Path(model.checkpoint), folder, tmp_path / "out.csv")["threshold"] == 0.5
    judged = [row for row in read(tmp_path / "out.csv") if not row["problem"]]
    assert judged and all(row["decision"] == str(int(float(row["probability"]) >= 0.5)) for row in judged)


@pytest.mark.parametrize("name", ["marks.json", "table.xlsx"])
def test_a_table_is_not_written_into_a_file_that_is_called_none(
    model: TrainedModel, folder: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ClinjupError, match=rf"call the file '{Path(name).stem}\.csv' with --out"):
        predict_folder(Path(model.checkpoint), folder, tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("case", ["no images", "all unreadable", "no checkpoint", "no place to write"])
def test_what_cannot_be_done_is_one_sentence_and_leaves_no_table(
    model: TrainedModel, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    data, out, checkpoint = tmp_path / "data", tmp_path / "out.csv", model.checkpoint
    data.mkdir()
    if case != "no images":
        (data / "a.png").write_bytes(b"not a picture")
    if case == "no checkpoint":
        checkpoint = "gone.ckpt"
    if case == "no place to write":
        out = tmp_path / "nowhere" / "out.csv"
    capsys.readouterr()
    code = main([json.dumps({"checkpoint": checkpoint, "data": str(data), "out": str(out), "threshold": None})])
    assert code == 2
    assert json.loads(capsys.readouterr().out)["error"].endswith(".")
    assert not out.exists() and not list(tmp_path.glob("*.part"))


def test_predicting_needs_no_lightning(model: TrainedModel, folder: Path, tmp_path: Path) -> None:
    code = "import sys, clinjup.learning.predict_folder; print('lightning' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_damaged_checkpoint_is_told(model: TrainedModel) -> None:
    path = Path(model.checkpoint)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ClinjupError, match="damaged"):
        load_model(path)
