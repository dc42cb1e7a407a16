"""Who is in a synthetic dermoscopy cohort: lesions, their images, diagnoses, patients' age and sex, artefacts; all from the seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from clinjup.imaging.synthetic.skin.difficulty import SKIN_DIFFICULTY, SkinDifficulty
from clinjup.imaging.synthetic.skin.image import SkinImage

_PLAN = 2000  # the random stream of the plan, apart from those of the images' parts
FIRST_IMAGE = 9_000_000  # numbers that no real ISIC image has

# Mean age in years, share of men, share proved by histology; roughly those of HAM10000.
_PATIENTS = {
    "nv": (47, 0.54, 0.45),
    "bkl": (64, 0.56, 0.70),
    "mel": (59, 0.61, 1.0),
    "bcc": (66, 0.62, 1.0),
    "akiec": (66, 0.67, 1.0),
    "vasc": (51, 0.48, 0.20),
    "df": (52, 0.46, 0.50),
}
_SITES = {
    "back": 0.22,
    "lower extremity": 0.21,
    "trunk": 0.14,
    "upper extremity": 0.11,
    "abdomen": 0.10,
    "face": 0.08,
    "chest": 0.05,
    "foot": 0.03,
    "neck": 0.02,
    "scalp": 0.02,
    "unknown": 0.02,
}
_SUN = {"face": 4.0, "scalp": 3.0, "neck": 2.0}  # sites of sun damage, commoner among these diagnoses
_SUN_CLASSES = ("akiec", "bcc", "bkl")
_NO_HISTOLOGY = ("follow_up", "consensus", "confocal")


@dataclass(frozen=True)
class PlannedImage:
    """An image with its place in the tables."""

    image: SkinImage
    lesion_id: str
    dx_type: str
    age: float | None
    sex: str
    site: str
    annotated: bool

    @property
    def film(self) -> SkinImage:
        """What is drawn, by the name that all layouts use."""
        return self.image


def plan_skin_cohort(
    lesions: int,
    seed: int,
    *,
    annotated: float = 1.0,
    balanced_test: bool = False,
    difficulty: SkinDifficulty = SKIN_DIFFICULTY,
) -> list[PlannedImage]:
    """The images of `lesions` lesions in order; a lesion does not depend on how many there are.

    `annotated`: share of lesions whose artefacts are written down. `balanced_test`: half of all images have a ruler, whatever the
    diagnosis; HAM10000 has no official test part, so this holds for the whole cohort.
    """
    return [
        image
        for lesion in range(1, lesions + 1)
        for image in _images(lesion, seed, annotated, balanced_test, difficulty)
    ]


def _images(
    lesion: int, seed: int, annotated: float, balanced: bool, difficulty: SkinDifficulty
) -> Iterator[PlannedImage]:
    rng = np.random.default_rng([seed, lesion, 0, _PLAN])
    names = list(difficulty.lesions)
    shares = np.array([difficulty.lesions[name] for name in names])
    dx = str(rng.choice(names, p=shares / shares.sum()))
    mean_age, men, histology = _PATIENTS[dx]
    age: float | None = float(np.clip(5 * round(rng.normal(mean_age, 15) / 5), 0, 85))
    sex = "male" if rng.random() < men else "female"
    if rng.random() < 0.006:
        age, sex = None, "unknown"
    weights = np.array([share * (_SUN.get(site, 1) if dx in _SUN_CLASSES else 1) for site, share in _SITES.items()])
    site = str(rng.choice(list(_SITES), p=weights / weights.sum()))
    dx_type = "histo" if rng.random() < histology else str(rng.choice(_NO_HISTOLOGY, p=[0.75, 0.22, 0.03]))
    known = rng.random() < annotated
    atypia = float(rng.beta(*(difficulty.atypia_melanoma if dx == "mel" else difficulty.atypia_other)))
    typical = float(rng.uniform(*difficulty.typical))
    chance = difficulty.ruler_given_melanoma if dx == "mel" else difficulty.ruler_given_other
    for number in range(1 + min(int(rng.poisson(difficulty.images[dx] - 1)), 5)):
        artefacts = {
            "ruler": bool(rng.random() < (0.5 if balanced else chance)),
            "ink": bool(rng.random() < difficulty.ink),
            "hair": bool(rng.random() < difficulty.hair),
            "dark_corner": bool(rng.random() < difficulty.dark_corner),
            "gel_bubble": bool(rng.random() < difficulty.gel_bubbles),
        }
        image = SkinImage(
            seed=seed,
            lesion=lesion,
            number=number,
            dx=dx,
            atypia=atypia,
            typical=typical,
            artefacts=tuple(name for name, present in artefacts.items() if present),
        )
        yield PlannedImage(image, f"HAM_{9_000_000 + lesion:07d}", dx_type, age, sex, site, known)
