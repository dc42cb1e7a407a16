"""Draw a cast, or wires and a plate, into any film of a wrist, for testing; shares no code with the synthetic cohorts' generator.

The forearm is found by its grey values: what is brighter than the background is the hand, the brightest column of its lower half the bone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import (
    binary_closing,
    binary_dilation,
    distance_transform_edt,
    gaussian_filter,
    gaussian_filter1d,
    label,
)

from clinjup.evaluation.insertion.registry import inserter

_SCALE = 6  # thin things are drawn this many times larger and averaged down


@inserter("cast")
class Cast:
    """A plaster shell around hand and forearm with folds; as placebo a soft veil of the same total grey over the same rows.

    The veil has no rim, no weave and no folds: a model that answers to brightness answers to both.
    """

    title = "cast"
    colour = False
    placebo_title = "a veil"
    caution = (
        "The inserted cast is one shell around the part that is brighter than the background; splints, windows, removed casts and "
        "positions inside a cast are not covered."
    )

    def insert(
        self, pixels: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """(film with a cast, mask of the shell), both [H, W], for a film uint8 [H, W]."""
        layer, mask = _shell(pixels, rng)
        return _added(pixels, layer), mask

    def placebo(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Film with a veil over the rows of the cast that `insert` draws from the same `rng`, and as much grey in all."""
        layer, mask = _shell(pixels, rng)
        rows = gaussian_filter1d(mask.any(axis=1).astype(np.float32), pixels.shape[0] / 16)
        shown = pixels > 0  # the black frame around a film stays black
        veil = rows[:, None] * shown
        return _added(pixels, veil * (layer.sum() / max(float(veil.sum()), 1e-6)))


@inserter("metal")
class Metal:
    """Two wires, or a plate with screws, on the brightest bone; as placebo a lead letter of the same total grey beside the hand."""

    title = "metal"
    colour = False
    placebo_title = "a lead letter"
    caution = (
        "The inserted metal is a pair of wires or one plate with screws along the brightest bone; external fixators, jewellery and "
        "metal fragments are not covered."
    )

    def insert(
        self, pixels: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """(film with metal, mask of it), both [H, W], for a film uint8 [H, W]."""
        cover = _hardware(pixels, rng)
        return _covered(pixels, cover), cover > 0.2

    def placebo(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Film with a lead letter that adds about as much grey as the metal that `insert` draws from the same `rng`."""
        changed, _ = self.insert(pixels, rng)
        wanted = float(changed.sum(dtype=np.int64) - pixels.sum(dtype=np.int64))
        height, width = pixels.shape
        rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
        left, right = (int(columns[0]), int(columns[-1])) if len(columns) else (0, width - 1)
        top = int(rows[0]) if len(rows) else 0
        side = float(np.sqrt(max(wanted, 1.0) / 190 / 0.45))
        x = left + 0.04 * width if rng.random() < 0.5 else right - 0.04 * width - side
        y = top + rng.uniform(0.03, 0.15) * height
        for _ in range(3):  # what lies below decides how much grey a letter adds
            marked = _covered(pixels, _letter(pixels.shape, x, y, side))
            added = float(marked.sum(dtype=np.int64) - pixels.sum(dtype=np.int64))
            side = float(np.clip(side * np.sqrt(max(wanted, 1.0) / max(added, 1.0)), 2, 0.4 * width))
            x = min(x, width - 1.05 * side)
        return _covered(pixels, _letter(pixels.shape, x, y, side))


def _letter(shape: tuple[int, int], x: float, y: float, side: float) -> NDArray[np.float32]:
    """Share of each pixel that a lead letter covers."""
    canvas = Image.new("L", (shape[1] * _SCALE, shape[0] * _SCALE))
    points = [(x + a * side, y + b * side) for a, b in ((0, 0), (0, 1), (0.5, 0.55), (1, 1), (1, 0))]
    stroke = max(1, round(0.2 * side * _SCALE))
    ImageDraw.Draw(canvas).line([(px * _SCALE, py * _SCALE) for px, py in points], fill=255, width=stroke)
    return np.asarray(canvas.reduce(_SCALE), np.float32) / 255


def _shell(pixels: NDArray[np.uint8], rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Added grey (0..255) and mask of a cast."""
    height, width = pixels.shape
    body = _body(pixels)
    shown = pixels > 0 if body.any() else np.ones(pixels.shape, bool)
    if not body.any():  # nothing stands out: the middle of the film
        body[:, round(0.3 * width) : round(0.7 * width)] = True
    top = int(height * rng.uniform(0.20, 0.38))
    thick = max(2, round(width * rng.uniform(0.025, 0.05)))
    mask = binary_dilation(body, iterations=thick)
    mask[:top] = False
    mask &= shown  # the black frame around a film stays black
    depth = distance_transform_edt(mask).astype(np.float32)
    rim = np.exp(-np.square((depth - thick) / (0.6 * thick)))
    grain = gaussian_filter(rng.standard_normal(pixels.shape).astype(np.float32), 1.2)
    blot = gaussian_filter(rng.standard_normal(pixels.shape).astype(np.float32), height / 20)
    blot /= max(float(np.abs(blot).max()), 1e-6)
    strength = rng.uniform(22, 38)
    layer = strength * mask * (0.8 + 1.2 * rim + 0.4 * blot + 0.25 * grain)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    for _ in range(int(rng.integers(1, 4))):  # folds across the arm
        at, slope = rng.uniform(top + 0.1 * height, 0.95 * height), rng.normal(0, 0.12)
        layer += rng.uniform(5, 12) * mask * np.exp(-np.square((y - at - slope * (x - width / 2)) / (0.010 * height)))
    return gaussian_filter(layer.astype(np.float32), 0.6), mask


def _hardware(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Share of each pixel that is covered by metal."""
    height, width = pixels.shape
    lower = gaussian_filter(pixels[int(0.58 * height) : int(0.85 * height)].astype(np.float32), (2, width / 60))
    x = float(lower.mean(axis=0).argmax())
    y = rng.uniform(0.55, 0.66) * height
    canvas = Image.new("L", (width * _SCALE, height * _SCALE))
    draw = ImageDraw.Draw(canvas)

    def line(ax: float, ay: float, bx: float, by: float, thick: float) -> None:
        draw.line(
            [(ax * _SCALE, ay * _SCALE), (bx * _SCALE, by * _SCALE)], fill=255, width=max(1, round(thick * _SCALE))
        )

    if rng.random() < 0.6:
        for _ in range(2):
            foot = x + rng.normal(0, 0.03) * width, y + rng.uniform(0.12, 0.22) * height
            line(x + rng.uniform(-0.10, 0.10) * width, y - rng.uniform(0.02, 0.08) * height, *foot, 0.011 * height)
    else:
        end = y + rng.uniform(0.15, 0.24) * height
        line(x, y, x, end, 0.036 * height)
        for at in np.linspace(y + 0.015 * height, end - 0.015 * height, 4):
            line(x - 0.05 * width, at, x + 0.05 * width, at, 0.012 * height)
    return np.asarray(canvas.reduce(_SCALE), np.float32) / 255


def _body(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The hand: the largest part that is clearly brighter than the background."""
    smooth = gaussian_filter(pixels.astype(np.float32), pixels.shape[0] / 60)
    exposed = smooth[pixels > 0]
    if not len(exposed):
        return np.zeros(pixels.shape, bool)
    dark, bright = np.percentile(exposed, [10, 90])
    parts, count = label(binary_closing(smooth > dark + 0.30 * (bright - dark), iterations=2))
    if not count:
        return np.zeros(pixels.shape, bool)
    sizes = np.bincount(parts.ravel())[1:]
    return parts == 1 + int(sizes.argmax())


def _added(pixels: NDArray[np.uint8], layer: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Add grey; what is nearly white already gains little."""
    grey = pixels.astype(np.float32)
    return np.clip(grey + layer * np.clip((275 - grey) / 200, 0.1, 1) + 0.5, 0, 255).astype(np.uint8)


def _covered(pixels: NDArray[np.uint8], cover: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Metal lets nothing through: it is white whatever lies below."""
    return np.clip(pixels * (1 - cover) + 246 * cover + 0.5, 0, 255).astype(np.uint8)
