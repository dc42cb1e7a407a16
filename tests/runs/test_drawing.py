"""Stop, when it comes while the images of an example are waited for, or checked for the run that begins with them."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from clinjup.contracts import RunRequest
from clinjup.drawing import OnProgress
from clinjup.notebook.desk import OwnDesk
from clinjup.runs import RunManager


class SlowDesk(OwnDesk):
    """A desk on a busy machine: it opens a notebook when it is `free`."""

    def __init__(self) -> None:
        self.asked, self.free = asyncio.Event(), asyncio.Event()

    async def open(self, *arguments: Any, **keywords: Any) -> Any:
        self.asked.set()
        await self.free.wait()
        return await super().open(*arguments, **keywords)


def request_in(out: Path, data: Path, intent: str = "Find pneumothorax.") -> RunRequest:
    return RunRequest(intent=intent, data=str(data), answers={"confounder": "none"}, out=str(out))


@pytest.mark.parametrize("intent", ["Find pneumothorax.", "Make me a model for these images."], ids=["plans", "asks"])
@pytest.mark.parametrize("ending", ["stop", "close"])
def test_a_stop_that_was_asked_for_before_the_run_had_begun_stops_it(
    intent: str, ending: str, small_cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clinjup.drawing.STOPS_WITHIN", 0.05)

    async def stop_early() -> None:
        desk = SlowDesk()
        manager = RunManager(desk)
        request = request_in(tmp_path / "run", small_cohort, intent)
        run_id = await manager.submit_drawn(request, "Drawing", lambda on_progress: small_cohort, interactive=True)
        await desk.asked.wait()
        stopping = asyncio.create_task(manager.stop(run_id) if ending == "stop" else manager.close())
        if ending == "stop":
            await stopping
            assert manager.view(run_id).status == "running"
        else:
            await asyncio.sleep(0.1)  # longer than a drawing is waited for
        desk.free.set()
        async with asyncio.timeout(60):
            await stopping
            while manager.busy():
                assert ending == "stop"
                await asyncio.sleep(0.02)
        assert manager.view(run_id).status == "interrupted"
        assert "cell.started" not in {event.type async for event in manager.subscribe(run_id, 0)}

    asyncio.run(stop_early())


def test_a_drawing_that_waits_for_its_turn_is_stopped_at_once_and_the_one_before_it_goes_on(tmp_path: Path) -> None:
    go_on = threading.Event()
    drawn = []

    def draw(on_progress: OnProgress) -> Path:
        drawn.append("begun")
        assert go_on.wait(60)
        on_progress(1, 1)
        drawn.append("done")
        return tmp_path / "nowhere"

    async def two() -> None:
        manager = RunManager()
        request = request_in(tmp_path / "first", tmp_path / "images")
        first = await manager.submit_drawn(request, "Drawing", draw)
        while not drawn:
            await asyncio.sleep(0.01)
        second = await manager.submit_drawn(request_in(tmp_path / "second", tmp_path / "images"), "Drawing", draw)
        third = await manager.submit_drawn(request_in(tmp_path / "third", tmp_path / "images"), "Drawing", draw)
        await asyncio.sleep(0)
        await manager.stop(second)
        assert [manager.view(each).status for each in (first, second, third)] == ["running", "interrupted", "running"]
        assert drawn == ["begun"]
        go_on.set()
        async with asyncio.timeout(60):
            while manager.busy():
                await asyncio.sleep(0.01)
        assert drawn == ["begun", "done"] * 2
        assert [manager.view(each).status for each in (first, third)] == ["failed", "failed"]

    asyncio.run(two())
