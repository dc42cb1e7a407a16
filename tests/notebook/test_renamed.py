"""A resumed run opens its own notebook, whatever it is called by then."""

from __future__ import annotations

import json
from pathlib import Path

from clinjup.reporting import Journal
from tests.notebook.test_trust import desk_of


def test_of_a_notebook_that_was_duplicated_and_renamed_the_newer_one_is_opened(tmp_path: Path) -> None:
    desk = desk_of(tmp_path)
    folder = desk.root / "run"
    folder.mkdir()
    journal = Journal.create(folder / "journal.jsonl")
    for name, kind in (("notebook-Copy1", "intent"), ("pneumo", "finished")):
        journal.append(kind, {})
        notebook = {"cells": [], "metadata": {"clinjup": {"run_id": "r", "journal_head": journal.head}}}
        (folder / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    journal.append("resume", {})
    assert desk.now_at("run/notebook.ipynb", folder, "r") == "run/pneumo.ipynb"
    assert desk.now_at("run/notebook-Copy1.ipynb", folder, "r") == "run/notebook-Copy1.ipynb"
    assert desk.now_at("run/notebook.ipynb", folder, "another") == "run/notebook.ipynb"
