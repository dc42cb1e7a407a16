"""Figures leave only where the clinician turned it on, and then as pixels alone."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from clinjup.agent.conversation import Conversation
from clinjup.agent.pictures import LONGEST_SIDE, PICTURE_CHARACTERS, figures_of
from clinjup.agent.privacy import PrivacyGate
from clinjup.agent.state import Brief, GateRefusedError, Observation
from tests.agent.claude_runs import brief as plain_brief

LOCAL = "http://localhost:11434"


class Notes:
    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def record(self, kind: str, data: dict[str, Any], *, wait: bool = True) -> None:
        self.records.append(data)

    def publish(self, event: str, data: dict[str, Any]) -> None: ...


def png(width: int = 1600, height: int = 900) -> bytes:
    told = PngInfo()
    told.add_text("Patient", "Canary^Anna")
    stream = io.BytesIO()
    Image.radial_gradient("L").resize((width, height)).save(stream, "PNG", pnginfo=told)
    return stream.getvalue()


def block(data: bytes, **more: Any) -> dict[str, Any]:
    source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(data).decode()}
    return {"type": "image", "source": source, **more}


def sent(shared: bool, part: dict[str, Any], folder: Path, notes: Notes) -> dict[str, Any]:
    gate = PrivacyGate(plain_brief(share_images=shared), folder, notes)
    result = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "Done."}, part]}
    clean = gate.outbound({"model": "m", "messages": [{"role": "user", "content": [result]}]}, LOCAL)
    return clean["messages"][0]["content"][0]["content"][1]


def test_a_shared_figure_leaves_as_pixels_alone_and_is_written_down(tmp_path: Path) -> None:
    notes = Notes()
    data = base64.b64decode(sent(True, block(png()), tmp_path, notes)["source"]["data"])
    assert b"Canary" in png() and b"Canary" not in data
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.info == {} and max(picture.size) == LONGEST_SIDE
    (disclosure,) = notes.records
    assert "pictures" in disclosure["kinds"]
    assert base64.b64encode(data) in (tmp_path / disclosure["file"]).read_bytes()


def test_the_same_figure_leaves_as_the_same_bytes(tmp_path: Path) -> None:
    first = sent(True, block(png()), tmp_path / "a", Notes())
    assert first == sent(True, block(png()), tmp_path / "b", Notes())


@pytest.mark.parametrize(
    ("shared", "part"),
    [
        (False, block(png())),
        (True, block(b"GIF89a no picture")),
        (True, block(png(), name="Canary")),
        (True, {"type": "image", "source": {"type": "url", "url": "http://elsewhere/film.png"}}),
        (True, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "not base64!"}}),
    ],
)
def test_anything_else_is_refused_and_nothing_is_written_down(
    shared: bool, part: dict[str, Any], tmp_path: Path
) -> None:
    notes = Notes()
    with pytest.raises(GateRefusedError, match="nothing was sent"):
        sent(shared, part, tmp_path, notes)
    assert notes.records == []


def test_only_figures_of_the_run_s_own_folder_are_shown(tmp_path: Path) -> None:
    run: Brief = replace(plain_brief(), folder=str(tmp_path / "run"))
    (tmp_path / "run" / "plots").mkdir(parents=True)
    (tmp_path / "run" / "plots" / "roc.png").write_bytes(png(40, 30))
    (tmp_path / "film.png").write_bytes(png(40, 30))
    paths = ["plots/roc.png", "plots/gone.png", "../film.png", str(tmp_path / "film.png"), "plots/../../film.png"]
    found = figures_of(
        Observation("carried_out", findings=tuple({"kind": "figure", "path": path} for path in paths)), run
    )
    assert found == [block(png(40, 30))]


def test_a_picture_weighs_little_and_is_only_mentioned_after_a_compaction() -> None:
    conversation = Conversation("Begin.")
    before = conversation.characters
    conversation.add([{"type": "tool_use", "id": "a", "name": "inspect", "input": {}}])
    conversation.result("a", "Done.", pictures=[block(png())])
    conversation.close("inspect")
    assert PICTURE_CHARACTERS < conversation.characters - before < PICTURE_CHARACTERS + 1000
    conversation.compact()
    (first,) = conversation.messages()
    assert "(1 picture was shown)" in first["content"][-1]["text"] and "base64" not in str(first)
