"""How often does a threshold for "not a single case" hold on other patients and with another network?

A simulation, not a run: binormal scores of three networks that judge out of fold and of a final one. Lesions have one to four images, some are
hard for every network, and networks differ in how well they separate. Each cohort has 110 lesions of melanoma out of fold (28 of them are the
final network's validation), some 1,300 and 320 images of nevi, and a test part of 30 lesions and 320 nevi. *Held*: the sensitivity on the test
part is at least 0.95.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import markdown_table, record
from clinjup.evaluation.operating_point import choose_threshold
from clinjup.evaluation.safe_point import safe_threshold
from clinjup.learning.cross_fit import OutOfFold

TARGET, LESIONS, VALIDATION, TESTED, FOLDS = 0.95, 110, 28, 30, 3
NEVI, NEVI_OF_A_FOLD = 320, 430


@dataclass(frozen=True)
class Scenario:
    """Standard deviations are those of a nevus's score. `apart`: mean distance of melanoma; `networks`: how it varies between networks."""

    apart: float
    networks: float
    hard: float  # share of lesions that are hard for every network
    network_of_lesion: float
    image_of_lesion: float


SCENARIOS = {
    "networks differ little": Scenario(2.9, 0.30, 0.03, 0.8, 0.5),
    "images of a lesion differ more": Scenario(2.9, 0.25, 0.02, 0.9, 0.7),
    "networks differ more": Scenario(2.7, 0.40, 0.02, 0.7, 0.5),
}
Rule = Callable[[OutOfFold, NDArray[np.float64], Any], float]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks safe_point")
    parser.add_argument("--cohorts", type=int, default=400, help="simulated for each scenario")
    parser.add_argument("--record", action="store_true", help="write the table into RESULTS.md")
    options = parser.parse_args(argv)
    rows = []
    for name, scenario in SCENARIOS.items():
        found = simulate(scenario, options.cohorts)
        rows.append([name, *(f"{held:.3f} / {specificity:.2f}" for held, specificity in found.values())])
    table = markdown_table(["held / median specificity", *RULES], rows)
    print(table)
    if options.record:
        command = " ".join(["python -m benchmarks safe_point", *argv])
        record(
            "safe_point", command, f"{(__doc__ or '').strip()}\n\n{options.cohorts} cohorts of each kind.\n\n{table}"
        )
    return 0


def simulate(scenario: Scenario, cohorts: int) -> dict[str, tuple[float, float]]:
    """Rule -> (share of the cohorts in which the target held on the test part, median specificity there)."""
    random, measured = np.random.default_rng(0), {name: [] for name in RULES}
    for _ in range(cohorts):
        shift = random.normal(0, 0.25)
        apart = lambda: scenario.apart + shift + random.normal(0, scenario.networks)  # noqa: B023, E731
        lesions, difficulty = draw_lesions(random, LESIONS), draw_difficulty(random, scenario, LESIONS)
        fold_of = random.integers(0, FOLDS, LESIONS)
        parts = []
        for fold in range(FOLDS):
            own = lesions[fold_of[lesions] == fold]
            parts.append(
                (
                    own,
                    np.full(len(own) + NEVI_OF_A_FOLD, fold),
                    scores(random, scenario, own, difficulty, NEVI_OF_A_FOLD, apart()),
                )
            )
        folds = OutOfFold(
            "folds",
            np.arange(sum(len(fold) for _, fold, _ in parts)),
            np.concatenate([found for *_, found in parts]),
            np.concatenate([labels(own, len(fold)) for own, fold, _ in parts]),
            np.concatenate([clusters(own, len(fold)) for own, fold, _ in parts]),
            np.concatenate([fold for _, fold, _ in parts]),
        )
        final, own = apart(), lesions[lesions < VALIDATION]
        seen = scores(random, scenario, own, difficulty, NEVI, final)
        part = SimpleNamespace(labels=labels(own, len(seen)), clusters=clusters(own, len(seen)))
        new = draw_lesions(random, TESTED)
        tested = scores(random, scenario, new, draw_difficulty(random, scenario, TESTED), NEVI, final)
        for name, rule in RULES.items():
            called = tested >= rule(folds, seen, part)
            measured[name].append((called[: len(new)].mean(), 1 - called[len(new) :].mean()))
    return {
        name: (float(np.mean([held >= TARGET for held, _ in each])), float(np.median([spared for _, spared in each])))
        for name, each in measured.items()
    }


def draw_lesions(random: np.random.Generator, count: int) -> NDArray[np.int64]:
    """The lesion of each image."""
    return np.repeat(np.arange(count), random.choice([1, 2, 3, 4], count, p=[0.40, 0.35, 0.15, 0.10]))


def draw_difficulty(random: np.random.Generator, scenario: Scenario, count: int) -> NDArray[np.float64]:
    hard = random.random(count) < scenario.hard
    return np.where(hard, random.exponential(2.2, count), random.normal(0, 0.5, count))


def scores(
    random: np.random.Generator,
    scenario: Scenario,
    lesions: NDArray[np.int64],
    difficulty: NDArray[np.float64],
    nevi: int,
    apart: float,
) -> NDArray[np.float64]:
    """Probabilities of one network: images of `lesions`, then of `nevi`."""
    view = random.normal(0, scenario.network_of_lesion, len(difficulty))[lesions]
    melanomas = apart - difficulty[lesions] + view + random.normal(0, scenario.image_of_lesion, len(lesions))
    return 1 / (1 + np.exp(-np.concatenate([melanomas, random.normal(0, 1, nevi)])))


def labels(lesions: NDArray[np.int64], images: int) -> NDArray[np.int64]:
    return (np.arange(images) < len(lesions)).astype(np.int64)


def clusters(lesions: NDArray[np.int64], images: int) -> NDArray[np.str_]:
    return np.array(
        [*(f"melanoma {lesion}" for lesion in lesions), *(f"nevus {number}" for number in range(images - len(lesions)))]
    )


def plain(folds: OutOfFold, seen: NDArray[np.float64], part: Any) -> float:
    """Validation alone, no bound."""
    return choose_threshold(seen, part.labels, TARGET)


def validation_only(folds: OutOfFold, seen: NDArray[np.float64], part: Any) -> float:
    return safe_threshold(seen, part, TARGET)[0]


def carried_only(folds: OutOfFold, seen: NDArray[np.float64], part: Any) -> float:
    """The rule before: the rate of the out-of-fold networks, and no more than the plain target on validation."""
    sure = np.where(part.labels == 1, 1.0, seen)  # validation positives that ask nothing
    return min(safe_threshold(sure, part, TARGET, folds)[0], plain(folds, seen, part))


def both(folds: OutOfFold, seen: NDArray[np.float64], part: Any) -> float:
    return safe_threshold(seen, part, TARGET, folds)[0]


RULES: dict[str, Rule] = {
    "plain rule on validation": plain,
    "bound on validation": validation_only,
    "bound out of fold, carried over": carried_only,
    "found share carried over too (kept)": both,
}
