"""A trained detector on a plain folder of images: COCO JSON, and beside it the images with their marks drawn in."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from clinjup.imaging.files import printable, scan_folder
from clinjup.imaging.pictures import decode_image
from clinjup.kernel.errors import ClinjupError
from clinjup.learning.detection.coco import coco_marks
from clinjup.learning.detection.detector import load_detector
from clinjup.learning.detection.matching import Marks

SHOWN_SIZE = 768  # longer side of an image with marks, in pixels
_FILMS_AT_ONCE = 64


def mark_folder(checkpoint: Path, data: Path, out: Path, threshold: float | None = None) -> dict[str, Any]:
    """Write `out` (COCO JSON) for every readable image under `data`, and OUT-images/ with those that get a mark.

    `threshold`: marks from this score on are drawn and called shown (0.5 when None). Raises ClinjupError as predict_folder does.
    """
    model = load_detector(checkpoint)
    threshold = 0.5 if threshold is None else threshold
    names = sorted(scan_folder(data).images)
    if not names:
        raise ClinjupError(
            f"The folder '{data}' holds no PNG, JPEG or DICOM image, so there is nothing to mark. Name another folder."
        )
    kept, sizes, marks = [], [], []
    unreadable: list[dict[str, str]] = []
    for start in range(0, len(names), _FILMS_AT_ONCE):
        films = []
        for name in names[start : start + _FILMS_AT_ONCE]:
            film, facts = decode_image(data / name, model.image_size, colour=model.channels == 3)
            if film is None:
                unreadable.append({"path": printable(name), "reason": facts.reason})
                continue
            films.append(film)
            kept.append(name)
            sizes.append((facts.width, facts.height))
        if films:
            marks += model.marks(np.stack(films))
    if not kept:
        raise ClinjupError(
            f"None of the {len(names)} images in '{data}' can be read ({unreadable[0]['reason']}). Check where they were copied from."
        )
    content = coco_marks([printable(name) for name in kept], sizes, marks, model.image_size, model.target, threshold)
    folder = out.with_name(f"{out.stem}-images")
    drawn = 0
    for name, each in zip(kept, marks, strict=True):
        if (each.scores >= threshold).any():
            _draw(
                data / name,
                folder / f"{Path(name).with_suffix('').as_posix().replace('/', '_')}.png",
                each,
                threshold,
                model.image_size,
            )
            drawn += 1
    partial = out.with_name(out.name + ".part")
    partial.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    os.replace(partial, out)
    return {
        "images": len(kept),
        "unreadable": unreadable,
        "decided": {"with a suspicious area": drawn, "without a mark, which rules nothing out": len(kept) - drawn},
        "threshold": threshold,
        "out": str(out),
    }


def _draw(source: Path, target: Path, marks: Marks, threshold: float, prepared: int) -> None:
    """The image at a size to look at, with a frame around each suspicious area."""
    film, _ = decode_image(source, SHOWN_SIZE)
    if film is None:
        return
    image = Image.fromarray(film).convert("RGB")
    draw = ImageDraw.Draw(image)
    scale = SHOWN_SIZE / prepared
    for box, score in zip(marks.boxes, marks.scores, strict=True):
        if score < threshold:
            continue
        x0, y0, x1, y1 = (float(value) * scale for value in box)
        draw.rectangle((x0, y0, x1, y1), outline=(230, 159, 0), width=4)
        draw.text((x0, max(y0 - 16, 2)), f"suspicious area {score:.2f}", fill=(230, 159, 0))
    target.parent.mkdir(parents=True, exist_ok=True)
    image.save(target)
