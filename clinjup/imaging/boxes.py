"""The boxes of a cohort. Unknown is not none: an image without an entry was not boxed and is never background."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import BoxRole, DataWarning, UnusableData
from clinjup.imaging.box_files import BoxSource
from clinjup.imaging.files import printable
from clinjup.nouns import in_number

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
    """How a picture lies in its prepared square (see `pictures.decode_images`): its size there and its offset, x and y, in pixels."""
    scale = size / max(width, height)
    small = np.array([max(1, round(width * scale)), max(1, round(height * scale))], np.float32)
    return small, (size - small) // 2


def with_boxes(cohort: Cohort, folder: DataFolder, files: NDArray[np.int64], role: BoxRole) -> Cohort:
    """`cohort` with its boxes. `files`: position in `folder.scan.images` of each row of the table.

    A negative image without a box file has none, by its label. A positive image without a box of the target is not boxed.
    A negative image with a box of the target contradicts itself and is left out. Where two formats disagree on an image, its
    boxes are unknown, whatever its label.
    """
    reference = reference_boxes(folder, cohort.layout, role)
    places: dict[int, NDArray[np.float32]] = {}
    by_hand, contradictory, unboxed = set(), [], 0
    for index, label, position in zip(cohort.table.index, cohort.table["label"], files, strict=True):
        drawn = reference.on(int(position))
        if int(position) in reference.disagreeing:
            unboxed += int(label == 1)
        elif label == 0 and drawn is not None and len(drawn):
            contradictory.append(int(index))
        elif label == 0:
            places[int(index)] = np.zeros((0, 4), np.float32)
            if drawn is not None:
                by_hand.add(int(index))
        elif drawn is None or not len(drawn):
            unboxed += 1
        else:
            places[int(index)] = drawn
            by_hand.add(int(index))
    positives = int((cohort.table["label"] == 1).sum())
    warnings = [*box_warnings(reference.source), *reference.unread, *_warnings_of_others(reference, cohort.target)]
    if unboxed:
        sentence = (
            in_number(
                unboxed,
                "{n} of {all} images with {target} [has no box. It counts|have no box. They count] as not boxed, ",
                all=positives,
                target=cohort.target,
            )
            + "never as free of it: whether it is there is known, where is not."
        )
        warnings.append(DataWarning(code="images_not_boxed", sentence=sentence))
    if contradictory:
        sentence = in_number(
            len(contradictory),
            "{n} [image is labelled as free of {target} and has|images are labelled as free of {target} and have] a box of it; left out.",
            target=cohort.target,
        )
        warnings.append(DataWarning(code="boxes_contradict_label", sentence=sentence))
    reduced = cohort.without_rows(dict.fromkeys(contradictory, f"labelled as free of {cohort.target}, but boxed"))
    return replace(reduced, boxes=Boxes(places, frozenset(by_hand)), warnings=[*cohort.warnings, *warnings])


@dataclass(frozen=True)
class ReferenceBoxes:
    """The set of box files that is read, beside the others of the folder. `wanted`: its classes that mean the target.

    `disagreeing`: images on which another set draws other boxes of the target. `unread`: what is told of files that gave no boxes.
    """

    source: BoxSource
    others: tuple[BoxSource, ...]
    wanted: frozenset[str]
    disagreeing: frozenset[int]
    unread: tuple[DataWarning, ...]

    def on(self, position: int) -> NDArray[np.float32] | None:
        """Boxes of the target on the image at `position` of the scan, `[k, 4]`; None where they are unknown."""
        return None if position in self.disagreeing else _target_boxes(self.source, position, self.wanted)


def reference_boxes(folder: DataFolder, layout: str, role: BoxRole) -> ReferenceBoxes:
    """The boxes that `role` names in a folder of `layout`. Raises `UnusableData` where they are gone."""
    from clinjup.imaging.readers import reader_for

    sources = folder.box_sources(reader_for(layout).box_names)
    source = next(
        (each for each in sources if each.images and (each.format, printable(each.path)) == (role.format, role.path)),
        None,
    )
    if source is None:
        raise UnusableData(
            f"The boxes in '{role.path}' were there when the data were looked at and are gone now. Check that the data share is "
            "still connected."
        )
    wanted = frozenset(role.target)
    others = tuple(each for each in sources if each.images and each is not source)
    disagreeing = {position for other in others for position in _disagreements(source, other, wanted)}
    return ReferenceBoxes(source, others, wanted, frozenset(disagreeing), tuple(warnings_without_images(sources)))


def _target_boxes(source: BoxSource, position: int, wanted: frozenset[str]) -> NDArray[np.float32] | None:
    """Boxes of the target on one image `[k, 4]`; None where no file speaks of it, or where one of them is lost."""
    drawn = source.images.get(position)
    unclear = source.lost.get(position, set()) | {box.name for box in drawn or () if not box.name}
    if drawn is None or unclear & {*wanted, ""}:
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


def _disagreements(source: BoxSource, other: BoxSource, wanted: frozenset[str]) -> list[int]:
    """Images on which two sets draw different boxes of the target."""
    meant = _meaning(source, other, wanted)
    found = []
    for position in source.images.keys() & other.images.keys() if meant else ():
        one, two = _target_boxes(source, position, wanted), _target_boxes(other, position, meant)
        if one is not None and two is not None and not _same(one, two):
            found.append(position)
    return found


def _same(one: NDArray[np.float32], two: NDArray[np.float32]) -> bool:
    from clinjup.imaging.box_overlap import overlaps

    return len(one) == len(two) and (not len(one) or bool((overlaps(one, two).max(axis=1) >= _AGREE).all()))


def _meaning(source: BoxSource, other: BoxSource, wanted: frozenset[str]) -> frozenset[str]:
    """The classes of `other` that mean the target: those called like it, else the number that mostly stands where it is drawn."""
    from clinjup.imaging.box_overlap import overlaps

    named = wanted & {*other.classes, *other.declared}
    if named or other.named:
        return named
    if len(other.classes) == 1:
        return frozenset(other.classes)
    at_target: Counter[str] = Counter()
    for position in source.images.keys() & other.images.keys():
        true, drawn = _target_boxes(source, position, wanted), other.images[position]
        if true is not None and len(true) and drawn:
            places = np.array([(box.x0, box.y0, box.x1, box.y1) for box in drawn], np.float32)
            hit = overlaps(places, true).max(axis=1) >= _AGREE
            at_target.update(box.name for box, on in zip(drawn, hit, strict=True) if on)
    return frozenset(name for name, _ in at_target.most_common(1))


def _warnings_of_others(reference: ReferenceBoxes, target: str) -> list[DataWarning]:
    """Where other sets of box files disagree with the one that is read, or know of boxes that it lacks."""
    source, found = reference.source, []
    if reference.disagreeing:
        others = " and ".join(sorted({each.format.upper() for each in reference.others}))
        sentence = (
            f"The boxes in {source.format.upper()} and in {others} form disagree on "
            + in_number(len(reference.disagreeing), "{n} [image. It counts|images. Those count] ")
            + "as not boxed, because nothing says which is right; compare the files, or remove one of the two."
        )
        found.append(DataWarning(code="box_formats_disagree", sentence=sentence))
    for other in reference.others:
        meant = _meaning(source, other, reference.wanted)
        boxes = {
            position: _target_boxes(other, position, meant) for position in other.images.keys() - source.images.keys()
        }
        further = sum(each is not None and len(each) > 0 for each in boxes.values())
        if further:
            sentence = (
                in_number(further, "{n} [image has|images have] a box of {target} only in ", target=target)
                + f"'{printable(other.path)}' ({other.format.upper()}), which is not "
                f"read beside '{printable(source.path)}' ({source.format.upper()}): they count as not boxed. Bring all boxes into one "
                "form with one list of classes to use them."
            )
            found.append(DataWarning(code="boxes_not_read", sentence=sentence))
    return found


def warnings_without_images(sources: Sequence[BoxSource]) -> list[DataWarning]:
    """What is told of files of boxes from which none could be read."""
    return [
        warning
        for source in sources
        if not source.images
        for warning in _placed_warnings(source)
        if warning.code not in _NO_LOSS
    ]


def profile_warnings(sources: Sequence[BoxSource]) -> list[DataWarning]:
    """What is told of all box files of a folder, each sentence with the place of its files."""
    read = [warning for source in sources if source.images for warning in _placed_warnings(source)]
    return [*read, *warnings_without_images(sources)]


def _placed_warnings(source: BoxSource) -> list[DataWarning]:
    place = f"In '{printable(source.path)}': "
    return [DataWarning(code=warning.code, sentence=place + warning.sentence) for warning in box_warnings(source)]


_SAID = {
    "pixels": (
        "boxes_in_pixels",
        "{n} [box is|boxes are] given in pixels where this form expects shares of the image (0 to 1); read as pixels.",
    ),
    "shares": (
        "boxes_as_shares",
        "{n} [box is|boxes are] given as shares of the image (0 to 1) where this form expects pixels; read as shares.",
    ),
    "unclear unit": (
        "boxes_unclear_unit",
        "{n} [box fits|boxes fit] neither pixels nor shares; left out, and [its image counts|their images count] as not "
        "boxed.",
    ),
    "polygon": (
        "polygons_as_boxes",
        "{n} [outline is a polygon; the box around it|outlines are polygons; the box around each] is used.",
    ),
    "zero area": (
        "boxes_without_area",
        "{n} [box has|boxes have] no width or height; left out, and [its image counts|their images count] as not boxed.",
    ),
    "outside": (
        "boxes_outside",
        "{n} [box lies wholly outside its|boxes lie wholly outside their] image; left out. [Was it|Were they] drawn on another "
        "version of it?",
    ),
    "cut": (
        "boxes_cut",
        "{n} [box reaches beyond its image and was|boxes reach beyond their image and were] cut at its edge.",
    ),
    "unreadable": (
        "boxes_unreadable",
        "{n} [line or file|lines or files] of boxes cannot be read; left out, and [its image counts|their images count] as not "
        "boxed.",
    ),
    "prediction": (
        "boxes_of_a_model",
        "{n} [box carries|boxes carry] a score, so a model drew [it; it is|them; they are] no reference standard and [is|are] not used.",
    ),
    "no image": (
        "boxes_without_image",
        "{n} [box file or entry names|box files or entries name] no image of the folder; not used. Were the images renamed?",
    ),
    "unknown size": (
        "boxes_unknown_size",
        "For {n} [image|images] the size that [its|their] boxes refer to is unknown; [its|their] boxes are not used.",
    ),
    "empty file": (
        "boxes_empty_files",
        "{n} [image is|images are] listed with nothing drawn on [it: it counts|them: they count] as looked at, with nothing to mark.",
    ),
}


# Where no box was read these tell of no loss.
_NO_LOSS = {_SAID[what][0] for what in ("pixels", "shares", "polygon", "cut", "empty file")}


def box_warnings(source: BoxSource) -> list[DataWarning]:
    """What had to be mended or left out while the boxes were read."""
    return [
        DataWarning(code=code, sentence=in_number(source.mended[what], sentence))
        for what, (code, sentence) in _SAID.items()
        if source.mended[what]
    ]
