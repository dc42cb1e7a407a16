"""The registry of mitigations. To add one: a file in this folder with a function under `@mitigation(...)`."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clinjup.kernel.errors import ClinjupError

if TYPE_CHECKING:
    import pandas as pd

    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort
    from clinjup.learning.outlines import Outlines
    from clinjup.learning.trained import TrainedModel

Against = Literal["confounder", "shortcuts", "imbalance"]
Finish = Callable[[nn.Module], None]


class BatchTransform(Protocol):
    """Changes films, float [N, C, H, W] in 0..1, drawing from a CPU generator; `rows` [N] are their rows of the training table."""

    def __call__(self, films: Tensor, generator: torch.Generator, rows: Tensor | None = None, /) -> Tensor: ...


class Loss(Protocol):
    """(logits [N, K], labels [N]) -> mean; `rows` [N] of the training table, None for the films of validation."""

    def __call__(self, logits: Tensor, labels: Tensor, rows: Tensor | None = None, /) -> Tensor: ...


class FirstModel(Protocol):
    """Trains a first network as the one to come, but without a mitigation and for `share` of its passes; keeps its last weights."""

    def __call__(self, share: float) -> TrainedModel: ...


@dataclass(frozen=True)
class Study:
    """What a mitigation is given that must look at the images: all of them, and the means to train a first network."""

    cohort: Cohort
    images: ImageCache
    first_model: FirstModel


Prepare = Callable[..., "Treatment"]  # (table, confounder, labels), and the study where it `needs_images`


@dataclass(frozen=True)
class Treatment:
    """What a mitigation does to one training: other weights, other films, another loss, a last step.

    `weights` [rows] of the training table: how often each is drawn, relative to the others; 0 for films that are kept for `finish`,
    which changes the trained network in place. `transform` changes a batch of films, `loss` takes the place of cross-entropy. `outlines`
    of the finding are learnt by a second head. `notes` are sentences for the clinician.
    """

    weights: NDArray[np.float64] | None = None
    transform: BatchTransform | None = None
    notes: list[str] = field(default_factory=list)
    loss: Loss | None = None
    finish: Finish | None = None
    outlines: Outlines | None = None


@dataclass(frozen=True)
class Mitigation:
    """One entry of the registry. `needs_labels`: works only with images on which the confounder is annotated or was estimated.

    `needs_images`: it looks at the images itself. `against` a confounder, against shortcuts of any kind, or against
    the imbalance of classes: only the first depends on what confounder is named.
    """

    name: str
    title: str
    explanation: str
    needs_labels: bool
    prepare: Prepare
    against: Against = "confounder"
    needs_images: bool = False

    def treat(
        self, table: pd.DataFrame, confounder: str | None, labels: Sequence[str], study: Study | None = None
    ) -> Treatment:
        """The treatment for a training table with column `label` and, where annotated, a column called `confounder`.

        `labels`: what the codes of `label` mean in a note, e.g. ["without pneumothorax", "with pneumothorax"].
        """
        if self.needs_labels and (confounder is None or confounder not in table):
            named = (
                "no confounder is named" if confounder is None else f"the cohort has no annotation of '{confounder}'"
            )
            raise ClinjupError(
                f"The mitigation '{self.name}' needs to know which images show the confounder, and {named}. "
                "Name an annotated confounder, or use a mitigation that needs no annotation: insertion_augmentation."
            )
        if not self.needs_images:
            return self.prepare(table, confounder, labels)
        if study is None:
            raise ClinjupError(f"The mitigation '{self.name}' looks at the images, and none were given.")
        return self.prepare(table, confounder, labels, study)


SEPARATOR = "+"  # between the names of mitigations that are used together
_REGISTRY: dict[str, Mitigation] = {}


def mitigation(
    *, title: str, explanation: str, needs_labels: bool, against: Against = "confounder", needs_images: bool = False
) -> Callable[[Prepare], Prepare]:
    """Register the decorated `(table, confounder, labels) -> Treatment` by its name; with `needs_images` it takes a Study as well."""

    def register(prepare: Prepare) -> Prepare:
        name = prepare.__name__
        _REGISTRY[name] = Mitigation(name, title, explanation, needs_labels, prepare, against, needs_images)
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
    table: pd.DataFrame,
    mitigation: str | None,
    confounders: Sequence[str],
    labels: Sequence[str],
    study: Study | None = None,
) -> Treatment:
    """What `mitigation`, one name or several joined by '+', does against `confounders`; `labels` as in `Mitigation.treat`.

    A mitigation that needs labels takes the first confounder that `table` annotates, where more than one is named; one that needs
    none is applied against each confounder that is left, or once where it depends on none. Weights multiply, transforms follow one another.
    """
    if mitigation is None:
        return Treatment()
    entries = [mitigation_named(name) for name in mitigation.split(SEPARATOR)]
    parts, left = [], list(confounders)
    for entry in sorted(entries, key=lambda entry: not entry.needs_labels):
        if entry.against != "confounder" or not left:
            parts.append(entry.treat(table, left[0] if left else None, labels, study))
        elif entry.needs_labels:
            chosen = next((name for name in left if name in table), left[0])
            parts.append(entry.treat(table, chosen, labels, study))
            left = [name for name in left if name != chosen or len(confounders) == 1]
        else:
            parts += [entry.treat(table, name, labels, study) for name in left]
    return functools.reduce(_together, parts)


def _together(one: Treatment, other: Treatment) -> Treatment:
    if one.loss is not None and other.loss is not None:
        raise ClinjupError(
            "Two of the methods named together change the loss, and a training has only one. Name one of the two, or train a model with each."
        )
    weights = other.weights if one.weights is None else one.weights
    if one.weights is not None and other.weights is not None:
        weights = one.weights * other.weights
    first, second = one.transform, other.transform
    transform = second if first is None else first
    if first is not None and second is not None:
        transform = lambda films, generator, rows=None: second(first(films, generator, rows), generator, rows)  # noqa: E731
    return Treatment(
        weights,
        transform,
        [*one.notes, *other.notes],
        one.loss or other.loss,
        one.finish or other.finish,
        one.outlines or other.outlines,
    )
