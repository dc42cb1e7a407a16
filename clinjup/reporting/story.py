"""What the journal tells the report: how to start the run again, which steps were done, what had to be mended."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clinjup.reporting.journal import JOURNAL_NAME, Record, read_records

STEP_WORDS = {"done": "done", "failed": "failed", "skipped": "left out", "pending": "not done"}


@dataclass(frozen=True)
class StoryStep:
    """A step of the plan; `state` is a key of STEP_WORDS."""

    title: str
    state: str
    attempts: int


@dataclass(frozen=True)
class FailedAttempt:
    """A cell that failed, and what was changed before the next try (empty if there was none)."""

    title: str
    number: int
    error: str
    change: str


@dataclass
class Story:
    """The run as its journal tells it; everything is empty where there is no journal."""

    command: str = ""
    steps: list[StoryStep] = field(default_factory=list)
    failures: list[FailedAttempt] = field(default_factory=list)
    records: int = 0
    head: str = ""

    @property
    def missing(self) -> list[str]:
        """Titles of the steps that were planned and not done."""
        return [step.title for step in self.steps if step.state != "done"]


def read_story(run_dir: Path) -> Story:
    """Read the journal of a run folder; a missing or damaged journal gives what can be read of it."""
    try:
        data = (run_dir / JOURNAL_NAME).read_bytes()
    except OSError:
        return Story()
    records = read_records(data).records
    story = Story(records=len(records), head=records[-1].hash if records else "")
    intents = [record.data for record in records if record.kind == "intent"]
    if intents and isinstance(intents[0].get("request"), Mapping):
        story.command = _command(intents[0]["request"])
    executions = [record.data for record in records if record.kind == "execution"]
    titles = _titles(records)
    story.steps = [_step(identity, title, executions) for identity, title in titles.items()]
    story.failures = [_failure(data, titles, executions) for data in executions if not data.get("ok", True)]
    return story


def _command(request: Mapping[str, Any]) -> str:
    command = [
        "clinjup",
        "run",
        str(request.get("intent", "")),
        "--data",
        str(request.get("data", "DIR")),
        "--out",
        "NEW_FOLDER",
    ]
    if request.get("planner", "offline") != "offline":
        command += ["--planner", str(request["planner"])]
    command += ["--budget-minutes", f"{request.get('budget_minutes', 20):g}", "--seed", str(request.get("seed", 0))]
    return shlex.join(command)


def _titles(records: list[Record]) -> dict[str, str]:
    plans = [record.data for record in records if record.kind == "plan"]
    steps = plans[-1].get("steps", []) if plans else []
    return {str(step.get("id")): str(step.get("title")) for step in steps if isinstance(step, Mapping)}


def _step(identity: str, title: str, executions: list[dict[str, Any]]) -> StoryStep:
    tries = [bool(data.get("ok")) for data in executions if data.get("step_id") == identity]
    state = "pending" if not tries else "done" if tries[-1] else "failed"
    return StoryStep(title, state, len(tries))


def _failure(data: dict[str, Any], titles: dict[str, str], executions: list[dict[str, Any]]) -> FailedAttempt:
    identity, number = str(data.get("step_id")), int(data.get("number") or 1)
    error = data.get("error")
    later = [
        item for item in executions if item.get("step_id") == identity and int(item.get("number") or 1) == number + 1
    ]
    return FailedAttempt(
        title=titles.get(identity, identity),
        number=number,
        error=f"{error.get('name')}: {error.get('message')}" if isinstance(error, Mapping) else "unknown error",
        change=str(later[0].get("repair") or "") if later else "",
    )
