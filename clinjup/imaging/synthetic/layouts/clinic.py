"""A table and films as a German clinic hands them over.

BOM, semicolons, decimal commas, German headers with spaces, ja/nein, umlauts and an emoji in names, a wrong extension,
repeated rows; no official split.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from clinjup.imaging.synthetic.film import render_film
from clinjup.imaging.synthetic.plan import PlannedFilm
from clinjup.imaging.synthetic.writing import Layout, write_rows

TABLE, FOLDER = "Befundliste.csv", "Thoraxaufnahmen"


def _name(planned: PlannedFilm) -> str:
    film = planned.film
    number = 4 * film.patient + film.number
    return f"Müller_Äußere_{number:04d}{'🫁' if number % 7 == 0 else ''}{'.jpg' if number % 10 == 0 else '.png'}"


def _write_film(planned: PlannedFilm, out: Path, size: int) -> None:
    pixels, _ = render_film(planned.film, size=size)
    (out / FOLDER).mkdir(exist_ok=True)
    Image.fromarray(pixels).save(out / FOLDER / _name(planned), format="PNG", compress_level=3)


def _write_tables(out: Path, films: list[PlannedFilm], returned: list[None]) -> None:
    rows: list[list[object]] = [[" Bilddatei ", "Pat.-Nr.", "Pneumothorax", "Thoraxdrainage", " Alter", "Dosis (mGy)"]]
    for planned in films:
        film = planned.film
        drain = ("ja" if film.drain else "nein") if planned.annotated else ""
        ptx = "ja" if film.pneumothorax else "nein"
        rows.append([_name(planned), f"P{film.patient:05d}", ptx, drain, film.age, "0,12"])
    write_rows(out / TABLE, [*rows, *rows[1:4]], delimiter=";", encoding="utf-8-sig")


CLINIC = Layout("clinic", "The folder is laid out as a German clinic might export it.", _write_film, _write_tables)
