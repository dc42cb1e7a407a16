"""Before each step of a run its cells as they stand, with their outputs, so that the notebook can go back to there.

`cache/before_steps/` in the run folder holds every state of a cell once, in a file named by its hash, and index.jsonl says which of
them stood in the notebook before which step.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nbformat import NotebookNode, from_dict

from clinjup.atomic_files import write_atomic
from clinjup.hashing import sha256_text


class StepSnapshots:
    """The snapshots in one run folder. The last one of a step counts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "cache" / "before_steps"

    def take(self, step_id: str, cells: Iterable[NotebookNode]) -> None:
        """Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        names = []
        for cell in cells:
            text = json.dumps(cell, sort_keys=True)
            names.append(sha256_text(text))
            file = self._file(names[-1])
            if not file.exists():
                write_atomic(file, text)
        with self._index.open("a", encoding="utf-8") as index:  # begins a line: the one before may be torn
            index.write("\n" + json.dumps({"step_id": step_id, "cells": names}))

    def before(self, step_id: str) -> list[NotebookNode]:
        """The run's cells before a step, in their order; without those that cannot be read or were changed since.

        A run folder may come from elsewhere: no cell is marked as trusted, whatever its file says.
        """
        cells = []
        for name in self._names(step_id):
            try:
                text = self._file(name).read_text(encoding="utf-8")
                told = json.loads(text)
            except (OSError, ValueError):
                continue
            if sha256_text(text) == name and _is_cell_of_a_run(told):
                cell: NotebookNode = from_dict(told)
                cell.metadata.pop("trusted", None)
                cells.append(cell)
        return cells

    @property
    def _index(self) -> Path:
        return self._folder / "index.jsonl"

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _names(self, step_id: str) -> list[str]:
        try:
            lines = self._index.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            return []
        for line in reversed(lines):
            try:
                entry = json.loads(line)
                if entry["step_id"] == step_id:
                    return [name for name in entry["cells"] if isinstance(name, str) and name.isalnum()]
            except (ValueError, KeyError, TypeError):  # torn by a crash, or empty
                continue
        return []


def _is_cell_of_a_run(told: Any) -> bool:
    if not isinstance(told, dict) or not all(isinstance(told.get(name), str) for name in ("id", "source")):
        return False
    metadata = told.get("metadata")
    anchor = metadata.get("clinjup") if isinstance(metadata, dict) else None
    outputs = told.get("outputs") if told.get("cell_type") == "code" else []
    return told.get("cell_type") in {"code", "markdown"} and isinstance(anchor, dict) and isinstance(outputs, list)
