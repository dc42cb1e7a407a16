"""Files of boxes as they lie on disk: YOLO, Pascal VOC, COCO, Supervisely; polygons become the boxes around them.

Boxes leave this file as shares of the image, x0, y0, x1, y1 in 0..1 as far as they lie on it. What had to be mended on the way is
counted, so that it can be said.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from clinjup.imaging.files import FileIndex, FolderScan
from clinjup.imaging.pictures import read_header

FORMATS = ("coco", "yolo", "voc", "supervisely")  # the best first: where several lie in a folder, this one is read
_YOLO_NAMES = ("data.yaml", "data.yml", "meta.yaml", "dataset.yaml", "classes.txt", "obj.names")
_LARGEST_JSON = 500_000_000
Size = tuple[int, int]


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
    that draws nothing. `mended`: what -> how often."""

    format: str
    path: str
    named: bool
    images: dict[int, list[DrawnBox]] = field(default_factory=dict)
    mended: Counter[str] = field(default_factory=Counter)

    @property
    def classes(self) -> dict[str, int]:
        """Class -> boxes."""
        return dict(Counter(box.name for boxes in self.images.values() for box in boxes).most_common())


@dataclass(frozen=True)
class _Raw:
    """A box before its unit is known: corners, as shares or as pixels."""

    name: str
    corners: tuple[float, float, float, float]
    polygon: bool = False


def find_box_sources(scan: FolderScan, index: FileIndex, names: Mapping[str, str] | None = None) -> list[BoxSource]:
    """Every set of box files in the folder, the preferred format first. `names`: class names that the layout is known to mean."""
    found: dict[tuple[str, str], list[Path]] = {}
    for path in _candidates(scan.root):
        form = _format_of(path)
        if form:
            folder = path if form == "coco" else path.parent
            found.setdefault((form, folder.relative_to(scan.root).as_posix()), []).append(path)
    sources = [_read(form, folder, paths, scan, index, dict(names or {})) for (form, folder), paths in found.items()]
    sources = [source for source in sources if source.images]
    return sorted(sources, key=lambda source: (FORMATS.index(source.format), -len(source.images), source.path))


def _candidates(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        if Path(folder) != root and "journal.jsonl" in files:
            folders.clear()
            continue
        for name in sorted(files):
            if name.lower().endswith((".txt", ".xml", ".json")) and not name.startswith("."):
                yield Path(folder) / name


def _format_of(path: Path) -> str:
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


_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan"
_YOLO_LINE = re.compile(rf"\d+(?:\s+(?:{_NUMBER})){{4,}}", re.IGNORECASE)


def _read(
    form: str, folder: str, paths: list[Path], scan: FolderScan, index: FileIndex, names: dict[str, str]
) -> BoxSource:
    source = BoxSource(form, folder, named=True)
    if form == "yolo":
        known = _yolo_names(scan.root, paths[0].parent) or names
        source.named = bool(known)
        raw = {path.stem: _yolo(path, known, source.mended) for path in paths}
    elif form == "voc":
        raw, sizes = {}, {}
        for path in paths:
            name, boxes, size = _voc(path, source.mended)
            raw[name] = boxes
            if size:
                sizes[name] = size
        return _placed(source, raw, scan, index, sizes)
    elif form == "supervisely":
        raw, sizes = {}, {}
        for path in paths:
            loaded = _json(path, source.mended)
            if isinstance(loaded, dict):
                name = re.sub(r"\.(png|jpe?g|dcm)$", "", path.stem, flags=re.IGNORECASE)
                raw[name], size = _supervisely(loaded)
                if size:
                    sizes[name] = size
        return _placed(source, raw, scan, index, sizes)
    else:
        raw, sizes, source.named = _coco(_json(paths[0], source.mended), names)
        return _placed(source, raw, scan, index, sizes)
    return _placed(source, raw, scan, index, {})


def _placed(
    source: BoxSource, raw: Mapping[str, list[_Raw]], scan: FolderScan, index: FileIndex, sizes: Mapping[str, Size]
) -> BoxSource:
    """Bring names to images and corners to shares of the image."""
    pixels = _in_pixels(source.format, raw)
    if pixels != (source.format != "yolo"):
        source.mended["pixels" if pixels else "shares"] += sum(map(len, raw.values()))
    for name, boxes in raw.items():
        position = index.find(name)
        if position is None:
            source.mended["no image"] += 1
            continue
        size: Size | None = (1, 1)
        if pixels and boxes:
            size = sizes.get(name) or _size(scan.root / scan.images[position])
        if size is None:
            source.mended["unknown size"] += 1
            continue
        drawn = source.images.setdefault(position, [])
        if not boxes:
            source.mended["empty file"] += 1
        drawn += [found for box in boxes if (found := _on_image(box, size, source.mended))]
        if boxes and not drawn:  # all that was drawn is of no use, so nothing is known of this image
            del source.images[position]
    return source


def _in_pixels(form: str, raw: Mapping[str, list[_Raw]]) -> bool:
    """Whether the corners are pixels: what the format says, unless most of its boxes say otherwise."""
    reach = np.array(
        [max(map(abs, box.corners)) for boxes in raw.values() for box in boxes if np.isfinite(box.corners).all()]
    )
    if not len(reach):
        return form != "yolo"
    return bool(np.median(reach) > 2.0) if form == "yolo" else not bool((reach <= 1.0).mean() > 0.95)


def _size(path: Path) -> Size | None:
    header = read_header(path)
    return (header[1], header[2]) if header else None


def _on_image(box: _Raw, size: Size, mended: Counter[str]) -> DrawnBox | None:
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
    if min(x0, y0) < -0.01 or max(x1, y1) > 1.01:
        mended["cut"] += 1
    x0, y0, x1, y1 = (float(value) for value in np.clip(corners, 0, 1))
    return DrawnBox(box.name, x0, y0, x1, y1)


# --------------------------------------------------------------------------------------------------------------- formats


def _yolo(path: Path, names: Mapping[str, str], mended: Counter[str]) -> list[_Raw]:
    """Lines of class, centre x, y, width, height; more than six numbers are a polygon."""
    found = []
    for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        parts = line.split()
        if not parts:
            continue
        try:
            numbers = [float(part) for part in parts[1:]]
        except ValueError:
            mended["unreadable"] += 1
            continue
        name = names.get(parts[0], parts[0])
        if len(numbers) >= 6 and len(numbers) % 2 == 0:
            found.append(_Raw(name, _around(np.array(numbers).reshape(-1, 2)), polygon=True))
        elif len(numbers) in (4, 5):
            x, y, wide, high = numbers[:4]
            found.append(_Raw(name, (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)))
        else:
            mended["unreadable"] += 1
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


def _voc(path: Path, mended: Counter[str]) -> tuple[str, list[_Raw], Size | None]:
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except ElementTree.ParseError:
        mended["unreadable"] += 1
        return path.stem, [], None
    found = []
    for item in root.iter("object"):
        try:
            box = item.find("bndbox")
            corners = [float(box.findtext(key) or "nan") for key in ("xmin", "ymin", "xmax", "ymax")]  # type: ignore[union-attr]
        except (AttributeError, ValueError):
            mended["unreadable"] += 1
            continue
        found.append(_Raw((item.findtext("name") or "").strip(), tuple(corners)))  # type: ignore[arg-type]
    try:
        size = (int(root.findtext("size/width") or 0), int(root.findtext("size/height") or 0))
    except ValueError:
        size = (0, 0)
    return path.stem, found, size if min(size) > 0 else None


def _json(path: Path, mended: Counter[str]) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        mended["unreadable"] += 1
        return None


def _supervisely(loaded: dict) -> tuple[list[_Raw], Size | None]:
    found = []
    for item in loaded.get("objects", []):
        points = np.array(item.get("points", {}).get("exterior", []), float).reshape(-1, 2)
        if len(points):
            found.append(_Raw(str(item.get("classTitle", "")), _around(points), polygon=len(points) > 2))
    size = loaded.get("size", {})
    return found, (int(size["width"]), int(size["height"])) if {"width", "height"} <= set(size) else None


def _coco(loaded: object, names: Mapping[str, str]) -> tuple[dict[str, list[_Raw]], dict[str, Size], bool]:
    if not isinstance(loaded, dict) or not isinstance(loaded.get("images"), list):
        return {}, {}, True
    categories = {str(item.get("id")): str(item.get("name", "")) for item in loaded.get("categories", [])} or dict(
        names
    )
    files = {item["id"]: str(item["file_name"]) for item in loaded["images"] if "id" in item and "file_name" in item}
    sizes = {
        files[item["id"]]: (int(item["width"]), int(item["height"]))
        for item in loaded["images"]
        if item.get("id") in files and item.get("width") and item.get("height")
    }
    raw: dict[str, list[_Raw]] = {name: [] for name in files.values()}
    for item in loaded.get("annotations", []):
        file = files.get(item.get("image_id"))
        if file is None:
            continue
        category = str(item.get("category_id"))
        box, outline = item.get("bbox"), item.get("segmentation")
        if box and len(box) == 4:
            x, y, wide, high = map(float, box)
            raw[file].append(_Raw(categories.get(category, category), (x, y, x + wide, y + high)))
        elif isinstance(outline, list) and outline:
            points = np.concatenate([np.array(part, float).reshape(-1, 2) for part in outline])
            raw[file].append(_Raw(categories.get(category, category), _around(points), polygon=True))
    return raw, sizes, bool(categories)


def _around(points: np.ndarray) -> tuple[float, float, float, float]:
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def holds_boxes(root: Path) -> bool:
    """Whether any file under `root` holds boxes."""
    return any(_format_of(path) for path in _candidates(root))
