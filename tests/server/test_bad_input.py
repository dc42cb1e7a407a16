"""Notebooks that cannot carry a run, or stop to: one clear sentence, nothing lost."""

from __future__ import annotations

import json
from pathlib import Path

from .claude_server import ENDED, UNTIL_GO, code, empty_notebook, let_go, markdown, script, start
from .test_live_runs import texts_of


def refused(server, data, notebook, **more):
    status, problem = server.post(
        "clinjup/v1/runs",
        {"intent": "Find pneumothorax on chest X-rays.", "data": str(data), "notebook": notebook, **more},
    )
    assert status == 422, problem
    return problem


def when_whole(file):
    """Jupyter saves in place: a reader may meet half a file."""
    for _ in range(10_000):
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            continue
    raise AssertionError("the notebook is never whole")


def test_a_notebook_for_another_language_is_told_before_anything_is_written(server, small_cohort):
    kernel = {"name": "ir", "display_name": "R", "language": "R"}
    path = empty_notebook(server, "r.ipynb", code("mine", "summary(x)"), kernelspec=kernel)
    before = server.notebook(path)
    problem = refused(server, small_cohort, path, answers={"confounder": "none"})
    assert problem["code"] == "notebook" and "for R" in problem["sentence"] and "Python" in problem["sentence"]
    assert server.notebook(path) == before


def test_weights_where_there_are_none_are_told_before_anything_is_written(server, small_cohort):
    problem = refused(server, small_cohort, None, pretrained="weights/gone.pth")
    assert problem["code"] == "unusable_data"
    assert f"no published weights at '{server.root.resolve() / 'weights' / 'gone.pth'}'" in problem["sentence"]
    assert not list(server.root.glob("clinjup-runs/*/journal.jsonl"))


def test_an_approval_or_host_that_the_administrator_forbids_is_told_in_a_sentence(own_server, small_cohort):
    server = own_server(
        "--Clinjup.max_approval=each",
        "--Clinjup.allowed_hosts=models.hospital.example",
        "--Clinjup.allow_images=False",
    )
    limits = server.get("clinjup/v1/about")[1]["limits"]
    assert (limits["max_approval"], limits["allowed_hosts"]) == ("each", ["models.hospital.example"])
    assert limits["allow_images"] is False
    problem = refused(server, small_cohort, None)
    assert problem["code"] == "not_allowed" and "'each' at most" in problem["sentence"]
    problem = refused(
        server, small_cohort, None, approval="each", planner="claude", base_url="http://127.0.0.1:9", model="m"
    )
    assert problem["code"] == "not_allowed" and "models.hospital.example" in problem["sentence"]
    problem = refused(server, small_cohort, None, approval="each", share_images=True)
    assert problem["code"] == "not_allowed" and "shows no pictures to a model" in problem["sentence"]
    assert not list(server.root.glob("clinjup-runs/*/journal.jsonl"))


def test_a_notebook_that_is_deleted_while_the_run_writes_it_is_written_again_and_said_so(
    server, scripted_claude, small_cohort
):
    path = empty_notebook(server, "deleted.ipynb", markdown("mine", "mine"))
    run = start(server, scripted_claude(script(UNTIL_GO, "print('after')")), small_cohort, path)
    server.until(run["id"], lambda event: event["type"] == "cell.started")
    (server.root / path).unlink()
    let_go(run)
    events = server.run_to_end(run["id"])
    said = [event["data"]["text"] for event in events if event["type"] == "text.delta"]
    assert any("deleted or moved away" in text and "Nothing is lost" in text for text in said)
    assert events[-1]["data"]["status"] == ENDED
    assert texts_of(server.notebook(path), "s2") == "after\n" and "mine" in json.dumps(server.notebook(path)["cells"])


def test_a_notebook_that_is_renamed_while_the_run_writes_it_is_followed(server, scripted_claude, small_cohort):
    path = empty_notebook(server, "before.ipynb", markdown("mine", "mine"))
    run = start(server, scripted_claude(script(UNTIL_GO, "print('after')")), small_cohort, path)
    server.until(run["id"], lambda event: event["type"] == "cell.started")
    session = next(s for s in server.get("api/sessions")[1] if s["path"] == path)
    assert server.ask("PATCH", f"api/contents/{path}", {"path": "renamed.ipynb"})[0] == 200
    assert server.ask("PATCH", f"api/sessions/{session['id']}", {"path": "renamed.ipynb"})[0] == 200
    let_go(run)
    assert server.run_to_end(run["id"])[-1]["data"]["status"] == ENDED
    assert texts_of(server.notebook("renamed.ipynb"), "s2") == "after\n"
    assert not (server.root / path).exists()


def test_what_another_program_writes_into_the_notebook_meanwhile_is_kept(server, scripted_claude, small_cohort):
    """Rule 6: no tab owns the file, and somebody else saves it."""
    path = empty_notebook(server, "shared.ipynb", markdown("mine", "mine"))
    run = start(server, scripted_claude(script(UNTIL_GO, "print('after')")), small_cohort, path)
    server.until(run["id"], lambda event: event["type"] == "cell.started")
    file = server.root / path
    while "waiting" not in json.dumps(document := when_whole(file)):
        pass
    for _ in range(20):  # the server answers these after it has finished that save
        server.get(f"api/contents/{path}?content=0")
    document["cells"][0]["source"] = ["written by another program"]
    file.write_text(json.dumps(document), encoding="utf-8")
    let_go(run)
    server.run_to_end(run["id"])
    whole = json.dumps(server.notebook(path)["cells"])
    assert "written by another program" in whole and "after" in whole


def test_a_notebook_of_nbformat_3_is_brought_up_to_date_and_keeps_its_cells(server, scripted_claude, small_cohort):
    old = {
        "metadata": {"name": "old"},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [
            {
                "metadata": {},
                "cells": [
                    {
                        "cell_type": "code",
                        "collapsed": False,
                        "input": "kept = 1",
                        "language": "python",
                        "metadata": {},
                        "outputs": [],
                    }
                ],
            }
        ],
    }
    (server.root / "old.ipynb").write_text(json.dumps(old), encoding="utf-8")
    run = start(server, scripted_claude(script("print('new')")), small_cohort, "old.ipynb")
    assert server.run_to_end(run["id"])[-1]["data"]["status"] == ENDED
    notebook = server.notebook("old.ipynb")
    assert notebook["nbformat"] == 4 and "kept = 1" in json.dumps(notebook["cells"])
    assert texts_of(notebook, "s1") == "new\n"


def test_a_killed_kernel_is_told_and_what_was_computed_is_kept(server, scripted_claude, small_cohort):
    path = empty_notebook(server, "killed.ipynb", markdown("mine", "mine"))
    kill = "import os, signal\nprint('last words', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    run = start(server, scripted_claude(script("print('first')", kill)), small_cohort, path, approval="each")

    def agree(event):
        if event["type"] == "approval.requested":
            address = f"clinjup/v1/runs/{run['id']}/approvals/{event['data']['sha256']}"
            assert server.post(address, {"approved": True})[0] == 200

    events = server.run_to_end(run["id"], agree)
    said = [event["data"]["message"] for event in events if event["type"] == "error.diagnosed"]
    assert any("kernel that ran this cell stopped" in message for message in said)
    assert texts_of(server.notebook(path), "s1") == "first\n"
    assert Path(run["folder"], "report.html").is_file()
