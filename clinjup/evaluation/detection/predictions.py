"""Marks as COCO JSON, in pixels of the files as they came: images with file_name, annotations with bbox x, y, width, height and score."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clinjup.contracts import PredictionsFinding
from clinjup.evaluation.detection.parts import DetectionPart
from clinjup.imaging.boxes import letterbox
from clinjup.kernel import emit
from clinjup.learning.detection.matching import Marks

if TYPE_CHECKING:
    from clinjup.imaging.cache import ImageCache

PREDICTIONS = Path("cache/predictions.json")


def coco_marks(
    names: Sequence[str], sizes: Sequence[tuple[int, int]], marks: Sequence[Marks], prepared: int, category: str, threshold: float
) -> dict[str, Any]:
    """COCO's form of marks on images called `names`, of `sizes` (width, height) on disk, marked at `prepared` pixels.

    All marks are written with their score; `shown` says which reach the frozen threshold.
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


def write_marks(
    parts: Sequence[tuple[DetectionPart, Sequence[Marks]]], images: ImageCache, category: str, threshold: float
) -> None:
    """Write cache/predictions.json for these parts and announce it."""
    names, sizes, marks, about = [], [], [], []
    for part, found in parts:
        files = images.files.loc[part.table.index]
        names += part.table["image"].astype(str).tolist()
        sizes += list(zip(files["width"].astype(int), files["height"].astype(int), strict=True))
        marks += list(found)
        about += [
            {"patient": str(patient), "split": part.split, "label": int(label)}
            for patient, label in zip(part.table["patient"], part.labels, strict=True)
        ]
    content = coco_marks(names, [(int(w), int(h)) for w, h in sizes], marks, images.size, category, threshold)
    content["images"] = [{**image, **more} for image, more in zip(content["images"], about, strict=True)]
    PREDICTIONS.parent.mkdir(exist_ok=True)
    partial = PREDICTIONS.with_suffix(".part")
    partial.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    os.replace(partial, PREDICTIONS)
    emit(
        PredictionsFinding(path=PREDICTIONS.as_posix(), rows=len(content["annotations"])),
        f"{len(content['annotations'])} marks on {len(names)} images written to predictions.json in COCO's form, "
        f"{sum(mark['shown'] for mark in content['annotations'])} of them above the threshold.",
    )
