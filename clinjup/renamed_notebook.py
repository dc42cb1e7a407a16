"""A run's notebook under another name: notebooks say in their metadata of which run they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_notebook(path: Path) -> dict[str, Any] | None:
    """The notebook as nbformat JSON; None where the file holds none."""
    try:
        notebook = json.loads(path.read_bytes().decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return notebook if isinstance(notebook, dict) and isinstance(notebook.get("cells"), list) else None


def notebooks_of_run(folder: Path, run_id: str) -> list[tuple[Path, dict[str, Any]]]:
    """The notebooks in the run folder `folder` that name this run, by their file names."""
    read = [(path, read_notebook(path)) for path in sorted(folder.glob("*.ipynb"))]
    return [(path, notebook) for path, notebook in read if notebook is not None and named_run(notebook) == run_id]


def named_run(notebook: dict[str, Any]) -> object:
    """The id of the run that the notebook names; None: of none."""
    metadata = notebook.get("metadata")
    told = metadata.get("clinjup") if isinstance(metadata, dict) else None
    return told.get("run_id") if isinstance(told, dict) else None
