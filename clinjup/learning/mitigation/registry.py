"""The registry of mitigations. To add one: a file in this folder with a function under `@mitigation(...)`."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clinjup.kernel.errors import ClinjupError

if TYPE_CHECKING:
    import pandas as pd

BatchTransform = Callable[[Tensor, torch.Generator], Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]
Against = Literal["confounder", "imbalance"]
Prepare = Callable[["pd.DataFrame", str | None, Sequence[str]], "Treatment"]


@dataclass(frozen=True)
class Treatment:
    """What a mitigation does to one training: other weights, other films, or both.

    `weights` [rows] of the training table: how often each is drawn, relative to the others. `transform` changes a batch of
    films, float [N, C, H, W] in 0..1, drawing from a CPU generator. `loss` takes the place of cross-entropy: (logits [N, K], labels
    [N]) -> mean. `notes` are sentences for the clinician.
    """

    weights: NDArray[np.float64] | None = None
    transform: BatchTransform | None = None
    notes: list[str] = field(default_factory=list)
    loss: Loss | None = None


@dataclass(frozen=True)
class Mitigation:
    """One entry of the registry. `needs_labels`: works only with images on which the confounder is annotated.

    `against` a confounder, or the imbalance of classes, for which it needs none named.
    """

    name: str
    title: str
    explanation: str
    needs_labels: bool
    prepare: Prepare
    against: Against = "confounder"

    def treat(self, table: pd.DataFrame, confounder: str | None, labels: Sequence[str]) -> Treatment:
        """The treatment for a training table with column `label` and, where annotated, a column called `confounder`.

        `labels`: what the codes of `label` mean in a note, e.g. ["without pneumothorax", "with pneumothorax"].
        """
        if self.needs_labels and (confounder is None or confounder not in table):
            named = (
                "no confounder is named" if confounder is None else f"the cohort has no annotation of '{confounder}'"
            )
            raise ClinjupError(
                f"The mitigation '{self.name}' needs to know which films show the confounder, and {named}. "
                "Name an annotated confounder, or use a mitigation that needs no annotation: insertion_augmentation."
            )
        return self.prepare(table, confounder, labels)


SEPARATOR = "+"  # between the names of mitigations that are used together
_REGISTRY: dict[str, Mitigation] = {}


def mitigation(
    *, title: str, explanation: str, needs_labels: bool, against: Against = "confounder"
) -> Callable[[Prepare], Prepare]:
    """Register the decorated `(table, confounder, labels) -> Treatment` under its own name."""

    def register(prepare: Prepare) -> Prepare:
        name = prepare.__name__
        _REGISTRY[name] = Mitigation(name, title, explanation, needs_labels, prepare, against)
        return prepare

    return register


@functools.cache
def list_mitigations(against: Against | None = None) -> tuple[str, ...]:
    """Names of all mitigations in this folder, or of those against one thing."""
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{__package__}.{module.name}")
    return tuple(sorted(name for name, entry in _REGISTRY.items() if against in (None, entry.against)))


def mitigation_named(name: str) -> Mitigation:
    """The mitigation called `name`; raises ClinjupError where there is none."""
    names = list_mitigations()
    if name not in names:
        raise ClinjupError(f"There is no mitigation '{name}'. There are: {', '.join(names)}; None trains without one.")
    return _REGISTRY[name]


def treatment_for(
    table: pd.DataFrame, mitigation: str | None, confounders: Sequence[str], labels: Sequence[str]
) -> Treatment:
    """What `mitigation`, one name or several joined by '+', does against `confounders`; `labels` as in `Mitigation.treat`.

    A mitigation that needs labels takes the first confounder that `table` annotates, where more than one is named; one that needs
    none is applied against each confounder that is left. Weights multiply, transforms follow one another.
    """
    if mitigation is None:
        return Treatment()
    entries = [mitigation_named(name) for name in mitigation.split(SEPARATOR)]
    parts, left = [], list(confounders)
    for entry in sorted(entries, key=lambda entry: not entry.needs_labels):
        if entry.against == "imbalance" or not left:
            parts.append(entry.treat(table, left[0] if left else None, labels))
        elif entry.needs_labels:
            chosen = next((name for name in left if name in table), left[0])
            parts.append(entry.treat(table, chosen, labels))
            left = [name for name in left if name != chosen or len(confounders) == 1]
        else:
            parts += [entry.treat(table, name, labels) for name in left]
    return functools.reduce(_together, parts)


def _together(one: Treatment, other: Treatment) -> Treatment:
    weights = other.weights if one.weights is None else one.weights
    if one.weights is not None and other.weights is not None:
        weights = one.weights * other.weights
    first, second = one.transform, other.transform
    transform = second if first is None else first
    if first is not None and second is not None:
        transform = lambda films, generator: second(first(films, generator), generator)  # noqa: E731
    return Treatment(weights, transform, [*one.notes, *other.notes], one.loss or other.loss)
