"""The journal of a run: an append-only file of JSON lines in which every line carries the hash of the one before.

Each line is the RFC 8785 canonical serialisation of `{n, t, kind, data, prev, hash}`, where `hash` is the SHA-256 of the
canonical serialisation of the other five. A line has only one valid spelling, so any changed byte shows, white space
included. A bare chain cannot show that its tail was cut off: the head is therefore kept in the notebook too (verify.py).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path, PurePath
from typing import Any, Literal

import rfc8785
from pydantic import BaseModel

Kind = Literal[
    "intent",
    "profile",
    "roles",
    "planner",
    "plan",
    "proposal",
    "policy",
    "sandbox",
    "approval",
    "execution",
    "result",
    "repair",
    "question",
    "answer",
    "disclosure",
    "usage",
    "test_opening",
    "interruption",
    "resume",
    "restore",
    "redo",
    "pause",
    "export",
    "finished",
]

JOURNAL_NAME = "journal.jsonl"
TORN_NAME = "journal.torn"
GENESIS = "0" * 64  # `prev` of the first record
_SAFE_INTEGER = 2**53 - 1  # the largest integer that JSON carries without loss (RFC 8785, 3.2.2.3)


class JournalError(Exception):
    """The journal cannot be used; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the journal. `n` counts from 1, `t` is UTC in ISO 8601, `prev` and `hash` are SHA-256 as hex."""

    n: int
    t: str
    kind: str
    data: dict[str, Any]
    prev: str
    hash: str


@dataclass
class Scan:
    """What lies in a journal's bytes: records that could be read, faults as sentences, and a torn last line."""

    records: list[Record] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    torn: bytes = b""

    @property
    def head(self) -> str:
        return self.records[-1].hash if self.records else GENESIS


class Journal:
    """The open journal of the run's one writer, or what a reader sees of it. Make it with `create`, `open` or `read`."""

    def __init__(self, path: Path, scan: Scan) -> None:
        self.path = path
        self.records: list[Record] = scan.records
        self.recovered: str | None = None

    @classmethod
    def create(cls, path: Path) -> Journal:
        """Start an empty journal; FileExistsError if there is one already."""
        path.open("xb").close()
        return cls(path, Scan())

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Open a journal to go on with it, after its whole chain was checked.

        A torn last line (the machine stopped while it was written) is moved to journal.torn and told in `recovered`. Any
        other fault raises JournalError: nobody may write on after a line that was changed. Only for who owns the run: another
        program may be writing that last line now (`read`).
        """
        scan, size = _scan(path)
        journal = cls(path, scan)
        if scan.torn:
            _set_aside(path, scan.torn, keep=size - len(scan.torn))
            journal.recovered = (
                f"The last line of the journal was incomplete ({len(scan.torn)} bytes, the machine stopped while it was "
                f"written). It was moved to {TORN_NAME}; the {len(scan.records)} records before it are intact."
            )
        return journal

    @classmethod
    def read(cls, path: Path) -> Journal:
        """The records up to the last complete line, without touching the file. Raises JournalError as `open` does."""
        return cls(path, _scan(path)[0])

    @property
    def head(self) -> str:
        """Hash of the last record; 64 zeros while there is none."""
        return self.records[-1].hash if self.records else GENESIS

    def append(self, kind: Kind, data: object, *, wait: bool = True) -> Record:
        """Write one record and return when it is on the disk. `data`: a mapping or a pydantic model.

        Without `wait` the disk is not waited for: the system has the line, and the next record that waits takes it along.
        """
        content = to_json(data)
        if not isinstance(content, dict):
            content = {"value": content}
        body: dict[str, Any] = {
            "n": len(self.records) + 1,
            "t": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "kind": kind,
            "data": content,
            "prev": self.head,
        }
        line, digest = _spelled(body)
        record = Record(**body, hash=digest)
        size = self.path.stat().st_size
        try:
            with self.path.open("ab") as stream:
                stream.write(line)
                stream.flush()
                if wait:
                    os.fsync(stream.fileno())
        except OSError:
            os.truncate(self.path, size)  # a full disk must not leave half a line for the next one to stick to
            raise
        self.records.append(record)
        return record


def read_records(data: bytes) -> Scan:
    """Check every line of a journal; never raises. Bytes after the last newline are the torn line."""
    *lines, torn = data.split(b"\n")
    scan = Scan(torn=torn)
    for number, line in enumerate(lines, start=1):
        record = _parse(line)
        if record is None:
            scan.problems.append(f"Line {number} of the journal cannot be read as a record; it was changed or added.")
            continue
        if rfc8785.dumps(dataclasses.asdict(record)) != line:
            scan.problems.append(f"Line {number} of the journal is not spelled as clinjup writes it; it was edited.")
        body = {name: value for name, value in dataclasses.asdict(record).items() if name != "hash"}
        if _digest(body) != record.hash:
            scan.problems.append(f"Line {number} of the journal was changed: its content does not match its hash.")
        if record.prev != scan.head or record.n != number:
            scan.problems.append(
                f"Line {number} of the journal does not follow from the line before; a line was changed, removed or added."
            )
        scan.records.append(record)
    return scan


def to_json(value: object) -> Any:
    """`value` as plain JSON that RFC 8785 accepts: NaN and infinity become null, unsafe integers and unknown objects text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value).encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, int):
        return int(value) if abs(value) <= _SAFE_INTEGER else str(int(value))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, BaseModel):
        return to_json(value.model_dump(mode="json"))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_json({part.name: getattr(value, part.name) for part in dataclasses.fields(value)})
    if isinstance(value, Mapping):
        return {to_json(str(key)): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((to_json(item) for item in value), key=str)
    if isinstance(value, PurePath):
        return to_json(value.as_posix())
    if isinstance(value, date):
        return value.isoformat()
    if callable(as_list := getattr(value, "tolist", None)):  # numpy scalars and arrays, without importing numpy
        return to_json(as_list())
    return to_json(str(value))


def canonical(value: object) -> bytes:
    """RFC 8785 bytes of `value` after `to_json`."""
    return rfc8785.dumps(to_json(value))


def _spelled(body: Mapping[str, Any]) -> tuple[bytes, str]:
    """The line of a record and its hash. "data" and "hash" are the first of its names in the order of RFC 8785."""
    data = b'{"data":' + rfc8785.dumps(body["data"])
    rest = rfc8785.dumps({name: value for name, value in body.items() if name != "data"})[1:]
    digest = hashlib.sha256(data + b"," + rest).hexdigest()
    return data + f',"hash":"{digest}",'.encode() + rest + b"\n", digest


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(rfc8785.dumps(dict(body))).hexdigest()


def _parse(line: bytes) -> Record | None:
    try:
        raw = json.loads(line.decode("utf-8"), parse_int=_number)
        record = Record(**raw)
        rfc8785.dumps(dataclasses.asdict(record))
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (record.t, record.kind, record.prev, record.hash)
    if not (type(record.n) is int and isinstance(record.data, dict) and all(isinstance(text, str) for text in texts)):
        return None
    return record


def _number(text: str) -> int | float:
    """Integers beyond 2**53 were floats when they were written (RFC 8785 spells 1e16 as 10000000000000000)."""
    return float(text) if len(text) > 16 or abs(int(text)) > _SAFE_INTEGER else int(text)


def _scan(path: Path) -> tuple[Scan, int]:
    """What lies in the journal, and its bytes. Raises JournalError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise JournalError(f"The journal '{path}' cannot be read ({error.strerror}).") from error
    scan = read_records(data)
    if scan.problems:
        raise JournalError(
            f"{scan.problems[0]} A run with a changed journal cannot be continued; start a new one, and keep this folder."
        )
    return scan, len(data)


def _set_aside(path: Path, torn: bytes, *, keep: int) -> None:
    with path.with_name(TORN_NAME).open("ab") as stream:
        stream.write(torn + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.truncate(path, keep)
