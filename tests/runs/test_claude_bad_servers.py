"""A server or a model that does not work: one clear sentence, the right exit code, notebook and journal whole."""

from __future__ import annotations

import json

import pytest

from clinjup.agent.plan import UnsupportedTaskError
from clinjup.runs import PlannerUnusableError
from clinjup.testing import Broken, Call, HttpError, Page, Says
from tests.agent.claude_runs import finishes, proposes, runs, step
from tests.conftest import REQUEST
from tests.runs.claude_door import ask_claude, assert_whole, journal
from tests.runs.door import clinjup

PLAN = proposes(step("first"), step("look"))
FIRST = runs("first", "1 + 1", explanation="## First\nA cell that works.")
CUT = Broken(Says("I would say that"), 4, "cut")


# ----------------------------------------------------------------------------------------- before the first cell: 2

UNUSABLE = {
    "wrong key": ({"probe": HttpError(401, "authentication_error")}, [], "did not accept the key"),
    "proxy's page": ({"probe": Page()}, [], "is not a Messages API; it may be a proxy's page"),
    "unknown model": (
        {"probe": HttpError(404, "not_found_error"), "models": ("qwen3", "llama4")},
        [],
        "does not know the model 'claude-opus-5-5'. It has: qwen3, llama4. Name another one with --model",
    ),
    "no tools": ({"probe": Says("ready")}, [], "does not call tools"),
    "drops every stream": ({}, [CUT] * 3, "broke in the middle of an answer"),
    "declines the plan": ({}, [Says("No.", stop_reason="refusal")], "declined to go on: No."),
    "no money": ({}, [HttpError(402, "billing_error")], "no credit left"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_provider_that_fails_before_the_first_cell_is_exit_2_and_leaves_nothing(
    name, scripted_claude, small_cohort, tmp_path
):
    settings, script, sentence = UNUSABLE[name]
    server = scripted_claude(script, **settings)
    if name == "wrong key":  # the command line once; the others by the same door behind it, which is quicker
        options = ["--planner", "claude", "--base-url", server.url, "--json"]
        said = clinjup("run", REQUEST, "--data", small_cohort, "--out", tmp_path / "run", *options)
        assert said.code == 2, said.err
        told = said.json["error"]
    else:
        with pytest.raises(PlannerUnusableError) as caught:  # exit 2
            ask_claude(server, small_cohort, tmp_path / "run")
        told = str(caught.value)
    assert sentence in told and "\n" not in told
    assert "leave --planner out" in told or "offline" in told  # the offline planner is offered
    assert not (tmp_path / "run").exists()


# ------------------------------------------------------------------------------------------------- later: 3, or 4


def asks(number: int) -> Says:
    question = {"id": f"q{number}", "text": "Which views?", "options": [{"value": "pa", "text": "PA"}], "default": "pa"}
    return Says(calls=(Call("ask_clinician", {"questions": [question]}),))


BAD = {
    "wrong key": ([HttpError(401, "authentication_error")], "did not accept the key"),
    "proxy's page": ([Page()], "is not a Messages API"),
    "unknown model": ([HttpError(404, "not_found_error")], "does not know the model"),
    "drops every stream": ([CUT] * 3, "broke in the middle of an answer"),
    "declines": ([Says("No.", stop_reason="refusal")], "declined to go on"),
    "wrong arguments for ever": ([Says(calls=(Call("run_cell", {"cell": 1}),))] * 9, "usable next action"),
    "same failing cell": ([runs("look", "1 / 0", repair="Again.")] * 9, "failed twice with the same error: division"),
    "ever new failing cells": ([runs(f"look{n}", f"{n} / 0", repair="x") for n in range(9)], "last 5 cells failed"),
    "never finishes": ([runs(f"step{n}", f"{n}") for n in range(200)], "usable next action"),
    "ten megabytes of code": ([runs("look", "x = 1\n" * 1_700_000)] * 9, "usable next action"),
    "fifty questions": ([asks(number) for number in range(50)], "usable next action"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_model_that_fails_later_ends_in_one_sentence_and_the_offer_to_go_on_offline(
    name, scripted_claude, small_cohort, tmp_path
):
    script, sentence = BAD[name]
    results, questions, events = ask_claude(scripted_claude([PLAN, FIRST, *script]), small_cohort, tmp_path / "run")
    assert results.status == "needs_answer"  # exit 3
    assert results.sentence.startswith("The model cannot go on.") and results.sentence.endswith("go on from here?")
    assert sentence in results.sentence and "\n" not in results.sentence and len(results.sentence) < 400
    assert [(question.id, [option.value for option in question.options]) for question in questions] == [
        ("continue_offline", ["yes", "no"])
    ]
    assert results.cells.executed >= 1 and journal(tmp_path / "run", "execution")[0]["ok"]
    assert_whole(tmp_path / "run")
    asked = [event for event in events if event.type == "question.asked"]
    assert not asked  # nobody is there, so nobody is waited for


def test_a_server_that_drops_every_second_stream_is_no_trouble(scripted_claude, small_cohort, tmp_path):
    cells = [runs(f"step{number}", f"{number}") for number in range(4)]
    script = [reply for turn in (PLAN, FIRST, *cells, finishes("Enough.", "failed")) for reply in (CUT, turn)]
    results, questions, _ = ask_claude(scripted_claude(script), small_cohort, tmp_path / "run")
    assert (results.status, results.sentence, questions) == ("failed", "Enough.", [])
    assert results.cells.executed == 5 and results.cells.failed == 0
    assert (
        len(journal(tmp_path / "run", "disclosure")) == len(script) + 1
    )  # and the probe: each attempt is written down
    assert_whole(tmp_path / "run")


def test_where_the_offline_planner_could_not_go_on_the_run_is_exit_4(
    scripted_claude, small_cohort, tmp_path, monkeypatch
):
    def no_recipes(brief):
        raise UnsupportedTaskError("a task that the recipes do not know, as a later kind of request may be")

    monkeypatch.setattr("clinjup.agent.planners.claude_steps.build_plan", no_recipes)
    server = scripted_claude([PLAN, FIRST, HttpError(401, "authentication_error")])
    results, questions, _ = ask_claude(server, small_cohort, tmp_path / "run")
    assert (results.status, questions) == ("failed", [])  # exit 4
    assert "did not accept the key" in results.sentence
    assert results.sentence.endswith("The offline planner has no recipes for this kind of task.")
    assert_whole(tmp_path / "run")


# ----------------------------------------------------------------------------------------------- going on offline


def test_the_offline_planner_goes_on_from_where_the_model_stood_once_the_clinician_agrees(
    scripted_claude, small_cohort, tmp_path
):
    folder = tmp_path / "run"
    load = Says(calls=(Call("place_recipe", {"step_id": "load", "recipe": "load_cohort"}),))
    plan = proposes(step("load", "load_cohort"), step("first"))
    server = scripted_claude([plan, load, FIRST, HttpError(401, "authentication_error")])
    options = ["--planner", "claude", "--base-url", server.url, "--json"]
    said = clinjup("run", REQUEST, "--data", small_cohort, "--out", folder, *options)
    assert said.code == 3, said.err
    assert [question["id"] for question in said.json["questions"]] == ["continue_offline"]
    server.__exit__()  # from here on there is no server any more

    # Resumed as it is, the model cannot be reached: asked again, nothing lost.
    said = clinjup("run", "--resume", folder, "--json")
    assert said.code == 3, said.err
    assert "cannot be reached" in said.json["questions"][0]["text"]
    assert_whole(folder)

    # A no ends the run as failed; a later yes still counts.
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps({"continue_offline": "no"}))
    said = clinjup("run", "--resume", folder, "--answers", answers, "--json")
    assert said.code == 4, said.err
    assert "not wanted" in said.json["sentence"]

    answers.write_text(json.dumps({"continue_offline": "yes"}))
    sent = len(server.requests)
    said = clinjup("run", "--resume", folder, "--answers", answers, "--json")
    assert said.code == 0, said.err
    assert said.json["test_openings"] == 1 and len(said.json["models"]) == 2
    assert len(server.requests) == sent
    ok = [attempt["step_id"] for attempt in journal(folder, "execution") if attempt["ok"]]
    assert ok[:2] == ["load", "first"] and ok.count("load") == 1  # what the model had done is not done again
    assert [record["planner"] for record in journal(folder, "planner")] == ["claude", "offline", "offline", "offline"]
    assert_whole(folder)
    assert clinjup("verify", folder).code == 0
