"""Synthetic cohorts on disk, in the layout of real data sets. A new task is a new file and a line in `COHORTS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from clinjup.imaging.synthetic.film import Film, render_film
from clinjup.imaging.synthetic.layouts import LAYOUTS, SKIN_LAYOUTS, WRIST_LAYOUTS
from clinjup.imaging.synthetic.layouts.chestxray14 import counterfactual_films, write_chestxray14
from clinjup.imaging.synthetic.plan import plan_cohort
from clinjup.imaging.synthetic.writing import Layout, write_layout

__all__ = ["COHORTS", "Film", "counterfactual_films", "plan_cohort", "render_film", "write_chestxray14", "write_cohort"]

# task -> layout by name; the first layout is the default.
COHORTS: dict[str, Mapping[str, Layout]] = {
    "pneumothorax": LAYOUTS,
    "dermoscopy": SKIN_LAYOUTS,
    "wrist": WRIST_LAYOUTS,
}


def write_cohort(
    task: str,
    out: Path | str,
    patients: int | None = None,
    seed: int = 0,
    layout: str | None = None,
    annotated: float = 1.0,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a synthetic cohort for `task` into the new or empty folder `out` and return it.

    `patients` defaults to what suits the task; in dermoscopy lesions are counted. `annotated`: share of patients for whom the
    confounder (of wrists: the boxes) is written down. `on_progress(images done, images in all)`.
    Raises ValueError for an unknown task or layout, naming the known ones; FileExistsError where `out` holds files.
    """
    if task not in COHORTS:
        raise ValueError(f"There is no synthetic cohort for '{task}'. There is one for: {', '.join(COHORTS)}.")
    layouts = COHORTS[task]
    if layout is not None and layout not in layouts:
        raise ValueError(f"The synthetic {task} cohort has no layout '{layout}'. It has: {', '.join(layouts)}.")
    chosen = layouts[layout or next(iter(layouts))]
    return write_layout(
        chosen, out, patients=patients, seed=seed, annotated=annotated, workers=workers, on_progress=on_progress
    )
