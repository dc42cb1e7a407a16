"""Tokens used, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Usage:
    """Token counts as the server reports them; `input` are those that no cache held."""

    input: int = 0
    output: int = 0
    cache_written: int = 0
    cache_read: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cache_written + other.cache_written,
            self.cache_read + other.cache_read,
        )

    @property
    def tokens(self) -> int:
        return self.input + self.output + self.cache_written + self.cache_read

    def cost(self, price: Price) -> float:
        """US dollars."""
        return (
            self.input * price.input
            + self.output * price.output
            + self.cache_written * price.cache_write
            + self.cache_read * price.cache_read
        ) / 1e6


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens."""

    input: float
    output: float
    cache_write: float
    cache_read: float


# List prices of 2026 (platform.claude.com, pricing) by the beginning of a model's name, the longest match first. They bound what a
# run may cost; they choose no model.
_PRICES = {
    "claude-opus-5-5": Price(4, 20, 5, 0.2),
    "claude-opus": Price(5, 25, 6.25, 0.5),
    "claude-sonnet-5": Price(2, 10, 2.5, 0.2),
    "claude-sonnet": Price(3, 15, 3.75, 0.3),
    "claude-haiku": Price(1, 5, 1.25, 0.1),
}
_FREE = Price(0, 0, 0, 0)
_HIGHEST = Price(
    10, 50, 12.5, 1
)  # an unknown model counts as the dearest one, so that a limit is never passed unnoticed


def price_of(model: str, *, local: bool) -> Price:
    """What the model costs; a server on this machine costs nothing."""
    if local:
        return _FREE
    names = sorted((name for name in _PRICES if model.startswith(name)), key=len)
    return _PRICES[names[-1]] if names else _HIGHEST
