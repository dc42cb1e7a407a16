"""The constants of the synthetic wrists: how common fractures, casts and metal are, and how plain a fracture is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WristDifficulty:
    """Shares are of patients or films; lengths in units of half the film's height; contrasts in units of its grey range.

    The shares of fractures, casts and metal lean on those of GRAZPEDWRI-DX (two films in three show a fracture, most casts lie
    on fractures). How plain a fracture is was chosen so that the small detector finds most, but not all, of them with all boxes.
    """

    version: int = 1

    patients_with_fracture: float = 0.62
    ulna_too: float = 0.35
    hidden_in_one_view: float = 0.10
    uncertain: float = 0.02
    follow_up: tuple[float, float] = (0.45, 0.10)  # chance of another visit with and without a fracture
    cast_at_follow_up: tuple[float, float] = (0.70, 0.15)
    cast_at_first: tuple[float, float] = (0.10, 0.04)
    pinned_at_follow_up: float = 0.40  # of transverse fractures
    old_metal: float = 0.03  # of children without a fracture

    buckle: tuple[float, float] = (0.014, 0.034)  # how far the cortex bulges
    kink: tuple[float, float] = (3.0, 9.0)  # degrees
    step: tuple[float, float] = (0.004, 0.028)  # how far the ends of a transverse fracture are apart, sideways
    gap: tuple[float, float] = (0.065, 0.16)  # how dark the line is
    healing: float = 0.75  # of the contrast, at each follow-up

    look_alikes: float = 0.60  # films with a growth arrest line, a nutrient canal or a fold
    noise: tuple[float, float] = (0.010, 0.024)


WRIST_DIFFICULTY = WristDifficulty()
