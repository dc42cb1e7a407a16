"""Which text each cell of a shared notebook had from which op on, and who wrote it; its tags and pictures besides."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

# Versions of one cell that are remembered. A tab that is further behind is taken to have changed the cell, which loses nothing.
REMEMBERED = 60
_NOT_THE_USERS = {"clinjup", "execution", "trusted"}


@dataclass(frozen=True)
class Version:
    """A cell from op `seq` on. `origin` is the client that wrote its text, None for the run; `over` the text it replaced.

    `teller` is the client in whose words the cell came, text or not; None for the run.
    """

    seq: int
    source: str
    origin: str | None
    over: str | None
    teller: str | None
    metadata: dict[str, Any]
    attachments: dict[str, Any]

    @classmethod
    def of(
        cls,
        cell: NotebookNode,
        seq: int,
        origin: str | None,
        over: str | None = None,
        teller: str | None = None,
    ) -> Version:
        """The cell as it is now."""
        metadata = copy.deepcopy(of_the_user(cell.metadata))
        return cls(seq, cell.source, origin, over, teller, metadata, dict(cell.get("attachments", {})))


@dataclass
class Track:
    """What is known of one cell besides its content."""

    versions: list[Version]
    outputs_seq: int = 0
    state_seq: int = 0
    running: bool = False
    shown: list[dict[str, Any]] = field(default_factory=list)

    @property
    def current(self) -> Version:
        return self.versions[-1]

    def is_latest_of(self, client: str, seq: int) -> bool:
        """Whether nobody but `client` has changed the text since op `seq`."""
        base = self.at(seq)
        return all(
            version.origin == client or (base is not None and version.source == base.source)
            for version in self.versions
            if version.seq > seq
        )

    def told_by(self, client: str | None, seq: int) -> bool:
        """Whether all that happened to the cell since op `seq` came from `client`."""
        return all(version.teller == client for version in self.versions if version.seq > seq)

    def at(self, seq: int) -> Version | None:
        """The version that a tab has which knows the ops up to `seq`."""
        return next((version for version in reversed(self.versions) if version.seq <= seq), None)


@dataclass(frozen=True)
class Gone:
    """A cell that was taken out, by client `origin` or the run; kept whole, for whoever undoes it."""

    seq: int
    source: str
    origin: str | None
    cell: NotebookNode


def of_the_user(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """A cell's metadata without clinjup's notes, the clock, and whether its outputs are trusted."""
    return {name: value for name, value in metadata.items() if name not in _NOT_THE_USERS}


def merged(base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """`ours` with what was changed, name by name, between `base` and `theirs`. Tags are merged one by one."""
    result = dict(ours)
    for name in {**base, **theirs}:
        if theirs.get(name) == base.get(name):
            continue
        old, mine, new = (each.get(name, []) for each in (base, ours, theirs))
        if name == "tags" and all(isinstance(tags, list) for tags in (old, mine, new)):
            kept = [tag for tag in mine if tag in new or tag not in old]
            result[name] = kept + [tag for tag in new if tag not in old and tag not in kept]
            if not result[name] and name not in theirs:
                del result[name]
        elif name in theirs:
            result[name] = theirs[name]
        else:
            result.pop(name, None)
    return result
