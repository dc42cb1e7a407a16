"""How much a model may use up: checked before every request, so that a run never ends by surprise."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from clinjup.agent.provider.usage import Price, Usage

# Below this a model call is not worth beginning: the offline planner evaluates what there is.
CLOSING_SECONDS = 45.0


class BudgetSpentError(Exception):
    """A limit is reached. The sentence says which one."""


@dataclass
class Budget:
    """The limits of one run. `max_cost` in US dollars; None means no limit."""

    max_requests: int = 150
    max_tokens: int = 5_000_000
    max_cost: float | None = None
    max_repeats: int = 3
    spent: float = 0.0
    """US dollars that earlier tries of the run have cost."""
    _seen: Counter[str] = field(default_factory=Counter)

    def check(self, *, requests: int, usage: Usage, price: Price, next_tokens: int) -> None:
        """Raise BudgetSpentError when a request with about `next_tokens` input tokens would pass a limit."""
        if requests >= self.max_requests:
            raise BudgetSpentError(f"The model was asked {requests} times, which is the limit of a run.")
        if usage.tokens + next_tokens > self.max_tokens:
            raise BudgetSpentError(
                f"The model has used {usage.tokens:,} tokens, and the limit of a run is {self.max_tokens:,}."
            )
        cost = self.spent + usage.cost(price)
        if self.max_cost is not None and cost + next_tokens * price.input / 1e6 > self.max_cost:
            raise BudgetSpentError(
                f"The model has cost {cost:.2f} US dollars (list price), and one more question would pass the limit of "
                f"{self.max_cost:.2f}."
            )

    def note_state(self, signature: str) -> None:
        """Raise BudgetSpentError when the same action has led to the same result too often."""
        self._seen[signature] += 1
        if self._seen[signature] >= self.max_repeats:
            raise BudgetSpentError(f"The model did the same thing {self.max_repeats} times with the same result.")
