"""Procedural soft parts of a frontal chest film: body, lung fields, mediastinum, abdomen as smooth fields on a grid.

Body coordinates: u from -1 (image left, the patient's right) to 1, v from -1 (top) to 1 (bottom); the film shows about
that square.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.float32]


@dataclass(frozen=True)
class Anatomy:
    """One patient's build; the same in all of their films."""

    female: bool
    age: int
    width: float  # half-width of the thorax
    apex: float  # v of the lung apices
    adiposity: float  # 0 lean to 1 obese
    heart: float  # scale of the heart
    rib_spacing: float
    rib_phase: float
    rib_slope: float
    rib_contrast: float
    clavicle: float  # v of the medial end of the clavicles
    aorta: float
    lung_density: float
    emphysema: float

    @classmethod
    def sample(cls, rng: np.random.Generator, *, female: bool, age: int, cardiomegaly: bool) -> Anatomy:
        old = min(max((age - 20) / 60, 0.0), 1.0)
        return cls(
            female=female,
            age=age,
            width=rng.uniform(0.66, 0.76) - (0.02 if female else 0.0),
            apex=rng.uniform(-0.78, -0.68),
            adiposity=float(rng.beta(2, 3)),
            heart=rng.uniform(0.86, 1.06) + (0.26 if cardiomegaly else 0.0),
            rib_spacing=rng.uniform(0.135, 0.160),
            rib_phase=rng.uniform(0, 1),
            rib_slope=rng.uniform(0.8, 1.2),
            rib_contrast=rng.uniform(0.75, 1.2) * (1.1 - 0.25 * old),
            clavicle=rng.uniform(-0.62, -0.52),
            aorta=0.55 + 0.6 * old + rng.uniform(-0.1, 0.1),
            lung_density=rng.uniform(-0.03, 0.03),
            emphysema=old * rng.uniform(0, 1),
        )


@dataclass(frozen=True)
class Pose:
    """How the patient stood or lay for one film."""

    view: str  # PA or AP
    tilt: float  # radians in the film plane
    turn: float  # rotation about the long axis, as a shift of the front against the back
    scale: float
    shift_u: float
    shift_v: float
    inspiration: float  # 1 deep, 0 poor

    @classmethod
    def sample(cls, rng: np.random.Generator, view: str) -> Pose:
        supine = view == "AP"
        return cls(
            view=view,
            tilt=float(rng.normal(0, 0.045 if supine else 0.025)),
            turn=float(np.clip(rng.normal(0, 0.035 if supine else 0.02), -0.07, 0.07)),
            scale=rng.uniform(0.95, 1.08) * (1.03 if supine else 1.0),
            shift_u=float(rng.normal(0, 0.03)),
            shift_v=float(rng.normal(0, 0.03)),
            inspiration=rng.uniform(0.0, 0.7) if supine else rng.uniform(0.5, 1.0),
        )

    def grid(self, size: int) -> tuple[Field, Field]:
        """Body coordinates (u, v) of every pixel, each [size, size]."""
        axis = (np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1
        x, y = axis[None, :] - np.float32(self.shift_u), axis[:, None] - np.float32(self.shift_v)
        cosine, sine = np.cos(self.tilt) / self.scale, np.sin(self.tilt) / self.scale
        return (cosine * x + sine * y).astype(np.float32), (cosine * y - sine * x).astype(np.float32)

    def to_pixels(self, points: NDArray[np.floating], size: int) -> NDArray[np.float64]:
        """Pixel coordinates (column, row) of body points [N, 2]."""
        cosine, sine = np.cos(self.tilt) * self.scale, np.sin(self.tilt) * self.scale
        x = cosine * points[:, 0] - sine * points[:, 1] + self.shift_u
        y = sine * points[:, 0] + cosine * points[:, 1] + self.shift_v
        return (np.stack([x, y], axis=1) + 1) * (size / 2) - 0.5


def ramp(field: Field, softness: float) -> Field:
    """Smooth step from 0 to 1 across field = 0, over +-softness."""
    t = np.multiply(field, np.float32(0.5 / softness), dtype=np.float32)
    t += np.float32(0.5)
    np.maximum(t, 0, out=t)
    np.minimum(t, 1, out=t)
    return t * t * (3 - 2 * t)


def bell(field: Field, width: float) -> Field:
    """Gaussian bump of unit height around field = 0."""
    t = np.multiply(field, np.float32(np.sqrt(0.5) / width), dtype=np.float32)
    t *= -t
    return np.exp(t, out=t)


def enlarge(field: Field, size: int) -> Field:
    """A smooth field drawn on a coarser grid over the same square, [size, size]."""
    return np.asarray(Image.fromarray(field).resize((size, size), Image.Resampling.BICUBIC))


@dataclass(frozen=True)
class Thorax:
    """The lung fields of one film; `depth` is the distance from the lateral and apical chest wall, positive inside."""

    depth: Field
    diaphragm: Field  # positive above the diaphragm
    lungs: Field  # soft mask of aerated lung
    top: float
    base: float  # v of the widest part
    width: float

    def wall(self, side: float, v: float) -> float:
        """u of the lateral chest wall at height v (side -1 image left, 1 image right)."""
        t = float(np.clip((self.base - v) / (self.base - self.top), 0, 0.999))
        return side * (self.width * (0.50 - 0.10 * t * t) + 0.5 * self.width * np.sqrt(1 - t**_APEX))


_APEX = 2.3  # exponent of the super-ellipse that closes a lung at its apex


def thorax(u: Field, v: Field, coarse_u: Field, coarse_v: Field, anatomy: Anatomy, pose: Pose) -> Thorax:
    """Lung fields: per side an upright half super-ellipse, cut by the diaphragm."""
    width, top, base = anatomy.width, anatomy.apex, 0.30 + 0.08 * pose.inspiration
    sideways = np.abs(coarse_u)
    t = np.clip((base - coarse_v) * np.float32(1 / (base - top)), 0, None)
    from_axis = sideways - np.float32(width) * (np.float32(0.50) - np.float32(0.10) * t * t)
    taper = 1 - np.float32(0.05) * np.clip(coarse_v - np.float32(base), 0, None)
    across = np.where(from_axis > 0, from_axis * np.float32(2 / width) / taper, from_axis * np.float32(1.5 / width))
    ellipse = across * across + t ** np.float32(_APEX)
    rows, columns = np.gradient(ellipse)
    pixel = np.float32(2 / (u.shape[0] // 2 * pose.scale))
    depth = (1 - ellipse) * pixel / np.maximum(np.hypot(rows, columns), 0.25 * pixel)
    depth = enlarge(depth, u.shape[0])

    sideways = np.abs(u)
    arch = (sideways - np.float32(0.42 * width)) * np.float32(1 / (0.58 * width))
    dome = np.where(u < 0, np.float32(0.40), np.float32(0.45)) + np.float32(0.14 * (pose.inspiration - 0.5))
    square = arch * arch
    diaphragm = dome + np.where(arch > 0, np.float32(0.20) * square, np.float32(0.07) * square) - v
    lungs = ramp(depth, 0.018) * ramp(diaphragm, 0.022) * ramp(sideways - np.float32(0.03), 0.04)
    return Thorax(depth, diaphragm, lungs, top, base, width)


def soft_tissue(u: Field, v: Field, anatomy: Anatomy) -> tuple[Field, Field]:
    """(body mask, attenuation of the soft tissues), with neck, shoulders and the gap below the arms."""
    sideways = np.abs(u)
    flank = np.float32(anatomy.width + 0.10 + 0.10 * anatomy.adiposity)
    edge = flank + 0.12 * np.exp(np.clip((-0.12 - v) / 0.13, None, 5)) + 0.05 * np.clip(v - 0.3, 0, 1)
    outer = np.clip(sideways - np.float32(0.45), 0, 1)
    slope = -1.14 + 0.28 * ramp(sideways - np.float32(0.27), 0.22) + 0.30 * outer * outer
    body = ramp(edge - sideways, 0.016) * ramp(v - slope, 0.025)
    thick = np.float32(0.54 + 0.08 * anatomy.adiposity) - 0.10 * sideways * sideways
    neck = 0.10 * ramp(np.float32(-0.72) - v, 0.2) * bell(u, 0.18)
    skin = 0.06 * ramp(sideways - edge + 0.05, 0.05) + 0.05 * ramp(0.10 - v + slope, 0.10)
    tissue = thick + neck - skin
    if anatomy.female:
        sag = 0.05 + 0.06 * anatomy.adiposity
        fold = v - np.float32(0.30 + 1.2 * sag) + 0.75 * np.square(sideways - np.float32(0.46))
        breast = ramp(-fold, 0.03) * ramp(fold + 0.5, 0.4) * bell(sideways - np.float32(0.50), 0.19)
        tissue = tissue + np.float32(sag) * breast
    return body.astype(np.float32), tissue.astype(np.float32)


def mediastinum(u: Field, v: Field, anatomy: Anatomy, pose: Pose) -> tuple[Field, Field]:
    """(mask, attenuation beyond that of soft tissue) of heart, great vessels with the aortic knob, hila, trachea."""
    wide = 1.12 if pose.view == "AP" else 1.0
    x, y = u - np.float32(1.6 * pose.turn), v - np.float32(0.05 * (pose.inspiration - 0.6))
    size = np.float32(anatomy.heart * wide)
    along, across = 0.90 * (x - 0.11 * size) + 0.43 * (y - 0.23), 0.90 * (y - 0.23) - 0.43 * (x - 0.11 * size)
    left = 1 - np.hypot(along / (0.35 * size), across / (0.25 * size))
    right = 1 - np.hypot((x + 0.05) / (0.16 * size), (y - 0.20) / (0.27 * size))
    knob = 1 - np.hypot((x - 0.075 * anatomy.aorta - 0.02) / 0.085, (v + 0.35) / 0.095)
    stalk = 1 - np.abs(x - 0.01) / (0.115 * wide + 0.06 * np.square(v + 0.30))
    conus = 1 - np.hypot((x - 0.07) / 0.105, (v + 0.12) / 0.24)
    outline = np.maximum.reduce([left * 0.30, right * 0.2, knob * 0.085, stalk * 0.11, conus * 0.11])
    mask = ramp(outline, 0.030)
    tissue = 0.10 * mask + 0.05 * ramp(left - np.float32(0.35), 0.5)
    hila = bell(np.hypot((np.abs(x) - 0.15) / 0.06, (v + 0.10 + 0.02 * np.sign(x)) / 0.10), 0.7)
    windpipe = ramp(0.040 - np.abs(x - 0.012 - 0.02 * (v + 0.5)), 0.014) * ramp(np.float32(-0.30) - v, 0.05)
    fork = ramp(0.03 - np.abs(v + 0.27 - 0.75 * np.abs(x)), 0.02) * ramp(0.15 - np.abs(x), 0.04)
    return mask, (tissue + 0.06 * hila - 0.075 * windpipe - 0.04 * fork).astype(np.float32)


def abdomen(u: Field, v: Field, below: Field, rng: np.random.Generator) -> Field:
    """Liver and stomach bubble; `below` is 1 below the diaphragm."""
    bubble = 1 - np.hypot((u - rng.uniform(0.30, 0.42)) / rng.uniform(0.10, 0.17), (v - rng.uniform(0.64, 0.74)) / 0.09)
    liver = np.float32(0.10) + np.float32(0.10) * (u < 0) * bell(u + np.float32(0.3), 0.5)
    return (below * (liver - np.float32(rng.uniform(0, 0.16)) * ramp(bubble, 0.25))).astype(np.float32)
