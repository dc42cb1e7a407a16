"""Each deterministic repair, provoked on a real run: the data or the machine change after they were looked at."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from clinjup.contracts import RunRequest
from tests.conftest import REQUEST
from tests.runs.door import run_in_process

# Without a confounder a run trains one network instead of two.
PLAIN = "Detect pneumothorax on chest X-rays."
DRAINS = "NIH-CX14_TubeAnnotations_NonExperts_aggregated.csv"


def rename_column(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    header, rest = text.split("\n", 1)
    assert old in header
    path.write_text(header.replace(old, new) + "\n" + rest, encoding="utf-8")


def journal_of(folder: Path, kind: str) -> list[dict]:
    lines = (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [record["data"] for record in map(json.loads, lines) if record["kind"] == kind]


def failed_cells(folder: Path) -> list:
    notebook = nbformat.read(folder / "notebook.ipynb", as_version=4)
    return [cell for cell in notebook.cells if "clinjup-failed-attempt" in cell.metadata.get("tags", [])]


@pytest.fixture
def request_for(cohort_copy: Path, tmp_path: Path) -> RunRequest:
    return RunRequest(intent=REQUEST, data=str(cohort_copy), out=str(tmp_path / "run"), budget_minutes=5)


@pytest.fixture
def plain_request(request_for: RunRequest) -> RunRequest:
    return request_for.model_copy(update={"intent": PLAIN})


def assert_mended(results, folder: Path, step: str, words: str) -> None:
    assert results.status == "completed", results.sentence
    assert results.cells.repaired >= 1 and results.cells.failed >= 1
    repairs = journal_of(folder, "repair")
    assert any(repair["step_id"] == step and words in repair["change"] for repair in repairs), repairs
    assert failed_cells(folder), "the failed attempt stays in the notebook"


def test_a_renamed_column_is_found_again(request_for, cohort_copy):
    results, _, _ = run_in_process(request_for, lambda: rename_column(cohort_copy / DRAINS, "Drain", "Chest_drain"))
    assert_mended(results, Path(request_for.out), "load", "chest drain is now read from")
    assert "chest_drain" in results.models[0].confounders


def test_with_no_attempts_allowed_the_first_error_ends_the_run_with_the_notebook_kept(plain_request, cohort_copy):
    request = plain_request.model_copy(update={"max_fix_attempts": 0})
    table = cohort_copy / "Data_Entry_2017_v2020.csv"
    results, _, _ = run_in_process(request, lambda: rename_column(table, "Patient ID", "PatientID"))
    assert results.status == "failed" and results.cells.failed == 1 and not journal_of(Path(request.out), "repair")
    assert (Path(request.out) / "report.html").is_file()


def test_a_confounder_table_that_vanishes_does_not_stop_the_run(request_for, cohort_copy):
    results, _, _ = run_in_process(request_for, (cohort_copy / DRAINS).unlink)
    assert_mended(results, Path(request_for.out), "load", "chest drain is no longer there")
    assert "jtt" in {model.name for model in results.models}


def test_an_image_that_vanishes_is_listed_and_left_out(plain_request, cohort_copy):
    victim = sorted((cohort_copy / "images").iterdir())[0]
    results, _, _ = run_in_process(plain_request, victim.unlink)
    assert results.status == "completed"
    assert victim.name in " ".join(item.path for item in results.data.excluded)


def test_a_batch_too_large_for_the_memory_is_halved_until_it_fits(plain_request, monkeypatch):
    monkeypatch.setenv("CLINJUP_MEMORY_GB", "0.06")
    results, _, _ = run_in_process(plain_request)
    assert_mended(results, Path(plain_request.out), "train_baseline", "Memory was too small")


def test_official_parts_that_leave_training_without_a_class_are_drawn_anew(plain_request, cohort_copy):
    results, _, _ = run_in_process(
        plain_request, lambda: keep_positives(cohort_copy, lambda image, patient, first, in_test: in_test)
    )
    assert_mended(results, Path(plain_request.out), "split", "The official parts leave training or validation without")
    assert "official_split_not_used" in {warning.code for warning in results.data.warnings}
    assert results.split["train"].positives and results.split["test"].positives


def test_a_class_that_one_patient_alone_has_cannot_be_mended_and_is_told(plain_request, cohort_copy):
    """One patient cannot be in training and in validation: the repair is tried, kept in the notebook, and the run says so."""
    keep_positives(cohort_copy, lambda image, patient, first, in_test: patient == first)
    results, _, _ = run_in_process(plain_request)
    assert results.status == "failed" and "holds no image of the class 'positive'" in results.sentence
    assert len(failed_cells(Path(plain_request.out))) == 2


def test_an_error_that_nobody_understands_ends_the_run_with_the_notebook_kept(plain_request, cohort_copy):
    results, _, _ = run_in_process(plain_request, (cohort_copy / "Data_Entry_2017_v2020.csv").unlink)
    folder = Path(plain_request.out)
    assert results.status == "failed"
    assert "could not be mended" in results.sentence and "Traceback" not in results.sentence
    assert failed_cells(folder) and (folder / "report.html").is_file()


def keep_positives(folder: Path, keep: Callable[[str, str, str, bool], bool]) -> None:
    """Take the pneumothorax from all films but those for which `keep(image, patient, first such patient in training, in test)`."""
    table = folder / "Data_Entry_2017_v2020.csv"
    official_test = set((folder / "test_list.txt").read_text(encoding="utf-8").split())
    with table.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    positive = [row for row in rows if "Pneumothorax" in row[1]]
    first = next(row[3] for row in positive if row[0] not in official_test)
    for row in positive:
        if not keep(row[0], row[3], first, row[0] in official_test):
            row[1] = "No Finding"
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
