"""What is said of a step that failed: always the step and the class of the error, whether or not that brings a message."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from clinjup.agent.intent import parse_request
from clinjup.agent.planners.recipes import RecipePlanner
from clinjup.agent.roles import decide_roles
from clinjup.agent.state import Brief, RunState
from clinjup.contracts import AskClinician, Attempt, CellError, Finish, StepStatus
from clinjup.imaging import profile_data
from tests.conftest import REQUEST
from tests.imaging.folders import write_cohort


def failed(folder: Path, request: str, name: str, message: str) -> tuple[str, str]:
    """The question after a failure, and the end after the answer to stop."""
    profile, task = profile_data(folder), parse_request(request)
    roles = decide_roles(profile, task).roles
    brief = Brief(task, profile, roles, [], lambda: None)  # type: ignore[arg-type,return-value]
    planner = RecipePlanner()
    state = RunState(brief, asyncio.run(planner.plan(brief)), deadline=time.monotonic() + 600)
    error = CellError(name=name, message=message, traceback="", signature=name)
    state.attempts.append(Attempt(step_id="split", number=1, source_sha256="", ok=False, seconds=0, error=error))
    state.plan.step("split").status = StepStatus.FAILED
    asked = asyncio.run(planner.next_action(state))
    assert isinstance(asked, AskClinician)
    (question,) = asked.questions
    state.answers[question.id] = "stop"
    end = asyncio.run(planner.next_action(state))
    assert isinstance(end, Finish)
    return question.text, end.sentence


@pytest.mark.parametrize(
    ("name", "message", "said"),
    [
        ("StopIteration", "", "StopIteration, without a message."),
        ("ZeroDivisionError", "division by zero", "division by zero (ZeroDivisionError)."),
        ("ClassAbsentError", "Training holds no image of it.", "Training holds no image of it (ClassAbsentError)."),
    ],
)
def test_an_error_is_named_by_its_class_and_its_message(tmp_path: Path, name: str, message: str, said: str) -> None:
    question, end = failed(write_cohort(tmp_path), REQUEST, name, message)
    assert (
        question
        == f"The step 'Split into three parts' could not be carried out. Last error: {said} How should it go on?"
    )
    assert end == f"The step 'Split into three parts' failed once and could not be mended. The last error: {said}"


def test_a_german_question_names_an_error_without_a_message_in_german(tmp_path: Path) -> None:
    german = "Ich möchte Pneumothoraces auf Röntgenbildern erkennen. Thoraxdrainagen könnten ein Störfaktor sein."
    question, _ = failed(write_cohort(tmp_path), german, "StopIteration", "")
    assert question.endswith("Letzter Fehler: StopIteration, ohne Meldung. Wie soll es weitergehen?")
