"""How often does a threshold for "not a single case" hold on other patients?

A simulation, not a run: scores of a first network, of four that judge out of fold, and of their ensemble. A nevus's score has standard
deviation 1; networks agree on images as those of `benchmarks dermoscopy` did on development seeds 102 to 105 (correlation 0.83 among nevi,
0.87 among melanomas) and differ in how well they separate. Lesions have one to four images; some are hard for every network. Each cohort has
110 lesions of melanoma (28 of them validation), some 1,300 images of nevi (320 of them validation), and a test part of 30 lesions and 320
nevi. *Held*: the sensitivity on the test part is at least 0.95.
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

TARGET, LESIONS, VALIDATION, TESTED, FOLDS = 0.95, 110, 28, 30, 4
NEVI, NEVI_OF_A_FOLD = 320, 248
DISAGREEMENT = 0.41  # standard deviation of what one network alone thinks of an image


@dataclass(frozen=True)
class Scenario:
    """`apart`: mean distance of melanoma in standard deviations of a nevus's score; `networks`: how it varies between networks."""

    apart: float
    networks: float
    hard: float  # share of lesions that are hard for every network
    lesion: float
    image: float


SCENARIOS = {
    "networks differ little": Scenario(2.8, 0.10, 0.03, 0.7, 0.6),
    "images of a lesion differ more": Scenario(2.8, 0.20, 0.02, 0.5, 0.9),
    "networks differ more": Scenario(2.8, 0.35, 0.03, 0.8, 0.5),
}
Scores = NDArray[np.float64]
Rule = Callable[[OutOfFold, Scores, Scores, Any], tuple[float, bool]]


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
        shift = random.normal(0, 0.2)
        apart = scenario.apart + shift + random.normal(0, scenario.networks, 1 + FOLDS)
        training = Images(random, scenario, LESIONS - VALIDATION, FOLDS * NEVI_OF_A_FOLD)
        validation, test = Images(random, scenario, VALIDATION, NEVI), Images(random, scenario, TESTED, NEVI)
        part = SimpleNamespace(labels=validation.labels, clusters=validation.clusters("validation"))
        seen, tested = validation.judged(random, apart), test.judged(random, apart)
        fold_of = random.integers(0, FOLDS, training.groups.max() + 1)[training.groups]
        own = training.judged(random, apart[1:])[fold_of, np.arange(len(fold_of))]
        folds = OutOfFold(
            "folds",
            np.arange(len(own) + len(part.labels)),
            np.concatenate([probability(own), probability(seen.mean(axis=0))]),
            np.concatenate([training.labels, validation.labels]),
            np.concatenate([training.clusters("training"), part.clusters]),
            np.concatenate([fold_of, np.full(len(part.labels), FOLDS)]),
        )
        for name, rule in RULES.items():
            threshold, together = rule(folds, probability(seen[0]), probability(seen.mean(axis=0)), part)
            called = probability(tested.mean(axis=0) if together else tested[0]) >= threshold
            measured[name].append((called[test.labels == 1].mean(), 1 - called[test.labels == 0].mean()))
    return {
        name: (float(np.mean([held >= TARGET for held, _ in each])), float(np.median([spared for _, spared in each])))
        for name, each in measured.items()
    }


class Images:
    """Melanomas of some lesions, then nevi: what is the same for every network."""

    def __init__(self, random: np.random.Generator, scenario: Scenario, lesions: int, nevi: int) -> None:
        lesion = np.repeat(np.arange(lesions), random.choice([1, 2, 3, 4], lesions, p=[0.40, 0.35, 0.15, 0.10]))
        hard = random.random(lesions) < scenario.hard
        difficulty = np.where(hard, random.exponential(2.2, lesions), random.normal(0, scenario.lesion, lesions))
        self.labels = (np.arange(len(lesion) + nevi) < len(lesion)).astype(np.int64)
        self.groups = np.concatenate([lesion, np.arange(lesions, lesions + nevi)])
        self._shared = np.concatenate(
            [
                random.normal(0, scenario.image, len(lesion)) - difficulty[lesion],
                random.normal(0, np.sqrt(1 - DISAGREEMENT**2), nevi),
            ]
        )

    def judged(self, random: np.random.Generator, apart: Scores) -> Scores:
        """Scores [networks, images]."""
        own = random.normal(0, DISAGREEMENT, (len(apart), len(self.labels)))
        return apart[:, None] * self.labels + self._shared + own

    def clusters(self, of: str) -> NDArray[np.str_]:
        return np.array([f"{of} {group}" for group in self.groups])


def probability(scores: Scores) -> Scores:
    return 1 / (1 + np.exp(-scores))


def plain(folds: OutOfFold, first: Scores, ensemble: Scores, part: Any) -> tuple[float, bool]:
    return choose_threshold(first, part.labels, TARGET), False


def validation_only(folds: OutOfFold, first: Scores, ensemble: Scores, part: Any) -> tuple[float, bool]:
    return safe_threshold(first, part, TARGET)[0], False


def carried_over(folds: OutOfFold, first: Scores, ensemble: Scores, part: Any) -> tuple[float, bool]:
    return safe_threshold(first, part, TARGET, folds)[0], False


def together(folds: OutOfFold, first: Scores, ensemble: Scores, part: Any) -> tuple[float, bool]:
    return safe_threshold(ensemble, part, TARGET, folds)[0], True


RULES: dict[str, Rule] = {
    "plain rule on validation": plain,
    "bound on validation": validation_only,
    "bound out of fold, first network judges": carried_over,
    "bound out of fold, ensemble judges (kept)": together,
}
