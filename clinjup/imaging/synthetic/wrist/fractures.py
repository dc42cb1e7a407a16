"""Fractures of the distal forearm as changes of a long bone, each with the box that a reader would draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clinjup.imaging.synthetic.wrist.bones import LongBone, V
from clinjup.imaging.synthetic.wrist.difficulty import WristDifficulty

Rectangle = tuple[float, float, float, float]  # u0, v0, u1, v1 in the hand's coordinates


@dataclass(frozen=True)
class Fracture:
    """Where a bone is broken; `distance` from the growth plate."""

    kind: str
    distance: float
    strength: float  # 0..1 within the range of the difficulty
    side: int  # -1 or 1: where the cortex gives way
    slope: float

    @classmethod
    def sample(cls, kind: str, rng: np.random.Generator) -> Fracture:
        reach = {"buckle": (0.09, 0.24), "greenstick": (0.16, 0.42), "transverse": (0.10, 0.60)}[kind]
        return cls(
            kind=kind,
            distance=rng.uniform(*reach),
            strength=rng.random(),
            side=1 if rng.random() < 0.5 else -1,
            slope=rng.normal(0, 0.16),
        )

    def break_bone(self, bone: LongBone, visibility: float, difficulty: WristDifficulty) -> tuple[Rectangle, float]:
        """Change `bone`; returns the box and how far the part beyond the fracture has moved sideways."""
        at = bone.ends[0] + self.distance
        near = np.exp(-np.square((V - np.float32(at)) / 0.035)).astype(np.float32)
        shift = 0.0
        dark = -self._in(difficulty.gap) * visibility
        if self.kind == "buckle":
            bulge = self._in(difficulty.buckle) * visibility
            bone.left += np.float32(bulge * (1.0 if self.side < 0 else 0.45)) * near
            bone.right += np.float32(bulge * (1.0 if self.side > 0 else 0.45)) * near
            bone.density *= 1 + np.float32(0.14 * visibility) * near
            bone.lines.append((at, self.slope, 0.012, 0.065 * visibility, 1.0))
        elif self.kind == "greenstick":
            angle = np.tan(np.radians(self._in(difficulty.kink))) * visibility * self.side
            shift = float(angle * self.distance)
            bone.middle += np.float32(angle) * np.maximum(np.float32(at) - V, 0)
            bone.lines.append((at, self.slope, 0.011, dark, 0.68))
            bone.left, bone.right = (side + np.float32(0.012 * visibility) * near for side in (bone.left, bone.right))
        else:
            shift = self._in(difficulty.step) * visibility * self.side
            bone.middle += np.float32(shift) * (at > V)
            bone.lines.append((at, self.slope, 0.013, dark, 1.0))
        return self._box(bone, at), shift

    def _in(self, limits: tuple[float, float]) -> float:
        return limits[0] + self.strength * (limits[1] - limits[0])

    def _box(self, bone: LongBone, at: float) -> Rectangle:
        position = int(np.searchsorted(V, at))
        middle, left, right = (float(table[position]) for table in (bone.middle, bone.left, bone.right))
        high = {"buckle": 0.085, "greenstick": 0.105, "transverse": 0.095}[self.kind]
        high += abs(self.slope) * (left + right) / 3
        return middle - 1.25 * left, at - high, middle + 1.25 * right, at + high


def callus(bone: LongBone, box: Rectangle, amount: float) -> Rectangle:
    """New bone along the cortex of a healing fracture; returns the box of the periosteal reaction."""
    at = (box[1] + box[3]) / 2
    near = np.exp(-np.square((V - np.float32(at)) / 0.07)).astype(np.float32)
    bone.left, bone.right = (side + np.float32(0.018 * amount) * near for side in (bone.left, bone.right))
    return box[0], at - 0.14, box[2], at + 0.14
