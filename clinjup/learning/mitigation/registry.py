"""The registry of mitigations. To add one: a file in this folder with a function under `@mitigation(...)`."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clinjup.kernel.errors import ClinjupError

if TYPE_CHECKING:
    import pandas as pd

BatchTransform = Callable[[Tensor, torch.Generator], Tensor]
Prepare = Callable[["pd.DataFrame", str | None], "Treatment"]


@dataclass(frozen=True)
class Treatment:
    """What a mitigation does to one training: other weights, other films, or both.

    `weights` [rows] of the training table: how often each is drawn, relative to the others. `transform` changes a batch of
    films, float [N, C, H, W] in 0..1, drawing from a CPU generator. `notes` are sentences for the clinician.
    """

    weights: NDArray[np.float64] | None = None
    transform: BatchTransform | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Mitigation:
    """One entry of the registry. `needs_labels`: works only with images on which the confounder is annotated."""

    name: str
    title: str
    explanation: str
    needs_labels: bool
    prepare: Prepare

    def treat(self, table: pd.DataFrame, confounder: str | None) -> Treatment:
        """The treatment for a training table with column `label` and, where annotated, a column called `confounder`."""
        if self.needs_labels and (confounder is None or confounder not in table):
            named = (
                "no confounder is named" if confounder is None else f"the cohort has no annotation of '{confounder}'"
            )
            raise ClinjupError(
                f"The mitigation '{self.name}' needs to know which films show the confounder, and {named}. "
                "Name an annotated confounder, or use a mitigation that needs no annotation: insertion_augmentation."
            )
        return self.prepare(table, confounder)


_REGISTRY: dict[str, Mitigation] = {}


def mitigation(*, title: str, explanation: str, needs_labels: bool) -> Callable[[Prepare], Prepare]:
    """Register the decorated `(table, confounder) -> Treatment` under its own name."""

    def register(prepare: Prepare) -> Prepare:
        name = prepare.__name__
        _REGISTRY[name] = Mitigation(name, title, explanation, needs_labels, prepare)
        return prepare

    return register


@functools.cache
def list_mitigations() -> tuple[str, ...]:
    """Names of all mitigations in this folder."""
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{__package__}.{module.name}")
    return tuple(sorted(_REGISTRY))


def mitigation_named(name: str) -> Mitigation:
    """The mitigation called `name`; raises ClinjupError where there is none."""
    names = list_mitigations()
    if name not in names:
        raise ClinjupError(f"There is no mitigation '{name}'. There are: {', '.join(names)}; None trains without one.")
    return _REGISTRY[name]
