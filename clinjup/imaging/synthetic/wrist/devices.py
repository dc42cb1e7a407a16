"""What is on a wrist film and is no bone: cast, wires, plate, text marker."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from clinjup.imaging.synthetic.wrist.bones import Grid, bell, ramp

Rectangle = tuple[float, float, float, float]


def cast(u: Grid, v: Grid, depth: Grid, rng: np.random.Generator) -> Grid:
    """A plaster or fibreglass shell around the forearm, with its weave and creases."""
    start = rng.uniform(-0.65, -0.35)
    thick = rng.uniform(0.05, 0.09)
    outside = depth + np.float32(thick)
    shell = ramp(outside, 0.015) * ramp(v - np.float32(start), 0.02)
    rim = bell(depth + np.float32(thick / 2), thick / 1.6)
    weave = np.sin(v * np.float32(rng.uniform(70, 110)) + u * np.float32(rng.uniform(-40, 40)))
    blotches = gaussian_filter(rng.standard_normal(u.shape, dtype=np.float32), max(u.shape) / 28)
    blotches /= max(float(np.abs(blotches).max()), 1e-6)
    strength = rng.uniform(0.07, 0.12)
    layer = (
        np.float32(strength)
        * shell
        * (1 + np.float32(1.1) * rim + np.float32(0.10) * weave + np.float32(0.5) * blotches)
    )
    for _ in range(int(rng.integers(1, 4))):  # creases run across, as fracture lines do
        at, tilt = rng.uniform(start + 0.1, 0.9), rng.normal(0, 0.12)
        layer += (
            np.float32(strength * rng.uniform(0.15, 0.35))
            * bell(v - np.float32(at) - np.float32(tilt) * u, 0.012)
            * shell
        )
    return layer


def wires(u: Grid, v: Grid, middle: float, end: float, rng: np.random.Generator) -> tuple[Grid, list[Rectangle]]:
    """Two Kirschner wires from the radial styloid into the shaft."""
    layer = np.zeros_like(u)
    boxes = []
    for _ in range(2):
        top = np.array([middle + rng.uniform(-0.22, 0.22), end - rng.uniform(0.08, 0.22)])
        foot = np.array([middle + rng.uniform(-0.08, 0.08), end + rng.uniform(0.30, 0.50)])
        along = foot - top
        length = float(np.hypot(*along))
        share = ((u - top[0]) * along[0] + (v - top[1]) * along[1]) / length**2
        away = np.abs((u - top[0]) * along[1] - (v - top[1]) * along[0]) / length
        layer = np.maximum(
            layer, ramp(np.float32(0.011) - away.astype(np.float32), 0.004) * ((share > 0) & (share < 1))
        )
        boxes.append((min(top[0], foot[0]) - 0.02, float(top[1]), max(top[0], foot[0]) + 0.02, float(foot[1])))
    return layer, boxes


def plate(u: Grid, v: Grid, middle: float, end: float, rng: np.random.Generator) -> tuple[Grid, list[Rectangle]]:
    """A plate on the radius with its screws."""
    centre, top, foot = middle + rng.normal(0, 0.02), end + 0.03, end + rng.uniform(0.35, 0.50)
    body = ramp(np.float32(0.042) - np.abs(u - np.float32(centre)), 0.006) * ((v > top) & (v < foot))
    layer = np.float32(0.75) * body
    for at in np.linspace(top + 0.03, foot - 0.03, 5):
        screw = ramp(np.float32(0.012) - np.abs(v - np.float32(at)), 0.004) * (np.abs(u - np.float32(centre)) < 0.11)
        layer = np.maximum(layer, screw)
    return layer, [(centre - 0.12, top - 0.02, centre + 0.12, foot + 0.02)]


def text_marker(shape: tuple[int, int], side: str, rng: np.random.Generator) -> tuple[Grid, tuple[int, int, int, int]]:
    """The letter of the side in a corner of the film, and its box in pixels."""
    height, width = shape
    tall = round(height * rng.uniform(0.045, 0.065))
    wide = round(tall * 0.7)
    x = int(width * rng.uniform(0.03, 0.08)) if rng.random() < 0.5 else int(width * rng.uniform(0.90, 0.95)) - wide
    y = int(height * rng.uniform(0.02, 0.10)) if rng.random() < 0.7 else int(height * rng.uniform(0.86, 0.92))
    scale = 4
    canvas = Image.new("L", (width * scale, height * scale))
    draw = ImageDraw.Draw(canvas)
    stroke = max(2, tall * scale // 7)

    def line(*points: tuple[float, float]) -> None:
        draw.line(
            [((x + a * wide) * scale, (y + b * tall) * scale) for a, b in points], fill=255, width=stroke, joint="curve"
        )

    if side == "L":
        line((0.1, 0.0), (0.1, 1.0), (0.95, 1.0))
    else:
        line((0.1, 1.0), (0.1, 0.0), (0.7, 0.05), (0.9, 0.25), (0.7, 0.5), (0.1, 0.5), (0.95, 1.0))
    margin = 2
    box = (max(0, x - margin), max(0, y - margin), min(width, x + wide + margin), min(height, y + tall + margin))
    return np.asarray(canvas.reduce(scale), dtype=np.float32) / 255, box
