"""Finished steps in a new kernel: lost ones are done again with what rests on them, but nothing up to an opened test set is."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import nbformat
import psutil
import pytest

from clinjup.agent.left_out import TIME_SPENT
from clinjup.agent.state import RunState
from clinjup.contracts import Event, Plan, Results, RunRequest, Step
from clinjup.hashing import sha256_text
from clinjup.notebook.session import NotebookSession
from clinjup.notebook.workspace import NotebookWorkspace
from clinjup.redo import take_over
from clinjup.reporting import Journal
from clinjup.run_folder import read_history
from clinjup.runs import RunManager
from clinjup.testing import HttpError
from clinjup.testing.kernel import ScriptedKernel
from tests.agent.claude_runs import Told, brief, finishes, proposes, runs, step
from tests.runs.claude_door import ask_claude, journal
from tests.runs.test_faults import kernels

STEPS = ("train", "test", "look")
OPENED = {"kind": "test_opening", "images": 9, "patients": 9, "models": ["baseline"]}


def resume(folder: Path) -> tuple[Results, list[Event]]:
    async def main() -> tuple[Results, list[Event]]:
        manager = RunManager()
        run_id = await manager.resume(folder, {})
        events = [event async for event in manager.subscribe(run_id)]
        return (await manager.wait(run_id))[0], events

    return asyncio.run(main())


def change(folder: Path, step_id: str, source: str | None) -> None:
    """The user edits the cell of a step, or deletes it."""
    notebook = nbformat.read(folder / "notebook.ipynb", as_version=4)
    (cell,) = [
        each
        for each in notebook.cells
        if each.cell_type == "code" and each.metadata.get("clinjup", {}).get("step_id") == step_id
    ]
    if source is None:
        notebook.cells.remove(cell)
    else:
        cell.source = source
    nbformat.write(notebook, folder / "notebook.ipynb")


@pytest.fixture
def opened(scripted_claude, small_cohort, tmp_path) -> Path:
    """A run whose second step opened the test set; it broke off before the third, which its server plans on a resume."""
    folder = tmp_path / "run"
    server = scripted_claude(
        [
            proposes(*(step(each) for each in STEPS)),
            runs("train", "from pathlib import Path\ntrained = Path('cache/weights').write_text('1')"),
            runs("test", "from pathlib import Path\ntested = Path('cache/weights').read_text()"),
            HttpError(401, "authentication_error"),
            runs("look", "(trained, tested)"),
            finishes("Enough.", "failed"),
        ]
    )
    ask_claude(server, small_cohort, folder)
    Journal.open(folder / "journal.jsonl").append("result", {"step_id": "test", "finding": OPENED})
    return folder


@pytest.mark.parametrize("source", [None, "trained = 2"], ids=["deleted", "edited"])
@pytest.mark.parametrize("gone", ["train", "test"])
def test_nothing_up_to_an_opened_test_set_is_done_again(opened: Path, gone: str, source: str | None):
    change(opened, gone, source)
    results, events = resume(opened)
    assert results.sentence == "Enough." and results.test_openings == 1
    assert journal(opened, "redo") == []
    assert [(each["step_id"], each["ok"]) for each in journal(opened, "execution")] == [(each, True) for each in STEPS]
    (told,) = [event.data["text"] for event in events if "was opened" in str(event.data.get("text"))]
    assert told.startswith(f"A cell of '{gone.capitalize()}' was deleted or changed. The test set of this run")


def test_where_it_does_not_run_any_more_the_run_ends_with_its_figures_and_can_go_on(opened: Path):
    (opened / "cache" / "weights").unlink()
    (opened / "cache" / "weights").mkdir()
    results, events = resume(opened)
    assert results.status == "failed" and results.test_openings == 1
    assert results.sentence.startswith("The cell of 'Train' does not run in the new kernel: ")
    assert "The test set of this run was opened at 'Test'" in results.sentence
    assert events[-1].data["resumable"] and journal(opened, "redo") == []
    (opened / "cache" / "weights").rmdir()
    results, _ = resume(opened)
    assert results.sentence == "Enough." and results.test_openings == 1


def test_the_figures_stay_where_a_resumed_run_is_stopped_before_it_is_planned(opened: Path):
    async def main() -> Results:
        manager = RunManager()
        run_id = await manager.resume(opened, {})
        await manager.stop(run_id)
        return (await manager.wait(run_id))[0]

    results = asyncio.run(main())
    assert results.status == "interrupted" and results.test_openings == 1 and results.cells.executed == 2


@pytest.mark.parametrize("gone", [True, False], ids=["cell deleted", "cell fails"])
def test_after_a_death_of_the_kernel_a_lost_step_is_done_again_in_its_place(
    scripted_claude, small_cohort, tmp_path, gone
):
    folder, killed = tmp_path / "run", list[int]()
    reads = "from pathlib import Path\nPath('cache/there').touch(exist_ok=Path('cache/twice').exists())"
    server = scripted_claude(
        [
            proposes(step("sound"), step("lost"), step("last")),
            runs("sound", "sound = 1"),
            runs("lost", "lost = sound" if gone else reads, explanation="## Lost"),
            runs("last", "import threading\nthreading.Event().wait(100)"),
            runs("last", "sound", repair="Without the pause."),
            runs("lost", "lost = sound + 1", explanation="## Lost"),
            runs("last", "sound", repair="Without the pause."),
            finishes("Enough.", "failed"),
        ]
    )

    def kill_once(manager: RunManager, run_id: str, event: Event) -> None:
        if event.type == "cell.started" and event.data["step_id"] == "last" and not killed:
            if gone:
                session = manager._runs[run_id].session
                session.notebook.cells = [each for each in session.notebook.cells if each.source != "lost = sound"]
            for process in kernels():  # the sandbox is one too
                killed.append(process.pid)
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()

    results, _, events = ask_claude(server, small_cohort, folder, on_event=kill_once)
    assert results.sentence == "Enough.", results.sentence
    (redo,) = journal(folder, "redo")
    why = "was deleted or changed" if gone else "does not run in the new kernel"
    assert redo == {"steps": ["lost"], "sentence": f"A cell of 'Lost' {why}. The step is done again, in its place."}
    assert [event.data for event in events if event.type == "notebook.restored"] == [redo]
    ran = [(each["step_id"], each["ok"]) for each in journal(folder, "execution")]
    assert ran == [("sound", True), ("lost", True), ("last", False), ("lost", True), ("last", True)]
    notebook = nbformat.read(folder / "notebook.ipynb", as_version=4)
    written = [(cell.metadata["clinjup"]["step_id"], cell.source) for cell in notebook.cells]
    assert [source for step_id, source in written if step_id == "lost"] == ["## Lost", "lost = sound + 1"]
    assert list(dict.fromkeys(step_id for step_id, _ in written)) == ["introduction", "sound", "lost", "last"]
    found = read_history(folder, finished_too=True)
    assert results.cells.executed == len(found.executions) == 4


def test_what_compares_validations_rests_on_all_of_them_and_a_validation_on_what_judged_its_model():
    def a(step_id: str, recipe: str, *depends_on: str, **parameters: str) -> Step:
        return Step(id=step_id, title=step_id, recipe=recipe, depends_on=list(depends_on), parameters=parameters)

    plan = Plan(
        objective="",
        steps=[
            a("train_a", "train", "split", NAME="a"),
            a("judge_a", "cross_fit", "train_a", NAME="a"),
            a("validate_a", "validate", "train_a", NAME="a"),
            a("train_b", "train", "split", NAME="b"),
            a("validate_b", "validate", "train_b", NAME="b"),
            a("select", "select", "validate_a"),
            a("test", "test", "select"),
        ],
    )
    assert plan.resting_on({"train_b"}) == ["train_b", "validate_b", "select", "test"]
    assert plan.resting_on({"judge_a"}) == ["judge_a", "validate_a", "select", "test"]
    assert plan.resting_on({"select"}) == ["select", "test"]


def test_no_further_model_is_trained_once_the_test_set_was_opened(tmp_path: Path):
    """What had been left out for want of time, which a resumed run has again."""
    steps = [
        Step(id=each, title=each, recipe=each, optional=each in {"jtt", "look"}) for each in ("jtt", "test", "look")
    ]
    records = Journal.create(tmp_path / "journal.jsonl")
    request = RunRequest(intent="find it", data="d").model_dump(mode="json")
    records.append("intent", {"run_id": "r", "request": request})
    records.append("plan", Plan(objective="", steps=steps))
    records.append("execution", {"step_id": "test", "ok": True, "source_sha256": sha256_text("t"), "source": "t"})
    records.append("result", {"step_id": "test", "finding": OPENED})
    records.append("finished", {"status": "failed", "sentence": "", "notes": {"jtt": TIME_SPENT}})
    kernel, told = ScriptedKernel(), Told()
    workspace = NotebookWorkspace(NotebookSession.create(tmp_path / "notebook.ipynb", "r"), kernel, told.publish)
    state = RunState(brief(), Plan(objective="", steps=steps), deadline=0.0)
    asyncio.run(take_over(state, workspace, read_history(tmp_path), told))
    assert [(each.status, each.note) for each in state.plan.steps] == [
        ("skipped", TIME_SPENT),
        ("done", None),
        ("pending", None),
    ]
    assert kernel.sources == ["t"] and state.findings == [OPENED]
