"""Where pretrained weights lie: on the hub, or in a checkpoint on this machine. Imports nothing of ours."""

from __future__ import annotations

from pathlib import Path

HUB = "hub"
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")  # in the order of preference


def weights_at(given: str | None, base: Path) -> str | None:
    """What was asked for, as a run keeps it: HUB, an absolute path, or None where nothing is named. Relative paths start at `base`."""
    named = (given or "").strip()
    return named or None if named in ("", HUB) else str((base / Path(named).expanduser()).resolve())


def checkpoint_files(pretrained: str | None) -> list[Path]:
    """The checkpoint, or all of a folder, safetensors first; none for the hub, or where there is nothing."""
    if not pretrained or pretrained == HUB:
        return []
    path = Path(pretrained)
    if path.is_file():
        return [path]
    return [file for suffix in SUFFIXES for file in sorted(path.glob(f"*{suffix}"))]
