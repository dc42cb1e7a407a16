"""Skin with one lesion of a diagnosis, as colours. What is drawn for each class are the criteria that dermoscopy teaches for it.

Melanoma and nevus share one set of drawings and differ in degree (`atypia`): irregular border, asymmetry, several colours, an eccentric
dark blotch, a blue-white veil. The other classes have marks of their own, drawn as strongly as `typical` says: white dots and a sharp edge
(benign keratosis), pink with blue-grey ovoid nests (basal cell carcinoma), scaly pink without a clear edge (actinic keratosis), a white
centre (dermatofibroma), red lacunae (vascular lesion).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Plane = NDArray[np.float32]
_BROWN, _DARK = np.array([0.50, 0.33, 0.24]), np.array([0.23, 0.14, 0.12])
_VEIL, _PINK, _TAN = np.array([0.42, 0.46, 0.56]), np.array([0.80, 0.52, 0.50]), np.array([0.62, 0.47, 0.34])
_RED, _WHITE = np.array([0.58, 0.12, 0.18]), np.array([0.93, 0.86, 0.82])
_BASE = {"nv": _BROWN, "mel": _BROWN, "bkl": _TAN, "bcc": _PINK, "akiec": _PINK, "df": _TAN, "vasc": _RED}


@cache
def _grid(shape: tuple[int, int]) -> tuple[Plane, Plane]:
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    half = np.float32(shape[0] / 2)
    return (columns - shape[1] / 2) / half, (rows - shape[0] / 2) / half


def draw_lesion(
    dx: str,
    atypia: float,
    typical: float,
    shape: tuple[int, int],
    own: np.random.Generator,
    pose: np.random.Generator,
    noise: np.random.Generator,
) -> tuple[NDArray[np.float32], Plane]:
    """(colours [H, W, 3] in 0..1, cover [H, W]): `own` draws the lesion, `pose` how it was photographed, `noise` the skin around it.

    Lengths are in units of half the image's height.
    """
    u, v = _grid(shape)
    turn, zoom = pose.uniform(0, 2 * np.pi), pose.uniform(0.85, 1.2)
    shift = pose.normal(0, 0.07, 2)
    x = ((u - shift[0]) * np.cos(turn) + (v - shift[1]) * np.sin(turn)) / np.float32(zoom)
    y = (-(u - shift[0]) * np.sin(turn) + (v - shift[1]) * np.cos(turn)) / np.float32(zoom)
    x, y = x.astype(np.float32), y.astype(np.float32)

    tone = own.uniform([0.74, 0.56, 0.48], [0.90, 0.72, 0.64])
    skin = np.ones((*shape, 3), np.float32) * tone.astype(np.float32)
    mottle = gaussian_filter(noise.standard_normal(shape, dtype=np.float32), 6)
    skin += (0.025 * mottle / max(float(mottle.std()), 1e-6))[..., None]

    pigmented = dx in ("nv", "mel")
    wild = atypia if pigmented else 0.35 * atypia
    angle, distance = np.arctan2(y, x), np.hypot(x, y)
    radius = own.uniform(0.36, 0.66) * np.ones(shape, np.float32)
    for order in range(2, 9):
        swing = (0.13 if order == 2 else 0.025 + 0.11 * wild) / order**0.6
        radius *= 1 + np.float32(own.normal(0, swing)) * np.cos(order * angle + np.float32(own.uniform(0, 2 * np.pi)))
    soft = {"bkl": 0.025, "akiec": 0.16, "vasc": 0.03}.get(dx, own.uniform(0.04, 0.11))
    cover = 1 / (1 + np.exp(np.clip((distance - radius) / np.float32(soft), -30, 30)))

    base = _BASE[dx] * own.uniform(0.85, 1.15) + own.normal(0, 0.03, 3)
    if not pigmented:  # a faint lesion of any class looks like a brown one
        base = typical * base + (1 - typical) * _BROWN
    body = np.ones((*shape, 3), np.float32) * base.astype(np.float32)
    inner = np.clip(1 - distance / radius, 0, 1)
    body *= (1 - own.uniform(0.05, 0.30) * inner)[..., None]
    body = _network(body, x, y, own, strength=own.uniform(0.03, 0.12) if pigmented else 0.02)
    reach = float(radius.mean())
    body = (
        _atypical(body, x, y, reach, atypia, own)
        if pigmented
        else _marks(dx, body, x, y, distance / radius, typical, own)
    )
    mixed = skin * (1 - cover[..., None]) + np.clip(body, 0, 1) * cover[..., None]
    return mixed.astype(np.float32), cover.astype(np.float32)


def _network(body: NDArray[np.float32], x: Plane, y: Plane, own: np.random.Generator, strength: float) -> NDArray:
    """The pigment network: a fine lattice."""
    wave, turn = own.uniform(30, 48), own.uniform(0, np.pi)
    a = np.sin(wave * (x * np.cos(turn) + y * np.sin(turn)))
    b = np.sin(wave * (-x * np.sin(turn) + y * np.cos(turn)))
    return body * (1 - strength * np.maximum(a, b))[..., None].astype(np.float32)


def _blob(x: Plane, y: Plane, at: NDArray[np.float64], size: float, squeeze: float = 1.0) -> Plane:
    return np.exp(-((x - at[0]) ** 2 + ((y - at[1]) * squeeze) ** 2) / np.float32(size**2)).astype(np.float32)


def _laid(body: NDArray[np.float32], colour: NDArray[np.float64], amount: Plane) -> NDArray[np.float32]:
    share = np.clip(amount, 0, 1)[..., None]
    return body * (1 - share) + colour.astype(np.float32) * share


def _atypical(
    body: NDArray[np.float32], x: Plane, y: Plane, reach: float, atypia: float, own: np.random.Generator
) -> NDArray[np.float32]:
    """Asymmetry, an eccentric blotch, veil and regression; each shows with its own luck, so that no single one decides."""
    luck = np.clip(atypia + own.normal(0, 0.16, 4), 0, 1.1)
    heading = own.uniform(0, 2 * np.pi)
    lean = (x * np.cos(heading) + y * np.sin(heading)) / reach
    body = body * (1 - 0.42 * luck[0] * np.clip(lean, -1, 1))[..., None].astype(np.float32)
    where = reach * luck[1] * 0.65 * np.array([np.cos(heading), np.sin(heading)])
    body = _laid(body, _DARK, (0.25 + 0.70 * luck[1]) * _blob(x, y, where, own.uniform(0.12, 0.22) * (0.7 + luck[1])))
    aside = reach * own.uniform(0.2, 0.6) * np.array([np.cos(heading + 2.0), np.sin(heading + 2.0)])
    body = _laid(body, _VEIL, 0.85 * luck[2] ** 2 * _blob(x, y, aside, own.uniform(0.14, 0.24)))
    across = reach * own.uniform(0.3, 0.7) * np.array([np.cos(heading - 2.0), np.sin(heading - 2.0)])
    return _laid(body, _PINK, 0.75 * luck[3] ** 2 * _blob(x, y, across, own.uniform(0.12, 0.22)))


def _marks(
    dx: str, body: NDArray[np.float32], x: Plane, y: Plane, depth: Plane, typical: float, own: np.random.Generator
) -> NDArray[np.float32]:
    """The structures of a class; `depth` is 0 in the middle and 1 at the edge."""

    def spots(colour: NDArray[np.float64], count: int, low: float, high: float, amount: float) -> NDArray[np.float32]:
        out = body
        for _ in range(count):
            at, size = own.uniform(-0.38, 0.38, 2), own.uniform(low, high)
            out = _laid(out, colour, amount * typical * _blob(x, y, at, size, own.uniform(0.7, 1.5)))
        return out

    if dx == "bkl":
        return spots(_WHITE, int(own.integers(8, 18)), 0.02, 0.045, 0.8)
    if dx == "bcc":
        return spots(np.array([0.34, 0.36, 0.46]), int(own.integers(3, 8)), 0.05, 0.11, 0.85)
    if dx == "vasc":
        return spots(np.array([0.36, 0.06, 0.20]), int(own.integers(5, 12)), 0.06, 0.13, 0.9)
    if dx == "df":
        return _laid(body, _WHITE, 0.75 * typical * np.exp(-((depth / np.float32(0.42)) ** 2)))
    wave = own.uniform(9, 15)
    scales = np.sin(wave * x + own.uniform(0, 6)) * np.sin(wave * y + own.uniform(0, 6))
    return _laid(body, _WHITE, 0.55 * typical * np.clip(scales, 0, 1))
