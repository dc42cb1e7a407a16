"""Where a path leads: into the run folder, into the data, or elsewhere. By its spelling alone; nothing is opened."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from enum import StrEnum

# Written by the process that owns the run and by nobody else (one writer).
OWNED = (
    "notebook.ipynb",
    "journal.jsonl",
    "journal.torn",
    "results.json",
    "report.html",
    "model_card.md",
    "predictions.csv",
    "predictions.json",
    "cache/disclosures",
)
_DRIVE = re.compile(r"^[A-Za-z]:(?=/)")
_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+://")
_SYSTEM = re.compile(
    r"^/(etc|home|root|usr|var|tmp|opt|mnt|media|srv|proc|sys|dev|data|run|boot|lib\w*|bin|sbin|Users|Volumes|private|"
    r"Library|Applications)(/|$)"
)


class Place(StrEnum):
    RUN = "run"
    OWNED = "owned"
    DATA = "data"
    OUTSIDE = "outside"
    NETWORK = "network"


class Places:
    """The run folder, which is also the kernel's working directory, the data folder, and the weights that the clinician named.

    Weights are read as data are, and like them never written.
    """

    def __init__(self, run: str = "", data: str = "", weights: str = "") -> None:
        self._run = _plain(run) or "/run-folder-of-this-run"
        self._data = _plain(data)
        self._weights = _plain(weights)

    @property
    def data(self) -> str:
        return self._data

    def of(self, text: str) -> Place:
        """The place that `text`, read as a path or URL, belongs to."""
        if _URL.match(text) and not text.lower().startswith("file://"):
            return Place.NETWORK
        path = _plain(re.sub(r"^file://", "", text, flags=re.IGNORECASE))
        if path.startswith("~"):
            return Place.OUTSIDE
        full = posixpath.normpath(path if is_absolute(path) else f"{self._run}/{path}")
        roots: list[tuple[str, Place]] = [(self._run, Place.RUN)]
        roots += [(root, Place.DATA) for root in (self._data, self._weights) if root]
        holding = [(root, place) for root, place in roots if _within(full, root)]
        if not holding:
            return Place.OUTSIDE
        root, place = max(holding, key=lambda item: len(item[0]))
        if place is Place.RUN and _any_within(full, (f"{root}/{name}" for name in OWNED)):
            return Place.OWNED
        return place

    def names_outside(self, text: str) -> bool:
        """Whether a string of the code, whatever it is used for, spells a place outside of both folders."""
        if len(text) > 1024 or "\n" in text:
            return False
        path = _plain(text)
        climbs = re.match(r"^(\.\./|\.\.$)", path) or "/../" in path
        if not (climbs or _SYSTEM.match(path) or _DRIVE.match(path) or re.match(r"^~([\w.-]*/|$)", path)):
            return False
        return self.of(text) is Place.OUTSIDE


def is_absolute(path: str) -> bool:
    """POSIX, Windows and UNC spellings, on every system."""
    plain = path.replace("\\", "/")
    return plain.startswith("/") or bool(_DRIVE.match(plain))


def _plain(path: str) -> str:
    plain = path.replace("\\", "/")
    return posixpath.normpath(plain) if is_absolute(plain) else plain


def _within(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


def _any_within(path: str, roots: Iterable[str]) -> bool:
    return any(_within(path, root) for root in roots)
