"""The marks of a run, written for its readers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clinjup.atomic_files import write_atomic
from clinjup.contracts import PredictionsFinding
from clinjup.evaluation.detection.parts import DetectionPart
from clinjup.evaluation.detection.pictures import write_pictures
from clinjup.kernel import emit
from clinjup.learning.detection.coco import coco_marks
from clinjup.learning.detection.matching import Marks

if TYPE_CHECKING:
    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort

PREDICTIONS = Path("cache/predictions.json")


def write_marks(
    parts: Sequence[tuple[DetectionPart, Sequence[Marks]]],
    cohort: Cohort,
    images: ImageCache,
    category: str,
    threshold: float,
) -> None:
    """Write cache/predictions.json for these parts and announce it.

    The films of the test part with a mark are drawn as well (see pictures.write_pictures), their `picture` is named.
    `file_name` is the path within the data folder, as viewers of COCO files look for it; `image` is the name that the cohort gives.
    """
    names, sizes, marks, about = [], [], [], []
    pictures: dict[int, str] = {}
    for part, found in parts:
        if part.split == "test":
            numbers = range(len(names), len(names) + len(found))
            pictures = write_pictures(part, found, numbers, threshold, images.size, synthetic=cohort.synthetic)
        files = images.files.loc[part.table.index]
        names += [cohort.relative(path) for path in part.table["path"]]
        sizes += list(zip(files["width"].astype(int), files["height"].astype(int), strict=True))
        marks += list(found)
        about += [
            {"image": str(image), "patient": str(patient), "split": part.split, "label": int(label)}
            for image, patient, label in zip(part.table["image"], part.table["patient"], part.labels, strict=True)
        ]
    content = coco_marks(names, [(int(w), int(h)) for w, h in sizes], marks, images.size, category, threshold)
    for image, more in zip(content["images"], about, strict=True):
        image |= more
        if image["id"] in pictures:
            image["picture"] = pictures[image["id"]]
    PREDICTIONS.parent.mkdir(exist_ok=True)
    write_atomic(PREDICTIONS, json.dumps(content, ensure_ascii=False))
    emit(
        PredictionsFinding(path=PREDICTIONS.as_posix(), rows=len(content["annotations"])),
        f"{len(content['annotations'])} marks on {len(names)} images written to predictions.json in COCO's form, "
        f"{sum(mark['shown'] for mark in content['annotations'])} of them above the threshold.",
    )
