from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinjup.reporting.journal import GENESIS, Journal, JournalError, canonical, read_records, to_json


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal.create(tmp_path / "journal.jsonl")
    journal.append("intent", {"request": "Pneumothorax finden – bitte", "seed": 0})
    journal.append("result", {"auroc": 0.91, "n": 600, "nothing": None})
    journal.append("finished", {"status": "completed"})
    return journal


def test_records_count_up_carry_utc_time_and_the_hash_of_the_record_before(journal: Journal) -> None:
    records = [json.loads(line) for line in journal.path.read_text(encoding="utf-8").splitlines()]
    assert [record["n"] for record in records] == [1, 2, 3]
    assert [record["prev"] for record in records] == [GENESIS, records[0]["hash"], records[1]["hash"]]
    assert journal.head == records[2]["hash"]
    written = datetime.fromisoformat(records[0]["t"])
    assert written.tzinfo is not None and abs((datetime.now(written.tzinfo) - written).total_seconds()) < 60


def test_an_untouched_journal_opens_and_goes_on(journal: Journal) -> None:
    again = Journal.open(journal.path)
    assert again.recovered is None and again.head == journal.head
    record = again.append("resume", {})
    assert record.n == 4 and record.prev == journal.head
    assert not read_records(journal.path.read_bytes()).problems


def test_every_single_changed_byte_is_found(journal: Journal) -> None:
    data = journal.path.read_bytes()
    for position, byte in enumerate(data):
        for other in {byte ^ 1, ord(" "), ord("\n"), 0xFF} - {byte}:
            changed = data[:position] + bytes([other]) + data[position + 1 :]
            scan = read_records(changed)
            assert scan.problems or scan.torn, f"byte {position}: {data[position : position + 1]!r} -> {other}"


@pytest.mark.parametrize("inserted", [b" ", b"\n", b"\t", b"\r\n"])
def test_inserted_white_space_is_found(journal: Journal, inserted: bytes) -> None:
    data = journal.path.read_bytes()
    for position in range(len(data) + 1):
        scan = read_records(data[:position] + inserted + data[position:])
        assert scan.problems or scan.torn, position


def test_a_line_that_is_equal_json_in_another_spelling_is_found(journal: Journal) -> None:
    first, *rest = journal.path.read_text(encoding="utf-8").splitlines(keepends=True)
    respelled = json.dumps(json.loads(first)) + "\n"
    assert "not spelled" in read_records((respelled + "".join(rest)).encode()).problems[0]


@pytest.mark.parametrize(
    "order", [(0, 2), (1, 2), (0, 2, 1), (0, 0, 1, 2)], ids=["removed", "first", "swapped", "twice"]
)
def test_removed_moved_and_repeated_lines_are_found(journal: Journal, order: tuple[int, ...]) -> None:
    lines = journal.path.read_bytes().splitlines(keepends=True)
    assert read_records(b"".join(lines[number] for number in order)).problems


def test_opening_a_changed_journal_is_refused_in_a_sentence(journal: Journal) -> None:
    journal.path.write_bytes(journal.path.read_bytes().replace(b"0.91", b"0.97"))
    with pytest.raises(JournalError, match=r"Line 2 .* was changed.* cannot be continued"):
        Journal.open(journal.path)
    with pytest.raises(JournalError, match="cannot be read"):
        Journal.open(journal.path.with_name("missing.jsonl"))


def test_a_torn_last_line_is_set_aside_and_told(journal: Journal) -> None:
    whole = journal.path.read_bytes()
    lines = whole.splitlines(keepends=True)
    journal.path.write_bytes(lines[0] + lines[1] + lines[2][:40])
    again = Journal.open(journal.path)
    assert again.recovered is not None and "journal.torn" in again.recovered
    assert journal.path.with_name("journal.torn").read_bytes() == lines[2][:40] + b"\n"
    assert journal.path.read_bytes() == lines[0] + lines[1]
    again.append("resume", {})
    assert not read_records(journal.path.read_bytes()).problems


def test_a_write_that_fails_leaves_no_half_line(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    before = journal.path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        journal.append("answer", {"a": "b"})
    assert journal.path.read_bytes() == before
    monkeypatch.undo()
    journal.append("answer", {"a": "b"})
    assert not read_records(journal.path.read_bytes()).problems


def test_creating_over_an_existing_journal_is_refused(journal: Journal) -> None:
    with pytest.raises(FileExistsError):
        Journal.create(journal.path)


def test_what_json_cannot_hold_is_kept_as_null_or_text() -> None:
    data = {
        "nan": float("nan"),
        "infinity": [float("inf"), -float("inf")],
        "numpy": {"mean": np.float32(0.5), "count": np.int64(3), "all": np.array([1, 2])},
        "path": Path("a") / "b",
        "name": "bad\udcff.png",
        "large": 2**60,
        3: {"b", "a"},
        "object": ValueError("boom"),
    }
    assert to_json(data) == {
        "nan": None,
        "infinity": [None, None],
        "numpy": {"mean": 0.5, "count": 3, "all": [1, 2]},
        "path": "a/b",
        "name": "bad\\udcff.png",
        "large": str(2**60),
        "3": ["a", "b"],
        "object": "boom",
    }
    assert canonical({"b": 1.0, "a": 1e30}) == b'{"a":1e+30,"b":1}'


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=5), children, max_size=3)
    ),
    max_leaves=8,
)


@given(data=st.dictionaries(st.text(st.characters(), max_size=5), _values, max_size=4))
def test_whatever_is_written_reads_back_as_an_intact_chain(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, object]
) -> None:
    journal = Journal.create(tmp_path_factory.mktemp("journal") / "journal.jsonl")
    journal.append("result", data)
    journal.append("result", {"data": data})
    scan = read_records(journal.path.read_bytes())
    assert not scan.problems and not scan.torn and scan.head == journal.head


@given(data=st.binary(max_size=200))
def test_garbage_is_a_problem_and_never_an_exception(data: bytes) -> None:
    scan = read_records(data + b"\n")
    assert scan.problems


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 5000,
        b'{"n":1}',
        b"null",
        b'{"n":' + b"9" * 5000 + b"}",
        b'{"n":1,"t":2,"kind":3,"data":4,"prev":5,"hash":6}',
    ],
)
def test_hostile_lines_are_a_problem_and_never_an_exception(line: bytes) -> None:
    assert len(read_records(line + b"\n").problems) == 1
