"""Figures of a run for a model that may see them. Off unless the clinician turned it on: a figure can show films."""

from __future__ import annotations

import base64
import binascii
import io
from pathlib import Path
from typing import Any

from clinjup.agent.state import Brief, GateRefusedError, Observation

MOST_PICTURES = 3  # of one cell
LONGEST_SIDE = 1024  # pixels
PICTURE_CHARACTERS = 5_000  # what a picture weighs in a conversation: about 1,400 tokens at this size


def figures_of(observation: Observation, brief: Brief) -> list[dict[str, Any]]:
    """The figures that a cell left in the run's folder, as blocks of a message; never a file from anywhere else."""
    plots = (Path(brief.folder) / "plots").resolve()
    paths = [
        (Path(brief.folder) / str(finding.get("path", ""))).resolve()
        for finding in observation.findings
        if finding.get("kind") == "figure"
    ]
    inside = [path for path in paths if path.parent == plots and path.suffix == ".png" and path.is_file()]
    return [_block(path.read_bytes()) for path in inside[:MOST_PICTURES]]


def without_metadata(block: dict[str, Any]) -> dict[str, Any]:
    """An image block, its picture drawn anew: no text, date or name beside the pixels, at most LONGEST_SIDE wide or high.

    Raises GateRefusedError where it is no picture.
    """
    from PIL import Image

    source = block.get("source")
    if (
        set(block) - {"type", "source", "cache_control"}
        or not isinstance(source, dict)
        or source.get("type") != "base64"
    ):
        raise GateRefusedError("A picture was not given as plain pixels, so nothing was sent.")
    try:
        with Image.open(io.BytesIO(base64.b64decode(source["data"], validate=True)), formats=["PNG"]) as picture:
            pixels = picture.convert("RGB")
    except (KeyError, binascii.Error, OSError, ValueError, Image.DecompressionBombError) as problem:
        raise GateRefusedError(
            "What should have been a picture cannot be read as one, so nothing was sent."
        ) from problem
    pixels.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    anew = io.BytesIO()
    Image.frombytes("RGB", pixels.size, pixels.tobytes()).save(anew, "PNG", optimize=True)
    kept = {"cache_control": block["cache_control"]} if "cache_control" in block else {}
    return {**_block(anew.getvalue()), **kept}


def _block(png: bytes) -> dict[str, Any]:
    source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(png).decode()}
    return {"type": "image", "source": source}
