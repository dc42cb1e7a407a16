"""Stopping, approving and resuming a run that a model plans."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import nbformat
import pytest

from clinjup.contracts import Approval
from clinjup.locks import Lock
from clinjup.reporting import Journal
from clinjup.run_folder import RunFolderError, read_history
from clinjup.runs import RunManager
from clinjup.testing import Broken, Call, HttpError, Says
from tests.agent.claude_runs import finishes, places, proposes, runs, step
from tests.conftest import REQUEST
from tests.runs.claude_door import ask_claude, assert_whole, journal
from tests.runs.door import clinjup

PLAN = proposes(step("first"), step("look"))
FIRST = runs("first", "1 + 1", explanation="## First\nA cell that works.")
RISKY = "import subprocess\nsubprocess.run(['true'])"


def resume(folder: Path, answers: dict[str, str] | None = None):
    async def main():
        manager = RunManager()
        return await manager.wait(await manager.resume(folder, answers or {}))

    return asyncio.run(main())


# -------------------------------------------------------------------------------------------------------- approval


def test_a_stop_while_a_cell_waits_for_approval_is_a_stop_and_no_rejection(scripted_claude, small_cohort, tmp_path):
    folder, stopping = tmp_path / "run", []

    def stop(manager, run_id, event):
        if event.type == "approval.requested":
            stopping.append(asyncio.ensure_future(manager.stop(run_id)))

    server = scripted_claude([PLAN, FIRST, runs("look", RISKY), runs("look", "2 + 2"), finishes("Enough.", "failed")])
    results, _, _ = ask_claude(server, small_cohort, folder, on_event=stop, approval=Approval.RISKY)
    assert stopping and results.status == "interrupted"
    assert journal(folder, "approval") == []
    (interruption,) = journal(folder, "interruption")
    assert "while it waited for your approval of 'Look'" in interruption["sentence"]
    assert [attempt["step_id"] for attempt in journal(folder, "execution")] == ["first"]
    assert_whole(folder)

    # The step is still open, and the model may propose its cell again.
    results, _ = resume(folder)
    assert results.sentence == "Enough."
    assert [attempt["step_id"] for attempt in journal(folder, "execution")] == ["first", "look"]


def test_where_nobody_is_there_the_journal_says_so_and_the_model_is_told(scripted_claude, small_cohort, tmp_path):
    server = scripted_claude([PLAN, FIRST, runs("look", RISKY), finishes("Enough.", "failed")])
    ask_claude(server, small_cohort, tmp_path / "run", approval=Approval.RISKY)
    (approval,) = journal(tmp_path / "run", "approval")
    assert (approval["approved"], approval["by"]) == (False, "nobody was there")
    assert b"Nobody was there to approve it" in server.turns[-1].raw


@pytest.mark.parametrize("approved", [True, False])
def test_an_approval_binds_to_the_very_code(approved, scripted_claude, small_cohort, tmp_path):
    def decide(manager, run_id, event):
        if event.type == "approval.requested":
            manager.approve(run_id, "0" * 64, not approved)  # other code
            manager.approve(run_id, event.data["sha256"], approved)

    server = scripted_claude([PLAN, FIRST, runs("look", RISKY), finishes("Enough.", "failed")])
    ask_claude(server, small_cohort, tmp_path / "run", on_event=decide, approval=Approval.RISKY)
    (approval,) = journal(tmp_path / "run", "approval")
    judged = {record["sha256"] for record in journal(tmp_path / "run", "policy") if record["verdict"] == "ask"}
    assert judged == {approval["sha256"]} and (approval["approved"], approval["by"]) == (approved, "clinician")
    ran = {attempt["source_sha256"] for attempt in journal(tmp_path / "run", "execution")}
    assert (approval["sha256"] in ran) is approved
    assert (b"Not approved by the clinician" in server.turns[-1].raw) is not approved


# ------------------------------------------------------------------------------------------------------------ stop


@pytest.mark.parametrize("before", [[], [PLAN, FIRST]], ids=["while planning", "while deciding"])
def test_a_stop_ends_a_model_call_at_once(before, scripted_claude, small_cohort, tmp_path):
    stopping = []

    def stop(manager, run_id, event):
        if event.type == "text.delta" and event.data["text"].startswith("Let me think"):
            stopping.append(asyncio.ensure_future(manager.stop(run_id)))

    server = scripted_claude([*before, Broken(Says("Let me think about this. " * 40), 5, "hang")])
    results, _, _ = ask_claude(server, small_cohort, tmp_path / "run", on_event=stop)
    assert stopping and results.status == "interrupted"
    assert server.disconnected.wait(10)
    assert_whole(tmp_path / "run")


# ---------------------------------------------------------------------------------------------------------- resume


def test_what_earlier_cells_meant_is_still_known_after_a_resume(scripted_claude, small_cohort, tmp_path):
    folder = tmp_path / "run"
    alias = "import shutil as tidy\ntidy.__name__"
    deleting = "tidy.rmtree(where)"
    server = scripted_claude(
        [
            proposes(step("alias"), step("look")),
            runs("alias", alias),
            HttpError(401, "authentication_error"),
            runs("look", deleting),
            finishes("Enough.", "failed"),
        ]
    )
    results, _, _ = ask_claude(server, small_cohort, folder)
    assert results.status == "needs_answer"
    results, _ = resume(folder)
    assert results.sentence == "Enough."
    last = journal(folder, "policy")[-1]
    assert "deletes" in {concern["code"] for concern in last["concerns"]}, last
    assert [attempt["step_id"] for attempt in journal(folder, "execution") if attempt["ok"]] == ["alias"]


def test_a_step_whose_cell_was_taken_out_is_done_again_with_what_may_rest_on_it(
    scripted_claude, small_cohort, tmp_path
):
    folder = tmp_path / "run"
    server = scripted_claude(
        [PLAN, FIRST, runs("look", "2 + 2"), HttpError(401, "authentication_error"), finishes("Enough.", "failed")]
    )
    ask_claude(server, small_cohort, folder)
    notebook = nbformat.read(folder / "notebook.ipynb", as_version=4)
    notebook.cells = [
        cell for cell in notebook.cells if cell.cell_type != "code" or cell.metadata["clinjup"]["step_id"] != "first"
    ]
    nbformat.write(notebook, folder / "notebook.ipynb")
    resume(folder)
    opening = server.turns[-1].body["messages"][0]["content"][0]["text"]
    assert "first: pending" in opening and "look: pending" in opening


def test_a_step_whose_cell_fails_in_the_new_kernel_is_done_again(scripted_claude, small_cohort, tmp_path):
    folder = tmp_path / "run"
    reads = "from pathlib import Path\nPath('cache/there').touch(exist_ok=Path('cache').joinpath('once').exists())"
    server = scripted_claude(
        [
            proposes(step("sound"), step("reads"), step("rests")),
            runs("sound", "sound = 1"),
            runs("reads", reads),
            runs("rests", "rests = sound"),
            HttpError(401, "authentication_error"),
            finishes("Enough.", "failed"),
        ]
    )
    ask_claude(server, small_cohort, folder)
    assert [attempt["ok"] for attempt in journal(folder, "execution")] == [True, True, True]
    resume(folder)
    opening = server.turns[-1].body["messages"][0]["content"][0]["text"]
    assert "sound: done" in opening and "reads: pending" in opening and "rests: pending" in opening


def test_a_folder_that_another_program_writes_is_not_read(scripted_claude, small_cohort, tmp_path):
    """Its owner may be in the middle of a line of the journal."""
    folder = tmp_path / "run"
    ask_claude(scripted_claude([PLAN, FIRST, finishes("Enough.", "failed")]), small_cohort, folder)
    lock = Lock(folder)
    with (folder / "journal.jsonl").open("a", encoding="utf-8") as journal_file:
        journal_file.write('{"n": 1000, "kind": "intent", "data": {}}\n')
    with pytest.raises(RunFolderError, match="Another program carries the run"):
        resume(folder)
    lock.release()


def test_answers_given_during_a_run_reach_the_model_in_the_clinicians_words(scripted_claude, small_cohort, tmp_path):
    question = {"id": "views", "text": "Which views?", "options": []}

    def reply(manager, run_id, event):
        if event.type == "question.asked":
            manager.answer(run_id, {"ask_views": "Lungenspitzenaufnahmen, says Dr. Wankelmuth on 03.04.2021"})

    asking = Says(calls=(Call("ask_clinician", {"questions": [question]}),))
    server = scripted_claude([PLAN, asking, finishes("Enough.", "failed")])
    ask_claude(server, small_cohort, tmp_path / "run", on_event=reply)
    answer = server.turns[-1].body["messages"][-1]["content"][0]["content"]
    assert "ask_views = Lungenspitzenaufnahmen" in answer
    assert "Wankelmuth" not in answer and "2021" not in answer


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--max-cost", "3"], "--max-cost"),
        (["--planner", "offline"], "--planner"),
        (["--budget-minutes", "20", "--seed", "0"], "--budget-minutes and --seed"),
        (["--approve", "none", "--json"], "--approve"),
        (["--local-only"], "--local-only"),
    ],
)
def test_resume_refuses_what_it_would_not_heed(options, named, tmp_path):
    said = clinjup("run", "--resume", tmp_path, *options)
    assert said.code == 2
    assert f"leave {named} away" in said.out + said.err


def test_a_run_that_asks_before_each_cell_is_not_resumed_where_nobody_can_agree(
    scripted_claude, small_cohort, tmp_path
):
    server = scripted_claude([PLAN, FIRST, HttpError(401, "authentication_error")])

    def approve(manager, run_id, event):
        if event.type == "approval.requested":
            manager.approve(run_id, event.data["sha256"], True)
        if event.type == "question.asked":
            manager.answer(run_id, {"continue_offline": "no"})

    ask_claude(server, small_cohort, tmp_path / "run", on_event=approve, approval=Approval.EACH)
    said = clinjup("run", "--resume", tmp_path / "run")
    assert said.code == 2 and "asks before each cell" in said.err


# -------------------------------------------------------------------------------------------------------- pictures

TO_THE_FIRST_FIGURE = [
    proposes(
        step("load", "load_cohort"),
        step("audit", "prepare_images", depends_on=["load"]),
        step("split", "split_cohort", depends_on=["audit"]),
        step("association", "association", depends_on=["split"]),
    ),
    places("load", "load_cohort"),
    places("audit", "prepare_images"),
    places("split", "split_cohort"),
    places("association", "association"),
    finishes("Only looked.", "failed"),
]


@pytest.mark.parametrize("shared", [False, True])
def test_figures_reach_the_model_only_where_the_clinician_turned_it_on(scripted_claude, small_cohort, tmp_path, shared):
    server, folder = scripted_claude(TO_THE_FIRST_FIGURE), tmp_path / "run"
    options = ["--planner", "claude", "--base-url", server.url, *(["--share-images"] if shared else [])]
    said = clinjup("run", REQUEST, "--data", small_cohort, "--out", folder, *options)
    assert said.code == 4, said.err
    assert any(finding["path"].startswith("plots/") for finding in _figures(folder))
    assert any(b"image/png" in request.raw for request in server.requests) is shared
    assert any("pictures" in disclosure["kinds"] for disclosure in journal(folder, "disclosure")) is shared
    assert ("figures of this run, which can show images, are sent to 127.0.0.1" in said.err) is shared


def _figures(folder: Path) -> list[dict[str, str]]:
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return results["figures"]


# --------------------------------------------------------------------------------------------------------- sandbox


def test_without_a_sandbox_one_loud_sentence_is_said_and_journalled_and_the_run_goes_on(
    scripted_claude, small_cohort, tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", str(tmp_path))  # no bubblewrap here
    server = scripted_claude([PLAN, FIRST, runs("look", RISKY), finishes("Enough.", "failed")])
    options = ["--planner", "claude", "--base-url", server.url, "--approve", "none"]
    said = clinjup("run", REQUEST, "--data", small_cohort, "--out", tmp_path / "run", *options)
    assert said.code == 4, said.err
    (sandbox,) = journal(tmp_path / "run", "sandbox")
    assert not sandbox["active"] and sandbox["sentence"].startswith("NO SANDBOX: ")
    assert said.err.count("NO SANDBOX: ") == 1
    assert [attempt["step_id"] for attempt in journal(tmp_path / "run", "execution")] == ["first"]
    assert b"there is no sandbox, so it is not run" in server.turns[-1].raw
    kernel = nbformat.read(tmp_path / "run" / "notebook.ipynb", as_version=4).metadata.kernelspec
    assert kernel.name == "python3"


def test_what_a_run_has_cost_is_remembered_when_it_is_resumed(tmp_path):
    journal = Journal.create(tmp_path / "journal.jsonl")
    journal.append("intent", {"run_id": "x", "request": {"intent": "i", "data": "d", "planner": "claude"}})
    for cost in (0.25, 0.5):
        journal.append("usage", {"model": "m", "requests": 3, "tokens": 9, "cached_tokens": 0, "cost": cost})
    assert read_history(tmp_path).cost == 0.75
