"""The boxes of a cohort. Unknown is not none: an image without an entry was not boxed and is never background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import BoxRole, DataWarning, UnusableData
from clinjup.imaging.box_files import BoxSource, find_box_sources

if TYPE_CHECKING:
    import pandas as pd

    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort
    from clinjup.imaging.source import DataFolder

FEWEST_PATIENTS = 3
_AGREE = 0.5  # overlap from which two formats mean the same box


@dataclass(frozen=True)
class Boxes:
    """`places`: cohort index -> boxes of the target `[k, 4]`, x0, y0, x1, y1 as shares of the image; `[0, 4]`: none there.

    An index that is missing is an image whose boxes are unknown. `by_hand`: images with a box file of their own; the other
    known ones are negative by their label.
    """

    places: dict[int, NDArray[np.float32]]
    by_hand: frozenset[int]

    def __contains__(self, index: int) -> bool:
        return index in self.places

    def known(self, indices: Sequence[int] | pd.Index) -> NDArray[np.bool_]:
        """Per image whether its boxes, or that it has none, are known."""
        return np.array([int(index) in self.places for index in indices], bool)

    def on(self, images: ImageCache, index: int) -> NDArray[np.float32]:
        """Boxes of one image in pixels of its prepared picture, `[k, 4]`. Raises KeyError where they are unknown."""
        width, height = images.files.loc[index, ["width", "height"]]
        scale, offset = letterbox(int(width), int(height), images.size)
        return (self.places[index].reshape(-1, 2, 2) * scale + offset).reshape(-1, 4).astype(np.float32)


def letterbox(width: int, height: int, size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How a picture lies in its prepared square (see `pictures.decode_image`): its size there and its offset, x and y, in pixels."""
    scale = size / max(width, height)
    small = np.array([max(1, round(width * scale)), max(1, round(height * scale))], np.float32)
    return small, (size - small) // 2


def with_boxes(cohort: Cohort, folder: DataFolder, files: NDArray[np.int64], role: BoxRole) -> Cohort:
    """`cohort` with its boxes. `files`: position in `folder.scan.images` of each row of the table.

    A negative image without a box file has none, by its label. A positive image without a box of the target is not boxed.
    A negative image with a box of the target contradicts itself and is left out. Where two formats disagree on an image, its
    boxes are unknown.
    """
    from clinjup.imaging.readers import reader_for

    sources = find_box_sources(folder.scan, folder.index, reader_for(cohort.layout).box_names)
    source = next((each for each in sources if (each.format, each.path) == (role.format, role.path)), None)
    if source is None:
        raise UnusableData(
            f"The boxes in '{role.path}' were there when the data were looked at and are gone now. Check that the data share is "
            "still connected."
        )
    wanted = set(role.target)
    disagreeing = {
        position for other in sources if other is not source for position in _disagreements(source, other, wanted)
    }
    places: dict[int, NDArray[np.float32]] = {}
    by_hand, contradictory, unboxed = set(), [], 0
    for index, label, position in zip(cohort.table.index, cohort.table["label"], files, strict=True):
        drawn = target_boxes(source, int(position), wanted)
        if label == 0 and drawn is not None and len(drawn):
            contradictory.append(int(index))
        elif label == 0:
            places[int(index)] = np.zeros((0, 4), np.float32)
            if drawn is not None:
                by_hand.add(int(index))
        elif drawn is None or not len(drawn) or int(position) in disagreeing:
            unboxed += 1
        else:
            places[int(index)] = drawn
            by_hand.add(int(index))
    positives = int((cohort.table["label"] == 1).sum())
    warnings = [*box_warnings(source), *_disagreement_warning(len(disagreeing), source, sources)]
    if unboxed:
        sentence = (
            f"{unboxed} of {positives} images with {cohort.target} have no box. They count as not boxed, never as free of it: "
            "whether it is there is known, where is not."
        )
        warnings.append(DataWarning(code="images_not_boxed", sentence=sentence))
    if contradictory:
        sentence = (
            f"{len(contradictory)} images are labelled as free of {cohort.target} and have a box of it; left out."
        )
        warnings.append(DataWarning(code="boxes_contradict_label", sentence=sentence))
    reduced = cohort.without_rows(dict.fromkeys(contradictory, f"labelled as free of {cohort.target}, but boxed"))
    return replace(reduced, boxes=Boxes(places, frozenset(by_hand)), warnings=[*cohort.warnings, *warnings])


def target_boxes(source: BoxSource, position: int, wanted: set[str]) -> NDArray[np.float32] | None:
    """Boxes of the target on one image `[k, 4]`; None where no file speaks of it."""
    drawn = source.images.get(position)
    if drawn is None:
        return None
    kept = [(box.x0, box.y0, box.x1, box.y1) for box in drawn if box.name in wanted]
    return np.array(kept, np.float32).reshape(-1, 4)


def check_boxes(cohort: Cohort) -> None:
    """Raise `UnusableData` where too few patients have a boxed target: one each is needed for training, validation and test."""
    boxes = cohort.boxes
    boxed = [index for index in cohort.table.index if boxes is not None and index in boxes and len(boxes.places[index])]
    patients = cohort.table.loc[boxed, "group"].nunique() if boxed else 0
    if patients < FEWEST_PATIENTS:
        raise UnusableData(
            f"{len(boxed)} image{'s' * (len(boxed) != 1)} of {patients} patient{'s' * (patients != 1)} have a box of "
            f"{cohort.target}; learning where it is and checking that takes boxes of at least {FEWEST_PATIENTS} patients, one each "
            "for training, validation and test. Draw boxes on more images, or ask for yes or no without marks."
        )


def _disagreements(source: BoxSource, other: BoxSource, wanted: set[str]) -> list[int]:
    """Images on which two sources draw different boxes of the target."""
    from clinjup.imaging.box_overlap import overlaps

    if not wanted & set(other.classes):
        return []
    found = []
    for position in source.images.keys() & other.images.keys():
        one, two = (target_boxes(each, position, wanted) for each in (source, other))
        assert one is not None and two is not None
        same = len(one) == len(two) and (not len(one) or bool((overlaps(one, two).max(axis=1) >= _AGREE).all()))
        if not same:
            found.append(position)
    return found


def _disagreement_warning(count: int, source: BoxSource, sources: Sequence[BoxSource]) -> list[DataWarning]:
    if not count:
        return []
    others = " and ".join(sorted({each.format.upper() for each in sources if each is not source}))
    sentence = (
        f"The boxes in {source.format.upper()} and in {others} form disagree on {count} images. Those count as not boxed, because "
        "nothing says which is right; compare the files, or remove one of the two."
    )
    return [DataWarning(code="box_formats_disagree", sentence=sentence)]


_SAID = {
    "pixels": ("boxes_in_pixels", "{n} boxes are given in pixels where this form expects shares of the image (0 to 1); read as pixels."),
    "shares": ("boxes_as_shares", "{n} boxes are given as shares of the image (0 to 1) where this form expects pixels; read as shares."),
    "polygon": ("polygons_as_boxes", "{n} outlines are polygons; the box around each is used."),
    "zero area": ("boxes_without_area", "{n} boxes have no width or height; left out, and an image with no other box counts as not boxed."),
    "outside": ("boxes_outside", "{n} boxes lie wholly outside their image; left out. Were they drawn on another version of it?"),
    "cut": ("boxes_cut", "{n} boxes reach beyond their image and were cut at its edge."),
    "unreadable": ("boxes_unreadable", "{n} lines or files of boxes cannot be read; left out."),
    "no image": ("boxes_without_image", "{n} box files belong to no image of the folder; not used."),
    "unknown size": ("boxes_unknown_size", "For {n} images the size that their boxes refer to is unknown; their boxes are not used."),
    "empty file": ("boxes_empty_files", "{n} images are listed with nothing drawn on them: they count as looked at, with nothing to mark."),
}  # fmt: skip


def box_warnings(source: BoxSource) -> list[DataWarning]:
    """What had to be mended or left out while the boxes were read."""
    return [
        DataWarning(code=code, sentence=sentence.format(n=source.mended[what]))
        for what, (code, sentence) in _SAID.items()
        if source.mended[what]
    ]
