"""A folder as a German clinic hands it over: same films, everything else different."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path


def german_clinic(source: Path, out: Path) -> Path:
    """BOM, semicolons, decimal commas, German headers with spaces, ja/nein, umlauts and an emoji in names, a wrong
    extension, duplicate rows; no official split."""
    drains = _rows(source / "NIH-CX14_TubeAnnotations_NonExperts_aggregated.csv")
    drained = {row["Image Index"]: row["Drain"] for row in drains}
    films = out / "Thoraxaufnahmen"
    films.mkdir(parents=True)
    lines = [[" Bilddatei ", "Pat.-Nr.", "Pneumothorax", "Thoraxdrainage", " Alter", "Dosis (mGy)"]]
    for number, row in enumerate(_rows(source / "Data_Entry_2017_v2020.csv")):
        old = row["Image Index"]
        suffix = ".jpg" if number % 10 == 0 else ".png"
        name = f"Müller_Äußere_{number:04d}{'🫁' if number % 7 == 0 else ''}{suffix}"
        shutil.copy(source / "images" / old, films / name)
        lines.append(
            [
                name,
                f"P{int(row['Patient ID']):05d}",
                "ja" if "Pneumothorax" in row["Finding Labels"] else "nein",
                "ja" if drained[old] == "1" else "nein",
                row["Patient Age"],
                "0,12",
            ]
        )
    lines += lines[1:4]
    with (out / "Befundliste.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=";").writerows(lines)
    return out


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
