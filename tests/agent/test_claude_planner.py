"""The Claude planner over the real SDK, loop and notebook, against a scripted model: what it does, and how it always ends."""

from __future__ import annotations

import asyncio
import itertools
import json

import pytest

from clinjup.agent.budget import Budget, BudgetSpentError
from clinjup.agent.planners.claude import ClaudePlanner
from clinjup.agent.planners.handover import CONTINUE_OFFLINE
from clinjup.agent.prompts import PROMPT_VERSION
from clinjup.agent.provider import Provider, ProviderError, Server, Usage, price_of
from clinjup.contracts import Approval, Plan, RunStatus, StepStatus
from clinjup.notebook.executor import CellOutcome
from clinjup.testing import Broken, Call, HttpError, Says, malformed_tool_call
from tests.agent.claude_runs import (
    EVALUATION,
    MULTICLASS,
    OpenGate,
    Told,
    brief,
    finishes,
    opens_the_test,
    places,
    proposes,
    run_claude,
    runs,
    step,
)

PLAN = proposes(step("load", "load_cohort"), step("look"), step("test", "open_test_set", depends_on=["load"]))


def results(server) -> list[str]:
    """What the model was told, in order, by its last request."""
    messages = server.turns[-1].body["messages"]
    return [
        block.get("content", block.get("text"))
        for message in messages[2::2]
        for block in message["content"]
        if block["type"] in {"tool_result", "text"}
    ]


# ------------------------------------------------------------------------------------------------------- a good run


def test_the_model_plans_places_recipes_writes_cells_and_finishes(scripted_claude, tmp_path):
    server = scripted_claude(
        [
            PLAN,
            places("load", "load_cohort"),
            runs("look", "cohort.table['label'].mean()", explanation="## How common is it?\nThe share of positives."),
            Says("Now the test.", (Call("add_markdown", {"step_id": "look", "text": "The share is plausible."}),)),
            places("test", "open_test_set", SEED=3),
            Says(calls=(Call("record_finding", {"step_id": "test", "sentence": "AUROC 0.81 on the test part."}),)),
            finishes("The model separates the groups with an AUROC of 0.81."),
        ]
    )
    run = run_claude(server, tmp_path)
    assert run.end.status is RunStatus.COMPLETED
    assert run.end.sentence == "The model separates the groups with an AUROC of 0.81."
    assert [cell.metadata.clinjup.step_id for cell in run.session.notebook.cells] == ["load"] * 2 + ["look"] * 3 + [
        "test"
    ] * 2
    assert [cell.metadata.clinjup.author for cell in run.session.notebook.cells if cell.cell_type == "code"] == [
        "recipe",
        "model",
        "recipe",
    ]
    assert "DATA = '/data/secret'" in run.kernel.sources[0]
    assert "SEED = 3" in run.kernel.sources[2]
    assert [step.status for step in run.state.plan.steps] == [StepStatus.DONE] * 3
    assert {"kind": "note", "sentence": "AUROC 0.81 on the test part."} in run.state.findings


def test_results_go_back_as_findings_and_text_never_as_images(scripted_claude, tmp_path):
    def behave(source):
        return opens_the_test(source) or CellOutcome(ok=True, seconds=1, text="head\n" + "x" * 5_000 + "\ntail")

    server = scripted_claude(
        [PLAN, places("load", "load_cohort"), places("test", "open_test_set"), runs("look", "1"), finishes()]
    )
    run_claude(server, tmp_path, behave=behave)
    told = results(server)
    assert told[1].startswith("Done.\nPrinted:\nhead") and "tail" in told[1] and len(told[1]) < 1_000
    assert "evaluation: name baseline; metrics (auroc 0.812 [0.750, 0.860])" in told[2]
    assert b'"image"' not in server.turns[-1].raw


def test_the_opening_tells_structure_and_no_names_of_files(scripted_claude, tmp_path):
    server = scripted_claude([PLAN, finishes("No.", "failed")])
    run_claude(server, tmp_path)
    opening = json.dumps(server.turns[0].body)
    assert "Finding Labels" in opening and "200 rows" in opening and "<5 missing" in opening
    assert "secret" not in opening
    assert "balanced_sampling" in opening  # the draft


def test_the_model_chooses_pretrained_weights_without_being_told_where_they_lie(scripted_claude, tmp_path):
    server = scripted_claude(
        [
            PLAN,
            places("load", "load_cohort"),
            places("train", "train_model", NAME="baseline", PRETRAINED=True),
            finishes(),
        ]
    )
    run = run_claude(server, tmp_path, given=brief(pretrained="/secret/weights.pt"))
    assert "PRETRAINED = '/secret/weights.pt'" in run.kernel.sources[1]
    assert "PRETRAINED=True" in json.dumps(server.turns[0].body)
    assert not any(b"secret" in turn.raw for turn in server.turns)


def test_the_prompt_before_the_newest_messages_never_changes(scripted_claude, tmp_path):
    server = scripted_claude(
        [
            PLAN,
            places("load", "load_cohort"),
            runs("look", "1"),
            runs("more", "2"),
            places("test", "open_test_set"),
            finishes(),
        ]
    )
    run_claude(server, tmp_path, native=True)
    raws = [request.raw for request in server.turns]
    for earlier, later in itertools.pairwise(raws):
        assert later.startswith(earlier[: earlier.rindex(b"]")])


def test_a_cell_under_a_new_step_joins_the_plan_and_the_journal(scripted_claude, tmp_path):
    server = scripted_claude(
        [
            PLAN,
            runs("views", "1", explanation="## Frontal or lateral?\nWhy."),
            places("test", "open_test_set"),
            finishes("x", "failed"),
        ]
    )
    run = run_claude(server, tmp_path)
    assert [step.id for step in run.state.plan.steps] == ["views", "load", "look", "test"]
    assert run.state.plan.step("views").title == "Frontal or lateral?"
    assert [step["id"] for step in run.told.of("plan")[-1]["steps"]] == ["views", "load", "look", "test"]


def test_doing_a_step_again_reopens_what_was_built_on_it(scripted_claude, tmp_path):
    server = scripted_claude(
        [
            PLAN,
            places("load", "load_cohort"),
            places("test", "open_test_set"),
            places("load", "load_cohort", repair="Another look."),
            finishes("x", "failed"),
        ]
    )
    assert run_claude(server, tmp_path).state.plan.step("test").status is StepStatus.PENDING


def test_a_plan_may_be_proposed_again_and_what_is_done_stays(scripted_claude, tmp_path):
    again = proposes(step("load", "prepare_images"), step("test", "open_test_set"))
    server = scripted_claude([PLAN, places("load", "load_cohort"), again, places("test", "open_test_set"), finishes()])
    run = run_claude(server, tmp_path)
    assert [(step.id, step.recipe) for step in run.state.plan.steps] == [
        ("load", "load_cohort"),
        ("test", "open_test_set"),
    ]


def test_cost_and_tokens_are_shown_while_running(scripted_claude, tmp_path):
    run = run_claude(scripted_claude([PLAN, finishes("x", "failed")]), tmp_path)
    usage = [data for event, data in run.told.events if event == "usage"]
    assert [data["requests"] for data in usage] == [2, 3]  # the probe counts too
    assert usage[-1]["tokens"] == 360 and usage[-1]["cost"] == 0  # a server on this machine


def test_who_plans_is_known_for_the_journal(scripted_claude, tmp_path):
    server = scripted_claude([PLAN, finishes("x", "failed")])
    about = run_claude(server, tmp_path).planner.about
    assert about == {"planner": "claude", "model": "claude-opus-5-5", "server": server.url, "prompts": PROMPT_VERSION}


def test_what_the_model_says_is_streamed(scripted_claude, tmp_path):
    run = run_claude(scripted_claude([PLAN, Says("I give up.", finishes("x", "failed").calls)]), tmp_path)
    assert "".join(data["text"] for event, data in run.told.events if event == "text.delta") == "I give up."


# -------------------------------------------------------------------------------------------- mistakes of the model


def test_an_error_goes_back_with_its_traceback_and_the_model_mends_it(scripted_claude, tmp_path):
    def behave(source):
        return KeyError("drain") if "'drain'" in source else opens_the_test(source)

    server = scripted_claude(
        [
            PLAN,
            places("load", "load_cohort"),
            runs("look", "cohort.table['drain']"),
            runs("look", "cohort.table['chest_drain']", repair="The column is called chest_drain."),
            places("test", "open_test_set"),
            finishes(),
        ]
    )
    run = run_claude(server, tmp_path, behave=behave)
    assert run.end.status is RunStatus.COMPLETED
    assert results(server)[2].startswith("Failed. KeyError: 'drain'")
    assert [attempt.ok for attempt in run.state.attempts_of("look")] == [False, True]
    assert run.told.of("repair") == [{"step_id": "look", "attempt": 2, "change": "The column is called chest_drain."}]


WRONG = {
    "no such tool": (Says(calls=(Call("shell", {"command": "rm -rf /"}),)), "There is no tool 'shell'"),
    "missing argument": (Says(calls=(Call("run_cell", {"step_id": "look"}),)), "source: Field required"),
    "wrong type": (
        Says(calls=(Call("ask_clinician", {"questions": "why?"}),)),
        "questions: Input should be a valid list",
    ),
    "unknown recipe": (places("look", "magic"), "There is no recipe 'magic'"),
    "unknown parameter": (
        places("load", "split_cohort", LEAK=True),
        "has no parameter LEAK. It has: VALIDATION_FRACTION",
    ),
    "wrong value": (places("load", "train_model", BATCH_SIZE="many"), "BATCH_SIZE wants a value like 64"),
    "data path": (places("load", "load_cohort", DATA="/etc"), "clinjup fills in DATA"),
    "empty cell": (runs("look", " \n"), "The cell is empty"),
    "ten thousand lines": (runs("look", "print(1)\n" * 10_000), "Split it into steps"),
    "no explanation": (runs("look", "1", explanation=""), "Give an explanation"),
    "bad step id": (runs("../look", "1"), "no step id"),
    "note under no step": (
        Says(calls=(Call("add_markdown", {"step_id": "x", "text": "t"}),)),
        "no step 'x'. It has: load, look, test",
    ),
    "finished too early": (finishes(), "still open: load, look, test"),
    "empty plan": (proposes(), "between 1 and"),
    "plan with a gap": (proposes(step("a", depends_on=["b"])), "does not have: b"),
    "only words": (Says("I think the plan is good."), "Call one tool"),
    "cut off": (
        Says(calls=(Call("run_cell", {"step_id": "look"}),), stop_reason="max_tokens"),
        "cut off before a tool call",
    ),
    "paused": (Says("Hm.", stop_reason="pause_turn"), "Go on."),
    "nothing": (Says(), "Call one tool"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_is_answered_with_what_is_wrong_and_nothing_happens(name, scripted_claude, tmp_path):
    reply, sentence = WRONG[name]
    server = scripted_claude([PLAN, reply, finishes("x", "failed")])
    run = run_claude(server, tmp_path)
    assert sentence in results(server)[1]
    assert run.kernel.sources == []
    assert run.end.status is RunStatus.FAILED


def test_words_that_a_recipe_wants_and_nobody_gave_are_asked_for(scripted_claude, tmp_path):
    chosen = places("choose", "select_model", words={"selection_rule": "the best AUROC"})
    server = scripted_claude(
        [proposes(step("look")), places("choose", "select_model"), chosen, finishes("x", "failed")]
    )
    run = run_claude(server, tmp_path, given=brief(task_type=MULTICLASS))
    assert "wants the words selection_rule" in results(server)[1]
    assert "the best AUROC" in run.session.notebook.cells[0].source


def test_only_the_first_of_several_calls_is_carried_out(scripted_claude, tmp_path):
    both = Says(calls=(*runs("look", "1").calls, *runs("look", "2").calls))
    server = scripted_claude([PLAN, both, finishes("x", "failed")])
    assert run_claude(server, tmp_path).kernel.sources == ["1"]
    assert "only the first of your 2" in results(server)[2]


def test_a_run_without_an_evaluation_is_not_completed(scripted_claude, tmp_path):
    server = scripted_claude(
        [proposes(step("look")), runs("look", "1"), finishes(), finishes("It cannot be done.", "failed")]
    )
    run = run_claude(server, tmp_path)
    assert "has not been evaluated" in results(server)[2]
    assert run.end.status is RunStatus.FAILED


def test_a_rejected_cell_goes_back_with_the_reason(scripted_claude, tmp_path):
    server = scripted_claude([PLAN, runs("look", "import subprocess\nsubprocess.run(['rm'])"), finishes("x", "failed")])
    run = run_claude(server, tmp_path, given=brief(approval=Approval.RISKY))
    assert results(server)[1].startswith("Rejected. ")
    assert run.kernel.sources == []


# ------------------------------------------------------------------------------------------------- the clinician


def ask(identifier: str, default: str | None = None) -> Says:
    question = {
        "id": identifier,
        "text": "Which views?",
        "options": [{"value": "pa", "text": "PA"}],
        "default": default,
    }
    return Says(calls=(Call("ask_clinician", {"questions": [question]}),))


def test_answers_go_back_to_the_model(scripted_claude, tmp_path):
    server = scripted_claude([PLAN, ask("views"), finishes("x", "failed")])
    run_claude(server, tmp_path, told=Told(replies={"ask_views": "pa"}))
    assert results(server)[1].startswith("Answers: ask_views = pa")


def test_an_unanswered_question_without_a_default_ends_the_run(scripted_claude, tmp_path):
    run = run_claude(scripted_claude([PLAN, ask("views")]), tmp_path)
    assert run.end.status is RunStatus.NEEDS_ANSWER
    assert [(question.id, question.own_words) for question in run.end.questions] == [("ask_views", True)]


def test_a_model_that_asks_fifty_questions_is_stopped_after_three_rounds(scripted_claude, tmp_path):
    server = scripted_claude([PLAN, *(ask(f"q{number}", default="pa") for number in range(50))])
    run = run_claude(server, tmp_path)
    assert len(run.told.asked) == 3 + 1  # and then whether to go on offline
    assert run.end.status is RunStatus.NEEDS_ANSWER
    assert "did not come up with a usable next action" in run.end.sentence


# --------------------------------------------------------------------------------------------- ends of every kind


ENDLESS = {
    "loops on the same failing cell": [runs("look", "1/0", repair="Again.")] * 20,
    "fails under ever new steps": [runs(f"look{number}", f"{number}/0") for number in range(20)],
    "looks at the same thing for ever": [Says(calls=(Call("inspect", {"what": "profile"}),))] * 20,
    "never calls a tool": [Says("Let me think.")] * 20,
    "writes huge cells": [runs("look", "x" * 1_000_000)] * 20,
    "wrong arguments for ever": [Says(calls=(Call("run_cell", {}),))] * 20,
    "proposes plans for ever": [PLAN] * 20,
    "never finishes": [runs(f"step{number}", f"{number}") for number in range(40)],
    "drops out": [HttpError(500)] * 20,
    "always overloaded": [Broken(PLAN, 4, "error")] * 20,
    "malformed for ever": [malformed_tool_call("run_cell")] * 20,
    "refuses": [Says("I cannot help with that.", stop_reason="refusal")],
    "context window for ever": [Says(stop_reason="model_context_window_exceeded")] * 20,
}


@pytest.mark.parametrize("name", ENDLESS)
def test_every_bad_model_ends_in_one_sentence_and_a_question(name, scripted_claude, tmp_path):
    def behave(source):
        return ZeroDivisionError("division by zero") if "/0" in source else None

    run = run_claude(scripted_claude([PLAN, *ENDLESS[name]]), tmp_path, behave=behave, budget=Budget(max_requests=30))
    assert run.end.status is RunStatus.NEEDS_ANSWER
    assert [question.id for question in run.end.questions] == [CONTINUE_OFFLINE]
    assert run.end.sentence.startswith("The model cannot go on.")
    assert len(run.kernel.sources) <= 30


@pytest.mark.parametrize("name", ["refuses", "drops out", "loops on the same failing cell"])
def test_with_the_clinicians_consent_the_offline_planner_goes_on_from_there(name, scripted_claude, tmp_path):
    def behave(source):
        return ZeroDivisionError("division by zero") if "/0" in source else opens_the_test(source)

    server = scripted_claude([PLAN, places("load", "load_cohort"), *ENDLESS[name]])
    run = run_claude(server, tmp_path, behave=behave, told=Told(replies={CONTINUE_OFFLINE: "yes"}))
    assert run.end.status is RunStatus.COMPLETED
    loads = [source for source in run.kernel.sources if "read_cohort(" in source]
    assert len(loads) == 1  # what the model had done is not done again
    assert sum("open_test_set(" in source for source in run.kernel.sources) == 1
    assert any("balanced_sampling" in source for source in run.kernel.sources)


def test_after_the_test_part_is_open_the_offline_planner_trains_nothing(scripted_claude, tmp_path):
    server = scripted_claude([PLAN, places("load", "load_cohort"), places("test", "open_test_set"), HttpError(401)])
    run = run_claude(server, tmp_path, told=Told(replies={CONTINUE_OFFLINE: "yes"}))
    assert run.end.status is RunStatus.COMPLETED
    assert not any("train(" in source for source in run.kernel.sources)
    assert any("gradcam_montage(" in source for source in run.kernel.sources)


def test_without_consent_the_run_ends_as_failed(scripted_claude, tmp_path):
    run = run_claude(scripted_claude([PLAN, HttpError(401)]), tmp_path, told=Told(replies={CONTINUE_OFFLINE: "no"}))
    assert run.end.status is RunStatus.FAILED


def test_where_the_offline_planner_has_no_plan_the_run_ends_with_the_reason(scripted_claude, tmp_path):
    run = run_claude(scripted_claude([PLAN, HttpError(401)]), tmp_path, given=brief(task_type=MULTICLASS))
    assert run.end.status is RunStatus.FAILED
    assert "did not accept the key" in run.end.sentence and "no recipes for this kind of task" in run.end.sentence


def test_the_question_is_in_the_clinicians_language(scripted_claude, tmp_path):
    run = run_claude(scripted_claude([PLAN, HttpError(401)]), tmp_path, given=brief(language="de"))
    assert run.end.sentence.startswith("Das Modell kann nicht weiterarbeiten.")


BUDGETS = {
    "requests": (Budget(max_requests=4), "asked 4 times"),
    "tokens": (Budget(max_tokens=9_000), "tokens, and the limit"),
}


@pytest.mark.parametrize("name", BUDGETS)
def test_a_spent_budget_is_told_with_its_limit(name, scripted_claude, tmp_path):
    budget, sentence = BUDGETS[name]
    server = scripted_claude([PLAN, *(runs(f"step{number}", f"{number}") for number in range(40))])
    run = run_claude(server, tmp_path, budget=budget)
    assert sentence in run.end.sentence


def test_a_cost_limit_holds_before_the_request_that_would_pass_it():
    price = price_of("claude-opus-5-5", local=False)
    budget = Budget(max_cost=0.10)
    budget.check(requests=1, usage=Usage(input=20_000), price=price, next_tokens=4_000)
    with pytest.raises(BudgetSpentError, match=r"has cost 0\.08 US dollars .* limit of 0\.10"):
        budget.check(requests=1, usage=Usage(input=20_000), price=price, next_tokens=6_000)


def test_what_earlier_tries_of_a_run_have_cost_counts_towards_its_limit():
    price = price_of("claude-opus-5-5", local=False)
    budget = Budget(max_cost=0.10, spent=0.09)
    with pytest.raises(BudgetSpentError, match=r"has cost 0\.09 US dollars .* limit of 0\.10"):
        budget.check(requests=0, usage=Usage(), price=price, next_tokens=4_000)


def test_when_the_time_is_nearly_up_the_offline_planner_evaluates_what_there_is(scripted_claude, tmp_path):
    server = scripted_claude([PLAN])
    run = run_claude(server, tmp_path, given=brief(budget_seconds=30.0))
    assert run.end.status is RunStatus.COMPLETED
    assert len(server.turns) == 1
    assert EVALUATION in run.state.findings


def test_a_model_without_memory_left_goes_on_after_a_compaction(scripted_claude, tmp_path):
    server = scripted_claude(
        [
            PLAN,
            places("load", "load_cohort"),
            Says(stop_reason="model_context_window_exceeded"),
            runs("look", "1"),
            HttpError(400, "invalid_request_error", "prompt is too long: 210000 tokens"),
            places("test", "open_test_set"),
            finishes(),
        ]
    )
    run = run_claude(server, tmp_path)
    assert run.end.status is RunStatus.COMPLETED
    assert len(server.turns[3].body["messages"]) == 1  # told anew, as a story


def test_a_history_that_the_server_no_longer_accepts_is_told_anew(scripted_claude, tmp_path):
    bound = HttpError(
        400,
        "invalid_request_error",
        "Invalid `signature` in `thinking` block. It is bound to a different conversation.",
    )
    server = scripted_claude(
        [
            PLAN,
            Says(thinking="Hm.", calls=places("load", "load_cohort").calls),
            bound,
            runs("look", "1"),
            finishes("x", "failed"),
        ]
    )
    run = run_claude(server, tmp_path, native=True)
    assert run.kernel.sources[-1] == "1"
    assert b'"thinking"' in server.turns[2].raw and b'"thinking"' not in server.turns[3].raw


def test_stopping_the_run_ends_a_model_call_that_is_under_way(scripted_claude, tmp_path):
    server = scripted_claude([PLAN, Broken(Says("Let me think about this. " * 40), 5, "hang")])
    stopped = asyncio.Event()

    class Stopping(Told):
        def publish(self, event, data):
            super().publish(event, data)
            if event == "text.delta":
                stopped.set()

    run = run_claude(server, tmp_path, told=Stopping(), stopped=stopped)
    assert run.end.status is RunStatus.INTERRUPTED
    assert server.disconnected.wait(10)
    assert len(server.turns) == 2


# ----------------------------------------------------------------------------------------- before the first cell


@pytest.mark.parametrize(
    ("script", "kind"),
    [([HttpError(401)], "auth"), ([HttpError(500)] * 3, "server"), ([Says("No.", stop_reason="refusal")], "refusal")],
)
def test_an_unusable_provider_is_told_before_anything_runs(script, kind, scripted_claude, tmp_path):
    with pytest.raises(ProviderError) as caught:
        run_claude(scripted_claude(script), tmp_path)
    assert caught.value.kind == kind


def test_a_model_that_proposes_no_plan_carries_out_the_draft(scripted_claude, tmp_path):
    server = scripted_claude([*[Says("Hello!")] * 4, finishes("x", "failed")])
    run = run_claude(server, tmp_path)
    assert [step.id for step in run.state.plan.steps][:3] == ["load", "audit", "split"]


# --------------------------------------------------------------------------------------------------- going on later


def plan_only(server, the_brief) -> Plan:
    async def main():
        planner = ClaudePlanner(Provider(Server(server.url, "key", "m", False), OpenGate()), Told())
        try:
            return await planner.plan(the_brief)
        finally:
            await planner.close()

    return asyncio.run(main())


def test_a_resumed_run_keeps_its_plan_and_tells_the_model_where_it_stands(scripted_claude, tmp_path):
    earlier = plan_only(scripted_claude([PLAN]), brief())
    earlier.steps[0].status = StepStatus.DONE
    server = scripted_claude([places("load", "load_cohort"), finishes("x", "failed")])
    given = brief(earlier=earlier, answers={"ask_views": "pa"})
    run = run_claude(server, tmp_path, given=given)
    assert [step.id for step in run.state.plan.steps] == ["load", "look", "test"]
    opening = server.turns[0].body["messages"][0]["content"][0]["text"]
    assert "The run was stopped and goes on. Its plan: load: pending" in opening
    assert "ask_views = pa" in opening
