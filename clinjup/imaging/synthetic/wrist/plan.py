"""Who is in a synthetic wrist cohort: children, their visits and films, fractures, casts, metal; all from the seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from clinjup.imaging.synthetic.wrist.difficulty import WRIST_DIFFICULTY, WristDifficulty
from clinjup.imaging.synthetic.wrist.film import WristFilm

_PLAN, _BOXED = 1000, 1001  # random streams of the plan, apart from those of the films' parts
KINDS = ("buckle", "greenstick", "transverse")
_SHARES = (0.42, 0.25, 0.33)


@dataclass(frozen=True)
class PlannedWrist:
    """A film with what the tables say of it. `boxed`: whether its label file is written."""

    film: WristFilm
    boxed: bool
    visit: int
    uncertain: bool
    osteopenia: bool


def plan_wrists(
    patients: int,
    seed: int,
    *,
    annotated: float = 1.0,
    balanced_test: bool = False,
    difficulty: WristDifficulty = WRIST_DIFFICULTY,
) -> list[PlannedWrist]:
    """The films of children 1..`patients`, two views a visit; a child's films do not depend on how many children there are.

    `annotated`: share of the children whose films have boxes; see `boxed_patients`. `balanced_test` is for cohorts with a
    confounder that stands for the label, which casts do not.
    """
    boxed = boxed_patients(patients, seed, annotated)
    return [film for child in range(1, patients + 1) for film in _films(child, seed, child in boxed, difficulty)]


def boxed_patients(patients: int, seed: int, annotated: float) -> set[int]:
    """The children with boxes: whole children, and those of a smaller share are among those of a larger one."""
    drawn = np.array([np.random.default_rng([seed, child, _BOXED]).random() for child in range(1, patients + 1)])
    count = min(patients, max(1, round(annotated * patients))) if annotated > 0 else 0
    return {int(child) + 1 for child in np.argsort(drawn, kind="stable")[:count]}


def _films(child: int, seed: int, boxed: bool, difficulty: WristDifficulty) -> Iterator[PlannedWrist]:
    rng = np.random.default_rng([seed, child, _PLAN])
    sex, side = str(rng.choice(["M", "F"], p=[0.57, 0.43])), str(rng.choice(["L", "R"]))
    age = float(np.clip(rng.normal(10.5, 3.4), 2.0, 17.5))
    broken = bool(rng.random() < difficulty.patients_with_fracture)
    kind = str(rng.choice(KINDS, p=_SHARES)) if broken else None
    ulna, osteopenia = bool(rng.random() < difficulty.ulna_too), bool(rng.random() < 0.05)
    pinned = bool(rng.random() < difficulty.old_metal) and not broken
    visits = 1 + int(rng.random() < difficulty.follow_up[0 if broken else 1])
    visits += int(visits == 2 and rng.random() < difficulty.follow_up[0 if broken else 1])
    for visit in range(visits):
        chance = (difficulty.cast_at_follow_up if visit else difficulty.cast_at_first)[0 if broken else 1]
        cast = bool(rng.random() < chance)
        pinned = pinned or bool(visit and kind == "transverse" and rng.random() < difficulty.pinned_at_follow_up)
        for number, view in enumerate(("PA", "LAT")):
            seen = kind if kind and rng.random() >= difficulty.hidden_in_one_view * number else None
            film = WristFilm(
                seed=seed,
                patient=child,
                number=2 * visit + number,
                visit=visit,
                sex=sex,
                age=age,
                side=side,
                view=view,
                fracture=seen,
                ulna=ulna,
                cast=cast,
                metal=pinned,
            )
            yield PlannedWrist(film, boxed, visit, bool(rng.random() < difficulty.uncertain), osteopenia)
