"""Registry of inserters by the confounder's id. Adding one is adding a file with a class under `@inserter`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import ClassVar, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray


class Inserter(Protocol):
    """Draws one confounder into a film. Both methods leave `pixels` as it is and are the same for the same `rng`."""

    confounder: ClassVar[str]  # canonical id
    title: ClassVar[str]  # plain English, e.g. 'chest drain'
    placebo_title: ClassVar[str]  # what the placebo draws
    caution: ClassVar[str]  # one sentence on what the inserter does not cover
    colour: ClassVar[bool]  # whether it draws into colour images too

    def insert(
        self, pixels: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """(`pixels` with the confounder drawn in, mask of where it lies), for a film uint8 [H, W] or [H, W, 3]."""

    def placebo(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """`pixels` with as much added grey that is not the confounder."""


_INSERTERS: dict[str, type[Inserter]] = {}
_Class = TypeVar("_Class", bound=type)


def inserter(confounder: str) -> Callable[[_Class], _Class]:
    """Class decorator: register an inserter for the confounder with this id."""

    def register(cls: _Class) -> _Class:
        cls.confounder = confounder
        _INSERTERS[confounder] = cls
        return cls

    return register


def inserter_for(confounder: str) -> Inserter | None:
    """The inserter for this confounder id, or None where there is none."""
    _load()
    found = _INSERTERS.get(confounder)
    return found() if found else None


def list_inserters() -> list[str]:
    """The ids of the confounders that can be inserted."""
    _load()
    return sorted(_INSERTERS)


@cache
def _load() -> None:
    import clinjup.evaluation.insertion as package

    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
