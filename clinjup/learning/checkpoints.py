"""Checkpoints on disk: weights and a few plain values, written whole or not at all, read without unpickling code."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch

from clinjup.hashing import sha256_of
from clinjup.imaging.presence import estimate_column
from clinjup.kernel.errors import ClinjupError

if TYPE_CHECKING:
    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort

FORMAT = "clinjup.checkpoint/1"  # raise when training changes, so that older checkpoints are not taken for its result


def checkpoint_path(name: str) -> Path:
    """checkpoints/NAME.ckpt under the working folder, which is the run's."""
    if not name or Path(name).name != name or name.startswith("."):
        raise ClinjupError(f"'{name}' cannot name a model: use letters, digits, '_' and '-'.")
    return Path("checkpoints") / f"{name}.ckpt"


def fingerprint(cohort: Cohort, images: ImageCache, confounders: Sequence[str], arguments: dict[str, Any]) -> str:
    """SHA-256 of all that decides a training: arguments, rows, labels, splits, confounders as annotated and estimated, outlines, images."""
    known = [name for confounder in confounders for name in (confounder, estimate_column(confounder))]
    columns = ["label", "split", *(name for name in known if name in cohort.table)]
    table = cohort.table[columns].assign(sha256=images.files["sha256"].reindex(cohort.table.index))
    facts = {
        "format": FORMAT,
        "target": cohort.target,
        "classes": cohort.classes,
        "positive": cohort.positive,
        "pixels": list(images.pixels.shape[1:]),
    }
    outlines = sorted({source.table for source in cohort.masks.values()})
    if outlines:
        files = {table: Path(cohort.root) / table for table in outlines}
        facts["outlines"] = {table: sha256_of(file) for table, file in files.items() if file.is_file()}
    digest = hashlib.sha256(json.dumps(facts | arguments, sort_keys=True).encode())
    digest.update(pd.util.hash_pandas_object(table, index=True).to_numpy().tobytes())
    return digest.hexdigest()


def finished_state(path: Path, identity: str, timeless: str) -> dict[str, Any] | None:
    """The state of the checkpoint at `path` if it is the finished result of the very same training, or of one that its time did not end.

    `identity`, `timeless`: fingerprints of the training with and without its `max_minutes`.
    """
    try:
        state = read_checkpoint(path)
    except ClinjupError:
        return None
    same = state["fingerprint"] == identity
    had_time = state.get("same_but_time") == timeless and state.get("stopped") != "time budget"
    return state if state["finished"] and (same or had_time) else None


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write `state` (tensors and plain values) to `path`; a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.part")
    whole = io.BytesIO()  # torch tells of a full disk in words of its own
    torch.save({"format": FORMAT, **state}, whole)
    try:
        partial.write_bytes(whole.getbuffer())
        os.replace(partial, path)
    except OSError as error:
        raise ClinjupError(
            f"The model cannot be saved as '{path.as_posix()}' ({error.strerror or error}). Free some space on this disk and train again."
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """The state that `save_checkpoint` wrote. Raises ClinjupError where the file is gone, damaged or of another program."""
    path = Path(path)
    if not path.is_file():
        raise ClinjupError(f"There is no checkpoint '{path.as_posix()}'. Train the model again.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (
        OSError, EOFError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, pickle.UnpicklingError, zipfile.BadZipFile,
    ) as error:  # fmt: skip
        raise ClinjupError(f"The checkpoint '{path.as_posix()}' is damaged. Train the model again.") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ClinjupError(f"'{path.as_posix()}' is no checkpoint of this version of clinjup. Train the model again.")
    return state
