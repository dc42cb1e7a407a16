"""SIIM-ACR Pneumothorax Segmentation: JPEG-compressed DICOM in study and series folders, train-rle.csv with a row a mask.

The set has no drain labels, and the films here have drains all the same.
"""

from __future__ import annotations

from pathlib import Path

from clinjup.imaging.synthetic.dicom_files import save_dicom, uid
from clinjup.imaging.synthetic.film import Film, render_film
from clinjup.imaging.synthetic.plan import PlannedFilm
from clinjup.imaging.synthetic.writing import Layout, enlarged, run_lengths, write_lines

SIDE = 1024
_STUDY, _SERIES, _IMAGE = 21, 22, 23


def image_id(film: Film) -> str:
    """The SOPInstanceUID, which is the name of the file and `ImageId` in the table."""
    return uid(_IMAGE, film.seed, film.patient, film.number)


def _write_film(planned: PlannedFilm, out: Path, size: int) -> list[str]:
    film = planned.film
    pixels, masks = render_film(film, size=size)
    study, series = (uid(part, film.seed, film.patient, film.number) for part in (_STUDY, _SERIES))
    tags = {
        "SOPInstanceUID": image_id(film),
        "StudyInstanceUID": study,
        "SeriesInstanceUID": series,
        "PatientID": f"synthetic-{film.patient:05d}",
        "PatientAge": f"{film.age:03d}Y",
        "PatientSex": film.sex,
        "ViewPosition": film.view,
    }
    path = out / "dicom-images-train" / study / series / f"{image_id(film)}.dcm"
    save_dicom(path, enlarged(pixels, SIDE), tags, compression="jpeg")
    return run_lengths(masks["pneumothorax"], SIDE, parts=2 if film.patient % 3 == 0 else 1)


def _write_tables(out: Path, films: list[PlannedFilm], returned: list[list[str]]) -> None:
    lines = ["ImageId, EncodedPixels"]
    for planned, masks in zip(films, returned, strict=True):
        lines += [f"{image_id(planned.film)}, {mask}" for mask in masks]
    write_lines(out / "train-rle.csv", lines)


SIIM = Layout("siim", "The folder has the layout of SIIM-ACR Pneumothorax Segmentation.", _write_film, _write_tables)
