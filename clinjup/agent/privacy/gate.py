"""The one way out of this machine: every payload is checked, scrubbed, written down, and only then let go. It fails closed.

What may leave is structure: the request, column names, kinds of columns, counts of at least five, metrics, code. What may not:
pixels, rows, values, file names, paths, identifiers, dates, names. Figures leave
only where the clinician turned it on. The same rules hold for every destination, this machine included, because a server on this
machine may pass on what it gets.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from clinjup.agent.pictures import without_metadata
from clinjup.agent.privacy.destination import Destination, DestinationRefusedError, check_destination
from clinjup.agent.privacy.known import column_names, naming_words, sentences
from clinjup.agent.privacy.scrub import Scrubber
from clinjup.agent.prompts import system_prompt
from clinjup.agent.state import Brief, GateRefusedError, Ledger
from clinjup.agent.words import words
from clinjup.contracts import Disclosure

FOLDER = "cache/disclosures"

_FIELDS = words("model max_tokens messages system tools tool_choice stream thinking output_config cache_control")
_PLACEHOLDER = re.compile(
    r"\[(?:withheld|rows withheld|numbers withheld|file|path|date|time|name|id|uid|mail|address|number)\]"
)
_KINDS = {
    "request": re.compile(r"^# The request", re.MULTILINE),
    "data profile": re.compile(r"^# The data|^layout: ", re.MULTILINE),
    "plan": re.compile(r"^# Draft of the plan|^The plan has these steps", re.MULTILINE),
    "findings": re.compile(r"^Done\.|^[a-z_]+: .*\bauroc\b", re.MULTILINE),
    "printed text": re.compile(r"^Printed:", re.MULTILINE),
    "error": re.compile(r"^Failed\.", re.MULTILINE),
    "rejection": re.compile(r"^Rejected", re.MULTILINE),
    "answers": re.compile(r"^Answers: ", re.MULTILINE),
    "story of earlier turns": re.compile(r"^# (What you did before|Your newest turns|So far)", re.MULTILINE),
}


class PrivacyGate:
    """agent.state.Gate for one run. `folder` is the run folder; the texts that left are kept under cache/disclosures."""

    def __init__(self, brief: Brief, folder: Path, ledger: Ledger, *, local_only: bool = False) -> None:
        self._brief = brief
        self._profile = brief.profile
        self._ledger = ledger
        self._folder = folder
        self._local_only = local_only
        self._scrubber = Scrubber(column_names(brief.profile), naming_words(brief.profile), sentences(brief.profile))
        kept = (int(path.stem) for path in (folder / FOLDER).glob("*.json"))
        self._written = max(kept, default=0)  # a resumed run goes on counting
        self._private = [path for path in {brief.profile.root, str(folder), str(Path.home())} if len(path) > 1]
        self._cleaned: dict[tuple[str, bool], str] = {}
        self._tools: tuple[Any, Any] = ([], [])
        self._past: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._from_model: set[str] = set()
        self._own_calls: list[str] = []
        task = brief.task
        self.said(
            task.request, task.target_name or "", *(item.name for item in task.confounders), *brief.answers.values()
        )

    def said(self, *texts: str) -> None:
        """The clinician said this themselves, so its words may be told; names, dates and addresses in it still may not."""
        for text in texts:
            self._scrubber.know(self._scrubber.without_patterns(text))

    def outbound(self, body: dict[str, Any], destination: str) -> dict[str, Any]:
        """The body that may be sent instead of `body`, after it was written down. Raises GateRefusedError."""
        try:
            server = check_destination(destination, local_only=self._local_only)
        except DestinationRefusedError as problem:
            raise GateRefusedError(str(problem)) from problem
        if self._brief.profile is not self._profile:  # the data were looked at again
            self._profile = self._brief.profile
            self._scrubber.know_columns(column_names(self._profile))
        clean = self._clean(body) if body else {}
        self._write_down(clean, server)
        return clean

    # ---------------------------------------------------------------------------------------------------- cleaning

    def _clean(self, body: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(body) - _FIELDS)
        if unknown:
            raise GateRefusedError(
                f"The gate does not know what '{unknown[0]}' in a request means, so nothing was sent."
            )
        clean = {name: value for name, value in body.items() if name not in {"messages", "system", "tools"}}
        if "tools" in body:
            if body["tools"] != self._tools[0]:
                self._tools = body["tools"], self._each_string(body["tools"])
            clean["tools"] = self._tools[1]
        if "system" in body:
            clean["system"] = self._system(body["system"])
        clean["messages"] = self._messages(body.get("messages", []))
        return clean

    def _messages(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What was let out before goes out again as it was; the rest is cleaned, one after the other, because words add up."""
        same = 0
        while same < min(len(messages), len(self._past)) and messages[same] == self._past[same][0]:
            same += 1
        self._past[same:] = [(message, self._message(message)) for message in messages[same:]]
        return [clean for _, clean in self._past]

    def _system(self, system: Any) -> Any:
        if isinstance(system, str):
            return self._package_text(system)
        return [
            {**self._only(block, "type", "text", "cache_control"), "text": self._package_text(block["text"])}
            for block in system
        ]

    def _package_text(self, text: str) -> str:
        """The prompt that ships with clinjup holds nothing of the data."""
        return text if text == system_prompt() else self._text(text)

    def _message(self, message: dict[str, Any]) -> dict[str, Any]:
        kept = self._only(message, "role", "content")
        role, content = kept["role"], kept["content"]
        if role == "assistant":
            return {"role": role, "content": self._from_the_model(content)}
        if role != "user":
            raise GateRefusedError(f"The gate does not know the role '{role}', so nothing was sent.")
        if isinstance(content, str):
            return {"role": role, "content": self._text(content)}
        return {"role": role, "content": [self._block(block) for block in content]}

    def _block(self, block: dict[str, Any]) -> dict[str, Any]:
        kind = block.get("type")
        if kind == "text":
            return {**self._only(block, "type", "text", "cache_control"), "text": self._text(block["text"])}
        if kind == "tool_result":
            kept = self._only(block, "type", "tool_use_id", "content", "is_error", "cache_control")
            if not re.fullmatch(r"[\w-]{1,128}", str(kept.get("tool_use_id", ""))):
                raise GateRefusedError("A tool result has no usable id, so nothing was sent.")
            content = kept.get("content", "")
            told = self._text(content) if isinstance(content, str) else [self._block(part) for part in content]
            return {**kept, "content": told}
        if kind == "image" and self._brief.share_images:
            return without_metadata(block)
        raise GateRefusedError(
            f"A payload held a part of the kind '{kind}'. Only text leaves this machine, no files, and pictures only after the clinician "
            "turned them on; nothing was sent."
        )

    def _from_the_model(self, content: Any) -> Any:
        """What the model wrote goes back as it came; from then on its words are known to it."""
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        if any(path in text for path in self._private):
            raise GateRefusedError("A path of this machine stood in the model's own turn, so nothing was sent.")
        for block in [] if isinstance(content, str) else content:
            if block.get("type") not in {"text", "thinking", "redacted_thinking", "tool_use"}:
                raise GateRefusedError(f"The gate does not know the kind '{block.get('type')}', so nothing was sent.")
        key = hashlib.sha256(text.encode()).hexdigest()
        if key not in self._from_model:
            self._from_model.add(key)
            for part in [text] if isinstance(content, str) else _strings(content):
                self._scrubber.know(part)
            calls = [block for block in content if isinstance(block, dict) and block.get("type") == "tool_use"]
            self._own_calls += [json.dumps(call.get("input", {}), ensure_ascii=False) for call in calls]
        return content

    def _text(self, text: str, *, shapes: bool = True) -> str:
        """Scrubbed, and from then on always the same for the same text, so that a conversation's past does not change."""
        if (text, shapes) not in self._cleaned:
            # After a compaction the model is told its own calls again; its code has the shape of data, and is none.
            own = [call for call in self._own_calls[-20:] if len(call) > 40 and call in text]
            masked = text
            for number, call in enumerate(own):
                masked = masked.replace(call, f"(own call {number})")
            scrubbed = self._scrubber.scrub(masked, shapes=shapes)
            for number, call in enumerate(own):
                scrubbed = scrubbed.replace(f"(own call {number})", call)
            self._cleaned[text, shapes] = scrubbed
        return self._cleaned[text, shapes]

    def _each_string(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._each_string(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._each_string(item) for item in value]
        return self._text(value, shapes=False) if isinstance(value, str) else value

    @staticmethod
    def _only(part: dict[str, Any], *names: str) -> dict[str, Any]:
        unknown = sorted(set(part) - set(names))
        if unknown:
            raise GateRefusedError(
                f"The gate does not know what '{unknown[0]}' means in a message, so nothing was sent."
            )
        return dict(part)

    # ------------------------------------------------------------------------------------------------ writing down

    def _write_down(self, clean: dict[str, Any], server: Destination) -> None:
        payload = json.dumps(clean, ensure_ascii=False, separators=(",", ":")).encode() if clean else b""
        folder = self._folder / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        self._written += 1
        path = folder / f"{self._written:05d}.json"
        with path.open("xb") as stream:
            stream.write(payload)
        disclosure = Disclosure(
            at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            destination=server.url,
            loopback=server.loopback,
            bytes=len(payload),
            kinds=_kinds(clean),
            withheld=sum(map(_withheld_in, _from_us(clean))) if clean else 0,
            sha256=hashlib.sha256(payload).hexdigest(),
            file=f"{FOLDER}/{path.name}",
        )
        self._ledger.record("disclosure", disclosure.model_dump(mode="json"))


def _kinds(clean: dict[str, Any]) -> list[str]:
    """What sorts of things a payload tells."""
    if not clean:
        return ["question for the list of models"]
    told = {kind for text in _from_us(clean) for kind in _kinds_of(text)}
    found = [kind for kind, field in (("system prompt", "system"), ("tools", "tools")) if clean.get(field)]
    found += [kind for kind in _KINDS if kind in told]
    if any(_pictures_in(message["content"]) for message in clean["messages"]):
        found.append("pictures")
    if any(message["role"] == "assistant" for message in clean["messages"]):
        found.append("the model's own turns")
    return found


def _pictures_in(content: Any) -> bool:
    """Whether a message shows pictures, itself or in the result of a call."""
    parts = content if isinstance(content, list) else []
    return any(part.get("type") == "image" or _pictures_in(part.get("content")) for part in parts)


def _from_us(clean: dict[str, Any]) -> Iterator[str]:
    return (text for message in clean["messages"] if message["role"] == "user" for text in _strings(message["content"]))


@lru_cache(maxsize=1024)
def _kinds_of(text: str) -> frozenset[str]:
    return frozenset(kind for kind, pattern in _KINDS.items() if pattern.search(text))


@lru_cache(maxsize=1024)
def _withheld_in(text: str) -> int:
    return len(_PLACEHOLDER.findall(text))


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict) and value.get("type") == "image":
        return []
    if isinstance(value, dict):
        return [text for name, item in value.items() if name != "signature" for text in _strings(item)]
    return [text for item in value for text in _strings(item)] if isinstance(value, list) else []
