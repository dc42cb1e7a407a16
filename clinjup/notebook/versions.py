"""Which text each cell of a shared notebook had from which op on, and who wrote it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# Versions of one cell that are remembered. A tab that is further behind is taken to have changed the cell, which loses nothing.
REMEMBERED = 60


@dataclass(frozen=True)
class Version:
    """The text of a cell from op `seq` on. `origin` is the client that wrote it, None for the run; `over` what it replaced."""

    seq: int
    source: str
    origin: str | None
    over: str | None = None


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

    def at(self, seq: int) -> Version | None:
        """The version that a tab has which knows the ops up to `seq`."""
        return next((version for version in reversed(self.versions) if version.seq <= seq), None)


@dataclass(frozen=True)
class Gone:
    seq: int
    source: str
    origin: str | None
