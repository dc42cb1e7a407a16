"""Render one synthetic chest film; with and without its drain it is the same film, pixel for pixel, beside the tube."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from clinjup.imaging.synthetic import devices, lungs
from clinjup.imaging.synthetic.anatomy import (
    Anatomy,
    Field,
    Pose,
    abdomen,
    enlarge,
    mediastinum,
    ramp,
    soft_tissue,
    thorax,
)
from clinjup.imaging.synthetic.bones import bones
from clinjup.imaging.synthetic.difficulty import DIFFICULTY, Difficulty

# One random stream for each part of a film, so that no part's draws move another part.
_ANATOMY, _VESSELS, _POSE, _TEXTURE, _PNEUMOTHORAX, _DRAIN, _DEVICES, _EXPOSURE, _NOISE, _FINDINGS, _ABDOMEN = range(11)


@dataclass(frozen=True)
class Film:
    """Everything that decides a film's pixels but its size, and what the tables say of it."""

    seed: int
    patient: int
    number: int
    sex: str
    age: int
    view: str
    pneumothorax: bool
    drain: bool
    findings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.patient:08d}_{self.number:03d}.png"

    def _stream(self, part: int) -> np.random.Generator:
        shared = part in (_ANATOMY, _VESSELS)
        return np.random.default_rng([self.seed, self.patient, 0 if shared else self.number + 1, part])


def render_film(
    film: Film,
    *,
    pneumothorax: bool | None = None,
    drain: bool | None = None,
    pigtail: bool = False,
    size: int = 256,
    difficulty: Difficulty = DIFFICULTY,
) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.bool_]]]:
    """(pixels uint8 [size, size], masks bool [size, size]: 'lungs', 'pneumothorax', 'drain').

    `pneumothorax` and `drain` override the film's own; `pigtail` makes its drain a thin pigtail catheter. A film rendered with and without
    either is the exact counterfactual: anatomy, pose, exposure and noise are the same.
    """
    has_air = film.pneumothorax if pneumothorax is None else pneumothorax
    has_drain = film.drain if drain is None else drain
    anatomy = Anatomy.sample(
        film._stream(_ANATOMY), female=film.sex == "F", age=film.age, cardiomegaly="Cardiomegaly" in film.findings
    )
    pose = Pose.sample(film._stream(_POSE), film.view)
    u, v = pose.grid(size)
    coarse = pose.grid(size // 2)
    chest = thorax(u, v, *coarse, anatomy, pose)

    marks = film._stream(_TEXTURE)
    vessel = marks.uniform(*difficulty.vessel_contrast) * lungs.vessels(film._stream(_VESSELS), pose, size)
    markings = vessel + marks.uniform(0.010, 0.020) * lungs.texture(marks, size)
    if film.findings:
        markings += lungs.findings(u, v, chest, film.findings, film._stream(_FINDINGS))
    air = film._stream(_PNEUMOTHORAX)
    rim, line, side = lungs.pneumothorax(u, v, chest, air, difficulty)
    if has_air:
        markings = markings * (1 - rim) + line - air.uniform(*difficulty.rim_lucency) * rim

    body, tissue = soft_tissue(*coarse, anatomy)
    heart, vessels = mediastinum(*coarse, anatomy, pose)
    soft = enlarge(tissue + vessels, size)
    soft = soft + abdomen(u, v, ramp(-chest.diaphragm, 0.03), film._stream(_ABDOMEN))
    aeration = 0.30 + 0.05 * pose.inspiration + 0.04 * anatomy.emphysema - anatomy.lung_density
    profile = np.float32(0.72) + np.float32(0.28) * ramp(chest.depth - np.float32(0.10), 0.16)
    density = (
        soft
        + bones(u, v, chest, anatomy, pose)
        + chest.lungs * (1 - np.float32(0.65) * enlarge(heart, size)) * (markings - np.float32(aeration) * profile)
    )

    worn = film._stream(_DEVICES)
    if worn.random() < difficulty.skin_fold:
        density += lungs.skin_fold(u, v, chest, worn)
    if worn.random() < difficulty.leads * (1.6 if film.view == "AP" else 0.6):
        density += devices.leads(pose, size, worn)
    density = density * enlarge(body, size)
    marker = devices.side_marker(size, worn)

    tube: Field | np.float32 = np.float32(0)
    tube_mask = np.zeros((size, size), bool)
    if has_drain:
        own_side = side if film.pneumothorax else None
        if pigtail:
            tube, tube_mask = devices.pigtail_drain(chest, pose, size, film._stream(_DRAIN), own_side)
        else:
            tube, tube_mask = devices.chest_drain(chest, pose, size, film._stream(_DRAIN), difficulty, own_side)
    pixels = _expose(film, density, tube, marker, size, difficulty)
    return pixels, {"lungs": chest.lungs > 0.5, "pneumothorax": has_air & (rim > 0.5), "drain": tube_mask}


def _expose(
    film: Film, density: Field, tube: Field | np.float32, marker: Field, size: int, difficulty: Difficulty
) -> NDArray[np.uint8]:
    """Detector blur, exposure, tone curve, noise, collimation. Nothing here looks at the whole picture."""
    rng = film._stream(_EXPOSURE)
    contrast, offset, gamma = rng.uniform(0.92, 1.12), rng.uniform(-0.05, 0.05), rng.uniform(0.85, 1.2)
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    shading = rng.normal(0, 0.025) * axis[None, :] + rng.normal(0, 0.025) * axis[:, None]
    density = gaussian_filter(density, size / 420) + tube
    grey = np.clip(0.04 + offset + contrast * (1.08 * density) + shading, 0, 1.3)
    # The shoulder of a film's characteristic curve: dense parts saturate softly.
    grey = np.where(grey > 0.6, 0.6 + 0.38 * np.tanh((grey - 0.6) / 0.38), grey) ** np.float32(gamma)
    noise = film._stream(_NOISE).standard_normal((size, size), dtype=np.float32)
    grain = rng.uniform(*difficulty.noise)
    grey = grey + np.float32(1.5 * grain) * gaussian_filter(noise, 0.7 * size / 256) + np.float32(0.4 * grain) * noise
    grey = np.maximum(grey, 0.95 * marker)
    if rng.random() < 0.3:
        left, right, top, bottom = (rng.uniform(0, 0.05) * rng.integers(0, 2) for _ in range(4))
        inside = (axis >= 2 * left - 1) & (axis <= 1 - 2 * right)
        grey = grey * inside[None, :] * ((axis >= 2 * top - 1) & (axis <= 1 - 2 * bottom))[:, None]
    return (np.clip(grey, 0, 1) * 255 + 0.5).astype(np.uint8)
