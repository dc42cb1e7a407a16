"""Marks as COCO JSON, in pixels of the files as they came: images with file_name, annotations with bbox x, y, width, height and score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from clinjup.imaging.boxes import letterbox
from clinjup.learning.detection.matching import Marks


def coco_marks(
    names: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    marks: Sequence[Marks],
    prepared: int,
    category: str,
    threshold: float,
) -> dict[str, Any]:
    """COCO's form of marks on images called `names`, of `sizes` (width, height) on disk, marked at `prepared` pixels.

    Each has its score; `shown` says whether it reaches the frozen threshold.
    """
    images, annotations = [], []
    for number, (name, (width, height), each) in enumerate(zip(names, sizes, marks, strict=True)):
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        small, offset = letterbox(width, height, prepared)
        corners = (each.boxes.reshape(-1, 2, 2) - offset) / small * np.array([width, height], np.float32)
        corners = np.clip(corners, 0, [width, height])
        for (low, high), score in zip(corners, each.scores, strict=True):
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": number,
                    "category_id": 1,
                    "bbox": [round(float(value), 2) for value in (*low, *(high - low))],
                    "score": round(float(score), 6),
                    "shown": bool(score >= threshold),
                }
            )
    info = {
        "description": f"Areas suspicious of {category}. Assistive marks by research software; an image without a mark is not ruled out.",
        "threshold": threshold,
    }
    return {
        "info": info,
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": f"suspicious area ({category})"}],
    }
