"""What the model is told: a history that only grows, stays well-formed, and is told anew, shorter, when it has grown too long.

Between two compactions no byte that was sent changes: servers cache by prefix, and Anthropic's models refuse thinking blocks
whose past was edited. A compaction therefore starts the conversation afresh, with a story instead of turns.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from clinjup.agent.pictures import PICTURE_CHARACTERS

CHARACTERS_PER_TOKEN = 3.5
SOFT_LIMIT = 110_000  # characters; compact above this, but not more often than every 20 turns
HARD_LIMIT = 190_000  # characters; compact above this in any case
MIN_TURNS = 20
KEPT_TURNS = 4  # told in full after a compaction
LINE_LIMIT = 220  # characters of an older turn after a compaction

_UNANSWERED = "Not carried out: the run was stopped before."


@dataclass
class Exchange:
    """One turn of the model and what it was answered."""

    content: list[dict[str, Any]]
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    remark: str = ""
    line: str = ""

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [block for block in self.content if block["type"] == "tool_use"]

    def messages(self) -> list[dict[str, Any]]:
        """Assistant and user message. Every tool call has its result, results come first, nothing is empty."""
        answer: list[dict[str, Any]] = [self.results[call["id"]] for call in self.calls if call["id"] in self.results]
        if self.remark or not answer:
            answer.append({"type": "text", "text": self.remark or "Go on."})
        content = self.content or [{"type": "text", "text": "(nothing)"}]
        return [{"role": "assistant", "content": content}, {"role": "user", "content": answer}]

    def told(self) -> str:
        """The exchange as plain text, for a model that starts anew."""
        parts = []
        for block in self.content:
            if block["type"] == "text":
                parts.append(f"You: {block['text']}")
            elif block["type"] == "tool_use":
                parts.append(f"You called {block['name']}: {json.dumps(block['input'], ensure_ascii=False)}")
        parts += [f"Result: {_words_of(result['content'])}" for result in self.results.values()]
        return "\n".join([*parts, self.remark] if self.remark else parts)


class Conversation:
    """The turns since the last compaction, and the story of those before."""

    def __init__(self, opening: str) -> None:
        self.compactions = 0
        self._opening = opening
        self._lines: list[str] = []
        self._kept: list[Exchange] = []
        self._exchanges: list[Exchange] = []
        self._size = _length(self._first())

    @property
    def characters(self) -> int:
        """Size of all messages as JSON."""
        return self._size

    @property
    def turns(self) -> int:
        """Turns since the last compaction."""
        return len(self._exchanges)

    def add(self, content: list[dict[str, Any]]) -> None:
        """The model's turn, before it is answered."""
        self._exchanges.append(Exchange(content))

    def result(
        self, call_id: str, text: str, *, pictures: Sequence[dict[str, Any]] = (), is_error: bool = False
    ) -> None:
        """The result of one tool call of the newest turn, with `pictures` as image blocks."""
        content: Any = [{"type": "text", "text": text}, *pictures] if pictures else text
        block: dict[str, Any] = {"type": "tool_result", "tool_use_id": call_id, "content": content}
        self._exchanges[-1].results[call_id] = {**block, "is_error": True} if is_error else block

    def remark(self, text: str) -> None:
        """Something to say to the newest turn beside the results of its calls."""
        self._exchanges[-1].remark = text

    def close(self, line: str) -> None:
        """End the newest turn: every call that has no result gets one. `line` is what is left of it after a compaction."""
        newest = self._exchanges[-1]
        for call in newest.calls:
            if call["id"] not in newest.results:
                self.result(call["id"], _UNANSWERED, is_error=True)
        newest.line = shortened(line, LINE_LIMIT)
        self._size += sum(_length(message) for message in newest.messages())

    def messages(self) -> list[dict[str, Any]]:
        """The history as the Messages API wants it: roles alternate, no tool call without its result, none orphaned."""
        return [self._first(), *(message for exchange in self._exchanges for message in exchange.messages())]

    def compact_if_due(self, beside: int) -> None:
        """Compact when the request, with `beside` more characters (system prompt, tools), has grown too long."""
        size = self._size + beside
        if size > HARD_LIMIT or (size > SOFT_LIMIT and self.turns >= MIN_TURNS):
            self.compact()

    def compact(self) -> None:
        """Tell finished turns in one line each, the newest ones in full, and begin a new conversation with that."""
        turns = [*self._kept, *self._exchanges]
        self._lines += [exchange.line for exchange in turns[:-KEPT_TURNS] if exchange.line]
        self._kept, self._exchanges = turns[-KEPT_TURNS:], []
        self._size = _length(self._first())
        self.compactions += 1

    def _first(self) -> dict[str, Any]:
        blocks = [self._opening]
        if self._lines:
            blocks.append("# What you did before\n" + "\n".join(f"- {line}" for line in self._lines))
        if self._kept:
            turns = "\n\n".join(exchange.told() for exchange in self._kept)
            blocks.append(f"# Your newest turns\n{turns}\n\nGo on from here.")
        return {"role": "user", "content": [{"type": "text", "text": text} for text in blocks]}


def shortened(text: str, limit: int) -> str:
    """Head and tail of a text, at most about `limit` characters."""
    if len(text) <= limit:
        return text
    head = limit * 2 // 3
    return f"{text[:head]} [... {len(text) - limit:,} characters left out ...] {text[head - limit :]}"


def _words_of(content: Any) -> str:
    """What a result says in words; of its pictures only that they were shown."""
    if isinstance(content, str):
        return content
    shown = sum(block["type"] == "image" for block in content)
    texts = [block["text"] for block in content if block["type"] == "text"]
    return "\n".join([*texts, f"({shown} picture{' was' if shown == 1 else 's were'} shown)"])


def _length(message: dict[str, Any]) -> int:
    results = [
        block for block in message["content"] if isinstance(block, dict) and isinstance(block.get("content"), list)
    ]
    pictures = [part["source"]["data"] for block in results for part in block["content"] if part["type"] == "image"]
    return len(json.dumps(message, ensure_ascii=False)) + sum(PICTURE_CHARACTERS - len(data) for data in pictures)
