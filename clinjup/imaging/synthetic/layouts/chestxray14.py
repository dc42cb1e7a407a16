"""A synthetic pneumothorax cohort on disk in ChestX-ray14's layout, with a table of chest drains.

Layout: Wang et al., ChestX-ray8, CVPR 2017; the drain table is named and shaped as in NEATX, but covers negatives too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from clinjup.imaging.synthetic.difficulty import DIFFICULTY, Difficulty
from clinjup.imaging.synthetic.film import render_film
from clinjup.imaging.synthetic.plan import PlannedFilm, plan_cohort
from clinjup.imaging.synthetic.writing import FACTS, Layout, write_layout, write_lines

ENTRIES = "Data_Entry_2017_v2020.csv"
DRAINS = "NIH-CX14_TubeAnnotations_NonExperts_aggregated.csv"
_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)


def _write_film(planned: PlannedFilm, out: Path, size: int) -> None:
    pixels, _ = render_film(planned.film, size=size)
    (out / "images").mkdir(exist_ok=True)
    text = PngInfo()
    text.add_text("synthetic", "drawn by clinjup; no patient stands behind this film")
    Image.fromarray(pixels).save(out / "images" / planned.film.name, pnginfo=text, compress_level=3)


def _write_tables(out: Path, films: list[PlannedFilm], returned: list[None]) -> None:
    entries, drains = [_HEADER], ["Image Index,Drain"]
    lists: dict[bool, list[str]] = {False: [], True: []}
    for planned in films:
        film = planned.film
        facts = np.random.default_rng([film.seed, film.patient, film.number + 1, 1001])
        side, spacing = (2500, 0.168) if facts.random() < 0.6 else (2992, 0.143)
        height = 2048 if side == 2500 else 2991
        entries.append(
            f"{film.name},{planned.labels},{film.number},{film.patient},{film.age},{film.sex},{film.view},"
            f"{side},{height},{spacing},{spacing}"
        )
        lists[planned.test].append(film.name)
        if planned.annotated:
            drains.append(f"{film.name},{int(film.drain)}")
    write_lines(out / DRAINS, drains)
    write_lines(out / "train_val_list.txt", lists[False])
    write_lines(out / "test_list.txt", lists[True])
    write_lines(out / ENTRIES, entries)


CHESTXRAY14 = Layout(
    "chestxray14",
    "The folder has the layout of\nNIH ChestX-ray14 and the drain table has the shape of NEATX's, so that the same code reads both.",
    _write_film,
    _write_tables,
)


def write_chestxray14(out: Path | str, **settings: Any) -> Path:
    """Write a cohort in this layout; `settings` are those of `write_layout`."""
    return write_layout(CHESTXRAY14, out, **settings)


def counterfactual_films(
    cohort: Path | str, images: Iterable[str], *, drain: bool, pigtail: bool = False
) -> NDArray[np.uint8]:
    """Films of a cohort in this layout, drawn by `write_layout`, drawn again with or without drain: uint8 [N, size, size].

    `pigtail`: the drain is a thin pigtail catheter, which no cohort contains. All else is as on disk, pixel for pixel. Raises
    ValueError where this version of clinjup draws films differently.
    """
    facts = json.loads((Path(cohort) / FACTS).read_text(encoding="utf-8"))
    if Difficulty(**{k: tuple(v) if isinstance(v, list) else v for k, v in facts["difficulty"].items()}) != DIFFICULTY:
        raise ValueError(
            "This cohort was drawn with other constants, so its films cannot be drawn again exactly. Write it anew."
        )
    planned = plan_cohort(facts["patients"], facts["seed"], balanced_test=facts["balanced_test"])
    films = {entry.film.name: entry.film for entry in planned}
    chosen = [films[Path(name).name] for name in images]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        pixels = list(
            pool.map(lambda film: render_film(film, drain=drain, pigtail=pigtail, size=facts["size"])[0], chosen)
        )
    return np.stack(pixels) if pixels else np.empty((0, facts["size"], facts["size"]), np.uint8)
