"""A synthetic pneumothorax cohort on disk in ChestX-ray14's layout, with a table of chest drains.

Layout: Wang et al., ChestX-ray8, CVPR 2017; the drain table is named and shaped as in NEATX, but covers negatives too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from clinjup import __version__
from clinjup.imaging.synthetic.difficulty import DIFFICULTY, Difficulty
from clinjup.imaging.synthetic.film import render_film
from clinjup.imaging.synthetic.plan import PlannedFilm, plan_cohort

ENTRIES = "Data_Entry_2017_v2020.csv"
DRAINS = "NIH-CX14_TubeAnnotations_NonExperts_aggregated.csv"
FACTS = "clinjup-synthetic.json"
_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
_README = """This cohort is SYNTHETIC.

Every film was drawn by clinjup (clinjup.imaging.synthetic); no patient stands behind it. The folder has the layout of
NIH ChestX-ray14 and the drain table has the shape of NEATX's, so that the same code reads both. A chest drain is much
more frequent on films with a pneumothorax than on films without, on purpose. Figures measured here say how a method
works; they say nothing about patients. clinjup-synthetic.json holds the seed and all constants: the same films can be
drawn again.
"""

OnProgress = Callable[[int, int], None]


def write_chestxray14(
    out: Path | str,
    *,
    patients: int = 1500,
    seed: int = 0,
    size: int = 256,
    annotated: float = 1.0,
    balanced_test: bool = False,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> Path:
    """Write the cohort into the new or empty folder `out` and return it.

    `size`: pixels of a side. `annotated`: share of patients with rows in the drain table. `balanced_test`: in the test
    part the drain does not depend on the label. `workers`: threads; the files do not depend on it.
    `on_progress(done, total)` is called after each film. The tables are written last, so that an interrupted folder is
    not mistaken for a cohort.

    Raises FileExistsError where `out` holds files, ValueError where a number makes no sense.
    """
    out = Path(out)
    if patients < 1 or not 0 <= annotated <= 1 or size < 64 or seed < 0:
        raise ValueError(
            "A synthetic cohort needs at least 1 patient, an annotated share from 0 to 1, at least 64 pixels a side and "
            "a seed of 0 or more."
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(
            f"'{out}' already holds files, and they would be mixed with new ones. Name a new or an empty folder."
        )
    films = plan_cohort(patients, seed, annotated=annotated, balanced_test=balanced_test)
    (out / "images").mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(workers or min(8, os.cpu_count() or 1)) as pool:
        for done, _ in enumerate(pool.map(lambda planned: _write_film(planned, out, size), films), start=1):
            if on_progress:
                on_progress(done, len(films))
    _write_tables(out, films)
    facts = {
        "synthetic": True,
        "task": "pneumothorax",
        "layout": "chestxray14",
        "seed": seed,
        "patients": patients,
        "size": size,
        "annotated": annotated,
        "balanced_test": balanced_test,
        "clinjup": __version__,
        "difficulty": asdict(DIFFICULTY),
    }
    (out / "README.txt").write_text(_README, encoding="utf-8")
    (out / FACTS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return out


def _write_film(planned: PlannedFilm, out: Path, size: int) -> None:
    pixels, _ = render_film(planned.film, size=size)
    text = PngInfo()
    text.add_text("synthetic", "drawn by clinjup; no patient stands behind this film")
    Image.fromarray(pixels).save(out / "images" / planned.film.name, pnginfo=text, compress_level=3)


def _write_tables(out: Path, films: list[PlannedFilm]) -> None:
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
    _write_lines(out / DRAINS, drains)
    _write_lines(out / "train_val_list.txt", lists[False])
    _write_lines(out / "test_list.txt", lists[True])
    _write_lines(out / ENTRIES, entries)


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def counterfactual_films(cohort: Path | str, images: Iterable[str], *, drain: bool) -> NDArray[np.uint8]:
    """Films of a cohort that `write_chestxray14` wrote, drawn again with or without drain: uint8 [N, size, size].

    All else is as on disk, pixel for pixel. Raises ValueError where this version of clinjup draws films differently.
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
        pixels = list(pool.map(lambda film: render_film(film, drain=drain, size=facts["size"])[0], chosen))
    return np.stack(pixels) if pixels else np.empty((0, facts["size"], facts["size"]), np.uint8)
