"""What all layouts of a synthetic cohort share: who is in it, the order of writing, the notice that it is synthetic."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clinjup import __version__
from clinjup.imaging.masks import encode_runs
from clinjup.imaging.synthetic.difficulty import DIFFICULTY
from clinjup.imaging.synthetic.plan import PlannedFilm, plan_cohort

FACTS = "clinjup-synthetic.json"
UNFINISHED = "clinjup-unfinished"
NOTICE = """This cohort is SYNTHETIC.

Every film was drawn by clinjup (clinjup.imaging.synthetic); no patient stands behind it. {layout} A chest drain is much
more frequent on films with a pneumothorax than on films without, on purpose. Figures measured here say how a method
works; they say nothing about patients. clinjup-synthetic.json holds the seed and all constants: the same films can be
drawn again.
"""

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Layout:
    """How one data set lies on disk.

    `write_film(planned, out, size)` draws and saves one film and may return what the tables need of its pixels (run lengths);
    `write_tables(out, films, returned)` comes last. `says`: a sentence for the README, of which `notice` is the frame. `plan` says
    which films there are, from `difficulty`; `patients` is how many patients (or lesions) there are unless somebody asks for others.
    """

    name: str
    says: str
    write_film: Callable[[Any, Path, int], Any]
    write_tables: Callable[[Path, list[Any], list[Any]], None]
    task: str = "pneumothorax"
    plan: Callable[..., list[Any]] = plan_cohort
    difficulty: Any = DIFFICULTY
    notice: str = NOTICE
    patients: int = 1500


def write_layout(
    layout: Layout,
    out: Path | str,
    *,
    patients: int | None = None,
    seed: int = 0,
    size: int = 256,
    annotated: float = 1.0,
    balanced_test: bool = False,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> Path:
    """Write the cohort into the new or empty folder `out` and return it.

    `size`: pixels of a side as drawn. `annotated`: share of patients whose drains are written down. `balanced_test`: in the
    test part the drain does not depend on the label. `workers`: threads; the files do not depend on it.
    `on_progress(done, total)` is called after each film. All is drawn in a folder inside `out` and moved up at the end, FACTS last:
    what an interrupted call left there is cleared by the next one, or moved up where it was complete; it is never mistaken for a cohort.

    Raises FileExistsError where `out` holds files, another OSError where it cannot be written, ValueError where a number makes no sense.
    """
    out = Path(out)
    patients = layout.patients if patients is None else patients
    if patients < 1 or not 0 <= annotated <= 1 or size < 64 or seed < 0:
        raise ValueError(
            "A synthetic cohort needs at least 1 patient, an annotated share from 0 to 1, at least 64 pixels a side and "
            "a seed of 0 or more."
        )
    facts = {
        "synthetic": True,
        "task": layout.task,
        "layout": layout.name,
        "seed": seed,
        "patients": patients,
        "size": size,
        "annotated": annotated,
        "balanced_test": balanced_test,
        "clinjup": __version__,
        "difficulty": asdict(layout.difficulty),
    }
    told = json.dumps(facts, indent=2) + "\n"
    unfinished = out / UNFINISHED
    if (unfinished / FACTS).is_file() and (unfinished / FACTS).read_text(encoding="utf-8") == told:
        _move_up(unfinished, out)  # this very cohort, and the call ended while it moved the files
        return out
    if out.exists() and (not out.is_dir() or any(path != unfinished for path in out.iterdir())):
        raise FileExistsError(
            f"'{out}' already holds files, and they would be mixed with new ones. Name a new or an empty folder."
        )
    films = layout.plan(patients, seed, annotated=annotated, balanced_test=balanced_test)
    out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    returned = []
    with ThreadPoolExecutor(workers or min(8, os.cpu_count() or 1)) as pool:
        for found in pool.map(lambda planned: layout.write_film(planned, unfinished, size), films):
            returned.append(found)
            if on_progress:
                on_progress(len(returned), len(films))
    layout.write_tables(unfinished, films, returned)
    (unfinished / "README.txt").write_text(layout.notice.format(layout=layout.says), encoding="utf-8")
    (unfinished / FACTS).write_text(told, encoding="utf-8")
    _move_up(unfinished, out)
    return out


def _move_up(unfinished: Path, out: Path) -> None:
    """A folder with FACTS is a cohort, so they come last."""
    for path in sorted(unfinished.iterdir(), key=lambda path: path.name == FACTS):
        path.rename(out / path.name)
    unfinished.rmdir()


def enlarged(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A film `[size, size]` scaled up to `[side, side]`, as the pixel grid of run lengths needs it."""
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC))


def run_lengths(mask: NDArray[np.bool_], side: int, parts: int = 1) -> list[str]:
    """The mask on a grid of `[side, side]` as relative run lengths, cut into `parts` bands that are annotated one by one."""
    large = np.asarray(Image.fromarray(mask).resize((side, side), Image.Resampling.NEAREST))
    rows = np.flatnonzero(large.any(axis=1))
    if not len(rows):
        return [encode_runs(large)]
    edges = np.linspace(rows[0], rows[-1] + 1, parts + 1).astype(int)
    bands = []
    for top, bottom in pairwise(edges):
        band = np.zeros_like(large)
        band[top:bottom] = large[top:bottom]
        bands.append(encode_runs(band))
    return bands


def film_rng(planned: PlannedFilm, purpose: int) -> np.random.Generator:
    """Random numbers of one film for one purpose of a layout, apart from those that draw it."""
    film = planned.film
    return np.random.default_rng([film.seed, film.patient, film.number + 1, purpose])


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Lines of text, as they are."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def write_rows(path: Path, rows: Iterable[Sequence[object]], delimiter: str = ",", encoding: str = "utf-8") -> None:
    """A table with quotes only where they are needed."""
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)
