"""The forms in which boxes are written: YOLO, Pascal VOC, COCO, Supervisely. One file in, names and corners out.

What cannot be read of a box leaves a box without a place (`RawBox.lost`), so that its image is not taken for one without it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

FORMATS = ("coco", "yolo", "voc", "supervisely")  # the best first, where several are as complete
_YOLO_NAMES = ("data.yaml", "data.yml", "meta.yaml", "dataset.yaml", "classes.txt", "obj.names")
_LARGEST_JSON = 500_000_000
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan"
_YOLO_LINE = re.compile(rf"\d+(?:\.0*)?(?:\s+(?:{_NUMBER})){{4,}}", re.IGNORECASE)
_BROKEN = (AttributeError, KeyError, TypeError, ValueError)  # what malformed JSON and XML raise when it is taken apart
Size = tuple[int, int]
Corners = tuple[float, float, float, float]


@dataclass(frozen=True)
class RawBox:
    """A box before its unit is known: x0, y0, x1, y1 as shares or as pixels. A name of "" is a class that cannot be read."""

    name: str
    corners: Corners
    polygon: bool = False

    @classmethod
    def lost(cls, name: str) -> RawBox:
        """A box whose place cannot be read."""
        return cls(name, (float("nan"),) * 4)


@dataclass
class RawBoxes:
    """What files of one form say. `images`: name of an image as the files write it -> its boxes.

    `declared`: the classes that a list of names declares. `sizes`: width, height of an image where the file tells it.
    """

    images: dict[str, list[RawBox]] = field(default_factory=dict)
    sizes: dict[str, Size] = field(default_factory=dict)
    named: bool = True
    declared: frozenset[str] = frozenset()


def format_of(path: Path) -> str:
    """The format of one file, by its suffix and its beginning; "" where it holds no boxes."""
    suffix = path.suffix.lower()
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            start = file.read(4096)
    except OSError:
        return ""
    if suffix == ".xml":
        return "voc" if "<annotation" in start else ""
    if suffix == ".json":
        if ('"objects"' in start and '"classTitle"' in start) or ('"objects"' in start and '"size"' in start):
            return "supervisely"
        known = re.search(r'"(images|annotations|categories|info|licenses)"\s*:', start)
        return "coco" if known and path.stat().st_size < _LARGEST_JSON else ""
    lines = [line for line in start.splitlines()[:5] if line.strip()]
    if not lines:  # an empty label file; a folder of such files alone is dropped later
        return "yolo" if path.parent.name.lower() in ("labels", "yolo", "train", "val", "test") else ""
    return "yolo" if all(_YOLO_LINE.fullmatch(line.strip()) for line in lines) else ""


def read_boxes(
    form: str, paths: Sequence[Path], root: Path, names: Mapping[str, str], mended: Counter[str]
) -> RawBoxes:
    """The boxes in `paths`, files of one form; of COCO it is one file. `names`: class id -> name where the files have no list.

    A file that cannot be read, and one with a model's scores, says nothing of its image; both are counted in `mended`.
    """
    if form == "coco":
        return _coco(_json(paths[0], mended), names, mended)
    raw, scored = RawBoxes(), 0
    if form == "yolo":
        known = _yolo_names(root, paths[0].parent) or dict(names)
        raw.named, raw.declared = bool(known), frozenset(known.values())
    for path in paths:
        size: Size | None = None
        try:
            if form == "yolo":
                text = path.read_text(encoding="utf-8-sig", errors="replace")
                scores = sum(map(_has_score, text.splitlines()))
                scored += scores
                if scores:
                    continue
                boxes = _yolo(text, known)
            elif form == "voc":
                boxes, size = _voc(ElementTree.fromstring(path.read_bytes()))
            else:
                boxes, size = _supervisely(json.loads(path.read_text(encoding="utf-8-sig")))
        except (OSError, ElementTree.ParseError, *_BROKEN):
            mended["unreadable"] += 1
            continue
        name = path.relative_to(root).with_suffix("").as_posix()
        raw.images[name] = boxes
        if size:
            raw.sizes[name] = size
    if scored:
        mended["prediction"] += scored
        if not any(raw.images.values()):  # a model's folder: its empty files are not those of a person who looked
            raw.images.clear()
    return raw


def _has_score(line: str) -> bool:
    """Whether a YOLO line ends in the score that a model gives its box: class, x, y, width, height, and one of 0 to 1."""
    parts = line.split()
    try:
        return len(parts) == 6 and 0 <= float(parts[5]) <= 1
    except ValueError:
        return False


def _yolo(text: str, names: Mapping[str, str]) -> list[RawBox]:
    """Lines of class, centre x, y, width, height; more than six numbers are a polygon."""
    found = []
    for line in text.splitlines():
        parts = line.split()
        if not parts:
            continue
        identifier = re.sub(r"^(\d+)\.0*$", r"\1", parts[0])
        name = names.get(identifier, identifier)
        try:
            numbers = [float(part) for part in parts[1:]]
        except ValueError:
            found.append(RawBox.lost(name if identifier.isdigit() else ""))
            continue
        if len(numbers) >= 6 and len(numbers) % 2 == 0:
            found.append(RawBox(name, _around(np.array(numbers).reshape(-1, 2)), polygon=True))
        elif len(numbers) in (4, 5):
            x, y, wide, high = numbers[:4]
            found.append(RawBox(name, (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)))
        else:
            found.append(RawBox.lost(name))
    return found


def _yolo_names(root: Path, folder: Path) -> dict[str, str]:
    """Class id -> name from the list that stands beside the label files or above them."""
    while True:
        for name in _YOLO_NAMES:
            path = folder / name
            if path.is_file():
                return _names_in(path.read_text(encoding="utf-8-sig", errors="replace"), path.suffix)
        if folder == root or root not in folder.parents:
            return {}
        folder = folder.parent


def _names_in(text: str, suffix: str) -> dict[str, str]:
    if suffix in (".txt", ".names"):
        return {str(i): line.strip() for i, line in enumerate(filter(str.strip, text.splitlines()))}
    flow = re.search(r"^names\s*:\s*[\[{](.*?)[\]}]", text, re.MULTILINE | re.DOTALL)
    if flow:
        entries = [entry.strip().strip("'\"") for entry in flow[1].split(",") if entry.strip()]
        pairs = [entry.split(":", 1) if ":" in entry else [str(i), entry] for i, entry in enumerate(entries)]
        return {key.strip(): value.strip(" '\"") for key, value in pairs}
    block = re.search(r"^names\s*:\s*\n((?:[ \t]*(?:-|\d+\s*:).*\n?)+)", text, re.MULTILINE)
    found: dict[str, str] = {}
    for i, line in enumerate(block[1].splitlines() if block else []):
        key, _, value = (
            line.strip().partition(":") if not line.strip().startswith("-") else (str(i), "", line.strip()[1:])
        )
        found[key.strip()] = value.strip(" '\"")
    return found


def _voc(root: ElementTree.Element) -> tuple[list[RawBox], Size | None]:
    found = []
    for item in root.iter("object"):
        name = (item.findtext("name") or "").strip()
        corners = [item.findtext(f"bndbox/{key}") or "nan" for key in ("xmin", "ymin", "xmax", "ymax")]
        try:
            x0, y0, x1, y1 = map(float, corners)
        except ValueError:
            found.append(RawBox.lost(name))
        else:
            found.append(RawBox(name, (x0, y0, x1, y1)))
    return found, _size(root.findtext("size/width"), root.findtext("size/height"))


def _supervisely(loaded: Any) -> tuple[list[RawBox], Size | None]:
    found = []
    for item in loaded.get("objects") or []:
        name = str(item.get("classTitle") or "")
        try:
            points = np.array(item["points"]["exterior"], float).reshape(-1, 2)
            found.append(RawBox(name, _around(points), polygon=len(points) > 2))
        except _BROKEN:
            found.append(RawBox.lost(name))
    size = loaded.get("size") or {}
    return found, _size(size.get("width"), size.get("height"))


def _json(path: Path, mended: Counter[str]) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        mended["unreadable"] += 1
        return None


def _coco(loaded: object, names: Mapping[str, str], mended: Counter[str]) -> RawBoxes:
    if not isinstance(loaded, dict) or not isinstance(loaded.get("images"), list):
        return RawBoxes()
    annotations = [item for item in _items(loaded, "annotations", mended) if "image_id" in item]
    if any("score" in item for item in annotations):  # a reference standard has no score: some model's marks
        mended["prediction"] += len(annotations)
        return RawBoxes()
    categories = {str(item.get("id")): str(item.get("name") or "") for item in _items(loaded, "categories", mended)}
    categories = categories or dict(names)
    raw = RawBoxes(named=bool(categories), declared=frozenset(categories.values()))
    files: dict[str, str] = {}
    for item in _items(loaded, "images", mended):
        if "id" in item and item.get("file_name"):
            file = files[str(item["id"])] = str(item["file_name"])
            raw.images[file] = []
            size = _size(item.get("width"), item.get("height"))
            if size:
                raw.sizes[file] = size
    for item in annotations:
        file = files.get(str(item["image_id"]), "")
        if file:
            category = str(item.get("category_id"))
            raw.images[file].append(_coco_box(categories.get(category, category), item))
    return raw


def _coco_box(name: str, item: Mapping[str, Any]) -> RawBox:
    box, outline = item.get("bbox"), item.get("segmentation")
    try:
        if box:
            x, y, wide, high = map(float, box)
            return RawBox(name, (x, y, x + wide, y + high))
        points = np.concatenate([np.array(part, float).reshape(-1, 2) for part in outline or ()])
        return RawBox(name, _around(points), polygon=True)
    except _BROKEN:  # a run-length mask without a box is one of these
        return RawBox.lost(name)


def _items(loaded: Mapping[str, Any], key: str, mended: Counter[str]) -> list[dict[str, Any]]:
    """The entries of a list in a JSON file; one that is no entry is counted and passed by."""
    entries = loaded.get(key) or []
    entries = entries if isinstance(entries, list) else [entries]
    items = [entry for entry in entries if isinstance(entry, dict)]
    mended["unreadable"] += len(entries) - len(items)
    return items


def _size(width: Any, height: Any) -> Size | None:
    try:
        size = int(float(width)), int(float(height))
    except (TypeError, ValueError, OverflowError):
        return None
    return size if min(size) > 0 else None


def _around(points: np.ndarray) -> Corners:
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)
