"""The constants that make a synthetic melanoma subtle and the ruler beside it plain, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SkinDifficulty:
    """How common, how subtle and how confounded. How the values were chosen stands in benchmarks/RESULTS.md.

    Class shares are those of HAM10000's lesions (Tschandl et al., Sci Data 2018); `images` is how many images a lesion has on
    average. `atypia` is what melanoma and nevus are drawn from: 0 a textbook nevus, 1 a textbook melanoma. `typical` is how much of
    a class's own colours and structures a lesion of any other class shows.
    """

    version: int = 1

    lesions: dict[str, float] = field(
        default_factory=lambda: {
            "nv": 0.7234,
            "bkl": 0.0973,
            "mel": 0.0822,
            "bcc": 0.0438,
            "akiec": 0.0305,
            "vasc": 0.0131,
            "df": 0.0097,
        }
    )
    images: dict[str, float] = field(
        default_factory=lambda: {
            "nv": 1.24,
            "bkl": 1.51,
            "mel": 1.81,
            "bcc": 1.57,
            "akiec": 1.43,
            "vasc": 1.45,
            "df": 1.58,
        }
    )
    atypia_melanoma: tuple[float, float] = (3.8, 1.5)  # parameters of a beta distribution
    atypia_other: tuple[float, float] = (1.5, 4.0)
    typical: tuple[float, float] = (0.10, 0.70)

    # The ruler goes with melanoma, because suspicious lesions are measured; nothing else does.
    ruler_given_melanoma: float = 0.70
    ruler_given_other: float = 0.05
    ink: float = 0.10
    hair: float = 0.30
    dark_corner: float = 0.25
    gel_bubbles: float = 0.15


SKIN_DIFFICULTY = SkinDifficulty()
