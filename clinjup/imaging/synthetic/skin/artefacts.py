"""What lies on a dermoscopic image and is no lesion: ruler, ink, hair, gel bubbles, dark corners; at the size of HAM10000's images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

_SIZE = (600, 450)
_ROWS, _COLUMNS = np.mgrid[:450, :600].astype(np.float32)


@dataclass(frozen=True)
class Layer:
    """A colour that is laid over an image where `cover` (grey, 0..255) says so."""

    colour: tuple[int, int, int] | Image.Image
    cover: Image.Image


def ruler(rng: np.random.Generator) -> Layer:
    """A transparent plastic scale along one edge: a pale strip with dark ticks, every fifth one longer, and figures."""
    along = rng.uniform(1.0, 1.15) * 640
    depth, pitch = rng.uniform(46, 62), rng.uniform(11, 17)
    strip = Image.new("RGBA", (int(along), int(depth)), (238, 240, 235, int(rng.uniform(70, 135))))
    draw = ImageDraw.Draw(strip)
    tone = (*(int(v) for v in rng.uniform(10, 50, 3)), 255)
    font = ImageFont.load_default(size=18)
    for number, x in enumerate(np.arange(6, along, pitch)):
        long = number % 5 == 0
        draw.line([(x, 0), (x, depth * (0.62 if long else 0.38))], fill=tone, width=3)
        if number % 10 == 0:
            draw.text((x + 4, depth * 0.52), str(number // 10), fill=tone, font=font)
    edge = int(rng.integers(4))
    turned = strip.rotate(90 * edge + rng.uniform(-4, 4), expand=True, resample=Image.Resampling.BICUBIC)
    inset = rng.uniform(-8, 30)
    width, height = turned.size
    x = {0: -20, 2: -20, 1: inset, 3: _SIZE[0] - width - inset}[edge]
    y = {1: -20, 3: -20, 0: _SIZE[1] - height - inset, 2: inset}[edge]
    canvas = Image.new("RGBA", _SIZE)
    canvas.paste(turned, (int(x), int(y)))
    return Layer(canvas.convert("RGB"), canvas.getchannel("A"))


def ink(rng: np.random.Generator) -> Layer:
    """Two to four strokes of a surgical marker around the lesion."""
    canvas = Image.new("L", _SIZE)
    draw = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(2, 5))):
        angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.72, 1.02)
        centre = np.array([300 + 270 * reach * np.cos(angle), 225 + 200 * reach * np.sin(angle)])
        sweep = np.linspace(-0.5, 0.5, 12)[:, None] * rng.uniform(60, 150)
        direction = np.array([[-np.sin(angle + rng.normal(0, 0.4)), np.cos(angle)]])
        stroke = centre + sweep * direction + rng.normal(0, 2.0, (12, 2))
        draw.line([tuple(point) for point in stroke], fill=int(rng.uniform(170, 235)), width=int(rng.uniform(9, 20)))
    colour = [(66, 42, 150), (38, 60, 160), (110, 40, 140), (30, 30, 60)][int(rng.integers(4))]
    return Layer(colour, canvas.filter(ImageFilter.GaussianBlur(1.6)))


def hair(rng: np.random.Generator) -> Layer:
    """Terminal hairs: long, thin, dark, slightly bent."""
    canvas = Image.new("L", _SIZE)
    draw = ImageDraw.Draw(canvas)
    heading = rng.uniform(0, np.pi)
    for _ in range(int(rng.integers(4, 16))):
        start = rng.uniform([-50, -50], [650, 500])
        angle = heading + rng.normal(0, 0.45)
        t = np.linspace(0, 1, 24)[:, None]
        straight = np.array([[np.cos(angle), np.sin(angle)]]) * rng.uniform(150, 460)
        bend = np.array([[-np.sin(angle), np.cos(angle)]]) * rng.normal(0, 45)
        points = start + t * straight + 4 * t * (1 - t) * bend
        draw.line([tuple(p) for p in points], fill=int(rng.uniform(150, 235)), width=int(rng.integers(2, 5)))
    return Layer(tuple(int(v) for v in rng.uniform([20, 15, 10], [75, 55, 40])), canvas)


def bubbles(rng: np.random.Generator) -> Layer:
    """Air in the immersion gel: bright rings."""
    canvas = Image.new("L", _SIZE)
    draw = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(3, 12))):
        x, y, r = rng.uniform(0, 600), rng.uniform(0, 450), rng.uniform(5, 18)
        draw.ellipse([x - r, y - r, x + r, y + r], outline=int(rng.uniform(70, 150)), width=2)
    return Layer((250, 250, 245), canvas.filter(ImageFilter.GaussianBlur(1.0)))


def shading(rng: np.random.Generator) -> NDArray[np.float32]:
    """Uneven light, factor [450, 600]."""
    tilt = rng.normal(0, 0.05, 2).astype(np.float32)
    return 1 + tilt[0] * (_COLUMNS[:1] / 300 - 1) + tilt[1] * (_ROWS[:, :1] / 225 - 1)


def dark_corners(rng: np.random.Generator) -> NDArray[np.float32]:
    """The round field of a contact dermatoscope, factor [450, 600]."""
    x, y = rng.uniform(280, 320), rng.uniform(205, 245)
    radius, softness = rng.uniform(305, 350), rng.uniform(6, 22)
    distance = np.sqrt((_COLUMNS[:1] - np.float32(x)) ** 2 + (_ROWS[:, :1] - np.float32(y)) ** 2)
    return 1 / (1 + np.exp(np.clip((distance - np.float32(radius)) / np.float32(softness), -30, 30)))
