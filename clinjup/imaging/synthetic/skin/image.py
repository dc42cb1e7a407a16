"""Render one synthetic dermoscopic image; with and without its ruler it is the same image, pixel for pixel, beside the ruler."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clinjup.imaging.synthetic.skin import artefacts
from clinjup.imaging.synthetic.skin.lesion import draw_lesion

# One random stream for each part of an image, so that no part's draws move another part.
_LESION, _POSE, _LIGHT, _NOISE, _RULER, _INK, _HAIR, _CORNER, _BUBBLES = range(9)
WIDTH, HEIGHT = 600, 450  # of HAM10000's images
_COARSE = 3  # lesion and skin are drawn at a third of the size, artefacts at full size


@dataclass(frozen=True)
class SkinImage:
    """Everything that decides an image's pixels. `dx` is HAM10000's code; `artefacts` are confounder ids."""

    seed: int
    lesion: int
    number: int
    dx: str
    atypia: float
    typical: float
    artefacts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"ISIC_{90_000_00 + 10 * self.lesion + self.number:08d}.jpg"

    def stream(self, part: int) -> np.random.Generator:
        """Random numbers for one part; the lesion itself is the same in all its images."""
        shared = part == _LESION
        return np.random.default_rng([self.seed, self.lesion, 0 if shared else self.number + 1, 100 + part])


def render_skin(
    image: SkinImage, *, ruler: bool | None = None, ink: bool | None = None
) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.bool_]]]:
    """(pixels uint8 [450, 600, 3], masks bool [450, 600]: 'lesion', 'ruler', 'ink').

    `ruler` and `ink` override the image's own; an image rendered with and without is the exact counterfactual.
    """
    shown = {"ruler": ruler, "ink": ink}
    has = {name: name in image.artefacts if choice is None else choice for name, choice in shown.items()}
    small = (HEIGHT // _COARSE, WIDTH // _COARSE)
    skin, cover = draw_lesion(
        image.dx, image.atypia, image.typical, small, image.stream(_LESION), image.stream(_POSE), image.stream(_NOISE)
    )
    full = Image.fromarray((np.clip(skin, 0, 1) * 255).astype(np.uint8)).resize(
        (WIDTH, HEIGHT), Image.Resampling.BICUBIC
    )
    layers: list[artefacts.Layer] = []
    if "gel_bubble" in image.artefacts:
        layers.append(artefacts.bubbles(image.stream(_BUBBLES)))
    masks = {"lesion": np.asarray(Image.fromarray(cover > 0.5).resize((WIDTH, HEIGHT)))}
    for name, draw, part in (("ink", artefacts.ink, _INK), ("ruler", artefacts.ruler, _RULER)):
        masks[name] = np.zeros((HEIGHT, WIDTH), bool)
        if has[name]:
            layer = draw(image.stream(part))
            masks[name] = np.asarray(layer.cover) > 60
            layers.append(layer)
    if "hair" in image.artefacts:
        layers.append(artefacts.hair(image.stream(_HAIR)))
    for layer in layers:
        full.paste(layer.colour, mask=layer.cover)
    pixels = np.asarray(full, dtype=np.float32)
    light = image.stream(_LIGHT)
    tint = np.float32(light.uniform(0.88, 1.08)) * (1 + light.normal(0, 0.025, 3)).astype(np.float32)
    field = artefacts.shading(light)
    if "dark_corner" in image.artefacts:
        field = field * artefacts.dark_corners(image.stream(_CORNER))
    pixels *= field[..., None] * tint
    pixels += light.standard_normal((HEIGHT, WIDTH, 1), dtype=np.float32) * np.float32(light.uniform(2.0, 4.5))
    np.clip(pixels, 0, 255, out=pixels)
    return pixels.astype(np.uint8), masks
