"""Render one synthetic wrist film, with the boxes that belong to it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from clinjup.imaging.synthetic.wrist import devices
from clinjup.imaging.synthetic.wrist.bones import Child, Grid, LongBone, V, epiphysis, forearm, hand, soft_tissue
from clinjup.imaging.synthetic.wrist.difficulty import WRIST_DIFFICULTY, WristDifficulty
from clinjup.imaging.synthetic.wrist.fractures import Fracture, Rectangle, callus

# One random stream for each part, so that no part's draws move another part.
_CHILD, _FRACTURE, _POSE, _CAST, _METAL, _MARKER, _LOOK_ALIKES, _EXPOSURE, _NOISE = range(9)
ASPECT = (0.74, 0.86)  # width by height of the film


@dataclass(frozen=True)
class WristFilm:
    """Everything that decides a film's pixels but its size, and what the tables say of it."""

    seed: int
    patient: int
    number: int
    visit: int
    sex: str
    age: float
    side: str
    view: str  # PA or LAT
    fracture: str | None = None
    ulna: bool = False
    cast: bool = False
    metal: bool = False

    def stream(self, part: int) -> np.random.Generator:
        """Random numbers of one part; child and fracture are those of the patient, not of the film."""
        shared = part in (_CHILD, _FRACTURE)
        return np.random.default_rng([self.seed, self.patient, 0 if shared else self.number + 1, part])


@dataclass
class Rendered:
    """`pixels` uint16 `[height, width]`; `boxes`: what is marked -> boxes x0, y0, x1, y1 in pixels."""

    pixels: NDArray[np.uint16]
    boxes: dict[str, list[tuple[float, float, float, float]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Pose:
    """How the hand lies on the film."""

    turn: float
    zoom: float
    x: float
    y: float
    mirrored: bool
    height: int
    width: int

    @classmethod
    def sample(cls, rng: np.random.Generator, side: str, height: int) -> Pose:
        return cls(
            turn=np.radians(rng.normal(0, 5)),
            zoom=rng.uniform(0.92, 1.10),
            x=rng.normal(0, 0.05),
            y=rng.normal(0.10, 0.07),
            mirrored=side == "R",
            height=height,
            width=round(height * rng.uniform(*ASPECT)),
        )

    def grid(self) -> tuple[Grid, Grid]:
        """The hand's coordinates of each pixel."""
        y, x = np.mgrid[: self.height, : self.width].astype(np.float32)
        half = np.float32(self.height / 2)
        x, y = (x + 0.5) / half - np.float32(self.width / self.height) - self.x, (y + 0.5) / half - 1 - self.y
        cosine, sine = np.cos(self.turn), np.sin(self.turn)
        u, v = (cosine * x + sine * y) / self.zoom, (-sine * x + cosine * y) / self.zoom
        return (-u if self.mirrored else u).astype(np.float32), v.astype(np.float32)

    def box(self, rectangle: Rectangle) -> tuple[float, float, float, float] | None:
        """A rectangle of the hand as a box on the film, cut at its edges; None where less than half of it is on the film."""
        u0, v0, u1, v1 = rectangle
        u, v = np.array([u0, u1, u1, u0]), np.array([v0, v0, v1, v1])
        u = -u if self.mirrored else u
        cosine, sine = np.cos(self.turn), np.sin(self.turn)
        x, y = self.zoom * (cosine * u - sine * v) + self.x, self.zoom * (sine * u + cosine * v) + self.y
        half = self.height / 2
        x, y = (x + self.width / self.height) * half, (y + 1) * half
        whole = (x.max() - x.min()) * (y.max() - y.min())
        x0, x1 = np.clip([x.min(), x.max()], 0, self.width)
        y0, y1 = np.clip([y.min(), y.max()], 0, self.height)
        return (float(x0), float(y0), float(x1), float(y1)) if (x1 - x0) * (y1 - y0) > 0.5 * whole else None


def render_wrist(
    film: WristFilm,
    *,
    fracture: bool | None = None,
    cast: bool | None = None,
    metal: bool | None = None,
    size: int = 192,
    difficulty: WristDifficulty = WRIST_DIFFICULTY,
) -> Rendered:
    """The film, `size` pixels high. `fracture`, `cast` and `metal` override the film's own: the exact counterfactual."""
    lateral = film.view == "LAT"
    pose = Pose.sample(film.stream(_POSE), film.side, size)
    u, v = pose.grid()
    child = Child.sample(film.stream(_CHILD), film.age)
    bones = forearm(child, lateral)
    boxes: dict[str, list[tuple[float, float, float, float]]] = {}

    def mark(name: str, rectangle: Rectangle) -> None:
        box = pose.box(rectangle)
        if box is not None:
            boxes.setdefault(name, []).append(box)

    shifts = {"radius": 0.0, "ulna": 0.0}
    broken = film.fracture if fracture is None else ((film.fracture or "transverse") if fracture else None)
    if broken:
        rng = film.stream(_FRACTURE)
        drawn: list[Rectangle] = []
        visibility = difficulty.healing**film.visit * (0.9 if lateral else 1.0)
        for name in ("radius", "ulna") if film.ulna else ("radius",):
            found = Fracture.sample(broken, rng)
            box, shifts[name] = found.break_bone(bones[name], visibility, difficulty)
            drawn.append(box)
            if film.visit:
                mark("periostealreaction", callus(bones[name], box, film.visit))
        for box in _joined(drawn):
            mark("fracture", box)
    _look_alikes(film, bones, difficulty)
    tissue, depth = soft_tissue(u, v, lateral)
    density = tissue
    hand(density, u, v, child, lateral)
    for name, bone in bones.items():
        bone.draw(density, u, v)
        if name == "radius" or child.maturity > 0.28:
            epiphysis(density, u, v, bone, child, shift=shifts[name])
    if film.cast if cast is None else cast:
        density += devices.cast(u, v, depth, film.stream(_CAST))
    white = np.zeros_like(u)
    if film.metal if metal is None else metal:
        rng = film.stream(_METAL)
        middle = float(np.interp(bones["radius"].ends[0] + 0.1, V, bones["radius"].middle))
        draw = devices.wires if rng.random() < 0.6 else devices.plate
        white, found = draw(u, v, middle, bones["radius"].ends[0], rng)
        for box in found:
            mark("metal", box)
    marker, box = devices.text_marker(u.shape, film.side, film.stream(_MARKER))
    boxes["text"] = [tuple(map(float, box))]  # type: ignore[list-item]
    return Rendered(_expose(film, density, white, marker, size, difficulty), boxes)


def _joined(boxes: list[Rectangle]) -> list[Rectangle]:
    """One box where two lie over each other, as radius and ulna do from the side: a reader draws one."""
    if len(boxes) < 2:
        return boxes
    a, b = boxes
    apart = min(a[2], b[2]) <= max(a[0], b[0]) or min(a[3], b[3]) <= max(a[1], b[1])
    return boxes if apart else [(min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))]


def _look_alikes(film: WristFilm, bones: dict[str, LongBone], difficulty: WristDifficulty) -> None:
    """Lines that are no fractures: growth arrest lines (dense, parallel to the plate) and nutrient canals (oblique, faint)."""
    rng = film.stream(_LOOK_ALIKES)
    for bone in bones.values():
        if rng.random() < difficulty.look_alikes:
            at = bone.ends[0] + rng.uniform(0.05, 0.20)
            bone.lines.append((at, rng.normal(0, 0.05), 0.009, rng.uniform(0.03, 0.09), 1.0))
        if rng.random() < difficulty.look_alikes:
            at = bone.ends[0] + rng.uniform(0.15, 0.65)
            bone.lines.append(
                (at, rng.choice([-1.0, 1.0]) * rng.uniform(0.8, 2.0), 0.010, -rng.uniform(0.03, 0.08), 0.6)
            )


def _expose(
    film: WristFilm, density: Grid, white: Grid, marker: Grid, size: int, difficulty: WristDifficulty
) -> NDArray[np.uint16]:
    """Blur, exposure, noise and collimation; 16 bits of which a detector fills a part."""
    rng = film.stream(_EXPOSURE)
    density = gaussian_filter(density, size / 300)
    grey = 0.04 + rng.uniform(0.85, 1.15) * density + rng.uniform(-0.02, 0.03)
    grey = np.where(grey > 0.65, 0.65 + 0.3 * np.tanh((grey - 0.65) / 0.3), np.maximum(grey, 0)) ** np.float32(
        rng.uniform(0.85, 1.15)
    )
    grey = np.maximum(grey, 0.96 * white)
    noise = film.stream(_NOISE).standard_normal(grey.shape, dtype=np.float32)
    grain = np.float32(rng.uniform(*difficulty.noise))
    grey = grey + np.float32(1.5) * grain * gaussian_filter(noise, 0.8 * size / 224) + np.float32(0.4) * grain * noise
    if rng.random() < 0.35:
        axis = np.linspace(-1, 1, grey.shape[1], dtype=np.float32)
        edge = rng.uniform(0.80, 0.97)
        grey = grey * (0.25 + 0.75 * (np.abs(axis - rng.normal(0, 0.04)) < edge))[None, :]
    grey = np.maximum(grey, 0.95 * marker)
    return (np.clip(grey, 0, 1) * 21000 + 900).astype(np.uint16)
