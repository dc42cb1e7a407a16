"""Going back to before a step: what cannot be undone stays known."""

from __future__ import annotations

from pathlib import Path

from clinjup.contracts import RunRequest
from clinjup.reporting import Journal
from clinjup.run_folder import read_history


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
