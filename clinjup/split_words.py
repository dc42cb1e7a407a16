"""Words that tables, folders and list files use for the parts of a data set. Imports nothing of ours."""

from __future__ import annotations

import re

_WORDS = {
    "train": ("train", "training", "trainval", "tr"),
    "validation": ("val", "valid", "validation", "validierung", "dev", "tune", "tuning"),
    "test": ("test", "testing", "holdout", "eval"),
}
SPLITS = tuple(_WORDS)
_NAMES = {word: name for name, words in _WORDS.items() for word in words}


def split_name(word: str) -> str:
    """`train`, `validation` or `test` for a word from a table, a folder or a list file ('train_val_list', 'Trainingsset'); else ""."""
    plain = re.sub(r"[\W_]+", "", word.casefold())
    return _NAMES.get(plain) or _NAMES.get(re.sub(r"s?(list|images|files|set|split)$", "", plain), "")


_SEPARATED = re.compile(r"[\W_]+")
_TELLING = {word for word in _NAMES if len(word) > 2} - {"eval", "dev", "tune"}  # these say other things inside a name
_VERSION = re.compile(r"v?\d*")
_FILES = frozenset(
    {"input", "inputs", "image", "images", "img", "imgs", "bilder", "data", "jpeg", "jpg", "png", "dicom"}
)


def folder_split(folder: str) -> str:
    """The same for a folder, also where its name ends in the part and what it holds ('ISIC_2019_Test_Input', 'ISIC-2017_Test_v2_Data')."""
    words = _SEPARATED.split(folder.casefold())
    if words[-1] not in _FILES:
        return split_name(folder)
    before = [word for word in words[:-1] if not _VERSION.fullmatch(word)]
    return split_name(folder) or (_NAMES[before[-1]] if before and before[-1] in _TELLING else "")


def table_split(path: str) -> str:
    """The same for a table by its name, or else by its folders: 'ISIC2018_Task3_Test_GroundTruth.csv', 'test/labels.csv'.

    A name that speaks of several parts tells none, but training with validation is training.
    """
    for name in reversed(path.split("/")):
        said = {_NAMES[word] for word in _SEPARATED.split(name.casefold()) if word in _TELLING}
        if said == {"train", "validation"}:
            return "train"
        if said:
            return said.pop() if len(said) == 1 else ""
    return ""
