"""What the scripted model (clinjup.testing) says next: one server for all, fed while it runs."""

from __future__ import annotations

from collections import deque
from typing import Any


class Turns(deque[Any]):
    """A script that can be added to: `ScriptedClaude(turns)`."""

    def __next__(self) -> Any:
        if not self:
            raise StopIteration
        return self.popleft()

    def __iter__(self) -> Turns:
        return self
