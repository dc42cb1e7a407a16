"""CheXpert: JPEG films by patient, study and view; labels 1.0, 0.0, -1.0 (uncertain) and blank (not mentioned).

`Support Devices` is marked for a drain and for other lines alike, so it is no column of drains.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from clinjup.imaging.synthetic.film import render_film
from clinjup.imaging.synthetic.plan import PlannedFilm
from clinjup.imaging.synthetic.writing import Layout, film_rng, write_rows

ROOT = "CheXpert-v1.0-small"
_FINDINGS = [
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
]
_SHOWN = {
    "Cardiomegaly": "Cardiomegaly",
    "Infiltration": "Lung Opacity",
    "Nodule": "Lung Lesion",
    "Effusion": "Pleural Effusion",
}
_PURPOSE = 2002


def _path(planned: PlannedFilm) -> str:
    film = planned.film
    part = "valid" if planned.test else "train"
    return f"{ROOT}/{part}/patient{film.patient:05d}/study{film.number + 1}/view1_frontal.jpg"


def _write_film(planned: PlannedFilm, out: Path, size: int) -> None:
    pixels, _ = render_film(planned.film, size=size)
    path = out / _path(planned)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=92)


def _labels(planned: PlannedFilm) -> list[str]:
    film, rng = planned.film, film_rng(planned, _PURPOSE)
    cells = dict.fromkeys(_FINDINGS, "")
    cells |= {_SHOWN[name]: "1.0" for name in film.findings}
    chance = rng.random()
    if film.pneumothorax:
        cells["Pneumothorax"] = "-1.0" if chance < 0.04 else "1.0"
    else:
        cells["Pneumothorax"] = "-1.0" if chance < 0.02 else "" if chance < 0.4 else "0.0"
    if film.drain or rng.random() < 0.5:
        cells["Support Devices"] = "1.0"
    if not film.findings and not film.pneumothorax:
        cells["No Finding"] = "1.0"
    return list(cells.values())


def _write_tables(out: Path, films: list[PlannedFilm], returned: list[None]) -> None:
    header = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *_FINDINGS]
    for test, name in ((False, "train.csv"), (True, "valid.csv")):
        rows = [
            [_path(planned), "Female" if film.sex == "F" else "Male", film.age, "Frontal", film.view, *_labels(planned)]
            for planned in films
            if planned.test is test and (film := planned.film)
        ]
        write_rows(out / ROOT / name, [header, *rows])


CHEXPERT = Layout("chexpert", "The folder has the layout of CheXpert.", _write_film, _write_tables)
