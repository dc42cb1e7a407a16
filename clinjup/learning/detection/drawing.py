"""An image at a size to look at, with a frame around each suspicious area."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from clinjup.imaging.pictures import decode_image
from clinjup.learning.detection.matching import Marks

SHOWN_SIZE = 768  # longer side of the picture, in pixels
_ORANGE, _FONT = (230, 159, 0), 18  # RGB; pixels


def draw_marks(source: Path, target: Path, marks: Marks, threshold: float, prepared: int, note: str = "") -> bool:
    """Write `target` (PNG): the image at `source` with its marks from `threshold` on, which are in pixels of `prepared`.

    `note` is written below, e.g. that the data are synthetic. False, and nothing is written, where the image cannot be read.
    """
    film, _ = decode_image(source, SHOWN_SIZE)
    if film is None:
        return False
    image = Image.fromarray(film).convert("RGB")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(_FONT)
    scale = SHOWN_SIZE / prepared
    for box, score in zip(marks.boxes, marks.scores, strict=True):
        if score < threshold:
            continue
        x0, y0, x1, y1 = (float(value) * scale for value in box)
        draw.rectangle((x0, y0, x1, y1), outline=_ORANGE, width=4)
        draw.text((x0, max(y0 - _FONT - 6, 2)), f"suspicious area {score:.2f}", fill=_ORANGE, font=font)
    if note:
        draw.text((8, SHOWN_SIZE - _FONT - 8), note, fill=_ORANGE, font=font)
    target.parent.mkdir(parents=True, exist_ok=True)
    image.save(target, format="PNG")
    return True
