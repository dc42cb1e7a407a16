"""What stands on the terminal: a run's steps with their notes, and sentences for runs that ended early."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from clinjup.agent.intent import parse_request
from clinjup.contracts import Event, Plan, Progress, Results, RunStatus, Step
from clinjup.prediction import PredictionError, predict_folder
from clinjup.terminal import RunView

REQUEST = "Is there a pneumothorax?"


def test_brackets_in_the_note_of_a_step_are_shown_as_they_are():
    console = Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)
    step = Step(id="load", title="Load", recipe="load_cohort", note="left out: [/x] is no [bold] column")
    plan = Plan(objective=REQUEST, steps=[step])
    with RunView(console) as view:
        view.show(Event(run_id="r", seq=0, ts=0.0, type="plan.updated", data=plan.model_dump(mode="json")))
    assert "[/x] is no [bold] column" in console.file.getvalue()


@pytest.mark.parametrize(("total", "words"), [(238, "129/238 images"), (1, "1/1 image,")])
def test_what_is_counted_stands_in_the_plural(total: int, words: str) -> None:
    console = Console(file=io.StringIO(), width=120, color_system=None)
    told = Progress(label="Decode", done=min(129, total), total=total, unit="image", seconds_left=3)
    with RunView(console) as view:
        view.show(Event(run_id="r", seq=0, ts=0.0, type="cell.progress", data=told.model_dump(mode="json")))
    assert f"Decode: {words}" in console.file.getvalue()


def test_a_run_that_chose_no_model_is_said_to_have_chosen_none(tmp_path: Path):
    results = Results(intent=REQUEST, task=parse_request(REQUEST), status=RunStatus.INTERRUPTED)
    (tmp_path / "results.json").write_text(results.model_dump_json(by_alias=True), encoding="utf-8")
    with pytest.raises(PredictionError, match=r"ended before it chose a model.*--resume"):
        predict_folder(tmp_path, tmp_path, tmp_path / "out.csv", None)
