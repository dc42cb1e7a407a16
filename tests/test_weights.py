"""Where weights are looked for, and which files a kernel in the sandbox is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clinjup.notebook.provisioner import _readable_in_run
from clinjup.weights import HUB, checkpoint_files, weights_at


@pytest.mark.parametrize(
    ("given", "kept"),
    [(None, None), ("", None), ("  ", None), ("hub", HUB), (" hub ", HUB), ("w.pth", "/base/w.pth"), ("/w/x", "/w/x")],
)
def test_nothing_named_is_no_folder(given: str | None, kept: str | None) -> None:
    assert weights_at(given, Path("/base")) == kept


def test_of_a_folder_only_its_checkpoints_are_shown(tmp_path: Path) -> None:
    for name in ("b.pth", "a.pth", "z.safetensors", "id_rsa", "notes.txt"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    assert [file.name for file in checkpoint_files(str(tmp_path))] == ["z.safetensors", "a.pth", "b.pth"]
    assert checkpoint_files(str(tmp_path / "a.pth")) == [tmp_path / "a.pth"]
    assert checkpoint_files(HUB) == checkpoint_files(None) == checkpoint_files(str(tmp_path / "none")) == []


def test_a_kernel_that_starts_in_a_run_may_read_its_data_and_its_weights(tmp_path: Path) -> None:
    weights = tmp_path / "w.pth"
    weights.write_text("x", encoding="utf-8")
    for request, expected in (({"pretrained": str(weights)}, [weights]), ({}, []), ({"pretrained": HUB, "new": 1}, [])):
        records = [
            {"kind": "intent", "data": {"request": request}},
            {"kind": "profile", "data": {"root": str(tmp_path)}},
        ]
        (tmp_path / "journal.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
        assert _readable_in_run(tmp_path) == [*expected, tmp_path]
    assert _readable_in_run(tmp_path / "elsewhere") == []
