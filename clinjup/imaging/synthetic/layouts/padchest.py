"""PadChest: 16-bit PNG in numbered folders, labels as a list written as text, and a table of drains with 1, 0 and -1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from clinjup.imaging.synthetic.film import render_film
from clinjup.imaging.synthetic.plan import PlannedFilm
from clinjup.imaging.synthetic.writing import Layout, film_rng, write_rows

TABLE = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
DRAINS = "PadChest_TubeAnnotations.csv"
_NAMES = {
    "Cardiomegaly": "cardiomegaly",
    "Infiltration": "infiltrates",
    "Nodule": "nodule",
    "Effusion": "pleural effusion",
}
_PURPOSE = 2003


def _name(planned: PlannedFilm) -> str:
    film = planned.film
    return f"2168401113669640122839338{film.patient:08d}_00-{film.number:03d}-{film.seed % 1000:03d}.png"


def _folder(planned: PlannedFilm) -> str:
    return str(planned.film.patient % 4)


def _write_film(planned: PlannedFilm, out: Path, size: int) -> None:
    pixels, _ = render_film(planned.film, size=size)
    (out / _folder(planned)).mkdir(exist_ok=True)
    deep = pixels.astype(np.uint16) * 120 + 700  # a part of the 16 bits, as detectors fill them
    Image.fromarray(deep).save(out / _folder(planned) / _name(planned), compress_level=3)


def _labels(planned: PlannedFilm) -> str:
    film, rng = planned.film, film_rng(planned, _PURPOSE)
    names = [_NAMES[name] for name in film.findings]
    if film.pneumothorax:
        names.append("pneumothorax")
    if film.drain and rng.random() < 0.6:
        names.append("chest drain tube")  # reports do not name every drain
    if not names and rng.random() < 0.03:
        names.append("unchanged")
    return str(names or ["normal"])


def _write_tables(out: Path, films: list[PlannedFilm], returned: list[None]) -> None:
    header = (
        "ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,Projection,MethodLabel,Labels"
    )
    rows: list[list[object]] = [["", *header.split(",")]]
    drains: list[list[object]] = [["ImageID", "Chest_drain"]]
    for number, planned in enumerate(films):
        film = planned.film
        study = f"{film.patient:08d}{film.number:03d}"
        patient, birth = f"8398604886942{film.patient:08d}", 2014 - film.age
        about = [number, _name(planned), _folder(planned), "20140101", study, patient, birth]
        rows.append([*about, film.sex, film.view, "Physician", _labels(planned)])
        if planned.annotated:
            unsure = film_rng(planned, _PURPOSE + 1).random() < 0.02
            drains.append([_name(planned), -1 if unsure else int(film.drain)])
    write_rows(out / DRAINS, drains)
    write_rows(out / TABLE, rows)


PADCHEST = Layout(
    "padchest",
    "The folder has the layout of PadChest, with drains annotated as NEATX does.",
    _write_film,
    _write_tables,
)
