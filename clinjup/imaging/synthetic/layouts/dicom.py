"""A hospital's DICOM export: nested folders, no suffixes, 12 bits, two detectors, and a workbook of reports by accession number.

One detector writes MONOCHROME1 with a rescale and a VOI window, the other MONOCHROME2 in JPEG 2000; which film comes from
which does not depend on the findings. Names, birth dates and numbers of patients stand in the headers, made up.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from clinjup.imaging.synthetic.dicom_files import save_dicom, uid
from clinjup.imaging.synthetic.film import Film, render_film
from clinjup.imaging.synthetic.plan import PlannedFilm
from clinjup.imaging.synthetic.writing import Layout, film_rng

WORKBOOK = "Reports.xlsx"
_STUDY, _SERIES, _IMAGE = 41, 42, 43
_PURPOSE = 2001


def accession(film: Film) -> str:
    """The accession number, by which the workbook names an examination; it begins with zeros."""
    return f"00{film.patient:06d}{film.number:02d}"


def patient_id(film: Film) -> str:
    """The PatientID of the header."""
    return f"SYN-{film.seed}-{film.patient:06d}"


def _write_film(planned: PlannedFilm, out: Path, size: int) -> bool:
    film = planned.film
    pixels, _ = render_film(film, size=size)
    rng = film_rng(planned, _PURPOSE)
    old, burned_in = bool(rng.random() < 0.4), bool(rng.random() < 0.04)
    if burned_in:
        pixels = _with_text(pixels, "SYNTHETIC")
    twelve = pixels.astype(np.uint16) * 16 + 8
    tags: dict[str, object] = {
        "SOPInstanceUID": uid(_IMAGE, film.seed, film.patient, film.number),
        "StudyInstanceUID": uid(_STUDY, film.seed, film.patient, film.number),
        "SeriesInstanceUID": uid(_SERIES, film.seed, film.patient, film.number),
        "AccessionNumber": accession(film),
        "PatientID": patient_id(film),
        "PatientName": f"Synthetic^Patient {film.patient}",
        "PatientBirthDate": f"{2000 - film.age}0101",
        "PatientAge": f"{film.age:03d}Y",
        "PatientSex": film.sex,
        "ViewPosition": film.view,
        "BitsStored": 12,
        "BurnedInAnnotation": "YES" if burned_in else "NO",
        "Manufacturer": "Detector A" if old else "Detector B",
    }
    if old:
        twelve = 4095 - twelve
        tags |= {
            "PhotometricInterpretation": "MONOCHROME1",
            "RescaleSlope": 2,
            "RescaleIntercept": -100,
            "WindowCenter": 3995,
            "WindowWidth": 8191,
        }
    folder = out / "DICOM" / f"PA{film.patient:06d}" / f"ST{film.number:06d}" / "SE000000"
    save_dicom(folder / f"IM{film.number:06d}", twelve, tags, compression="none" if old else "jpeg2000")
    return burned_in


def _with_text(pixels: np.ndarray, text: str) -> np.ndarray:
    image = Image.fromarray(pixels)
    size = image.height / 16
    ImageDraw.Draw(image).text((size, image.height - 2 * size), text, fill=255, font=ImageFont.load_default(size=size))
    return np.asarray(image)


def _write_tables(out: Path, films: list[PlannedFilm], returned: list[bool]) -> None:
    from openpyxl import Workbook

    book = Workbook()
    cover = book.active
    cover.title = "About"
    cover.append(["Reports of chest films, synthetic", None])
    cover.append(["Made by", "clinjup"])
    sheet = book.create_sheet("Reports")
    sheet.append(["Accession number", "Pneumothorax", "Chest drain"])
    for planned in films:
        film = planned.film
        drain = ("yes" if film.drain else "no") if planned.annotated else None
        sheet.append([int(accession(film)), "yes" if film.pneumothorax else "no", drain])
        sheet.cell(sheet.max_row, 1).number_format = "0" * len(
            accession(film)
        )  # Excel shows the zeros, the cell has none
    book.save(out / WORKBOOK)


DICOM = Layout(
    "dicom",
    "The folder is laid out as a PACS exports DICOM files, with a workbook of reports by accession number.",
    _write_film,
    _write_tables,
)
