"""Bones of a child's wrist as tubes and pebbles, in the hand's own coordinates.

`u` runs from the thumb's side (negative) to the little finger's, `v` from the fingers (negative) to the elbow; the film is 2
units high. A long bone is five tables over `v`: where its middle lies, how far it reaches to either side, how dense it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float32]
V = np.linspace(-1.6, 1.6, 641).astype(np.float32)  # where the tables of a long bone are known


@dataclass
class LongBone:
    """One tube. `ends`: where it begins (distal) and ends (proximal)."""

    middle: Grid
    left: Grid
    right: Grid
    density: Grid
    ends: tuple[float, float]
    cortex: float = 0.70  # inner by outer radius
    lines: list[tuple[float, float, float, float, float]] = field(default_factory=list)
    """Lines across: (v, slope, thickness, contrast, share of the width); negative contrast is lucent."""

    def draw(self, total: Grid, u: Grid, v: Grid) -> None:
        """Add the bone's attenuation to `total`, in the part of the film where it lies."""
        window = self._window(u, v)
        total[window] += self._attenuation(u[window], v[window])

    def _window(self, u: Grid, v: Grid) -> tuple[slice, slice]:
        coarse_u, coarse_v = u[::6, ::6], v[::6, ::6]
        away = np.abs(coarse_u - self.middle[at_table(coarse_v)])
        near = (away < 0.30) & (coarse_v > self.ends[0] - 0.06) & (coarse_v < self.ends[1] + 0.06)
        rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
        if not len(rows):
            return slice(0, 0), slice(0, 0)
        return tuple(slice(max(0, 6 * (part[0] - 1)), 6 * (part[-1] + 2)) for part in (rows, columns))  # type: ignore[return-value]

    def _attenuation(self, u: Grid, v: Grid) -> Grid:
        at_v = at_table(v)
        across = u - self.middle[at_v]
        share = across / np.where(across < 0, self.left[at_v], self.right[at_v])
        tube = _chord(share) - np.float32(0.62) * _chord(share / np.float32(self.cortex))
        ends = ramp(v - np.float32(self.ends[0]), 0.012) * ramp(np.float32(self.ends[1]) - v, 0.012)
        bone = self.density[at_v] * tube * ends
        for at, slope, thickness, contrast, part in self.lines:
            wave = np.float32(0.008) * np.sin(np.float32(90) * across) + np.float32(slope) * across
            line = bell(v - np.float32(at) - wave, thickness) * (np.abs(share) < 1.02)
            if part < 1:
                line = line * ramp(np.float32(2 * part - 1) - share, 0.15)
            bone = bone + np.float32(contrast) * line * ends * np.clip(tube * 3, 0, 1)
        return bone


def at_table(v: Grid) -> NDArray[np.intp]:
    """Positions of `v` in the tables of a long bone."""
    return np.clip((v - V[0]) * np.float32(1 / (V[1] - V[0])) + np.float32(0.5), 0, len(V) - 1).astype(np.intp)


def ramp(x: Grid, width: float) -> Grid:
    """0 below, 1 above zero, smooth over `width`."""
    return np.float32(0.5) + np.float32(0.5) * np.tanh(x / np.float32(width))


def bell(x: Grid, width: float) -> Grid:
    """1 at zero, falling off over `width`."""
    return np.exp(-np.square(x / np.float32(width)))


def _chord(share: Grid) -> Grid:
    return np.sqrt(np.maximum(np.float32(1) - share * share, 0))


@dataclass(frozen=True)
class Child:
    """What differs between children; all films of one share it."""

    maturity: float  # 0 at the age of 2, 1 grown up
    radius: float
    ulna: float
    lean: float
    dense: float
    variance: float

    @classmethod
    def sample(cls, rng: np.random.Generator, age: float) -> Child:
        return cls(
            maturity=float(np.clip((age - 2) / 14 + rng.normal(0, 0.05), 0, 1)),
            radius=rng.uniform(0.092, 0.115),
            ulna=rng.uniform(0.062, 0.080),
            lean=rng.normal(0, 0.02),
            dense=rng.uniform(0.30, 0.40),
            variance=rng.uniform(-0.05, 0.05),
        )


def forearm(child: Child, lateral: bool) -> dict[str, LongBone]:
    """Radius and ulna without their epiphyses."""
    apart = 0.05 if lateral else 0.205
    bones = {}
    for name, sign, shaft, end, flare in (
        ("radius", -1, child.radius, 0.10, 0.088 if lateral else 0.105),
        ("ulna", 1, child.ulna, 0.15 + child.variance, 0.030),
    ):
        width = np.float32(shaft) + np.float32(flare) * np.exp(-(V - np.float32(end)) / 0.16).clip(0, 1)
        middle = np.float32(sign * apart) + np.float32(child.lean) * V + np.float32(0.02 * sign) * np.square(V - 0.3)
        bones[name] = LongBone(
            middle=middle.astype(np.float32),
            left=width.astype(np.float32),
            right=width.astype(np.float32).copy(),
            density=np.full_like(V, child.dense * (1.0 if name == "radius" else 0.9)),
            ends=(end, 1.7),
        )
    return bones


def epiphysis(total: Grid, u: Grid, v: Grid, bone: LongBone, child: Child, *, shift: float) -> None:
    """Add the cap beyond the growth plate; it grows with age and fuses at the end."""
    end = bone.ends[0]
    at = int(np.searchsorted(V, end))
    width, middle = float(bone.left[at]), float(bone.middle[at]) + shift
    grown = np.clip(0.35 + 0.7 * child.maturity, 0, 1.0) * (1.0 if width > 0.14 else 0.9)
    gap = 0.030 * (1 - 0.9 * child.maturity)
    height = 0.055 * grown
    a, b = width * 0.95 * grown, height
    pebble(total, u, v, (middle, end - gap - b, a, b), child.dense * 0.55)


def pebble(total: Grid, u: Grid, v: Grid, ellipse: tuple[float, float, float, float], dense: float) -> None:
    """Add a small round bone with a brighter rim: centre u, v and the two radii."""
    x, y, a, b = map(np.float32, ellipse)
    coarse = (np.abs(u[::4, ::4] - x) < a + 0.08) & (np.abs(v[::4, ::4] - y) < b + 0.08)
    rows, columns = np.flatnonzero(coarse.any(axis=1)), np.flatnonzero(coarse.any(axis=0))
    if not len(rows):
        return
    window = tuple(slice(max(0, 4 * (part[0] - 1)), 4 * (part[-1] + 2)) for part in (rows, columns))
    inside = np.square((u[window] - x) / a) + np.square((v[window] - y) / b)
    total[window] += np.float32(dense) * (ramp(np.float32(1) - inside, 0.28) + np.float32(0.5) * bell(inside - 1, 0.24))


# Centre (u, v) and radii of the carpals, in the order in which they ossify.
_CARPALS = (
    (0.02, -0.27, 0.085, 0.105),
    (0.17, -0.26, 0.075, 0.085),
    (0.24, -0.13, 0.060, 0.060),
    (0.05, -0.10, 0.070, 0.062),
    (-0.14, -0.13, 0.065, 0.090),
    (-0.22, -0.29, 0.070, 0.062),
    (-0.10, -0.33, 0.055, 0.060),
    (0.30, -0.18, 0.040, 0.045),
)


def hand(total: Grid, u: Grid, v: Grid, child: Child, lateral: bool) -> None:
    """Add the carpals that have ossified by now, and the metacarpals."""
    squeeze = 0.42 if lateral else 1.0
    shown = 1 + round(7 * min(1.0, child.maturity * 1.15))
    for order, (x, y, a, b) in enumerate(_CARPALS[:shown]):
        grown = float(np.clip(0.45 + 0.6 * child.maturity - 0.03 * order, 0.35, 1.0))
        pebble(total, u, v, (x * squeeze, y, a * grown, b * grown), child.dense * 0.42)
    for finger in range(5):
        base = (finger - 2) * 0.125 * squeeze
        spread = (finger - 2) * 0.16 * squeeze
        middle = np.float32(base - 0.01) - np.float32(spread) * (V + np.float32(0.42))
        width = (0.045 + 0.018 * np.exp(-np.abs(V + 0.42) / 0.06)).astype(np.float32)
        bone = LongBone(
            middle.astype(np.float32),
            width,
            width,
            np.full_like(V, child.dense * 0.75),
            (-1.5, -0.40 - 0.03 * abs(finger - 2)),
        )
        bone.draw(total, u, v)


def soft_tissue(u: Grid, v: Grid, lateral: bool) -> tuple[Grid, Grid]:
    """(attenuation of the soft parts, depth below the skin)."""
    points = [-1.5, -0.6, -0.35, 0.0, 0.45, 1.6]
    reach = [0.52, 0.56, 0.50, 0.40, 0.46, 0.58]
    half = np.interp(V, points, np.array(reach) * (0.72 if lateral else 1.0)).astype(np.float32)[at_table(v)]
    depth = half - np.abs(u)
    return np.float32(0.19) * ramp(depth, 0.012) * np.sqrt(np.clip(depth / half, 0.02, 1)), depth
