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
