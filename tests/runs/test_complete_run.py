"""One complete run through the command line, looked at from all sides."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from clinjup.contracts import Results
from clinjup.reporting.cautions import cautions, end_cautions
from clinjup.reporting.verdict import verdict
from tests.conftest import REQUEST
from tests.runs.claude_door import journal
from tests.runs.door import Said, clinjup, tree_digest


@pytest.fixture(scope="module")
def finished(small_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Said, Path, bool]:
    """(what the command said, the run folder, whether the source data stayed as they were)."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    before = tree_digest(small_cohort)
    said = clinjup("run", REQUEST, "--data", small_cohort, "--out", folder, "--json")
    return said, folder, tree_digest(small_cohort) == before


@pytest.fixture(scope="module")
def results(finished) -> Results:
    return Results.model_validate_json(finished[0].out)


@pytest.fixture
def run_copy(finished, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished[1], tmp_path / "run"))


def test_it_completes_and_leaves_the_run_folder_as_documented(finished):
    said, folder, _ = finished
    assert said.code == 0, said.err
    left = {path.name for path in folder.iterdir()}
    assert left == {
        "notebook.ipynb",
        "report.html",
        "results.json",
        "journal.jsonl",
        "model_card.md",
        "predictions.csv",
        "checkpoints",
        "plots",
        "cache",
    }


def test_the_source_data_are_never_written_to(finished):
    assert finished[2]


def test_json_on_stdout_is_the_results_file(finished):
    assert finished[0].json == json.loads((finished[1] / "results.json").read_text(encoding="utf-8"))


def test_the_confounder_is_measured_for_baseline_and_mitigated_model(results):
    assert [model.name for model in results.models] == ["baseline", "balanced_sampling"]
    for model in results.models:
        check = model.confounders["chest_drain"]
        assert check.false_alarm_increase.value is not None and check.false_alarm_increase.ci95 is not None
        assert check.placebo_increase.value is not None
        assert model.test["auroc"].value is not None and model.test["auroc"].n


def test_the_test_set_was_opened_once_for_all_models(results):
    assert results.test_openings == 1
    assert results.selected in {model.name for model in results.models}
    assert {experiment.name for experiment in results.experiments} == {"baseline", "balanced_sampling"}


def test_every_model_has_its_threshold_from_the_same_rule(results):
    rules = {model.operating_point.rule for model in results.models}
    assert len(rules) == 1 and "0.9" in rules.pop().replace("90\u00a0%", "0.9")


def test_synthetic_data_are_called_synthetic_everywhere(finished, results):
    folder = finished[1]
    assert results.data.synthetic
    notebook = nbformat.read(folder / "notebook.ipynb", as_version=4)
    assert "Synthetic data" in notebook.cells[0].source
    for name in ("report.html", "model_card.md"):
        assert "synthetic" in (folder / name).read_text(encoding="utf-8").lower()


def test_the_notebook_is_valid_and_every_code_cell_ran_without_error(finished):
    notebook = nbformat.read(finished[1] / "notebook.ipynb", as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) >= 10
    assert all(cell.execution_count for cell in code)
    assert not [output for cell in code for output in cell.outputs if output.output_type == "error"]
    assert sum("image/png" in output.get("data", {}) for cell in code for output in cell.outputs) >= 6


def test_every_figure_has_an_alternative_text_and_a_caption(finished, results):
    assert len(results.figures) >= 6
    for figure in results.figures:
        assert figure.alt and figure.caption
        assert (finished[1] / figure.path).is_file()


def test_predictions_never_share_a_patient_between_parts(finished, results):
    with (finished[1] / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {"image", "probability", "decision", "patient", "split", "label"} <= rows[0].keys()
    parts: dict[str, set[str]] = {}
    for row in rows:
        parts.setdefault(row["split"], set()).add(row["patient"])
        assert 0 <= float(row["probability"]) <= 1 and row["decision"] in {"0", "1"}
    assert not parts["validation"] & parts["test"]
    assert sum(row["split"] == "test" for row in rows) == results.split["test"].images


def test_verify_finds_nothing_to_complain_of(finished):
    said = clinjup("verify", finished[1])
    assert said.code == 0 and said.out.splitlines()[-1] == "verified", said.out


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("journal.jsonl", b'"kind":"intent"', b'"kind": "intent"'),
        ("journal.jsonl", b"pneumothorax", b"pneumothoraX"),
        ("notebook.ipynb", b"import train", b"import  train"),
        ("notebook.ipynb", b"## Split into three", b"## Split into Three"),
        ("results.json", b'"status"', b'"Status"'),
    ],
)
def test_verify_finds_a_changed_byte(run_copy, file, old, new):
    path = run_copy / file
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    assert clinjup("verify", run_copy).code == 4


def test_verify_finds_a_cut_tail(run_copy):
    path = run_copy / "journal.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert clinjup("verify", run_copy).code == 4


def test_predict_applies_the_selected_model_to_a_plain_folder(finished, small_cohort, tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    for path in sorted((small_cohort / "images").iterdir())[:5]:
        shutil.copy(path, films)
    (films / "broken.png").write_bytes(b"not a picture")
    said = clinjup("predict", finished[1], "--data", films, "--out", tmp_path / "out.csv")
    assert said.code == 0, said.err
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["image", "probability", "decision", "problem"] and len(rows) == 6
    assert "broken.png" in said.err
    assert {row["image"]: row["problem"] for row in rows if row["problem"]} == {
        "broken.png": "The file is not an image."
    }
    assert "threshold" in said.err and "synthetic data" in said.err and "Not a medical device" in said.err
    found = Results.model_validate_json((finished[1] / "results.json").read_text(encoding="utf-8"))
    told = " ".join(said.err.split())
    assert told.count("This model has seen only films with pneumothorax and the films without it") == 1
    assert all(" ".join(sentence.split()) in told for sentence in cautions(found, found.selected))


@pytest.mark.parametrize("case", ["empty", "unreadable", "gone", "name too long"])
def test_predict_says_in_a_sentence_why_a_folder_gives_nothing(finished, tmp_path, case):
    folder = tmp_path / ("n" * 300 if case == "name too long" else "films")
    if case in {"empty", "unreadable"}:
        folder.mkdir()
    if case == "unreadable":
        (folder / "broken.png").write_bytes(b"not a picture")
    if case == "gone":
        folder.symlink_to(tmp_path / "mount" / "films")
    said = clinjup("predict", finished[1], "--data", folder, "--out", tmp_path / "out.csv")
    words = {"empty": "holds no PNG", "unreadable": "None of the 1 images", "gone": "not connected"}
    assert said.code == 2 and words.get(case, "cannot be reached") in said.err, said.err
    assert not (tmp_path / "out.csv").exists()


def test_predict_agrees_with_the_predictions_of_the_run(finished, small_cohort, tmp_path):
    said = clinjup("predict", finished[1], "--data", small_cohort, "--out", tmp_path / "out.csv")
    assert said.code == 0, said.err

    def table(path: Path) -> dict[str, float]:
        with path.open(encoding="utf-8", newline="") as file:
            return {Path(row["image"]).name: float(row["probability"]) for row in csv.DictReader(file)}

    own, applied = table(finished[1] / "predictions.csv"), table(tmp_path / "out.csv")
    assert max(abs(own[name] - applied[name]) for name in own) < 0.02


def test_predict_refuses_weights_that_one_byte_was_changed_in(run_copy, small_cohort, tmp_path):
    [checkpoint] = (run_copy / "checkpoints").glob("balanced_sampling*")
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 0xFF
    checkpoint.write_bytes(content)
    said = clinjup(
        "predict", run_copy, "--data", small_cohort, "--model", "balanced_sampling", "--out", tmp_path / "out.csv"
    )
    assert said.code == 2 and "damaged" in said.err and f"clinjup verify {run_copy}" in said.err, said.err
    assert not (tmp_path / "out.csv").exists()


def test_the_notebook_can_be_run_again_without_opening_the_test_set_again(run_copy):
    notebook = nbformat.read(run_copy / "notebook.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(run_copy)}}).execute()
    emitted = [
        output.data["application/vnd.clinjup.result+json"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "application/vnd.clinjup.result+json" in output.get("data", {})
    ]
    assert "evaluation" in [finding["kind"] for finding in emitted]
    opened = journal(run_copy, "test_opening")
    assert [finding for finding in emitted if finding["kind"] == "test_opening"] == opened, "told again, not done again"


def test_a_run_never_writes_over_another(finished, small_cohort):
    said = clinjup("run", REQUEST, "--data", small_cohort, "--out", finished[1])
    assert said.code == 2 and "not empty" in said.err and "--resume" in said.err


def test_nothing_left_the_machine(finished, results):
    assert results.disclosures == 0
    assert "Nothing left this machine" in clinjup("disclosures", finished[1]).out


def test_the_last_word_of_the_run_is_the_verdict_of_its_report(finished, results):
    _, folder, _ = finished
    last = json.loads((folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()[-1])["data"]
    assert (last["sentence"], last["selected"]) == (results.sentence, results.selected)
    assert last["sentence"].startswith(verdict(results)) and last["cautions"] == end_cautions(results)
