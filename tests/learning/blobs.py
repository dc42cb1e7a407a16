"""A cohort of noise films: positives hold a bright blob somewhere, and most of them a bright edge, the confounder."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from clinjup.imaging import Cohort, ImageCache
from clinjup.learning import train

SIZE = 32
CONFOUNDER = "bright_edge"


def film(random: np.random.Generator, *, sick: bool, edge: bool, size: int = SIZE) -> NDArray[np.uint8]:
    """Noise, with a blob of a few pixels if `sick` and a bright left border if `edge`."""
    grey = random.normal(100, 8, (size, size))
    if sick:
        (y, x), (rows, columns) = random.integers(6, size - 6, 2), np.mgrid[:size, :size]
        grey += 60 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 8)
    if edge:
        grey[:, :2] += 60
    return grey.clip(0, 255).astype(np.uint8)


def blob_cohort(
    films: int = 80, *, colour: bool = False, classes: int = 2, size: int = SIZE, seed: int = 0
) -> tuple[Cohort, ImageCache]:
    """Three quarters of the films are for training. The edge is on 4 of 5 positives and 1 of 5 negatives; class 2 is all bright."""
    random = np.random.default_rng(seed)
    label = np.arange(films) % classes
    edge = random.random(films) < np.where(label == 1, 0.8, 0.2)
    pixels = np.stack([film(random, sick=sick == 1, edge=on, size=size) for sick, on in zip(label, edge, strict=True)])
    pixels[label == 2] = 255 - pixels[label == 2]
    table = pd.DataFrame(
        {
            "image": [f"{number}.png" for number in range(films)],
            "path": [f"/data/{number}.png" for number in range(films)],
            "label": label,
            "patient": [f"P{number}" for number in range(films)],
            "group": [f"P{number}" for number in range(films)],
            "split": np.where(np.arange(films) < 0.75 * films, "train", "validation"),
            CONFOUNDER: edge.astype(float),
        }
    )
    cohort = Cohort(
        table=table,
        target="blob",
        classes=["negative", "positive", "inverted"][:classes],
        confounders=[CONFOUNDER],
        layout="table",
        synthetic=True,
    )
    if colour:
        pixels = np.stack([pixels, pixels // 2, pixels // 3], axis=3)
    files = pd.DataFrame({"sha256": [f"{number:064x}" for number in range(films)], "reason": ""})
    return cohort, ImageCache(pixels, size, 3 if colour else 1, files)


def quick(cohort: Cohort, images: ImageCache, **changes: Any) -> Any:
    """A training of one epoch, unless `changes` say otherwise."""
    return train(cohort, images, **({"name": "quick", "epochs": 1, "batch_size": 20} | changes))


def relabelled(cohort: Cohort, label: NDArray[np.integer]) -> Cohort:
    return replace(cohort, table=cohort.table.assign(label=label))


def jumping(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """From now on the clock on the wall is put forward (back) by so many seconds each time that somebody looks at it."""
    real, looks = time.time, itertools.count()
    monkeypatch.setattr(time, "time", lambda: real() + seconds * next(looks))


def short_of_memory(images: ImageCache, most: int, allocate: Callable[[], object]) -> ImageCache:
    """The images, of which memory holds `most` at a time; for more of them `allocate` fails."""

    class Large(ImageCache):
        def pixels_of(self, index: Any) -> NDArray[np.uint8]:
            if len(index) > most:
                allocate()
            return super().pixels_of(index)

    return Large(images.pixels, images.size, images.channels, images.files)
