"""A cohort in which everything that must not leave carries a marker, and a check that none has left."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

MARKER = "CANARY"
PIXEL = 173


class Notes:
    """A ledger that keeps what it is told."""

    def __init__(self) -> None:
        self.records: list[tuple[str, dict[str, Any]]] = []

    def record(self, kind: str, data: dict[str, Any], *, wait: bool = True) -> None:
        self.records.append((kind, data))

    def publish(self, event: str, data: dict[str, Any]) -> None:
        pass


def canary_cohort(folder: Path, patients: int = 40, *, header: str = "Comment", first_comment: str = "") -> Path:
    """Every row, file name and pixel carries a marker; nothing but column names and the diagnosis may be told.

    `header` is the name of the column of comments, `first_comment` stands in its first row.
    """
    (folder / "films CANARY").mkdir(parents=True)
    header = ["Image Index", "Finding Labels", "Patient ID", "Patient Name", "Birth Date", header, "Patient Age"]
    with (folder / "CANARY_export_Mueller.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        for number in range(patients):
            name = f"CANARY_{number:03d}_Anna.png"
            pixels = np.full((32, 32), PIXEL, np.uint8)
            pixels[number % 32] = number
            Image.fromarray(pixels).save(folder / "films CANARY" / name)
            label = "Pneumothorax" if number % 3 == 0 else "No Finding"
            row = [name, label, f"CANARY{number:05d}", f"Canary^Anna{number}", f"19{50 + number}-03-0{1 + number % 9}"]
            comment = f"canarycomment lives in Canarytown, tel 030 4711{number:03d}"
            writer.writerow([*row, first_comment if first_comment and number == 0 else comment, 40 + number])
    return folder


def assert_no_marker(text: str, cohort: Path) -> None:
    assert "canary" not in text.lower() and "anna" not in text.lower() and "mueller" not in text.lower(), text
    for part in (str(cohort), "secretplace", str(Path.home()), "4711", "1950-03"):
        assert part not in text, text
