"""CANDID-PTX: DICOM files without suffix, masks of pneumothorax and of chest tubes by run lengths, the patient in `filename`.

Unlike the real table of tubes, the one written here also has a row with "-1" for each annotated film without a tube, so that
`annotated` means what it says.
"""

from __future__ import annotations

from pathlib import Path

from clinjup.imaging.synthetic.dicom_files import save_dicom, uid
from clinjup.imaging.synthetic.film import Film, render_film
from clinjup.imaging.synthetic.plan import PlannedFilm
from clinjup.imaging.synthetic.writing import Layout, enlarged, run_lengths, write_rows

SIDE = 1024
_IMAGE = 31


def image_id(film: Film) -> str:
    """The SOPInstanceUID, which is the name of the file."""
    return uid(_IMAGE, film.seed, film.patient, film.number)


def _write_film(planned: PlannedFilm, out: Path, size: int) -> tuple[list[str], list[str]]:
    film = planned.film
    pixels, masks = render_film(film, size=size)
    tags = {"SOPInstanceUID": image_id(film), "PatientAge": f"{film.age:03d}Y", "PatientSex": film.sex}
    save_dicom(out / "dataset" / image_id(film), enlarged(pixels, SIDE), tags, compression="jpeg")
    return run_lengths(masks["pneumothorax"], SIDE), run_lengths(masks["drain"], SIDE, parts=2 if film.number else 1)


def _write_tables(out: Path, films: list[PlannedFilm], returned: list[tuple[list[str], list[str]]]) -> None:
    reports: list[tuple[object, ...]] = [("SOPInstanceUID", "EncodedPixels", "filename", "Report")]
    tubes: list[tuple[object, ...]] = [("anon_SOPUID", "annotation_id", "mask_rle")]
    for planned, (air, drains) in zip(films, returned, strict=True):
        film = planned.film
        file = f"P{film.patient:05d}_{film.number}.dcm"
        reports += [(image_id(film), mask, file, "Chest: a synthetic film, no report.") for mask in air]
        if planned.annotated:
            tubes += [(image_id(film), f"T{film.patient}-{number}", mask) for number, mask in enumerate(drains)]
    write_rows(out / "chest_tube.csv", tubes)
    write_rows(out / "Pneumothorax_reports.csv", reports)


CANDID = Layout(
    "candid",
    'The folder has the layout of CANDID-PTX; chest_tube.csv also says "-1" where a film was looked at and has no tube.',
    _write_film,
    _write_tables,
)
