"""What a short time budget leaves out, and what is said of it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from clinjup.agent.left_out import TIME_SPENT, left_out_for_time
from clinjup.agent.planners.recipes import RecipePlanner
from clinjup.agent.state import RunState
from clinjup.contracts import Action, Finish, PlaceRecipe, Plan, RecordFinding, RunRequest, Step, StepStatus
from clinjup.phrases import OUT_OF_TIME
from clinjup.preflight import brief_of, check
from tests.conftest import REQUEST
from tests.imaging.folders import write_cohort


def carried_out(folder: Path, request: str, *, minutes: float, left: float, until: str = "") -> list[Action]:
    """All actions of the offline planner where each cell works; `left` seconds remain from the step `until` on."""
    asked = RunRequest(intent=request, data=str(folder), budget_minutes=minutes)
    brief = brief_of(asked, asyncio.run(check(request, str(folder), {})))
    planner, actions = RecipePlanner(), []
    state = RunState(brief, asyncio.run(planner.plan(brief)), deadline=time.monotonic() + 60 * minutes)
    while not actions or not isinstance(actions[-1], Finish):
        actions.append(asyncio.run(planner.next_action(state)))
        if isinstance(actions[-1], PlaceRecipe):
            state.plan.step(actions[-1].step_id).status = StepStatus.DONE
            if not until or actions[-1].step_id == until:
                state.deadline = time.monotonic() + left
        elif isinstance(actions[-1], RecordFinding):
            state.findings.append({"kind": "note", "sentence": actions[-1].sentence})
    return actions


def test_a_measure_against_the_confounder_that_time_did_not_allow_is_noted_before_the_end(tmp_path: Path) -> None:
    *_, note, end = carried_out(write_cohort(tmp_path), REQUEST, minutes=1, left=10)
    assert isinstance(note, RecordFinding) and isinstance(end, Finish) and end.status == "completed"
    assert note.sentence == end.sentence
    assert note.sentence.startswith(f"{OUT_OF_TIME} (1 min) no model was trained against the chest drain. These steps")
    for title in ("Train: balanced sampling", "Check on validation: balanced sampling", "Where does the model look?"):
        assert title in note.sentence


def test_where_only_figures_were_left_out_nothing_is_said_of_training(tmp_path: Path) -> None:
    *_, note, _ = carried_out(write_cohort(tmp_path), REQUEST, minutes=1, left=10, until="select")
    assert isinstance(note, RecordFinding) and "no model was trained" not in note.sentence
    assert note.sentence.startswith(f"{OUT_OF_TIME} (1 min) these steps were left out: 'Where does the model look?'. ")
    plots = "Of other steps only the plots were left out; what they show was measured: 'Does the model look at the chest drain?', "
    assert plots in note.sentence


def test_a_run_that_left_out_plots_alone_says_that_what_they_show_was_measured(tmp_path: Path) -> None:
    step = Step(
        id="confounder", title="Does the model look at the chest drain?", recipe="confounder_figures", optional=True
    )
    step.status, step.note = StepStatus.SKIPPED, TIME_SPENT
    request = RunRequest(intent=REQUEST, data=str(write_cohort(tmp_path)), budget_minutes=1)
    brief = brief_of(request, asyncio.run(check(REQUEST, request.data, {})))
    note = left_out_for_time(Plan(objective=REQUEST, steps=[step]), brief)
    assert note is not None and note.sentence.startswith(
        f"{OUT_OF_TIME} (1 min) only plots were left out; what they show was measured: '{step.title}'."
    )


@pytest.mark.parametrize("minutes", [1, 20])
def test_a_run_that_did_all_notes_nothing(tmp_path: Path, minutes: float) -> None:
    """Of one minute, 39 seconds are left once a small cohort is read and the first model trained: enough for the next."""
    left = 39 if minutes == 1 else 600
    actions = carried_out(write_cohort(tmp_path), REQUEST, minutes=minutes, left=left)
    assert not any(isinstance(action, RecordFinding) for action in actions)
    assert isinstance(actions[-1], Finish) and actions[-1].sentence == "All steps are done."
    trained = [action for action in actions if isinstance(action, PlaceRecipe) and action.recipe == "train_model"]
    assert len(trained) == 2


def test_the_objective_promises_nothing_of_a_confounder_that_nothing_can_examine(tmp_path: Path) -> None:
    data = str(write_cohort(tmp_path))
    for intent, said in (
        ("Diagnose pneumothorax, pacemakers may be a confounder", "without examining the effect of pacemakers."),
        ("Diagnose pneumothorax, chest drains may be a confounder", "without relying on chest drains."),
    ):
        found = asyncio.run(check(intent, data, {}))
        assert found.task.objective.endswith(said), found.task.objective
