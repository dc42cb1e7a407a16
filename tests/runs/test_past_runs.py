"""Runs of earlier processes: their journals are read once, outside the event loop, and written only by who owns them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from clinjup.contracts import Event, RunRequest
from clinjup.locks import Lock
from clinjup.reporting import Journal
from clinjup.runs import RunManager, RunView

from .reads import Reads, reads_of


@pytest.fixture
def reads() -> Iterator[Reads]:
    with reads_of("journal.jsonl") as reads:
        yield reads


def killed_run(run_dir: Path, name: str) -> Path:
    folder = run_dir / name
    folder.mkdir(parents=True)
    journal = Journal.create(folder / "journal.jsonl")
    request = RunRequest(intent="Is there a pneumothorax?", data=str(run_dir))
    journal.append("intent", {"run_id": name, "request": request.model_dump(mode="json")})
    return folder


def test_a_journal_that_has_not_changed_is_not_read_again_and_none_is_read_in_the_event_loop(
    tmp_path: Path, reads: Reads
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


def test_the_journals_of_this_processs_own_runs_are_not_read(small_cohort: Path, tmp_path: Path, reads: Reads) -> None:
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


def as_it_was_and_as_another_process_finds_it(request: RunRequest, run_dir: Path, until: str) -> dict[str, Any]:
    """{kind: (live, past)} of a run that is stopped once it has told `until`."""

    async def both() -> dict[str, Any]:
        manager, later = RunManager(), RunManager()
        run_id = await manager.submit(request, interactive=True)
        async for event in manager.subscribe(run_id):
            if event.type == until:
                await manager.stop(run_id)
        await manager.wait(run_id)
        events = [event async for event in manager.subscribe(run_id, 0)]
        (past,) = await later.past(run_dir)
        return {
            "view": (manager.view(run_id), past),
            "events": (events, await later.past_events(past.folder)),
        }

    return asyncio.run(both())


def last(events: list[Event], kind: str) -> dict[str, Any]:
    return next(event.data for event in reversed(events) if event.type == kind)


@pytest.mark.parametrize(
    ("more", "until"),
    [
        ({"answers": {"confounder": "none"}, "approval": "plan-only"}, "run.finished"),
        ({"intent": "Make me a model for these images."}, "question.asked"),
        ({"answers": {"confounder": "none"}}, "result"),
    ],
    ids=["whose cells were placed", "stopped at its question", "stopped in a step"],
)
def test_after_a_restart_a_run_stands_as_it_stood_at_its_end(
    small_cohort: Path, tmp_path: Path, more: dict[str, Any], until: str
) -> None:
    given = {"intent": "Find pneumothorax.", "data": str(small_cohort), "out": str(tmp_path / "run"), **more}
    told = as_it_was_and_as_another_process_finds_it(RunRequest(**given), tmp_path, until)
    live, past = told["view"]
    for name in ("status", "sentence", "questions", "approvals", "resumable", "paused", "waits_for", "folder"):
        assert getattr(past, name) == getattr(live, name), name
    assert past.started == pytest.approx(live.started, abs=0.5)
    results = json.loads((live.folder / "results.json").read_text(encoding="utf-8"))
    assert past.elapsed == pytest.approx(live.elapsed, abs=0.001)
    assert results["seconds"] == pytest.approx(live.elapsed, abs=0.051)

    before, after = told["events"]
    ended, found = last(before, "run.finished"), last(after, "run.finished")
    assert found.pop("seconds") == pytest.approx(ended.pop("seconds"), abs=0.001)
    assert found == ended
    assert [event.data for event in after if event.type == "result"] == [
        event.data for event in before if event.type == "result"
    ]
    cells = [[event.data for event in each if event.type == "cell.finished"] for each in (before, after)]
    assert [(cell["step_id"], cell["ok"]) for cell in cells[1]] == [(cell["step_id"], cell["ok"]) for cell in cells[0]]
    assert [cell["seconds"] for cell in cells[1]] == pytest.approx([cell["seconds"] for cell in cells[0]], abs=0.01)
    if until != "question.asked":
        plans = [last(each, "plan.updated")["steps"] for each in (before, after)]
        shown = [
            [{name: step[name] for name in ("id", "title", "status", "note")} for step in steps] for steps in plans
        ]
        assert shown[1] == shown[0] and "done" in {step["status"] for step in shown[0]}


def test_a_model_that_was_chosen_and_a_step_that_was_stopped_are_known_after_a_restart(tmp_path: Path) -> None:
    folder = killed_run(tmp_path, "run")
    journal = Journal.open(folder / "journal.jsonl")
    steps = [{"id": name, "title": name, "recipe": name} for name in ("select", "broken", "test", "gradcam")]
    journal.append("plan", {"objective": "", "steps": steps})

    def ran(step_id: str, error: str | None) -> None:
        told = error and {"name": error, "message": "No film.", "traceback": "", "signature": error}
        seconds = {"step_id": step_id, "number": 1, "ok": error is None, "seconds": 2.5, "error": told}
        journal.append("execution", {**seconds, "source_sha256": "0"})

    ran("select", None)
    journal.append("result", {"step_id": "select", "finding": {"kind": "selection", "selected": "baseline"}})
    ran("broken", "ValueError")
    ran("test", "KeyboardInterrupt")

    async def look() -> list[Event]:
        manager = RunManager()
        await manager.past(tmp_path)
        return await manager.past_events(folder)

    events = asyncio.run(look())
    states = {step["id"]: step["status"] for step in last(events, "plan.updated")["steps"]}
    assert states == {"select": "done", "broken": "failed", "test": "pending", "gradcam": "pending"}
    assert last(events, "run.finished")["selected"] == "baseline"
    assert [event.data["step_id"] for event in events if event.type == "error.diagnosed"] == ["broken"]


def test_a_run_that_another_program_carries_counts_on_from_its_journal_and_stands_while_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = killed_run(tmp_path, "run")
    journal = Journal.open(folder / "journal.jsonl")
    lock = Lock(folder)
    manager = RunManager()

    def look(later: float) -> RunView:
        monkeypatch.setattr("clinjup.past_runs.time.time", lambda: manager_time + later)
        (view,) = asyncio.run(manager.past(tmp_path))
        return view

    manager_time = datetime.fromisoformat(journal.records[-1].t).timestamp()
    view = look(100)
    assert view.elapsed == pytest.approx(100, abs=0.01)
    assert (view.elsewhere, view.seconds_left) == (
        True,
        None,
    )  # of which try the journal's seconds are, it does not say
    held = journal.append("pause", {"paused": True})
    view = look(1000)
    assert (view.waits_for, view.paused, view.status) == ("go_on", True, "running")
    assert view.elapsed < 100 and view.as_of == datetime.fromisoformat(held.t).timestamp()
    lock.release()
