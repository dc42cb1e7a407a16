"""The registry of confounder checks. A check is one file of this folder with one function under `@confounder_check`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import ConfounderResult, Estimate
from clinjup.evaluation.bootstrap import Bootstrap
from clinjup.evaluation.cohort_parts import Part
from clinjup.nouns import plain_name

if TYPE_CHECKING:
    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.masks import Masks
    from clinjup.learning.trained import TrainedModel


@dataclass(frozen=True)
class Case:
    """One model on one part of the cohort, asked about one confounder.

    `probabilities` [images] are the model's on `part`; `threshold` is its frozen operating point; `bootstrap` is shared by all models of
    the part, so that their differences are paired; `seed` fixes what is drawn (where a drain is inserted, which films are sampled).
    `masks` outline the confounder, where the data do.
    """

    confounder: str
    model: TrainedModel
    images: ImageCache
    part: Part
    probabilities: NDArray[np.float64]
    threshold: float
    bootstrap: Bootstrap
    seed: int = 0
    masks: Masks | None = None

    @property
    def name(self) -> str:
        return plain_name(self.confounder)

    @property
    def presence(self) -> NDArray[np.float64]:
        return self.part.presence(self.confounder)


Check = Callable[[Case], dict[str, Estimate]]


@dataclass(frozen=True)
class RegisteredCheck:
    """A check with the fields of ConfounderResult that it fills and the question it answers, in a clinician's words."""

    name: str
    question: str
    fields: tuple[str, ...]
    run: Check
    decides: bool


_CHECKS: dict[str, RegisteredCheck] = {}


def confounder_check(
    name: str, *, question: str, fields: tuple[str, ...], decides: bool = True
) -> Callable[[Check], Check]:
    """Register a check. It returns an Estimate, missing with a reason if need be, for each of `fields`.

    A check that never decides between models is run on the test set only.
    """

    def register(run: Check) -> Check:
        _CHECKS[name] = RegisteredCheck(name, question, fields, run, decides)
        return run

    return register


@cache
def list_checks() -> tuple[RegisteredCheck, ...]:
    """All checks of this folder, by name."""
    package = importlib.import_module("clinjup.evaluation.confounders")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return tuple(_CHECKS[name] for name in sorted(_CHECKS))


def run_checks(case: Case) -> ConfounderResult:
    """Every registered check on one case; on validation only those that decide."""
    found: dict[str, Estimate] = {}
    for check in list_checks():
        if check.decides or case.part.split == "test":
            found |= check.run(case)
    return ConfounderResult(**found)
