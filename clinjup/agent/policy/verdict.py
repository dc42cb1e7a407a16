"""What the policy says about one cell: run it, ask first, or never; each with reasons in plain words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Decision(StrEnum):
    """Ordered from harmless to forbidden."""

    AUTO = "auto"
    ASK = "ask"
    DENY = "deny"

    @property
    def rank(self) -> int:
        return list(Decision).index(self)


@dataclass(frozen=True)
class Concern:
    """One thing in a cell that somebody should know about before it runs.

    `hazard`: it could do harm where nobody looks at the cell and no sandbox contains it.
    """

    code: str
    decision: Decision
    sentence: str
    line: int = 0
    hazard: bool = False


@dataclass(frozen=True)
class Verdict:
    """The strictest decision of all concerns."""

    decision: Decision
    concerns: tuple[Concern, ...] = ()

    @classmethod
    def of(cls, concerns: Iterable[Concern]) -> Verdict:
        """One concern of a kind and line is enough; the strictest come first."""
        unique = {(concern.code, concern.line): concern for concern in concerns}
        ordered = sorted(unique.values(), key=lambda concern: (-concern.decision.rank, concern.line))
        return cls(ordered[0].decision if ordered else Decision.AUTO, tuple(ordered))

    @property
    def reason(self) -> str:
        """The sentences of the concerns that decided, at most three."""
        deciding = [concern for concern in self.concerns if concern.decision is self.decision][:3]
        return " ".join(f"{f'Line {item.line}: ' if item.line else ''}{item.sentence}" for item in deciding)

    def as_record(self) -> dict[str, Any]:
        """For the journal."""
        concerns = [
            {"code": item.code, "decision": item.decision.value, "line": item.line, "sentence": item.sentence}
            for item in self.concerns
        ]
        return {"verdict": self.decision.value, "reason": self.reason, "concerns": concerns}
