"""Stopping a run keeps everything up to there; resuming goes on without repeating what had finished."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from clinjup.contracts import Approval, RunRequest
from clinjup.run_folder import read_history
from clinjup.runs import RunManager
from clinjup.views import events_of
from tests.conftest import REQUEST
from tests.runs.door import COMMAND, clinjup, run_in_process


def training_cells(folder: Path) -> list:
    notebook = nbformat.read(folder / "notebook.ipynb", as_version=4)
    return [cell for cell in notebook.cells if cell.metadata.get("clinjup", {}).get("step_id") == "train_baseline"]


@pytest.mark.skipif(sys.platform == "win32", reason="a console signal for another process is a POSIX matter")
def test_ctrl_c_in_training_keeps_notebook_and_journal_and_can_be_resumed(small_cohort, tmp_path):
    folder = tmp_path / "run"
    process = subprocess.Popen(
        [*COMMAND, "run", "Detect pneumothorax on chest X-rays.", "--data", str(small_cohort), "--out", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stderr is not None
    heard = []
    for line in process.stderr:
        heard.append(line)
        if line.startswith("Train"):
            process.send_signal(signal.SIGINT)
            break
    rest = process.stderr.read()
    assert process.wait(timeout=60) == 4, "".join(heard) + rest
    assert "Traceback" not in rest
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert results["status"] == "interrupted"
    checked = clinjup("verify", folder)
    assert checked.code == 0 and checked.out.splitlines()[-1] == "unfinished: what is there fits the journal"
    assert "it was stopped before its end. Missing: the steps 'Train" in checked.out
    assert not results["models"]

    said = clinjup("run", "--resume", folder, "--json")
    assert said.code == 0, said.err
    assert said.json["status"] == "completed" and said.json["test_openings"] == 1
    assert len([cell for cell in training_cells(folder) if cell.cell_type == "code"]) == 2
    assert clinjup("verify", folder).out.splitlines()[-1] == "verified"
    assert clinjup("run", "--resume", folder).code == 2


def steps_until_training(folder: Path, data: Path) -> tuple[list[str], list[str]]:
    """Begin or go on with a run, stop it in training. Returns the steps whose cells it ran, and the loud sentences."""

    async def follow() -> tuple[list[str], list[str]]:
        manager, stopping = RunManager(), None
        if folder.exists():
            run_id = await manager.resume(folder, {})
        else:
            run_id = await manager.submit(RunRequest(intent=REQUEST, data=str(data), out=str(folder)))
        ran, told = [], []
        async for event in manager.subscribe(run_id):
            if event.type == "cell.started":
                ran.append(event.data["step_id"])
                if ran[-1] == "train_baseline":
                    stopping = asyncio.create_task(manager.stop(run_id))
            elif event.type == "text.delta" and event.data.get("loud"):
                told.append(event.data["text"])
            elif event.type == "notebook.restored":
                told.append(event.data["sentence"])
        await stopping
        return ran, told

    return asyncio.run(follow())


@pytest.mark.parametrize(
    ("gone", "again"), [("load", ["load", "audit", "split", "association"]), ("association", ["association"])]
)
def test_a_step_whose_cell_was_deleted_is_done_again_in_its_place_with_what_rests_on_it(
    small_cohort, tmp_path, gone, again
):
    folder = tmp_path / "run"
    order = ["load", "audit", "split", "association", "train_baseline"]
    assert steps_until_training(folder, small_cohort) == (order, [])
    notebook = nbformat.read(folder / "notebook.ipynb", as_version=4)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if (cell.cell_type, cell.metadata.get("clinjup", {}).get("step_id")) != ("code", gone)
    ]
    nbformat.write(notebook, folder / "notebook.ipynb")

    ran, (sentence,) = steps_until_training(folder, small_cohort)
    assert ran == [*again, "train_baseline"]
    assert "was deleted or changed" in sentence and ("Split into three parts" in sentence) == (gone == "load")
    found = [finding["kind"] for finding in read_history(folder).findings]
    assert found.count("cohort") == found.count("split") == 1  # what was done again counts once
    cells = nbformat.read(folder / "notebook.ipynb", as_version=4).cells
    written = [cell.metadata["clinjup"]["step_id"] for cell in cells if cell.cell_type == "code"]
    assert written == [*order, "train_baseline"]
    titles = [line for cell in cells for line in cell.source.splitlines() if line.startswith("## ")]
    assert len(titles) == len(set(titles)) + 1  # the training that was stopped, and again


def test_plan_only_writes_the_notebook_and_runs_nothing(small_cohort, tmp_path):
    request = RunRequest(intent=REQUEST, data=str(small_cohort), out=str(tmp_path / "run"), approval=Approval.PLAN_ONLY)
    results, _, events = run_in_process(request)
    told = events[-1].data
    assert told["sentence"] == results.sentence and told["cautions"] == [results.sentence]
    assert results.sentence.startswith("Only planned")
    past = read_history(tmp_path / "run", finished_too=True)
    again = events_of(past, tmp_path / "run")[-1].data
    assert again == {**told, "status": told["status"].value}
    notebook = nbformat.read(tmp_path / "run" / "notebook.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) >= 10 and not any(cell.outputs for cell in code)
    assert results.cells.executed == 0 and not results.models
    assert not list((tmp_path / "run" / "checkpoints").iterdir())
    report = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    plan = report[report.index('id="h-plan"') : report.index("h-asked")]
    assert plan.count("<li>") == len(code) and "Split into three parts" in plan


def test_each_cell_is_approved_by_its_hash_and_a_rejection_is_kept(small_cohort, tmp_path):
    request = RunRequest(intent=REQUEST, data=str(small_cohort), out=str(tmp_path / "run"), approval=Approval.EACH)
    asked = []

    def decide(manager, run_id, event):
        if event.type == "approval.requested":
            asked.append(event.data["step_id"])
            manager.approve(run_id, "0" * 64, True)  # another hash approves nothing
            manager.approve(run_id, event.data["sha256"], event.data["step_id"] in {"load", "audit"})

    results, _, _ = run_in_process(request, on_event=decide)
    assert asked[:3] == ["load", "audit", "split"]
    assert results.cells.executed == 2 and not results.models


def test_a_spent_budget_still_evaluates_the_best_model_so_far(small_cohort, tmp_path):
    request = RunRequest(intent=REQUEST, data=str(small_cohort), out=str(tmp_path / "run"), budget_minutes=0.1)
    results, _, _ = run_in_process(request)
    assert results.status == "completed", results.sentence
    assert [model.name for model in results.models] == ["baseline"]
    assert results.models[0].test["auroc"].n and results.test_openings == 1
