"""What the folders that images lie in say: class, official split, patient."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from clinjup.imaging.files import FileIndex, FolderScan
from clinjup.split_words import SPLITS, folder_split, split_name

MAX_CLASS_FOLDERS = 20
_MANY_NAMES, _FEW_FILMS = 4, 4  # this many folders with fewer films each, on average, can be studies

_CONTAINER = re.compile(
    r"((.*[_-])?(images?|imgs?|bilder|aufnahmen)([_-]?(part)?[_-]?\d+)?|pngs?|jpe?gs?|data|dataset|pictures|films)",
    re.I,
)
_PATIENT = re.compile(r"(patient(in)?|pat|subject|subj|sub|case|fall|pid|p|study|studie)[_\- ]?\d+", re.I)
# What DICOM exports call their folders: UIDs, studies, series. They say nothing about a class.
_EXPORT = re.compile(r"\d+(\.\d+){3,}|(dicom|dcm|st|se|pa|im|series?|exam|visit|untersuchung)[_-]?\d*", re.I)
# What counts the studies up in their names: digits, dates, UIDs, and the random numbers of a CD (0A3F91C2).
_COUNT = re.compile(r"\b(?=[a-f]*\d)[\da-f]{6,}\b|[\d\W_]+")


def class_folder_labels(images: Sequence[str]) -> tuple[list[str], dict[str, int]]:
    """Per image the names of its class folders joined by '|', and how many images lie under each name.

    Folders that hold everything (images_001), split folders (train) and patient folders (patient_17) say nothing about a
    class; of the rest, each level with 2 to 20 distinct names counts, but for one whose folders hold about a study each (1 to 3 films)
    and are numbered (S0, S1 ..., dates, UIDs).
    No such level: empty labels and no class folders.
    """
    folders = [path.rpartition("/")[0] for path in images]
    files_in = Counter(folders)
    said = {folder: [part for part in folder.split("/") if part and _says_class(part)] for folder in files_in}
    depth = max((len(parts) for parts in said.values()), default=0)
    levels: list[Counter[str]] = [Counter() for _ in range(depth)]
    for folder, parts in said.items():
        for level, part in enumerate(parts):
            levels[level][part] += files_in[folder]
    kept = [level for level, names in enumerate(levels) if 2 <= len(names) <= MAX_CLASS_FOLDERS and not _studies(names)]
    counts: Counter[str] = Counter()
    for level in kept:
        counts.update(levels[level])
    label = {f: "|".join(parts[level] for level in kept if level < len(parts)) for f, parts in said.items()}
    return [label[folder] for folder in folders], dict(counts)


def _studies(names: Counter[str]) -> bool:
    """Whether many folders hold few films each, and differ only by what counts them up."""
    few = len(names) >= _MANY_NAMES and names.total() < _FEW_FILMS * len(names)
    forms = {_COUNT.sub("#", name.casefold()) for name in names} - {"#"}
    return few and len(forms) <= 1 and all(re.search(r"\d", name) for name in names)


def patient_folders(images: Sequence[str]) -> list[str]:
    """Per image the folder that names its patient (patient_17, Fall 3), or ""."""
    return _per_folder(images, lambda part: part if _PATIENT.fullmatch(part) else "")


def folder_parts(images: Sequence[str]) -> list[str]:
    """Per image the official part that a folder names (test, ISIC_2019_Test_Input), or ""."""
    return _per_folder(images, folder_split)


def _per_folder(images: Sequence[str], meaning: Callable[[str], str]) -> list[str]:
    """Per image the first of its folders' meanings that is not "", worked out once per folder."""
    known: dict[str, str] = {}
    found = []
    for path in images:
        folder = path.rpartition("/")[0]
        if folder not in known:
            known[folder] = next(filter(None, map(meaning, folder.split("/"))), "")
        found.append(known[folder])
    return found


def official_splits(scan: FolderScan, index: FileIndex) -> np.ndarray | None:
    """Per image `train`, `validation`, `test` or "", from list files (train_val_list.txt) or else from folders; or None.

    An image in two lists counts for the later of train, validation, test, so that a test image never trains.
    """
    splits = np.full(len(scan.images), "", dtype=object)
    lists = [(split_name(Path(path).stem), path) for path in scan.split_lists]
    for wanted in SPLITS:
        for path in (path for name, path in lists if name == wanted):
            splits[_listed(scan.root / path, index)] = wanted
    if not any(splits):
        splits[:] = folder_parts(scan.images)
    found = set(splits) - {""}
    return splits if len(found) > 1 or (found and scan.split_lists) else None


def _listed(path: Path, index: FileIndex) -> list[int]:
    positions = []
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for line in lines:
            name = line.strip()
            found = index.find(name) if name else None
            if found is None and name:  # a label may follow the name
                found = index.find(re.split(r"[\s,;]", name, maxsplit=1)[0])
            if found is not None:
                positions.append(found)
    return positions


def _says_class(part: str) -> bool:
    patterns = (_CONTAINER, _PATIENT, _EXPORT)
    return not (any(pattern.fullmatch(part) for pattern in patterns) or folder_split(part))
