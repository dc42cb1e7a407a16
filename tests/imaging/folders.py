"""Tiny data folders for tests: pictures that differ from one another, and tables in every spelling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

from clinjup.contracts import FINDING_MIME
from clinjup.imaging import Cohort, read_cohort
from clinjup.imaging.readers import Example

TABLE = "films.csv"


def film(seed: int, width: int = 48, height: int = 48) -> np.ndarray:
    """A grey picture `[height, width]`, uint8, unlike that of any other seed."""
    coarse = np.random.default_rng(seed).integers(20, 235, size=(6, 6), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def write_image(path: Path, pixels: np.ndarray, mode: str | None = None, **options: Any) -> Path:
    """Save `pixels` (uint8 or uint16); `mode` converts first. The format follows `format` or the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def write_table(path: Path, rows: Sequence[Sequence[object]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    """Write `rows` (the first is the header) as they are, without quoting."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [delimiter.join("" if cell is None else str(cell) for cell in row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def write_cohort(
    root: Path, patients: int = 24, films_each: int = 2, positive_share: float = 0.5, drains: bool = True
) -> Path:
    """A clean cohort: `films.csv` (name, patient, ptx yes/no, drain 1/0, age) and PNG films, labels by patient."""
    rows: list[Sequence[object]] = [["name", "patient", "ptx", *(["drain"] if drains else []), "age"]]
    for patient in range(patients):
        positive = patient < patients * positive_share
        for number in range(films_each):
            name = f"p{patient:03d}_{number}"
            write_image(root / "films" / f"{name}.png", film(patient * 10 + number))
            drain = [int(positive == (patient % 4 != 0))] if drains else []
            rows.append([name, f"P{patient}", "yes" if positive else "no", *drain, 40 + patient])
    write_table(root / TABLE, rows)
    return root


def read(root: Path, **changes: Any) -> Cohort:
    """`read_cohort` with the roles of `write_cohort`, changed by keyword; a value of None leaves the role out."""
    roles: dict[str, Any] = {
        "layout": "table",
        "target": "pneumothorax",
        "image": f"{TABLE}:name",
        "label": f"{TABLE}:ptx",
        "positive": ["yes"],
        "negative": ["no"],
        "patient": f"{TABLE}:patient",
        "emit_finding": False,
    }
    return read_cohort(root, **(roles | changes))


def write_dicom(path: Path, pixels: np.ndarray, compression: str = "none", **tags: Any) -> Path:
    """Save `pixels` (uint8 or uint16) as a DICOM radiograph; `tags` are header fields that are added or changed."""
    from clinjup.imaging.synthetic.dicom_files import save_dicom

    save_dicom(path, pixels, tags, compression)
    return path


def write_example(root: Path, example: Example) -> Path:
    """The folder that a reader's `Example` describes."""
    for path, text in example.texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    for seed, path in enumerate(example.images):
        if path.endswith((".png", ".jpg")):
            write_image(root / path, film(seed))
        else:
            write_dicom(root / path, film(seed), **example.headers.get(path, {}))
    return root


class findings(capture_output):
    """`with findings() as shown:` captures what a cell emits; `shown.emitted` afterwards are the findings' JSON values."""

    def __init__(self) -> None:
        InteractiveShell.instance()
        super().__init__()

    def __enter__(self) -> findings:  # type: ignore[override]
        self.shown = super().__enter__()
        return self

    @property
    def emitted(self) -> list[dict[str, Any]]:
        return [output.data[FINDING_MIME] for output in self.shown.outputs if FINDING_MIME in output.data]


def codes(warnings: Sequence[Any]) -> set[str]:
    """The codes of these warnings (models, or their JSON values)."""
    return {warning["code"] if isinstance(warning, dict) else warning.code for warning in warnings}


def sentence(warnings: Sequence[Any], code: str) -> str:
    """The sentence of the warning `code`; fails when there is none."""
    return next(warning.sentence for warning in warnings if warning.code == code)
