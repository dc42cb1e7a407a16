"""A run whose synthetic images are still being drawn: seen and stopped like a run, until the run goes on under the same id."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from clinjup.contracts import Event, Progress, RunRequest, RunStatus
from clinjup.views import RunView, destination_of

FULL = "The disk is full, so the synthetic images could not be drawn. Free some space, then start the example again."
STOPPED = "Stopped while the synthetic images were drawn. Nothing was trained; start the example again when you like."
TELL_SECONDS = 0.5
TURN_SECONDS = 0.1
STOPS_WITHIN = 10.0
Drawn = TypeVar("Drawn")
OnProgress = Callable[[int, int], None]


class DrawingStoppedError(Exception):
    """Somebody stopped the drawing."""


class Drawing:
    """`request` has its folder in `out`; `label` says what is drawn, such as "Drawing synthetic chest X-rays"."""

    task: asyncio.Task[None]

    def __init__(self, request: RunRequest, label: str, listeners: set[asyncio.Event]) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.request, self.label, self.listeners = request, label, listeners
        self.folder = Path(request.out or "").resolve()
        self.events: list[Event] = []
        self.ended: tuple[RunStatus, str] | None = None
        self.is_stopped = False
        self._began, self._started, self._told = time.time(), time.monotonic(), 0.0
        opening = {"intent": request.intent, "folder": str(self.folder), "notebook": "", "started": self._began}
        asked = {
            "planner": request.planner,
            "approval": request.approval,
            "budget_seconds": request.budget_minutes * 60,
        }
        self.publish("run.started", {**opening, **asked, "destination": destination_of(request), "resumed": False})

    async def draw(self, draw: Callable[[OnProgress], Drawn], turn: asyncio.Lock) -> Drawn:
        """What `draw` returns. It runs in a thread, once `turn` is free, and is stopped between two images.

        Raises DrawingStoppedError, and what `draw` raises.
        """
        loop = asyncio.get_running_loop()

        def on_progress(done: int, total: int) -> None:
            self._go_on_unless_stopped()
            loop.call_soon_threadsafe(self._advance, done, total)

        while turn.locked():  # looked at again and again: whoever waits for a lock cannot be stopped
            self._go_on_unless_stopped()
            await asyncio.sleep(TURN_SECONDS)
        async with turn:
            drawn = await asyncio.to_thread(draw, on_progress)
        self._go_on_unless_stopped()
        return drawn

    def _go_on_unless_stopped(self) -> None:
        if self.is_stopped:
            raise DrawingStoppedError

    def _advance(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._told < TELL_SECONDS and done < total:
            return
        self._told = now
        left = (total - done) * (now - self._started) / done
        told = Progress(label=self.label, done=done, total=total, unit="image", seconds_left=left)
        self.publish("cell.progress", told.model_dump())

    def publish(self, event: Any, data: dict[str, Any]) -> None:
        self.events.append(Event(run_id=self.id, seq=len(self.events), ts=self._now(), type=event, data=data))
        for listener in self.listeners:
            listener.set()

    def finish(self, status: RunStatus, sentence: str) -> None:
        """It ends here: no run goes on from it."""
        self.ended = status, sentence
        told = {"status": status, "sentence": sentence, "questions": [], "seconds": self._now() - self._began}
        self.publish("run.finished", told)

    async def stop(self) -> None:
        """Stop after the image that is being drawn. Where the images are drawn already, the run that begins with them is stopped."""
        self.is_stopped = True
        await asyncio.wait({self.task}, timeout=STOPS_WITHIN)

    def view(self) -> RunView:
        status, sentence = self.ended or (RunStatus.RUNNING, "")
        until = self.events[-1].ts if self.ended else self._now()
        budget = self.request.budget_minutes * 60
        return RunView(
            id=self.id,
            request=self.request,
            folder=self.folder,
            notebook="",
            status=status,
            started=self._began,
            elapsed=until - self._began,
            as_of=until,
            budget_seconds=budget,
            seconds_left=0.0 if self.ended else budget,
            last_seq=len(self.events) - 1,
            sentence=sentence,
        )

    def _now(self) -> float:
        return self._began + time.monotonic() - self._started
