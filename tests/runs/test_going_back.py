"""Going back to before a step: what cannot be undone stays known."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from clinjup.contracts import Plan, RunRequest, Step
from clinjup.reporting import Journal
from clinjup.run_folder import RunFolderError, read_history
from clinjup.runs import RunManager
from clinjup.views import events_of, view_of_history


def test_that_the_test_set_was_opened_is_still_known_after_going_back(tmp_path: Path) -> None:
    request = RunRequest(intent="Is there a pneumothorax?", data=str(tmp_path))
    journal = Journal.create(tmp_path / "journal.jsonl")
    journal.append("intent", {"run_id": "r", "request": request.model_dump(mode="json")})
    for kind in ("test_opening", "note"):
        journal.append("result", {"step_id": "test", "finding": {"kind": kind}})
    journal.append("finished", {"status": "completed", "sentence": ""})
    journal.append("restore", {"step_id": "test", "steps": ["test"], "cells_removed": 2})
    history = read_history(tmp_path)
    assert [finding["kind"] for finding in history.findings] == ["test_opening"]
    assert history.status == "interrupted" and not history.finished


def test_nobody_goes_back_to_before_the_test_set_was_opened(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    journal = Journal.create(folder / "journal.jsonl")
    journal.append("intent", {"run_id": "r", "request": RunRequest(intent="find it", data="d").model_dump(mode="json")})
    steps = [Step(id=each, title=each.capitalize(), recipe=each) for each in ("train", "test", "report")]
    journal.append("plan", Plan(objective="find it", steps=steps).model_dump(mode="json"))
    journal.append("result", {"step_id": "test", "finding": {"kind": "test_opening"}})
    records = (folder / "journal.jsonl").read_bytes()
    with pytest.raises(RunFolderError, match="opened at 'Test'"):
        asyncio.run(RunManager().restore(folder, "train"))
    assert (folder / "journal.jsonl").read_bytes() == records


def test_a_run_of_an_earlier_process_tells_what_is_to_be_done_again(tmp_path: Path) -> None:
    request = RunRequest(intent="Is there a pneumothorax?", data=str(tmp_path))
    journal = Journal.create(tmp_path / "journal.jsonl")
    journal.append("intent", {"run_id": "r", "request": request.model_dump(mode="json")})
    steps = [Step(id=each, title=each.capitalize(), recipe=each) for each in ("split", "train")]
    journal.append("plan", Plan(objective="find it", steps=steps))
    for step in steps:
        journal.append("execution", {"step_id": step.id, "ok": True, "source_sha256": "0"})
        mended = {"recipe": step.id, "parameters": {"BATCH_SIZE": 8}}
        journal.append("repair", {"step_id": step.id, "attempt": 2, "change": "Smaller batches.", **mended})
    journal.append("finished", {"status": "completed", "sentence": "Done."})
    journal.append("restore", {"step_id": "train", "steps": ["train"], "cells_removed": 1})
    history = read_history(tmp_path)
    events = {event.type: event.data for event in events_of(history, tmp_path)}
    sentence = (
        "One cell of the run was taken out from 'Train' on. What you wrote or changed is still there, the journal keeps everything, and the "
        "run can go on from there."
    )
    assert events["notebook.restored"] == {"steps": ["train"], "sentence": sentence}
    assert [step["status"] for step in events["plan.updated"]["steps"]] == ["done", "pending"]
    assert list(history.mended) == ["split"]  # the memory may be large enough by now
    assert events["error.repaired"] == {"step_id": "train", "attempt": 2, "change": "Smaller batches."}
    view = view_of_history(history, tmp_path)
    assert (view.status, view.resumable, view.sentence) == ("interrupted", True, sentence)
