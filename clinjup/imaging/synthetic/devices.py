"""Man-made things on a chest film: the chest drain, and what both classes wear (electrodes, wires, side marker)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy.spatial import cKDTree

from clinjup.imaging.synthetic.anatomy import Field, Pose, Thorax
from clinjup.imaging.synthetic.difficulty import Difficulty


def chest_drain(
    chest: Thorax, pose: Pose, size: int, rng: np.random.Generator, difficulty: Difficulty, side: float | None
) -> tuple[Field, NDArray[np.bool_]]:
    """(added attenuation, mask of the tube), each [size, size].

    A tube with two walls and a radio-opaque stripe that enters between the ribs of the lateral wall and runs up along
    the pleura to the apex, or inwards; the stripe is interrupted at the side hole. `side` None picks one.
    """
    side = float(rng.choice([-1.0, 1.0])) if side is None else side
    path = _course(chest, side, rng)
    dense = pose.to_pixels(path, size)
    width = rng.uniform(*difficulty.drain_width) * size / 2 * pose.scale
    stripe, wall = rng.uniform(*difficulty.drain_stripe), rng.uniform(*difficulty.drain_wall)
    offset = rng.uniform(-0.22, 0.22) * width
    hole = rng.uniform(0.62, 0.86) if rng.random() < 0.75 else 2.0
    return _tube(dense, size, width=width, stripe=stripe, wall=wall, offset=offset, hole=hole)


def pigtail_drain(
    chest: Thorax, pose: Pose, size: int, rng: np.random.Generator, side: float | None
) -> tuple[Field, NDArray[np.bool_]]:
    """(added attenuation, mask), each [size, size], of a thin catheter of 8 to 14 French whose end is curled to a loop.

    No cohort contains one: it shows whether what was learned against common drains holds for another kind. Half of them come in through the
    lateral wall, half from above the front of the second ribs.
    """
    side = float(rng.choice([-1.0, 1.0])) if side is None else side
    path = _pigtail_course(chest, side, rng)
    width = rng.uniform(0.015, 0.026) * size / 2 * pose.scale
    return _tube(
        pose.to_pixels(path, size),
        size,
        width=width,
        stripe=rng.uniform(0.35, 0.60),
        wall=rng.uniform(0.10, 0.18),
        offset=0.0,
        hole=2.0,
    )


def _tube(
    dense: NDArray[np.float64], size: int, *, width: float, stripe: float, wall: float, offset: float, hole: float
) -> tuple[Field, NDArray[np.bool_]]:
    """A tube along `dense` [points, 2] in pixels: two walls and a stripe, `offset` beside the middle, interrupted at `hole` (0..1)."""
    reach = width + 2
    low = np.clip(np.floor(dense.min(axis=0) - reach), 0, size).astype(int)
    high = np.clip(np.ceil(dense.max(axis=0) + reach), 0, size).astype(int)
    columns, rows = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1)
    distance, nearest = cKDTree(dense).query(pixels, distance_upper_bound=reach)
    near = np.isfinite(distance)
    distance, nearest, pixels = distance[near], nearest[near], pixels[near]
    tangent = np.gradient(dense, axis=0)[nearest]
    gap = pixels - dense[nearest]
    signed = np.where(tangent[:, 0] * gap[:, 1] - tangent[:, 1] * gap[:, 0] < 0, -distance, distance)
    along = nearest / (len(dense) - 1)

    body = 0.35 * wall * np.clip(width / 2 - distance + 0.5, 0, 1)
    walls = wall * _stroke(distance - width / 2, 0.09 * width)
    opaque = stripe * _stroke(signed - offset, 0.11 * width) * (np.abs(along - hole) > 0.022)
    field = np.zeros((size, size), np.float32)
    field[pixels[:, 1], pixels[:, 0]] = body + walls + opaque
    mask = np.zeros((size, size), bool)
    mask[pixels[:, 1], pixels[:, 0]] = distance <= width / 2
    return field, mask


def _stroke(distance: NDArray[np.floating], sigma: float) -> NDArray[np.floating]:
    """A Gaussian line that keeps its weight when it is thinner than a pixel."""
    seen = np.hypot(sigma, 0.45)
    return sigma / seen * np.exp(-0.5 * np.square(distance / seen))


def _course(chest: Thorax, side: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """400 points in body coordinates from outside the chest to the tip, as a cubic Bezier curve."""
    entry = rng.uniform(0.00, 0.36)
    apical = rng.random() < 0.8
    skin = side * (chest.width + rng.uniform(0.16, 0.30))
    wall = chest.wall(side, entry)
    tip_v = chest.top + rng.uniform(0.08, 0.34) if apical else entry - rng.uniform(0.05, 0.25)
    inset = rng.uniform(0.08, 0.30)
    tip_u = chest.wall(side, tip_v) - side * inset if apical else side * rng.uniform(0.16, 0.32)
    bend_u = wall - side * rng.uniform(0.10, 0.24)
    controls = np.array(
        [
            [skin, entry + rng.uniform(0.05, 0.22)],
            [bend_u, entry + rng.uniform(-0.14, 0.04)],
            [chest.wall(side, (entry + tip_v) / 2) - side * rng.uniform(0.02, 0.16), (entry + tip_v) / 2],
            [tip_u, tip_v],
        ]
    )
    t = np.linspace(0, 1, 400)[:, None]
    return (
        (1 - t) ** 3 * controls[0]
        + 3 * t * (1 - t) ** 2 * controls[1]
        + 3 * t * t * (1 - t) * controls[2]
        + t**3 * controls[3]
    )


def _pigtail_course(chest: Thorax, side: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Points in body coordinates from the skin to the inner end of the loop."""
    tip_v = chest.top + rng.uniform(0.15, 0.60)
    tip_u = chest.wall(side, tip_v) - side * rng.uniform(0.12, 0.26)
    if rng.random() < 0.5:
        start = np.array([side * (chest.width + rng.uniform(0.10, 0.25)), tip_v + rng.uniform(0.0, 0.35)])
    else:
        start = np.array([side * rng.uniform(0.30, 0.55), chest.top - rng.uniform(0.05, 0.25)])
    tip, radius, turns = np.array([tip_u, tip_v]), rng.uniform(0.033, 0.05), rng.uniform(1.0, 1.4)
    t = np.linspace(0, 1, 250)[:, None]
    middle = (start + tip) / 2 + rng.normal(0, 0.03, 2)
    shaft = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t * t * tip
    direction = (tip - middle) / np.hypot(*(tip - middle))
    across = np.array([-direction[1], direction[0]]) * rng.choice([-1.0, 1.0])
    angle = np.linspace(0, 2 * np.pi * turns, 150)[1:, None]
    # The shaft runs into the loop along its tangent; the loop narrows a little towards its end.
    loop = tip + radius * (1 - 0.12 * angle / (2 * np.pi)) * (np.sin(angle) * direction + (1 - np.cos(angle)) * across)
    return np.concatenate([shaft, loop])


def leads(pose: Pose, size: int, rng: np.random.Generator) -> Field:
    """ECG electrodes with their wires, now and then a line to a port; attenuation, [size, size]."""
    canvas = Image.new("L", (3 * size, 3 * size))
    draw = ImageDraw.Draw(canvas)
    unit = 3 * size / 2 * pose.scale
    for _ in range(int(rng.integers(1, 4))):
        spot = np.array([rng.uniform(0.25, 0.75) * rng.choice([-1, 1]), rng.uniform(-0.5, 0.55)])
        away = np.array([np.sign(spot[0]) * rng.uniform(0.2, 1.1), rng.uniform(0.9, 1.2) * rng.choice([-1, 1, 1])])
        swing = (spot + away) / 2 + rng.normal(0, 0.15, 2)
        t = np.linspace(0, 1, 40)[:, None]
        wire = pose.to_pixels((1 - t) ** 2 * spot + 2 * t * (1 - t) * swing + t * t * away, 3 * size)
        draw.line([tuple(point) for point in wire], fill=150, width=max(1, round(0.007 * unit)), joint="curve")
        (x, y), radius = pose.to_pixels(spot[None], 3 * size)[0], rng.uniform(0.022, 0.034) * unit
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=110)
        draw.ellipse([x - radius / 2, y - radius / 2, x + radius / 2, y + radius / 2], fill=255)
    small = canvas.reduce(3).filter(ImageFilter.GaussianBlur(size / 500))
    return np.asarray(small, dtype=np.float32) * np.float32(rng.uniform(0.22, 0.34) / 255)


def side_marker(size: int, rng: np.random.Generator) -> Field:
    """The radiographer's lead letter, in an upper corner."""
    canvas = Image.new("L", (3 * size, 3 * size))
    right = rng.random() < 0.6
    x = rng.uniform(0.03, 0.07) if right else rng.uniform(0.88, 0.93)
    font = ImageFont.load_default(size=3 * size * 0.062)
    ImageDraw.Draw(canvas).text(
        (3 * size * x, 3 * size * rng.uniform(0.03, 0.10)), "R" if right else "L", fill=255, font=font
    )
    return np.asarray(canvas.reduce(3), dtype=np.float32) / 255
