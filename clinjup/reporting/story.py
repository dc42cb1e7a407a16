"""What the journal tells the report: how to start the run again, which steps were done, what had to be mended."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from clinjup.contracts import RunRequest
from clinjup.reporting.journal import JOURNAL_NAME, Record, read_records

ANSWERS_FILE = "answers.json"
_OPTIONS = {
    "planner": "--planner",
    "model": "--model",
    "base_url": "--base-url",
    "local_only": "--local-only",
    "share_images": "--share-images",
    "max_cost": "--max-cost",
    "approval": "--approve",
    "max_fix_attempts": "--max-fix-attempts",
    "network": "--network",
    "pretrained": "--pretrained",
}
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
    answers: dict[str, str] = field(default_factory=dict)
    """What the clinician answered, from the request, in place and at a resume; `command` reads it from ANSWERS_FILE."""
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
    request = _request(records)
    if request is not None:
        story.answers = dict(request.answers)
        for record in records:
            if record.kind in {"answer", "resume"} and isinstance(record.data.get("answers"), Mapping):
                story.answers |= record.data["answers"]
        story.command = _command(request, story.answers)
    executions = [record.data for record in records if record.kind == "execution"]
    titles = _titles(records)
    story.steps = [_step(identity, title, executions) for identity, title in titles.items()]
    story.failures = [_failure(data, titles, executions) for data in executions if not data.get("ok", True)]
    return story


def _request(records: list[Record]) -> RunRequest | None:
    """What was submitted; None where the journal does not say, or in words that this version does not know."""
    intent = next((record.data for record in records if record.kind == "intent"), {})
    try:
        return RunRequest.model_validate(intent.get("request"))
    except ValidationError:
        return None


def _command(request: RunRequest, answers: Mapping[str, str]) -> str:
    """What starts the same run again; what is as it is anyway is left out, but for budget and seed."""
    usual = RunRequest(intent=request.intent, data=request.data)
    command = ["clinjup", "run", request.intent, "--data", request.data, "--out", "NEW_FOLDER"]
    for name, option in _OPTIONS.items():
        value = getattr(request, name)
        if value is True:
            command.append(option)
        elif value != getattr(usual, name):
            command += [option, f"{value:g}" if isinstance(value, float) else str(value)]
    if answers:
        command += ["--answers", ANSWERS_FILE]
    return shlex.join([*command, "--budget-minutes", f"{request.budget_minutes:g}", "--seed", str(request.seed)])


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
