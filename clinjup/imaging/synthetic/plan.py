"""Who is in a synthetic chest cohort: patients, their films, labels, drains and splits, all from the seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from clinjup.imaging.synthetic.difficulty import DIFFICULTY, Difficulty
from clinjup.imaging.synthetic.film import Film

_PLAN = 1000  # the random stream of the plan, apart from those of the films' parts

# Findings beside pneumothorax, as ChestX-ray14 spells them, with the share of films that show them. They do not depend
# on the pneumothorax or the drain.
OTHER_FINDINGS = {"Effusion": 0.12, "Infiltration": 0.12, "Nodule": 0.06}
CARDIOMEGALY = 0.10  # share of patients


@dataclass(frozen=True)
class PlannedFilm:
    """A film with its place in the tables."""

    film: Film
    test: bool
    annotated: bool

    @property
    def labels(self) -> str:
        """Finding labels as in ChestX-ray14: joined by '|', or 'No Finding'."""
        names = sorted((*self.film.findings, *(["Pneumothorax"] if self.film.pneumothorax else [])))
        return "|".join(names) or "No Finding"


def plan_cohort(
    patients: int,
    seed: int,
    *,
    annotated: float = 1.0,
    balanced_test: bool = False,
    difficulty: Difficulty = DIFFICULTY,
) -> list[PlannedFilm]:
    """The films of patients 1..`patients` in order; a patient's films do not depend on how many patients there are.

    `annotated`: share of patients whose drains are written down. `balanced_test`: in the test part half of the films
    have a drain, whatever their label; training films stay as they are.
    """
    return [
        film
        for patient in range(1, patients + 1)
        for film in _films(patient, seed, annotated, balanced_test, difficulty)
    ]


def _films(
    patient: int, seed: int, annotated: float, balanced_test: bool, difficulty: Difficulty
) -> Iterator[PlannedFilm]:
    rng = np.random.default_rng([seed, patient, 0, _PLAN])
    test, known = rng.random() < difficulty.test_patients, rng.random() < annotated
    sex, age = str(rng.choice(["M", "F"], p=[0.56, 0.44])), int(np.clip(rng.normal(50, 17), 18, 92))
    ill, large_heart = rng.random() < difficulty.patients_with_pneumothorax, rng.random() < CARDIOMEGALY
    for number in range(int(rng.choice(4, p=[0.35, 0.35, 0.20, 0.10])) + 1):
        pneumothorax = bool(rng.random() < difficulty.films_with_pneumothorax) and bool(ill)
        chance = difficulty.drain_given_pneumothorax if pneumothorax else difficulty.drain_given_no_pneumothorax
        drain = bool(rng.random() < (0.5 if balanced_test and test else chance))
        view = "AP" if rng.random() < 0.35 else "PA"
        others = [name for name, share in OTHER_FINDINGS.items() if rng.random() < share]
        findings = tuple((["Cardiomegaly"] if large_heart else []) + others)
        film = Film(seed, patient, number, sex, age, view, pneumothorax, drain, findings)
        yield PlannedFilm(film, test, known)
