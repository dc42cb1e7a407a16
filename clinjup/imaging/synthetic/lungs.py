"""What lies inside the lung fields: vessels, texture, other findings, and the pneumothorax."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from clinjup.imaging.synthetic.anatomy import Field, Pose, Thorax, bell, ramp
from clinjup.imaging.synthetic.difficulty import Difficulty


def vessels(rng: np.random.Generator, pose: Pose, size: int) -> Field:
    """Branching pulmonary vessels of both lungs, 0..1, [size, size]; drawn at twice the size and averaged down.

    Each branch forks in two, four times over; all branches of one order are laid out together.
    """
    canvas = Image.new("L", (2 * size, 2 * size))
    draw = ImageDraw.Draw(canvas)
    trunks = 11
    side = np.repeat([-1.0, 1.0], trunks)
    start = np.stack([side * 0.14 + 0.01, -0.09 + 0.02 * side], axis=1)
    angle = np.tile(np.linspace(-1.45, 1.35, trunks), 2) + rng.normal(0, 0.09, 2 * trunks)
    length = rng.uniform(0.16, 0.27, 2 * trunks)
    for order, (width, shade) in enumerate(((0.024, 215), (0.015, 180), (0.009, 150), (0.006, 115))):
        bent = angle + rng.normal(0, 0.24, len(angle))
        half = 0.5 * length[:, None]
        middle = start + half * np.stack([side * np.cos(angle), np.sin(angle)], axis=1)
        end = middle + half * np.stack([side * np.cos(bent), np.sin(bent)], axis=1)
        lines = pose.to_pixels(np.stack([start, middle, end], axis=1).reshape(-1, 2), 2 * size).reshape(-1, 6)
        pixels = max(1, round(width * size * pose.scale))
        for line in lines.tolist():
            draw.line(line, fill=shade, width=pixels)
        if order < 3:
            fork = rng.normal(0.42, 0.14, (2, len(angle))) * [[1.0], [-1.0]]
            angle, start = (bent + fork).ravel(), np.tile(end, (2, 1))
            length, side = np.tile(length, 2) * rng.uniform(0.62, 0.84, 2 * len(side)), np.tile(side, 2)
    smooth = canvas.reduce(2).filter(ImageFilter.GaussianBlur(size / 420))
    return np.asarray(smooth, dtype=np.float32) * np.float32(1 / 255)


def texture(rng: np.random.Generator, size: int) -> Field:
    """Soft parenchymal texture of three scales, about unit amplitude."""
    total = np.zeros((size, size), np.float32)
    for cells, weight in ((9, 0.6), (26, 0.5), (70, 0.45)):
        coarse = Image.fromarray(rng.standard_normal((cells, cells)).astype(np.float32))
        total += weight * np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC))
    return total


def findings(u: Field, v: Field, chest: Thorax, names: tuple[str, ...], rng: np.random.Generator) -> Field:
    """Opacities of the other findings named on a film. Cardiomegaly belongs to the anatomy."""
    opacity = np.zeros_like(u)
    side, height = rng.choice([-1.0, 1.0]), rng.uniform(-0.35, 0.25)
    inward, reach = rng.uniform(0.3, 0.6), rng.uniform(0.10, 0.2)
    if "Infiltration" in names:
        spot = np.exp(-(((u - side * inward * chest.width) / reach) ** 2) - ((v - height) / (1.3 * reach)) ** 2)
        opacity = opacity + rng.uniform(0.10, 0.18) * spot
    if "Nodule" in names:
        spot = 1 - np.hypot(u + side * inward * chest.width, v - height) / rng.uniform(0.030, 0.055)
        opacity = opacity + rng.uniform(0.09, 0.16) * ramp(spot.astype(np.float32), 0.3)
    if "Effusion" in names:
        level = v - rng.uniform(0.30, 0.44) + 0.55 * (chest.width - np.abs(u)) * ramp(chest.depth, 0.3)
        opacity = opacity + 0.30 * ramp(level.astype(np.float32), 0.05) * (np.sign(u) == side)
    return (opacity * chest.lungs).astype(np.float32)


def skin_fold(u: Field, v: Field, chest: Thorax, rng: np.random.Generator) -> Field:
    """A skin fold over the upper chest: an edge that fades on one side and takes no lung marking away."""
    side, away, lean = rng.choice([-1.0, 1.0]), rng.uniform(0.10, 0.25), rng.uniform(-0.35, 0.15)
    edge = side * u - (chest.width - away) - lean * (v + 0.2) + 0.08 * np.square(v + rng.uniform(-0.2, 0.4))
    fade = np.exp(np.clip(edge, -1, 0) / 0.06) * (edge < 0)
    return (rng.uniform(0.03, 0.06) * fade * ramp(v + 0.62, 0.1) * ramp(0.35 - v, 0.2) * (chest.depth > 0)).astype(
        np.float32
    )


def pneumothorax(
    u: Field, v: Field, chest: Thorax, rng: np.random.Generator, difficulty: Difficulty
) -> tuple[Field, Field, Field]:
    """(rim, line, side of the chest as -1 or 1) of a lung come off the apical and lateral chest wall.

    `rim` is 0..1 where there is air and no lung, `line` the visceral pleura with its contrast. The rim is deepest at
    the apex and tapers down the lateral wall. Whether there is a drain makes no difference to it.
    """
    side = float(rng.choice([-1.0, 1.0]))
    deep = rng.uniform(*difficulty.rim_depth)
    end = chest.top + rng.uniform(0.45, 1.05)
    ripple = 0.010 * np.sin(v * rng.uniform(5, 11) + rng.uniform(0, 6)) + 0.006 * np.sin(v * rng.uniform(13, 21))
    taper = ramp(np.float32(end) - v, 0.35)
    apart = np.float32(deep) * (0.35 + 0.65 * ramp(np.float32(chest.top + 0.45) - v, 0.4)) * taper + ripple * taper
    inside = apart - chest.depth
    here = (np.sign(u) == side) * chest.lungs
    rim = ramp(inside.astype(np.float32), 0.008) * here * ramp(taper, 0.1)
    line = (
        rng.uniform(*difficulty.pleural_line)
        * bell(inside.astype(np.float32), difficulty.pleural_line_width)
        * here
        * taper
    )
    return rim.astype(np.float32), line.astype(np.float32), side
