"""The constants that make the synthetic pneumothorax subtle and the chest drain plain, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difficulty:
    """How common, how subtle and how confounded. Contrasts are in units of the film's grey range (0 black, 1 white).

    Lengths are fractions of half the film's width. How the values were chosen, and on which seeds, stands in
    benchmarks/RESULTS.md: a pneumothorax that is plain is learned whatever the drains say and shows no shortcut; a much fainter
    one is learned by no small network from 3,000 films, with or without a mitigation.
    """

    version: int = 2

    # Who has what. Whether a film has a drain depends on its label only, so that the drain is the only shortcut.
    patients_with_pneumothorax: float = 0.45
    films_with_pneumothorax: float = 0.90
    drain_given_pneumothorax: float = 0.95
    drain_given_no_pneumothorax: float = 0.04
    test_patients: float = 0.25

    # The pneumothorax: how far the visceral pleura has come off the chest wall, how dark the rim, how bright the line.
    rim_depth: tuple[float, float] = (0.055, 0.13)
    rim_lucency: tuple[float, float] = (0.0175, 0.0315)
    pleural_line: tuple[float, float] = (0.0095, 0.022)
    pleural_line_width: float = 0.0045

    # The drain.
    drain_width: tuple[float, float] = (0.042, 0.058)
    drain_stripe: tuple[float, float] = (0.50, 0.75)
    drain_wall: tuple[float, float] = (0.12, 0.20)

    # What hides a pneumothorax: lung markings, noise, and lines that are no pleura.
    vessel_contrast: tuple[float, float] = (0.09, 0.15)
    noise: tuple[float, float] = (0.008, 0.016)
    skin_fold: float = 0.12
    leads: float = 0.35


DIFFICULTY = Difficulty()
