"""A trained detector on a plain folder of images: COCO JSON, and beside it the images with their marks drawn in."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from clinjup.atomic_files import write_atomic
from clinjup.imaging.files import printable, scan_images
from clinjup.imaging.headers import not_judged
from clinjup.imaging.pictures import decode_image
from clinjup.kernel.errors import ClinjupError
from clinjup.learning.detection.coco import coco_marks
from clinjup.learning.detection.detector import load_detector
from clinjup.learning.detection.drawing import draw_marks

_FILMS_AT_ONCE = 64


def mark_folder(
    checkpoint: Path,
    data: Path,
    out: Path,
    threshold: float | None = None,
    *,
    radiographs: bool = False,
    frontal: bool = False,
) -> dict[str, Any]:
    """Write `out` (COCO JSON) for every readable image under `data`, and OUT-images/ with those that get a mark.

    `threshold`: marks from this score on are written and drawn (0.5 when None). Raises ClinjupError as predict_folder does, and where
    `out` is not called .json.
    """
    if out.suffix.lower() != ".json":
        raise ClinjupError(
            f"This model marks places on images. That is written as COCO JSON, with pictures beside it, and not as a table: call the file "
            f"'{out.stem}.json' with --out."
        )
    folder = out.with_name(f"{out.stem}-images")
    if folder.exists():
        raise ClinjupError(
            f"'{folder}' is already there; marks of an earlier time would lie among the new ones. Move it away, or name another file with "
            "--out."
        )
    model = load_detector(checkpoint)
    threshold = 0.5 if threshold is None else threshold
    scan = scan_images(data)
    names = sorted(scan.images)
    kept, sizes, marks = [], [], []
    others = not_judged(scan, radiographs=radiographs, frontal=frontal)
    unreadable = [*scan.left_out, *({"path": printable(name), "reason": why} for name, why in sorted(others.items()))]
    names = [name for name in names if name not in others]
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
            marks += [each.from_score(threshold) for each in model.marks(np.stack(films))]
    if not kept:
        raise ClinjupError(
            f"None of the {len(scan.images)} images in '{data}' can be {'judged' if others else 'read'} ({unreadable[0]['reason']}). "
            "Check where they were copied from."
        )
    content = coco_marks([printable(name) for name in kept], sizes, marks, model.image_size, model.target, threshold)
    drawn, taken = 0, set(names)
    for name, each in zip(kept, marks, strict=True):
        if len(each.scores):
            draw_marks(data / name, folder / _picture_name(name, taken), each, threshold, model.image_size)
            drawn += 1
    write_atomic(out, json.dumps(content, ensure_ascii=False))
    return {
        "images": len(kept),
        "unreadable": unreadable,
        "decided": {"with a suspicious area": drawn, "without a mark, which rules nothing out": len(kept) - drawn},
        "threshold": threshold,
        "out": str(out),
    }


def _picture_name(name: str, names: Collection[str]) -> str:
    """Name of the picture of `name` within OUT-images/: folders and file type stay in it, so that no two of `names` share one."""
    if name.lower().endswith(".png"):
        return name
    wanted = f"{name}.png"
    while wanted in names:
        wanted = f"{wanted}.png"
    return wanted
