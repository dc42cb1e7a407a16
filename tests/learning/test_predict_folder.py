"""A trained model on a plain folder of images, through the door that `clinjup predict` uses."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clinjup.kernel.errors import ClinjupError
from clinjup.learning import TrainedModel, load_model
from clinjup.learning.predict_folder import main, predict_folder
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
    assert list(rows[0]) == ["image", "probability", "decision"]
    assert summary["images"] == len(rows) == 13
    assert {item["path"] for item in summary["unreadable"]} == {"cut.png", "empty.png"}
    assert "left out: empty.png (the file is empty (0 bytes))" in done.stderr
    by_name = {row["image"]: row for row in rows}
    films = blob_cohort(12, seed=7)[1].pixels
    expected = model.predict(films)
    for number, probability in enumerate(expected):
        row = by_name[("Station ä/" if number % 2 else "") + f"film{number:02d}.png"]
        assert float(row["probability"]) == pytest.approx(probability, abs=1e-5)
        assert row["decision"] == str(int(probability >= 0.3))


def test_several_classes_have_a_column_each(run_folder: Path, folder: Path, tmp_path: Path) -> None:
    model = quick(*blob_cohort(classes=3))
    summary = predict_folder(Path(model.checkpoint), folder, tmp_path / "out.csv")
    rows = read(tmp_path / "out.csv")
    columns = ["probability_negative", "probability_positive", "probability_inverted"]
    assert list(rows[0]) == ["image", *columns, "decision"]
    for row in rows:
        assert sum(float(row[column]) for column in columns) == pytest.approx(1, abs=1e-5)
        assert row["decision"] == max(columns, key=lambda column: float(row[column])).removeprefix("probability_")
    assert sum(summary["decided"].values()) == len(rows)


def test_without_a_threshold_a_half_decides(model: TrainedModel, folder: Path, tmp_path: Path) -> None:
    assert predict_folder(Path(model.checkpoint), folder, tmp_path / "out.csv")["threshold"] == 0.5
    assert all(row["decision"] == str(int(float(row["probability"]) >= 0.5)) for row in read(tmp_path / "out.csv"))


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
