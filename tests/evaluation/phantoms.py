"""Phantom films and networks whose reasons are known: one reads the disease, one reads the chest drain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clinjup.evaluation.insertion import inserter_for
from clinjup.imaging import Cohort, ImageCache
from clinjup.imaging.masks import Masks, encode_runs
from clinjup.learning.trained import TrainedModel

SIZE = 96
TARGET = "pneumothorax"
DRAIN = "chest_drain"


def phantom(random: np.random.Generator, *, sick: bool, drain: bool) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A smooth film: two dark lungs; the disease darkens the apex of the right one; the drain is the inserter's own, with its outline."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    lungs = sum(np.exp(-(((x - centre) / 0.14) ** 4) - ((y - 0.5) / 0.33) ** 4) for centre in (0.3, 0.7))
    film = 0.62 - 0.30 * lungs + 0.02 * random.normal()
    depth = random.uniform(0.0, 0.06) + (random.uniform(0.03, 0.12) if sick else 0.0)
    film -= depth * np.exp(-(((x - 0.3) / 0.1) ** 2) - ((y - 0.3) / 0.1) ** 2)
    pixels = (np.clip(film, 0, 1) * 255).astype(np.uint8)
    inserter = inserter_for(DRAIN)
    return inserter.insert(pixels, random) if drain and inserter else (pixels, np.zeros(pixels.shape, bool))


class Reader(nn.Module):
    """Logit = `drain` x (bright thin lines anywhere) + `disease` x (darkness of the right apex)."""

    def __init__(self, *, drain: float, disease: float, offset: float) -> None:
        super().__init__()
        self.maps = nn.Conv2d(1, 2, 7, padding=3, padding_mode="replicate")
        line = torch.full((7, 7), -1 / 40)
        line[2:5, 2:5] = 1 / 9
        point = torch.zeros(7, 7)
        point[3, 3] = 1
        with torch.no_grad():
            self.maps.weight.copy_(torch.stack([line, point])[:, None])
            self.maps.bias.copy_(torch.tensor([-0.02, 0.0]))
        self.drain, self.disease, self.offset = drain, disease, offset

    def forward(self, films: Tensor) -> Tensor:
        line, point = torch.relu(self.maps(films)).unbind(1)
        apex = 0.4 - point[:, 24:34, 24:34].mean((1, 2))
        elsewhere = 0.4 - point[:, 60:70, 62:72].mean((1, 2))
        logit = self.drain * line.mean((1, 2)) + self.disease * (apex - elsewhere) + self.offset
        return logit[:, None]


def trained(folder: Path, name: str, network: nn.Module, mitigation: str | None = None) -> TrainedModel:
    """`network` as a TrainedModel with a checkpoint file of its own."""
    checkpoint = folder / f"{name}.pt"
    torch.save([vars(network).get(key) for key in ("drain", "disease", "offset")], checkpoint)
    return TrainedModel(
        name=name,
        architecture="phantom",
        mitigation=mitigation,
        seed=0,
        seconds=1.0,
        parameters=1,
        checkpoint=str(checkpoint),
        history=pd.DataFrame(),
        network=network.eval(),
        image_size=SIZE,
        channels=1,
        target=TARGET,
        classes=["negative", "positive"],
        confounder=DRAIN if mitigation else None,
    )


def drain_reader(folder: Path, name: str = "baseline") -> TrainedModel:
    """Leans on the drain as much as on the disease."""
    return trained(folder, name, Reader(drain=25000.0, disease=25.0, offset=-1.5))


def disease_reader(folder: Path, name: str = "balanced") -> TrainedModel:
    """Blind to the drain."""
    return trained(folder, name, Reader(drain=0.0, disease=60.0, offset=-2.0), "balanced_sampling")


def phantom_cohort(patients: int = 80, *, seed: int = 0) -> tuple[Cohort, ImageCache]:
    """The films of `phantom_films`, without the outlines."""
    return phantom_films(patients, seed=seed)[:2]


def phantom_films(patients: int = 80, *, seed: int = 0) -> tuple[Cohort, ImageCache, Masks]:
    """Two films a patient, a third of the patients sick; drains in most of the sick and few of the well. Splits 30/30/40."""
    random = np.random.default_rng(seed)
    rows, films, outlines = [], [], []
    for patient in range(patients):
        split = ("train", "validation", "test")[np.searchsorted([0.3, 0.6], patient / patients, side="right")]
        for number in range(2):
            sick = patient % 5 < 2
            drain = random.random() < (0.75 if sick else 0.25)
            film, outline = phantom(random, sick=sick, drain=drain)
            films.append(film)
            outlines.append(outline)
            rows.append(
                {
                    "image": f"{patient:03d}_{number}.png",
                    "path": f"images/{patient:03d}_{number}.png",
                    "label": int(sick),
                    "patient": f"P{patient:03d}",
                    "group": f"P{patient:03d}",
                    "split": split,
                    DRAIN: float(drain),
                }
            )
    cohort = Cohort(
        table=pd.DataFrame(rows),
        target=TARGET,
        classes=["negative", "positive"],
        confounders=[DRAIN],
        layout="table",
        synthetic=True,
    )
    images = ImageCache(pixels=np.stack(films), size=SIZE, channels=1, files=pd.DataFrame())
    masks = Masks({index: [encode_runs(outline)] for index, outline in enumerate(outlines)}, (SIZE, SIZE))
    return cohort, images, masks
