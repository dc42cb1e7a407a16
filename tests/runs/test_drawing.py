"""Before a run has begun: a stop that comes while its images are drawn or checked, and what its planning takes of its time."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

import clinjup.run
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


def request_in(out: Path, data: Path, intent: str = "Find pneumothorax.", approval: str = "risky") -> RunRequest:
    return RunRequest(intent=intent, data=str(data), answers={"confounder": "none"}, out=str(out), approval=approval)


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


def test_what_the_planning_takes_is_taken_from_the_time_of_the_run_in_what_is_told_and_in_what_is_done(
    small_cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = clinjup.run.first_plan

    async def plan_slowly(*arguments: Any) -> Any:
        await asyncio.sleep(3)
        return await plan(*arguments)

    monkeypatch.setattr("clinjup.run.first_plan", plan_slowly)

    async def times() -> tuple[float, float]:
        manager = RunManager()
        request = request_in(tmp_path / "run", small_cohort, approval="plan-only")
        run_id = await manager.submit(request)
        await manager.wait(run_id)
        run = manager._runs[run_id]
        assert run.state is not None and run.clock.seconds > 3
        return run.state.deadline - run._started, run.view().budget_seconds

    done, told = asyncio.run(times())
    assert done == pytest.approx(told, abs=0.5)
