"""Draw a chest drain into any frontal chest film, for testing; shares no code with the synthetic cohorts' generator.

The tube is drawn several times larger than the film and averaged down, so that it is as wide as on a film of full size,
and as faint: a 24 French tube (8 mm) is two pixels wide on a film of 96 pixels. Its brightness is relative to the
film's own grey range and fades where the film is nearly white.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.interpolate import make_interp_spline

from clinjup.evaluation.insertion.landmarks import Landmarks, find_landmarks
from clinjup.evaluation.insertion.registry import inserter

FILM_WIDTH_MM = 360.0  # of the exposed part of a film of an adult
FRENCH_MM = 1 / 3  # one French of outer diameter
CANVAS = 1000  # least side in pixels that is drawn on before averaging down


@dataclass(frozen=True)
class Tube:
    """How one drain looks. Brightness is in units of the film's grey range, widths in units of the tube's."""

    french: float
    stripe: float
    wall: float
    stripe_at: float  # across the tube, -0.5..0.5
    hole: float  # where along the tube the stripe is interrupted, 0..1; above 1 nowhere

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Tube:
        return cls(
            french=rng.uniform(22, 34),
            stripe=rng.uniform(0.60, 0.95),
            wall=rng.uniform(0.22, 0.40),
            stripe_at=rng.uniform(-0.25, 0.25),
            hole=rng.uniform(0.6, 0.9) if rng.random() < 0.7 else 2.0,
        )


@inserter("chest_drain")
class ChestDrain:
    """A chest drain on a random side; as placebo three ECG electrodes that add the same amount of grey.

    The placebo is a foreign body too, of the same brightness in total and about the same area, but on shoulders and
    flank as electrodes are and not tube-shaped: a model that answers to any bright object answers to both.
    """

    title = "chest drain"
    colour = False
    placebo_title = "ECG electrodes"
    caution = (
        "The inserted drain is one tube of 22 to 34 French that enters from the side on a frontal film of an adult; "
        "pigtail catheters, several drains, dressings, skin emphysema and lateral films are not covered, and the course "
        "follows landmarks estimated from grey values."
    )

    def insert(
        self, pixels: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """(film with a drain, mask of the tube), both [H, W], for a film uint8 [H, W] of any size."""
        marks = find_landmarks(pixels)
        layer, mask = _draw_tube(pixels.shape, marks, Tube.sample(rng), rng)
        return _blend(pixels, layer, marks), mask

    def placebo(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Film with three ECG electrodes that add as much grey as the drain that `insert` draws from the same `rng`."""
        drained, _ = self.insert(pixels, rng)
        marks = find_landmarks(pixels)
        layer = _draw_electrodes(pixels.shape, marks, rng)
        wanted = float(drained.sum(dtype=np.int64) - pixels.sum(dtype=np.int64))
        strength = 1.0
        for _ in range(4):  # white parts take less than is asked for
            added = float(_blend(pixels, strength * layer, marks).sum(dtype=np.int64) - pixels.sum(dtype=np.int64))
            strength = min(strength * wanted / max(added, 1.0), 3.0)
        return _blend(pixels, strength * layer, marks)


def _blend(pixels: NDArray[np.uint8], layer: NDArray[np.float32], marks: Landmarks) -> NDArray[np.uint8]:
    """Add `layer` (in units of the grey range); what is nearly white already gains little."""
    grey = pixels.astype(np.float32)
    headroom = np.clip((marks.white - grey) / max(marks.white - marks.lung, 1.0), 0, 1)
    brighter = grey + layer * headroom * (marks.white - marks.black)
    return np.clip(np.where(layer > 0, brighter, grey) + 0.5, 0, 255).astype(np.uint8)


def _draw_tube(
    shape: tuple[int, int], marks: Landmarks, tube: Tube, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    scale = max(1, -(-CANVAS // max(shape)))
    course = _course(marks, rng) * scale
    width = tube.french * FRENCH_MM / FILM_WIDTH_MM * marks.width * scale
    direction = np.gradient(course, axis=0)
    normal = np.stack([-direction[:, 1], direction[:, 0]], axis=1) / np.maximum(np.hypot(*direction.T), 1e-6)[:, None]

    outer = _ribbon(shape, scale, course, normal, -0.5 * width, 0.5 * width)
    inner = _ribbon(shape, scale, course, normal, -0.36 * width, 0.36 * width)
    band = width * (tube.stripe_at - 0.11), width * (tube.stripe_at + 0.11)
    along = np.linspace(0, 1, len(course))
    layer = tube.wall * (outer - inner) + 0.30 * tube.wall * inner
    for part in (along < tube.hole - 0.02, along > tube.hole + 0.02):
        if part.sum() > 1:
            layer += tube.stripe * _ribbon(shape, scale, course[part], normal[part], *band)
    return layer.astype(np.float32), outer >= 0.25


def _ribbon(
    shape: tuple[int, int],
    scale: int,
    course: NDArray[np.float64],
    normal: NDArray[np.float64],
    left: float,
    right: float,
) -> NDArray[np.float32]:
    """Share of each pixel that a band along `course` covers, between two offsets across it."""
    canvas = Image.new("L", (shape[1] * scale, shape[0] * scale))
    outline = np.concatenate([course + left * normal, (course + right * normal)[::-1]])
    ImageDraw.Draw(canvas).polygon([tuple(point) for point in outline.tolist()], fill=255)
    return np.asarray(canvas.reduce(scale), dtype=np.float32) / 255


def _course(marks: Landmarks, rng: np.random.Generator) -> NDArray[np.float64]:
    """200 points (x, y) in pixels from the skin through the lateral chest wall to the tip."""
    left = rng.random() < 0.5
    wall, axis = (marks.left_wall, marks.left_axis) if left else (marks.right_wall, marks.right_axis)
    apex, outward = marks.apex, -1 if left else 1
    lung_height, lung_width = marks.base - apex, 2 * abs(wall - axis)
    entry = apex + lung_height * rng.uniform(0.60, 0.88)
    outside = wall + outward * rng.uniform(0.25, 0.50) * lung_width, entry + rng.uniform(0.05, 0.20) * lung_height
    through = wall - outward * rng.uniform(0.02, 0.12) * lung_width, entry - rng.uniform(-0.02, 0.10) * lung_height
    if rng.random() < 0.78:  # up along the wall to the apex
        tip = axis + outward * rng.uniform(-0.15, 0.25) * lung_width, apex + rng.uniform(0.05, 0.26) * lung_height
        middle = wall - outward * rng.uniform(0.10, 0.30) * lung_width, (through[1] + tip[1]) / 2
    else:  # towards the hilum or the base
        tip = axis - outward * rng.uniform(-0.05, 0.35) * lung_width, entry - rng.uniform(0.02, 0.25) * lung_height
        middle = (through[0] + tip[0]) / 2, (through[1] + tip[1]) / 2 - rng.uniform(0.0, 0.06) * lung_height
    knots = np.array([outside, through, middle, tip])
    spacing = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(knots, axis=0).T))])
    return make_interp_spline(spacing, knots, k=2)(np.linspace(0, spacing[-1], 200))


def _draw_electrodes(shape: tuple[int, int], marks: Landmarks, rng: np.random.Generator) -> NDArray[np.float32]:
    """Three pads with a metal stud, at both shoulders and on a flank."""
    scale = max(1, -(-CANVAS // max(shape)))
    canvas = Image.new("L", (shape[1] * scale, shape[0] * scale))
    draw = ImageDraw.Draw(canvas)
    lung_width = 2 * abs(marks.left_wall - marks.left_axis)
    height = marks.base - marks.apex
    flank = marks.left_wall if rng.random() < 0.5 else marks.right_wall
    for x, y in (
        (marks.left_wall - rng.uniform(0.0, 0.12) * lung_width, marks.apex + rng.uniform(0.05, 0.25) * height),
        (marks.right_wall + rng.uniform(0.0, 0.12) * lung_width, marks.apex + rng.uniform(0.05, 0.25) * height),
        (flank + rng.uniform(-0.05, 0.05) * lung_width, marks.base + rng.uniform(0.05, 0.20) * height),
    ):
        for radius, fill in ((rng.uniform(0.038, 0.050) * marks.width, 100), (0.016 * marks.width, 255)):
            box = [(x - radius) * scale, (y - radius) * scale, (x + radius) * scale, (y + radius) * scale]
            draw.ellipse(box, fill=fill)
    return np.asarray(canvas.reduce(scale), dtype=np.float32) / 255
