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


def begun(folder: Path, request: str) -> tuple[RecipePlanner, RunState]:
    profile, task = profile_data(folder), parse_request(request)
    roles = decide_roles(profile, task).roles
    brief = Brief(task, profile, roles, [], lambda: None)  # type: ignore[arg-type,return-value]
    planner = RecipePlanner()
    return planner, RunState(brief, asyncio.run(planner.plan(brief)), deadline=time.monotonic() + 600)


def fails(state: RunState, step_id: str, name: str, message: str) -> None:
    error = CellError(name=name, message=message, traceback="", signature=name)
    state.attempts.append(Attempt(step_id=step_id, number=1, source_sha256="", ok=False, seconds=0, error=error))
    state.plan.step(step_id).status = StepStatus.FAILED


def failed(folder: Path, request: str, name: str, message: str) -> tuple[str, str]:
    """The question after a failure, and the end after the answer to stop."""
    planner, state = begun(folder, request)
    fails(state, "split", name, message)
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


@pytest.mark.parametrize("before", [None, 32])
def test_a_training_that_is_left_out_leaves_its_small_batches_to_no_other(tmp_path: Path, before: int | None) -> None:
    planner, state = begun(write_cohort(tmp_path), f"{REQUEST} Please compare several methods.")
    first, failing, *later = [step for step in state.plan.steps if step.recipe == "train_model"]
    assert later
    for step in state.plan.steps[: state.plan.steps.index(failing)]:
        step.status = StepStatus.DONE
    if before is not None:  # memory ran out in the first training too, which went through with smaller batches
        state.brief.mended["train_model"] = {"BATCH_SIZE": before}
        for step in (first, failing, *later):
            step.parameters["BATCH_SIZE"] = before
    while True:
        fails(state, failing.id, "BatchTooLargeError", "Memory ran out.")
        action = asyncio.run(planner.next_action(state))
        if isinstance(action, AskClinician):
            break
    assert later[0].parameters["BATCH_SIZE"] == 4
    state.answers[action.questions[0].id] = "skip"
    asyncio.run(planner.next_action(state))
    assert {step.parameters.get("BATCH_SIZE") for step in later} == {before}
    assert state.brief.mended.get("train_model", {}).get("BATCH_SIZE") == before
