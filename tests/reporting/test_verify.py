from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinjup.contracts import Attempt, CellError, RunStatus
from clinjup.hashing import sha256_text
from clinjup.renamed_notebook import notebook_of_run
from clinjup.reporting import Journal, Verification, export_record, verify_run
from clinjup.reporting.journal import Kind
from clinjup.reporting.what_ran import unfinished_sentence
from clinjup.run_folder import History
from tests.reporting import example


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    example.finished_run(folder)
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def change_notebook(run: Path, change: Callable[[dict[str, Any]], object]) -> Verification:
    path = run / "notebook.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    change(notebook)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return verify_run(run)


def test_an_untouched_run_is_verified(run: Path) -> None:
    result = verify_run(run)
    assert result.ok and result.problems == []
    assert result.checked["files"] == "11 files as at the end of the run"
    assert result.checked["outputs"] == "as at the end of the run"
    assert result.unfinished == ""


@pytest.mark.parametrize("number", [0, 1, 2], ids=["markdown", "code", "last"])
def test_a_changed_character_in_any_cell_is_found(run: Path, number: int) -> None:
    def edit(notebook: dict[str, Any]) -> None:
        source = notebook["cells"][number]["source"]
        notebook["cells"][number]["source"] = (
            [*source[:-1], source[-1] + " "] if isinstance(source, list) else source + " "
        )

    result = change_notebook(run, edit)
    assert not result.ok and result.problems == [
        f"Cell {number + 1} ({'code' if number else 'markdown'}) was edited after the run."
    ]
    assert result.checked["outputs"] == "as at the end of the run"


def test_the_source_as_list_or_string_is_the_same(run: Path) -> None:
    def split(notebook: dict[str, Any]) -> None:
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"]).splitlines(keepends=True)

    assert change_notebook(run, split).ok


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda cells: cells.pop(1), "Missing from the notebook: cell 2 of the run."),
        (lambda cells: cells.reverse(), "another order"),
        (lambda cells: cells.append({**cells[0], "id": "new"}), "Added after the run: cell 4 of the notebook."),
        (lambda cells: cells.append(dict(cells[0])), "has 4 cells and had 3"),
        (lambda cells: cells[2].update(cell_type="raw"), "Cell 3 (raw) was edited"),
        (lambda cells: cells[2].update(id="renamed"), "Missing from the notebook: cell 3"),
    ],
)
def test_cells_that_were_removed_moved_or_added_are_found(
    run: Path, change: Callable[[list[Any]], object], said: str
) -> None:
    result = change_notebook(run, lambda notebook: change(notebook["cells"]))
    assert not result.ok and any(said in problem for problem in result.problems), result.problems


def test_changed_outputs_are_told_apart_from_changed_source(run: Path) -> None:
    def rerun(notebook: dict[str, Any]) -> None:
        notebook["cells"][1]["outputs"][2]["data"]["text/plain"] = "AUROC 0.99"

    result = change_notebook(run, rerun)
    assert not result.ok
    assert result.problems == ["Outputs changed after the run, for example by re-running it: cell 2."]
    assert result.checked["notebook"].startswith("3 cells")


def test_opening_and_saving_in_jupyterlab_is_no_change(run: Path) -> None:
    """JupyterLab joins stream chunks, drops overwritten progress bars and renumbers executions."""

    def save(notebook: dict[str, Any]) -> None:
        cell = notebook["cells"][1]
        merged = {"output_type": "stream", "name": "stdout", "text": ["Decode: 100%\n", "3000 images\n"]}
        shown = {**cell["outputs"][2], "metadata": {"needs_background": "light"}}
        shown["data"] = {**shown["data"], "text/plain": ["AUROC 0.90"]}
        cell.update(outputs=[merged, shown], execution_count=7)
        notebook["metadata"]["kernelspec"] = {"name": "python3"}

    assert change_notebook(run, save).ok


@pytest.mark.parametrize(
    "name",
    ["results.json", "report.html", "predictions.csv", "model_card.md", "plots/roc.png", "checkpoints/baseline.ckpt"],
)
def test_every_file_of_the_run_is_covered(run: Path, name: str) -> None:
    path = run / name
    path.write_bytes(path.read_bytes() + b" ")
    assert verify_run(run).problems == [f"{name} was changed after the run."]
    path.unlink()
    assert verify_run(run).problems == [f"{name} is missing; it was there at the end of the run."]


def test_files_added_later_are_named_as_not_covered(run: Path) -> None:
    (run / "plots" / "later.png").write_bytes(b"x")
    result = verify_run(run)
    assert result.ok and result.checked["not covered"] == "added after the run: plots/later.png"


def test_a_cut_tail_of_the_journal_is_found(run: Path) -> None:
    path = run / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    for kept in range(1, len(lines)):
        path.write_bytes(b"".join(lines[:kept]))
        result = verify_run(run)
        assert not result.ok and any("cut off" in problem for problem in result.problems), kept


def test_a_journal_rewritten_as_a_whole_does_not_fit_the_notebook(run: Path) -> None:
    (run / "journal.jsonl").unlink()
    example.write_journal(run)
    assert not verify_run(run).ok


def test_a_notebook_without_the_journal_head_does_not_pass(run: Path) -> None:
    result = change_notebook(run, lambda notebook: notebook["metadata"].pop("clinjup"))
    assert any("does not name the journal's last record" in problem for problem in result.problems)


def test_a_changed_journal_line_is_found(run: Path) -> None:
    path = run / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b"chest drains may", b"chest drains can"))
    result = verify_run(run)
    assert "content does not match its hash" in result.problems[0]


def test_an_interrupted_run_without_export_says_what_is_not_covered(tmp_path: Path) -> None:
    journal = example.write_journal(tmp_path, done=2)
    notebook = example.notebook()
    notebook["metadata"]["clinjup"]["journal_head"] = journal.records[-2].hash
    (tmp_path / "notebook.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    result = verify_run(tmp_path)
    assert result.ok, result.problems
    assert "no export record" in result.checked["not covered"]
    assert "goes on after" in result.checked["journal head"]
    steps = f"the steps {', '.join(map(repr, example.STEPS[2:]))}"
    missing = f"Missing: {steps}; results.json; report.html; model_card.md; the predictions."
    assert result.unfinished.startswith("This run is unfinished: ") and result.unfinished.endswith(missing)
    notebook["cells"][1]["source"] += "\nprint('edited')"
    (tmp_path / "notebook.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    assert verify_run(tmp_path).problems == ["Cell 2 was edited after clinjup wrote it."]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (RunStatus.INTERRUPTED, "it was stopped before its end."),
        (RunStatus.FAILED, "it failed before its end."),
        (RunStatus.NEEDS_ANSWER, "it waits for an answer."),
    ],
)
def test_how_an_unfinished_run_ended_is_told_although_nothing_was_changed(
    run: Path, status: RunStatus, said: str
) -> None:
    journal = Journal.open(run / "journal.jsonl")
    journal.append("finished", {"status": status, "sentence": "ended"})
    result = change_notebook(run, lambda n: n["metadata"]["clinjup"].update(journal_head=journal.head))
    assert result.ok and result.unfinished == f"This run is unfinished: {said}"


def test_going_back_to_an_earlier_step_accuses_nobody(run: Path) -> None:
    journal = Journal.open(run / "journal.jsonl")
    journal.append("restore", {"step_id": "step3", "steps": ["step3", "step4"], "cells_removed": 1})

    def go_back(notebook: dict[str, Any]) -> None:
        notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] != "train"]
        notebook["metadata"]["clinjup"]["journal_head"] = journal.head

    result = change_notebook(run, go_back)
    assert result.ok and result.problems == []
    assert "did not come to its end" in result.checked["not covered"]
    assert result.unfinished.endswith("Missing: the steps 'Train: baseline', 'Open the test set, once'.")


def test_a_resumed_run_is_not_held_to_the_export_of_its_first_part(run: Path) -> None:
    journal = Journal.open(run / "journal.jsonl")
    journal.append("resume", {})
    (run / "results.json").write_text("{}", encoding="utf-8")
    result = verify_run(run)
    assert result.ok and "not covered" in result.checked
    notebook = json.loads((run / "notebook.ipynb").read_text(encoding="utf-8"))
    journal.append("export", export_record(run, notebook))
    assert not verify_run(run).ok  # the notebook does not name the new head yet
    assert change_notebook(run, lambda n: n["metadata"]["clinjup"].update(journal_head=journal.head)).ok


def test_a_torn_last_line_is_told(run: Path) -> None:
    path = run / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    assert any("incomplete" in problem for problem in verify_run(run).problems)


@pytest.mark.parametrize("name", ["journal.jsonl", "notebook.ipynb"])
@pytest.mark.parametrize(
    "content", [b"", b"\x00\xff", b"[]", b"{}", b"null\n", b"[" * 100_000, b'{"cells":[1,{"source":5}]}']
)
def test_garbage_gives_sentences_and_no_traceback(run: Path, name: str, content: bytes) -> None:
    (run / name).write_bytes(content)
    result = verify_run(run)
    assert not result.ok and all(problem.endswith(".") for problem in result.problems)


def test_missing_pieces_give_sentences(tmp_path: Path, run: Path) -> None:
    assert verify_run(tmp_path / "nowhere").problems == [f"There is no run folder '{tmp_path / 'nowhere'}'."]
    (tmp_path / "empty").mkdir()
    assert len(verify_run(tmp_path / "empty").problems) == 2
    (run / "notebook.ipynb").unlink()
    assert any("put a copy into the run folder" in problem for problem in verify_run(run).problems)


def test_a_notebook_that_was_renamed_is_found_by_the_run_that_it_names(run: Path) -> None:
    (run / "notebook.ipynb").rename(run / "Pneumothorax für Anna.ipynb")
    other = {"cells": [], "metadata": {"clinjup": {"run_id": "another"}}}
    (run / "A.ipynb").write_text(json.dumps(other), encoding="utf-8")
    copied_earlier = example.notebook()
    copied_earlier["metadata"]["clinjup"]["journal_head"] = "0" * 64
    (run / "B.ipynb").write_text(json.dumps(copied_earlier), encoding="utf-8")
    result = verify_run(run)
    assert result.ok, result.problems
    assert result.checked["renamed"] == "the notebook of this run is now called Pneumothorax für Anna.ipynb"
    (run / "Pneumothorax für Anna.ipynb").unlink()
    assert not verify_run(run).ok


def test_of_several_copies_the_one_that_the_run_wrote_last_is_its_notebook(tmp_path: Path) -> None:
    """Duplicated and then renamed while the run goes on, or before it is resumed."""

    def write(name: str, **told: object) -> None:
        notebook = {"cells": [], "metadata": {"clinjup": {"run_id": "r", **told}}}
        (tmp_path / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")

    def found() -> str:
        notebook = notebook_of_run(tmp_path, "r", ["a", "b", "c"])
        return notebook[0].stem if notebook else ""

    assert found() == ""
    write("notebook-Copy1", seq=3)
    write("pneumo", seq=12)
    write("pneumo-2")
    assert found() == "pneumo"
    write("notebook-Copy1", seq=20, journal_head="a")
    write("pneumo", seq=12, journal_head="b")
    assert found() == "pneumo"


@pytest.mark.parametrize("taken_back", ["restore", "redo"])
def test_a_cell_that_ran_and_was_gone_when_the_run_ended_is_missed(run: Path, taken_back: Kind) -> None:
    """Deleted or undone while the run went on: the export at the end knows nothing of it."""
    journal = Journal.open(run / "journal.jsonl")
    gone = Attempt(step_id="step1", number=2, source_sha256=sha256_text("gone"), ok=True, seconds=1.0)
    stopped = CellError(name="KeyboardInterrupt", message="", traceback="", signature="")
    journal.append("execution", gone.model_copy(update={"source_sha256": sha256_text("stopped"), "error": stopped}))
    journal.append("export", export_record(run, json.loads((run / "notebook.ipynb").read_text(encoding="utf-8"))))
    assert change_notebook(run, lambda n: n["metadata"]["clinjup"].update(journal_head=journal.head)).ok

    journal.append("execution", gone)
    result = change_notebook(run, lambda n: n["metadata"]["clinjup"].update(journal_head=journal.head))
    said = f"its cell was deleted or edited. It belongs to '{example.STEPS[1]}'."
    assert not result.ok and result.problems == [f"Code that ran was not in the notebook when the run ended: {said}"]
    journal.append("resume", {})
    result = change_notebook(run, lambda n: n["metadata"]["clinjup"].update(journal_head=journal.head))
    assert result.problems == [f"Code that ran is not in the notebook: {said}"]
    journal.append(taken_back, {"step_id": "step1", "steps": ["step1"], "cells_removed": 0})
    assert change_notebook(run, lambda n: n["metadata"]["clinjup"].update(journal_head=journal.head)).ok


_KEYS = ["cells", "notebook", "files", "id", "source", "outputs", "metadata", "clinjup", "data", "text", "../x"]
_json = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), children, max_size=4),
    max_leaves=12,
)


@given(export=_json, notebook=_json)
def test_an_export_record_or_notebook_of_any_shape_never_raises(
    tmp_path_factory: pytest.TempPathFactory, export: object, notebook: object
) -> None:
    folder = tmp_path_factory.mktemp("shape")
    Journal.create(folder / "journal.jsonl").append("export", export)
    (folder / "notebook.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    assert not verify_run(folder).ok


@pytest.mark.parametrize(
    ("done", "optional", "state", "missing"),
    [
        (4, False, "failed", True),
        (4, True, "failed", True),
        (4, True, "skipped", False),
        (3, True, "skipped", False),
        (3, False, "skipped", True),
    ],
)
def test_a_step_whose_last_attempt_failed_is_missing_unless_it_could_be_left_out_and_was(
    tmp_path: Path, done: int, optional: bool, state: str, missing: bool
) -> None:
    journal = example.write_journal(tmp_path, done=done)
    plan = {**journal.records[1].data, "steps": [dict(step) for step in journal.records[1].data["steps"]]}
    plan["steps"][3]["optional"] = optional
    journal.append("plan", plan)
    error = CellError(name="ValueError", message="no", traceback="...", signature="s")
    journal.append("execution", example.attempt("step3", 2, error=error))
    journal.append("finished", {"status": RunStatus.FAILED, "sentence": "ended", "steps": {"step3": state}})
    told = unfinished_sentence(tmp_path, journal.records)
    assert (f"'{example.STEPS[3]}'" in told) is missing
    assert History(journal).finished_steps() == {"step0", "step1", "step2"}
