"""Draw a ruler or ink into any dermoscopic image, for testing; shares no code with the generator or with training's augmentation.

Everything is drawn several times larger than the image and averaged down. As placebo hairs are drawn that change as much in all: a
model that answers to any mark answers to both.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from clinjup.evaluation.insertion.registry import inserter

CANVAS = 380  # least side in pixels that is drawn on before averaging down
_MOST_HAIRS = 128
_DARK = 14  # grey value below which a row or column counts as border


@inserter("ruler")
class Ruler:
    """A millimetre scale along a random edge; as placebo hairs."""

    title = "ruler"
    placebo_title = "hairs"
    caution = (
        "The inserted ruler is a straight scale, clear or white, with dark ticks along one edge; round scales, stickers with a ruler and "
        "scales that cross the lesion are not covered."
    )
    colour = True

    def insert(
        self, pixels: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """(image with a ruler, mask of the strip [H, W]) for an image uint8 [H, W] or [H, W, 3]."""
        top, bottom, left, right, scale = _area(pixels)
        edge = int(rng.integers(4))
        length, room = (right - left, bottom - top) if edge < 2 else (bottom - top, right - left)
        depth = rng.uniform(0.10, 0.15) * room * scale
        size = (int(length * scale), max(int(depth), 8))
        strip = Image.new("RGBA", size, (*(int(v) for v in rng.uniform(215, 250, 3)), int(rng.uniform(60, 150))))
        draw = ImageDraw.Draw(strip)
        spacing = rng.uniform(0.018, 0.030) * max(size[0], 200)
        tone, thick = int(rng.uniform(5, 60)), max(int(0.20 * spacing), 2)
        font = ImageFont.load_default(size=max(int(0.34 * size[1]), 10))
        for number in range(int(size[0] / spacing) + 1):
            x = (number + 0.5) * spacing
            reach = 0.68 if number % 10 == 0 else 0.52 if number % 5 == 0 else 0.36
            draw.line([(x, 0), (x, reach * size[1])], fill=(tone, tone, tone, 255), width=thick)
            if number % 10 == 0:
                draw.text((x + 2 * thick, 0.55 * size[1]), f"{number // 10}", fill=(tone, tone, tone, 255), font=font)
        layer = Image.new("RGBA", (pixels.shape[1] * scale, pixels.shape[0] * scale))
        away = rng.uniform(0.0, 0.05) * room * scale
        if edge < 2:
            flipped = strip if edge == 0 else strip.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
            y = top * scale + away if edge == 0 else bottom * scale - size[1] - away
            layer.paste(flipped, (int(left * scale), int(y)))
        else:
            turned = strip.rotate(90 if edge == 2 else 270, expand=True)
            x = left * scale + away if edge == 2 else right * scale - size[1] - away
            layer.paste(turned, (int(x), int(top * scale)))
        return _blend(pixels, layer, scale)

    def placebo(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Image with hairs that change it as much as the ruler that `insert` draws from the same `rng`."""
        return _hairs(pixels, self.insert(pixels, rng)[0], rng)


@inserter("ink")
class Ink:
    """Strokes and dots of a surgical marker around the lesion; as placebo hairs."""

    title = "ink marking"
    placebo_title = "hairs"
    caution = (
        "The inserted ink is strokes and dots of one marker in blue, violet, green or black around the middle of the image; letters and ink "
        "on the lesion itself are not covered."
    )
    colour = True

    def insert(
        self, pixels: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """(image with ink, mask of the ink [H, W]) for an image uint8 [H, W] or [H, W, 3]."""
        top, bottom, left, right, scale = _area(pixels)
        layer = Image.new("RGBA", (pixels.shape[1] * scale, pixels.shape[0] * scale))
        draw = ImageDraw.Draw(layer)
        tint = ((72, 52, 140), (45, 70, 165), (40, 95, 80), (45, 40, 55))[int(rng.integers(4))]
        middle = np.array([(left + right) / 2, (top + bottom) / 2]) * scale
        half = np.array([right - left, bottom - top]) * scale / 2
        width = max(int(rng.uniform(0.018, 0.034) * 2 * half[0]), 2)
        for number in range(int(rng.integers(3, 6))):
            angle = rng.uniform(0, 2 * np.pi)
            ring = middle + half * rng.uniform(0.70, 0.95) * np.array([np.cos(angle), np.sin(angle)])
            fill = (*tint, int(rng.uniform(150, 225)))
            if number % 3 == 2:
                draw.ellipse([*(ring - width), *(ring + width)], fill=fill)
                continue
            bow = np.linspace(-1, 1, 15)[:, None]
            tangent = np.array([[-np.sin(angle), np.cos(angle)]])
            reach = rng.uniform(0.12, 0.28) * half[0]
            path = ring + reach * bow * tangent - 0.15 * reach * bow**2 * np.array([[np.cos(angle), np.sin(angle)]])
            draw.line([tuple(point) for point in path.tolist()], fill=fill, width=width, joint="curve")
        return _blend(pixels, layer, scale)

    def placebo(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Image with hairs that change it as much as the ink that `insert` draws from the same `rng`."""
        return _hairs(pixels, self.insert(pixels, rng)[0], rng)


def _area(pixels: NDArray[np.uint8]) -> tuple[int, int, int, int, int]:
    """(top, bottom, left, right) of what is not black border, and how many times larger to draw."""
    grey = pixels if pixels.ndim == 2 else pixels.max(axis=2)
    rows, columns = np.flatnonzero((grey > _DARK).mean(axis=1) > 0.2), np.flatnonzero((grey > _DARK).mean(axis=0) > 0.2)
    height, width = grey.shape
    scale = max(1, -(-CANVAS // max(height, width)))
    if len(rows) < height / 4 or len(columns) < width / 4:
        return 0, height, 0, width, scale
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1, scale


def _blend(pixels: NDArray[np.uint8], layer: Image.Image, scale: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """`layer`, drawn `scale` times larger, laid over `pixels`; and where it covers them by more than a tenth."""
    large = np.asarray(layer, dtype=np.float32) / 255
    cover = large[..., 3:]
    height, width = pixels.shape[:2]
    weighted = np.concatenate([large[..., :3] * cover, cover], axis=2)
    small = weighted.reshape(height, scale, width, scale, 4).mean(axis=(1, 3))
    share = np.clip(small[..., 3:], 0, 1)
    colour = small[..., :3] / np.maximum(small[..., 3:], 1e-6) * 255
    if pixels.ndim == 2:
        colour, share = colour.mean(axis=2), share[..., 0]
    drawn = pixels * (1 - share) + colour * share
    cover_of = share if share.ndim == 2 else share[..., 0]
    return np.clip(np.where(share > 0, drawn, pixels) + 0.5, 0, 255).astype(np.uint8), cover_of > 0.1


def _hairs(pixels: NDArray[np.uint8], marked: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """`pixels` with dark hairs that change them as much, in all, as `marked` differs from them."""
    wanted = float(np.abs(marked.astype(np.int32) - pixels).sum())
    top, bottom, left, right, scale = _area(pixels)
    mask = Image.new("L", (pixels.shape[1] * scale, pixels.shape[0] * scale))
    draw = ImageDraw.Draw(mask)
    size = np.array(mask.size, float)
    tone = rng.uniform(15, 60, 3).astype(np.float32)
    tone = tone if pixels.ndim == 3 else tone.mean()
    area = slice(top, bottom), slice(left, right)
    drawn = pixels
    for number in range(1, _MOST_HAIRS + 1):
        start, angle = rng.uniform(0, 1, 2) * size, rng.uniform(0, np.pi)
        t = np.linspace(0, 1, 12)[:, None]
        heading = np.array([[np.cos(angle), np.sin(angle)]])
        bend = rng.normal(0, 0.08) * size[0] * t * (1 - t) * np.array([[-heading[0, 1], heading[0, 0]]])
        path = start + t * heading * rng.uniform(0.25, 0.7) * size[0] + 4 * bend
        width = max(int(rng.uniform(0.004, 0.008) * (right - left) * scale), 1)
        draw.line([tuple(point) for point in path.tolist()], fill=255, width=width)
        if number & (number - 1) or number < 3:  # at 4, 8, 16 ... hairs look how much they change
            continue
        cover = np.asarray(mask.reduce(scale), dtype=np.float32)[area] / 255
        cover = cover[..., None] if pixels.ndim == 3 else cover
        change = np.zeros(pixels.shape, np.float32)
        change[area] = cover * (tone - pixels[area])
        changed = float(np.abs(change).sum())
        strength = min(wanted / max(changed, 1.0), 1.0)  # the last doubling may be too much
        drawn = np.clip(pixels + strength * change + 0.5, 0, 255).astype(np.uint8)
        if changed >= wanted:
            break
    return drawn
