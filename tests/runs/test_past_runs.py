"""Runs of earlier processes: their journals are read once, outside the event loop, and written only by who owns them."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from clinjup.contracts import RunRequest
from clinjup.locks import Lock
from clinjup.reporting import Journal
from clinjup.runs import RunManager

_reads: list[tuple[str, bool]] | None = None


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if _reads is not None and event == "open" and str(arguments[0]).endswith("journal.jsonl") and arguments[1] == "r":
        in_the_event_loop = threading.current_thread() is threading.main_thread()
        _reads.append((Path(str(arguments[0])).parent.name, in_the_event_loop))


sys.addaudithook(_note)  # cannot be taken back; `_reads` says whether it counts


@pytest.fixture
def reads() -> Iterator[list[tuple[str, bool]]]:
    """(folder, whether in the event loop) of each journal that was opened for reading."""
    global _reads
    _reads = []
    yield _reads
    _reads = None


def killed_run(run_dir: Path, name: str) -> Path:
    folder = run_dir / name
    folder.mkdir(parents=True)
    journal = Journal.create(folder / "journal.jsonl")
    request = RunRequest(intent="Is there a pneumothorax?", data=str(run_dir))
    journal.append("intent", {"run_id": name, "request": request.model_dump(mode="json")})
    return folder


def test_a_journal_that_has_not_changed_is_not_read_again_and_none_is_read_in_the_event_loop(
    tmp_path: Path, reads: list[tuple[str, bool]]
) -> None:
    first, second = killed_run(tmp_path, "first"), killed_run(tmp_path, "second")
    manager = RunManager()

    def past() -> dict[str, str]:
        reads.clear()
        return {view.id: view.status.value for view in asyncio.run(manager.past(tmp_path))}

    assert past() == {"first": "interrupted", "second": "interrupted"}
    assert sorted(reads) == [("first", False), ("second", False)]
    assert past() == {"first": "interrupted", "second": "interrupted"} and reads == []
    Journal.open(second / "journal.jsonl").append("finished", {"status": "completed", "sentence": ""})
    assert past() == {"first": "interrupted", "second": "completed"} and reads == [("second", False)]
    lock = Lock(first)  # another program goes on with it
    assert past() == {"first": "running", "second": "completed"} and reads == [("first", False)]
    assert past() == {"first": "running", "second": "completed"} and reads == []
    lock.release()
    assert past() == {"first": "interrupted", "second": "completed"}


def test_the_journals_of_this_processs_own_runs_are_not_read(
    small_cohort: Path, tmp_path: Path, reads: list[tuple[str, bool]]
) -> None:
    async def look() -> None:
        manager = RunManager()
        request = RunRequest(
            intent="Find pneumothorax.",
            data=str(small_cohort),
            approval="plan-only",
            answers={"confounder": "none"},
            out=str(tmp_path / "own"),
        )
        run_id = await manager.submit(request)
        reads.clear()
        assert await manager.past(tmp_path) == [] and reads == []
        await manager.wait(run_id)
        reads.clear()
        assert await manager.past(tmp_path) == [] and reads == []

    asyncio.run(look())


def test_a_line_that_the_owner_is_writing_is_left_alone_by_others_and_put_aside_by_the_next_owner(
    tmp_path: Path,
) -> None:
    folder = killed_run(tmp_path, "run")
    journal = folder / "journal.jsonl"
    with journal.open("ab") as stream:
        stream.write(b'{"data":{"text":"half a li')
    written = journal.read_bytes()

    async def look() -> None:
        manager = RunManager()
        lock = Lock(folder)
        assert [view.status for view in await manager.past(tmp_path)] == ["running"]
        assert [event.type for event in await manager.past_events(folder)] == ["run.started", "run.finished"]
        await manager.explain(folder, "split")
        assert journal.read_bytes() == written
        lock.release()
        assert [view.status for view in await manager.past(tmp_path)] == ["interrupted"]

    asyncio.run(look())
    assert (folder / "journal.torn").read_bytes() == b'{"data":{"text":"half a li\n'
    assert [record.kind for record in Journal.read(journal).records] == ["intent", "interruption", "finished"]
