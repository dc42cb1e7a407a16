"""Find the image files and tables of a folder, and match the names in the tables to the files. Nothing is written.

Of files without a telling suffix the first 132 bytes are read, because DICOM exports often name files by number alone; one without any
suffix is a table where it looks like one (HAM10000_metadata is distributed so).
"""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

from clinjup.imaging.dicom import is_dicom_file
from clinjup.imaging.tables import TABLE_SUFFIXES, looks_like_table
from clinjup.imaging.workbooks import WORKBOOK_SUFFIXES, sheet_tables
from clinjup.kernel.errors import ClinjupError

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")
DICOM_SUFFIXES = (".dcm", ".dicom")
IMAGE_SUFFIXES = (*PICTURE_SUFFIXES, *DICOM_SUFFIXES)
SYNTHETIC_MARK = "clinjup-synthetic.json"

# Endings that a table may carry in an image's name although the file on disk has another one, or that other readers take.
_NAME_SUFFIXES = (*IMAGE_SUFFIXES, ".tif", ".tiff", ".bmp", ".gif", ".webp")
_SPLIT_LIST = re.compile(r"(train|test|val|validation|dev)([_-]?(val|validation|list|images|files|set|split))*")
_ANNOTATIONS = re.compile(r"(masks?|segmentations?|annotations?|thumbnails?|thumbs|previews?)", re.IGNORECASE)
_UNTELLING = re.compile(r"|\.ima|\.\d+")  # suffixes, a part of a UID among them, behind which DICOM may be
_LAST = chr(sys.maxunicode)  # sorts behind every other letter
_FEW = 20  # files of one stem that are sorted anew for each name, rather than kept sorted
_MANY_TABLES = 50  # a folder with more holds one table an image (annotations), not tables of the cohort


@dataclass
class FolderScan:
    """What one walk through a data folder found. All paths are relative to `root`, with forward slashes."""

    root: Path
    images: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    split_lists: list[str] = field(default_factory=list)
    dicom: list[int] = field(default_factory=list)  # positions in `images` of files that are DICOM by name or content
    other: dict[str, int] = field(default_factory=dict)  # suffix -> files that are neither
    closed: list[str] = field(default_factory=list)  # folders that may not be opened
    annotations: int = 0  # pictures in folders called masks, thumbnails ...: about the images, not images of patients
    synthetic: bool = False

    @property
    def left_out(self) -> list[dict[str, str]]:
        """[{path, reason}] of `closed`, for a list of what could not be read."""
        return [{"path": printable(f"{name}/"), "reason": "the folder cannot be opened"} for name in self.closed]


def scan_folder(root: Path) -> FolderScan:
    """Walk through `root` once. Hidden files, macOS leftovers and folders of clinjup's own runs are passed by."""
    scan = FolderScan(root)
    for folder, names in _walk(root, scan.closed):
        tables: list[str] = []
        bare: list[str] = []
        prefix = "" if folder == root else folder.relative_to(root).as_posix() + "/"
        drawn = any(_ANNOTATIONS.fullmatch(part) for part in prefix.split("/"))
        for name in names:
            suffix = os.path.splitext(name)[1].lower()
            picture = suffix in PICTURE_SUFFIXES
            dicom = not picture and _is_dicom(folder, name, suffix)
            if (picture or dicom) and drawn:
                scan.annotations += 1
            elif picture or dicom:
                if dicom:
                    scan.dicom.append(len(scan.images))
                scan.images.append(prefix + name)
            elif suffix in WORKBOOK_SUFFIXES and name.startswith("~$"):
                continue  # Excel's mark that somebody has the workbook open
            elif suffix in TABLE_SUFFIXES or suffix in WORKBOOK_SUFFIXES:
                tables.append(name)
            elif name == SYNTHETIC_MARK:
                scan.synthetic = True
            elif not suffix:
                bare.append(name)
            else:
                scan.other[suffix] = scan.other.get(suffix, 0) + 1
        unnamed = [name for name in bare if len(bare) <= _MANY_TABLES and looks_like_table(folder / name)]
        scan.tables += [prefix + name for name in unnamed]
        if len(bare) > len(unnamed):
            scan.other[""] = scan.other.get("", 0) + len(bare) - len(unnamed)
        if len(tables) > _MANY_TABLES:
            continue
        for name in tables:
            stem, suffix = os.path.splitext(name.lower())
            if suffix == ".txt" and _SPLIT_LIST.fullmatch(stem):
                scan.split_lists.append(prefix + name)
            elif suffix in WORKBOOK_SUFFIXES:
                scan.tables += sheet_tables(folder / name, prefix + name)
            elif suffix != ".txt" or looks_like_table(folder / name):
                scan.tables.append(prefix + name)
    return scan


def scan_images(folder: Path) -> FolderScan:
    """The scan of a plain folder of images. Raises ClinjupError where it cannot be opened or holds none."""
    scan = scan_folder(folder)
    if scan.closed and not scan.images:
        raise ClinjupError(
            f"The folder '{folder / scan.closed[0]}' cannot be opened. Check that its drive is connected and that you may read it, or name "
            "another folder."
        )
    if not scan.images:
        raise ClinjupError(
            f"The folder '{folder}' holds no PNG, JPEG or DICOM image, so there is nothing to predict. Name another folder."
        )
    return scan


def _is_dicom(folder: Path, name: str, suffix: str) -> bool:
    return suffix in DICOM_SUFFIXES or (_UNTELLING.fullmatch(suffix) is not None and is_dicom_file(folder / name))


def _walk(root: Path, closed: list[str]) -> Iterator[tuple[Path, list[str]]]:
    """Folders with their file names, sorted; links are followed, each real folder once. Locked folders go to `closed`."""
    pending, seen = [root], set()
    while pending:
        folder = pending.pop()
        real = os.path.realpath(folder)
        if real in seen:
            continue
        seen.add(real)
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
            entries = [entry for entry in entries if not entry.name.startswith((".", "__MACOSX"))]
            folders = [entry.name for entry in entries if entry.is_dir()]
            names = [entry.name for entry in entries if not entry.is_dir()]
        except OSError:
            closed.append(folder.relative_to(root).as_posix())
            continue
        if folder != root and "journal.jsonl" in names:
            continue
        pending.extend(folder / name for name in reversed(folders))
        yield folder, names


def printable(path: str) -> str:
    """A path that can be written to JSON: bytes that are no valid text in this file system are spelled out."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def image_stem(name: str) -> str:
    """The last part of an image's name, without folders and image suffix: one Unicode form, no case."""
    last = _last_part(name).casefold()
    stem, suffix = os.path.splitext(last)
    return stem if suffix in _NAME_SUFFIXES else last


class FileIndex:
    """Finds the file that a table means, however the name is written there.

    With or without suffix and folders, back or forward slashes, composed or decomposed accents, other case. Where file
    names repeat across folders, the folders of the name must agree with the file's; a name that fits several is not matched.
    `aliases` are further names of files that stand inside them: name -> position (the SOPInstanceUID of DICOM).
    """

    def __init__(self, files: Sequence[str], aliases: Mapping[str, int] | None = None) -> None:
        self.files = files
        self._aliases = aliases or {}
        self._by_stem: dict[str, int | list[int]] = {}
        self._by_folders: dict[str, list[tuple[str, int]]] = {}  # stem of many files -> these, see _alike
        self._by_number: dict[str, list[int]] | None = None
        self._names_repeat = False
        for position, path in enumerate(files):
            stem = image_stem(path)
            known = self._by_stem.setdefault(stem, position)
            if isinstance(known, list):
                known.append(position)
            elif known != position:
                self._by_stem[stem] = [known, position]
                self._names_repeat = True

    def find(self, name: str) -> int | None:
        """Position in `files` of the image called `name`; None where no file, or more than one, fits."""
        fitting = self.matches(name)
        return fitting[0] if len(fitting) == 1 else None

    def matches(self, name: str) -> list[int]:
        """Positions of all files that `name` fits equally well."""
        stem = image_stem(name)
        found = self._by_stem.get(stem)
        if found is None:
            alias = self._aliases.get(name.strip())
            return [] if alias is None else [alias]
        if not self._names_repeat:
            return [found] if isinstance(found, int) else found
        fitting = self._alike(stem, _upwards(name))
        if len(fitting) < 2:
            return fitting
        last = _last_part(name)
        same = [i for i in fitting if _last_part(self.files[i]).casefold() == last.casefold()]
        return [i for i in same if _last_part(self.files[i]) == last] or same or fitting

    def padded(self, name: str) -> list[int]:
        """Positions of the files that the number `name` can mean once the zeros at its beginning are back ('17': 00017.png)."""
        if self._by_number is None:
            self._by_number = {}
            for position, path in enumerate(self.files):
                stem = image_stem(path)
                if stem.isdecimal():
                    self._by_number.setdefault(stem.lstrip("0") or "0", []).append(position)
        number = name.strip()
        return self._by_number.get(number, []) if number.isdecimal() else []

    def _alike(self, stem: str, wanted: str) -> list[int]:
        """Positions of the files of this stem whose folders, read upwards, begin as `wanted` does, as far as both go.

        All files of a set may have one stem (CheXpert's view1_frontal, IM000001 of DICOM exports) and one parent folder (study1),
        so they are sorted by their folders once, and those that agree are found by halving.
        """
        files = self._by_folders.get(stem)
        if files is None:
            found = self._by_stem[stem]
            files = sorted((_upwards(self.files[i]), i) for i in ([found] if isinstance(found, int) else found))
            if len(files) > _FEW:
                self._by_folders[stem] = files

        def between(first: str, last: str) -> list[int]:
            low = bisect_left(files, first, key=itemgetter(0))
            return [i for _, i in files[low : bisect_right(files, last, low, key=itemgetter(0))]]

        above = [i for i, letter in enumerate(wanted) if letter == "/"]
        shorter = ["", *(wanted[: end + 1] for end in above[:-1])] if wanted else []
        fitting = [i for folders in shorter for i in between(folders, folders)]
        return sorted([*fitting, *between(wanted, wanted + _LAST)])


def _last_part(name: str) -> str:
    plain = name.strip()
    if not plain.isascii():
        plain = unicodedata.normalize("NFC", plain)
    return plain.replace("\\", "/").rsplit("/", 1)[-1]


def _upwards(name: str) -> str:
    """The folders of a name from its parent up, each with a slash behind it: 'a/b/x.png' -> 'b/a/'."""
    parts = unicodedata.normalize("NFC", name.strip()).replace("\\", "/").casefold().split("/")[:-1]
    return "".join(f"{part}/" for part in reversed(parts) if part not in ("", ".", ".."))
