"""A run's notebook under another name: notebooks say in their metadata of which run they are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def read_notebook(path: Path) -> dict[str, Any] | None:
    """The notebook as nbformat JSON; None where the file holds none."""
    try:
        notebook = json.loads(path.read_bytes().decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return notebook if isinstance(notebook, dict) and isinstance(notebook.get("cells"), list) else None


def notebook_of_run(folder: Path, run_id: str, heads: Sequence[str]) -> tuple[Path, dict[str, Any]] | None:
    """The notebook in the run folder `folder` that names this run. Where it was duplicated, the copy that was written last by the run.

    `heads`: hashes of the journal's records in their order; a notebook names the last one that it knows of.
    """

    def newest(found: tuple[Path, dict[str, Any]]) -> tuple[int, int]:
        told = told_of_run(found[1])
        head, seq = told.get("journal_head"), told.get("seq")
        return heads.index(head) if head in heads else -1, seq if isinstance(seq, int) else -1

    read = [(path, read_notebook(path)) for path in sorted(folder.glob("*.ipynb"))]
    found = [(path, notebook) for path, notebook in read if notebook and told_of_run(notebook).get("run_id") == run_id]
    return max(found, key=newest, default=None)


def told_of_run(notebook: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the notebook says of the run that wrote it: {run_id, journal_head, seq, status}, each where it is known."""
    metadata = notebook.get("metadata")
    told = metadata.get("clinjup") if isinstance(metadata, dict) else None
    return told if isinstance(told, dict) else {}
