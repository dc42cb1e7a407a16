"""The sets of box files in a data folder, each box brought to its image; polygons become the boxes around them.

Boxes leave this file as shares of the image, x0, y0, x1, y1 in 0..1 as far as they lie on it. What had to be mended on the way is
counted, so that it can be said.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from clinjup.imaging.box_formats import FORMATS, RawBox, RawBoxes, Size, format_of, read_boxes
from clinjup.imaging.files import FileIndex, FolderScan
from clinjup.imaging.pictures import read_header

_BEYOND = 2.0  # a corner farther out than this is no share of an image
_SLACK = 0.01  # by which a box may reach beyond its image without a word


@dataclass(frozen=True)
class DrawnBox:
    """One box: its class as the files name it (an id where they name none), and its place as shares of the image."""

    name: str
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass
class BoxSource:
    """All boxes of one format under one folder. `images`: position of an image in the scan -> its boxes; an empty list is a file
    that draws nothing. `lost`: position -> classes of boxes there that are of no use ("": a class that cannot be read either).
    `declared`: classes that a list of names declares. `mended`: what -> how often."""

    format: str
    path: str
    named: bool
    images: dict[int, list[DrawnBox]] = field(default_factory=dict)
    lost: dict[int, set[str]] = field(default_factory=dict)
    declared: frozenset[str] = frozenset()
    mended: Counter[str] = field(default_factory=Counter)

    @property
    def classes(self) -> dict[str, int]:
        """Class -> boxes."""
        return dict(Counter(box.name for boxes in self.images.values() for box in boxes).most_common())

    @property
    def boxed(self) -> dict[str, int]:
        """Class -> images on which it is drawn."""
        return dict(Counter(name for boxes in self.images.values() for name in {box.name for box in boxes}))

    def merge(self, other: BoxSource) -> None:
        """Take over what `other` says of further images; of a copy of this set nothing is counted twice."""
        if not other.images.keys() <= self.images.keys():
            self.mended += other.mended
        self.images |= other.images
        self.lost |= other.lost


def find_box_sources(scan: FolderScan, index: FileIndex, names: Mapping[str, str] | None = None) -> list[BoxSource]:
    """Every set of box files in the folder, the preferred format first. `names`: class names that the layout is known to mean.

    Folders of one format that speak of different images (labels/train, labels/val) are one set. Files that speak of no image come
    last, as sets without images, for what they have to tell.
    """
    found: dict[tuple[str, str], list[Path]] = {}
    for form, path in _box_files(scan.root, index):
        folder = path if form == "coco" else path.parent
        found.setdefault((form, folder.relative_to(scan.root).as_posix()), []).append(path)
    sources = [_read(form, folder, paths, scan, index, dict(names or {})) for (form, folder), paths in found.items()]
    telling = [source for source in sources if not source.images and source.mended.total()]
    sources = sorted(_joined(source for source in sources if source.images), key=_preference)
    return [*sources, *sorted(telling, key=_preference)]


def holds_boxes(root: Path) -> bool:
    """Whether any file under `root` holds boxes."""
    return any(format_of(path) for path in _candidates(root))


def _preference(source: BoxSource) -> tuple[int, int, str]:
    return FORMATS.index(source.format), -len(source.images), source.path


def _candidates(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        if Path(folder) != root and "journal.jsonl" in files:
            folders.clear()
            continue
        for name in sorted(files):
            if name.lower().endswith((".txt", ".xml", ".json")) and not name.startswith("."):
                yield Path(folder) / name


def _box_files(root: Path, index: FileIndex) -> list[tuple[str, Path]]:
    """Files of boxes with their format. Among YOLO files a text named like an image is one too, whatever it begins with."""
    forms = [(format_of(path), path) for path in _candidates(root)]
    folders = {path.parent for form, path in forms if form == "yolo"}
    found = []
    for form, path in forms:
        among = not form and path.suffix.lower() == ".txt" and path.parent in folders
        if form or (among and index.matches(path.stem)):
            found.append((form or "yolo", path))
    return found


def _read(
    form: str, folder: str, paths: list[Path], scan: FolderScan, index: FileIndex, names: dict[str, str]
) -> BoxSource:
    mended: Counter[str] = Counter()
    raw = read_boxes(form, paths, scan.root, names, mended)
    source = BoxSource(form, folder, named=raw.named, declared=raw.declared, mended=mended)
    mostly = "pixels" if _in_pixels(form, raw) else "shares"
    for name, boxes in raw.images.items():
        position = _image_of(name, folder, index) if form == "coco" else _image_of(name.rpartition("/")[2], name, index)
        if position is None:
            source.mended["no image"] += 1
            continue
        units = [_unit(box, mostly) for box in boxes]
        source.mended.update(unit for unit in units if unit == ("pixels" if form == "yolo" else "shares"))
        size: Size | None = (1, 1)
        if "pixels" in units:
            size = raw.sizes.get(name) or _size(scan.root / scan.images[position])
        if size is None:
            source.mended["unknown size"] += 1
            continue
        _place(source, position, boxes, units, size)
    return source


def _place(source: BoxSource, position: int, boxes: list[RawBox], units: list[str], size: Size) -> None:
    """Put boxes on their image. Where none of those drawn is of use, nothing is known of it."""
    if not boxes:
        source.mended["empty file"] += 1
    drawn = source.images.setdefault(position, [])
    for box, unit in zip(boxes, units, strict=True):
        found = _on_image(box, size if unit == "pixels" else (1, 1), source.mended) if unit else None
        if not unit:
            source.mended["unclear unit"] += 1
        if found:
            drawn.append(found)
        else:
            source.lost.setdefault(position, set()).add(box.name)
    if boxes and not drawn:
        del source.images[position]


def _image_of(name: str, place: str, index: FileIndex) -> int | None:
    """The image called `name`; of several that one whose folders are most like those in `place`, the path of the box file."""
    fitting = index.matches(name)
    if len(fitting) < 2:
        return fitting[0] if fitting else None
    folders = set(place.casefold().split("/")[:-1])
    alike = [len(folders & set(index.files[position].casefold().split("/")[:-1])) for position in fitting]
    return fitting[int(np.argmax(alike))] if alike.count(max(alike)) == 1 else None


def _in_pixels(form: str, raw: RawBoxes) -> bool:
    """Whether the corners are pixels: what the format says, unless most of its boxes say otherwise."""
    reach = np.array(
        [max(map(abs, box.corners)) for boxes in raw.images.values() for box in boxes if np.isfinite(box.corners).all()]
    )
    if not len(reach):
        return form != "yolo"
    return bool(np.median(reach) > _BEYOND) if form == "yolo" else not bool((reach <= 1.0).mean() > 0.95)


def _unit(box: RawBox, mostly: str) -> str:
    """The unit of one box by its corners, "pixels" or "shares"; "" where neither makes sense. `mostly`: that of its set."""
    x0, y0, x1, y1 = box.corners
    reach, side = max(map(abs, box.corners)), min(x1 - x0, y1 - y0)
    if not np.isfinite(box.corners).all() or side <= 0:
        return mostly
    if mostly == "shares":
        return "pixels" if reach > _BEYOND and side >= 1 else "shares"
    if reach > _BEYOND:
        return "pixels"
    return "shares" if reach <= 1 + _SLACK and side < 1 else ""


def _size(path: Path) -> Size | None:
    header = read_header(path)
    return (header[1], header[2]) if header else None


def _on_image(box: RawBox, size: Size, mended: Counter[str]) -> DrawnBox | None:
    """The box as shares of the image, cut at its edges; None where nothing of it is left."""
    corners = np.array(box.corners, float) / np.array([*size, *size], float)
    if not np.isfinite(corners).all():
        mended["unreadable"] += 1
        return None
    if box.polygon:
        mended["polygon"] += 1
    x0, y0, x1, y1 = corners
    if x1 - x0 <= 1e-6 or y1 - y0 <= 1e-6:
        mended["zero area"] += 1
        return None
    if min(x1, y1) <= 0 or max(x0, y0) >= 1:
        mended["outside"] += 1
        return None
    if min(x0, y0) < -_SLACK or max(x1, y1) > 1 + _SLACK:
        mended["cut"] += 1
    x0, y0, x1, y1 = (float(value) for value in np.clip(corners, 0, 1))
    return DrawnBox(box.name, x0, y0, x1, y1)


# -------------------------------------------------------------------------------------------------------- sets in several folders


@dataclass
class _Group:
    """A set and those that it took over: their paths, and the classes that they draw."""

    whole: BoxSource
    paths: list[str]
    classes: set[str]

    def takes(self, other: _Group) -> bool:
        """Whether two sets are parts of one: the same form and classes, and nothing that the one says and the other denies."""
        one, two = self.whole, other.whole
        if (one.format, one.named, one.declared) != (two.format, two.named, two.declared):
            return False
        told = bool(one.declared) or not one.named
        if not told and self.classes and other.classes and self.classes.isdisjoint(other.classes):
            return False
        return all(
            one.images[position] == two.images[position] and one.lost.get(position) == two.lost.get(position)
            for position in one.images.keys() & two.images.keys()
        )


def _joined(sources: Iterable[BoxSource]) -> list[BoxSource]:
    """Sets of one format as one, where they are parts of a whole (or copies of each other)."""
    left = sorted(sources, key=lambda source: source.path)
    groups = [_Group(source, [source.path], set(source.classes)) for source in left]
    before = len(groups) + 1
    while len(groups) < before:  # what has grown may take in what it could not before
        before, pending, groups = len(groups), groups, []
        for each in pending:
            group = next((group for group in groups if group.takes(each)), None)
            if group is None:
                groups.append(each)
            else:
                group.whole.merge(each.whole)
                group.paths += each.paths
                group.classes |= each.classes
    taken: set[tuple[str, str]] = set()
    for group in groups:
        whole, common = group.whole, os.path.commonpath(group.paths) or "."
        whole.path = group.paths[0] if (whole.format, common) in taken else common
        taken.add((whole.format, whole.path))
    return [group.whole for group in groups]
