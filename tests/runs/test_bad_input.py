"""What cannot work is said in one sentence, before any question, and leaves no run folder."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from clinjup.notebook.desk import OwnDesk
from clinjup.notebook.files import NotebookTroubleError
from clinjup.reporting import Journal
from tests.conftest import REQUEST
from tests.runs.door import clinjup, tree_digest

TABLE = "Data_Entry_2017_v2020.csv"


def rewrite(folder: Path, change) -> None:
    """Rewrite the label table row by row; `change(row)` returns the new row or None."""
    path = folder / TABLE
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *[row for row in map(change, rows) if row]])


def no_such_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def no_images(folder: Path) -> None:
    shutil.rmtree(folder / "images")


def no_labels(folder: Path) -> None:
    for path in folder.glob("*.csv"):
        path.unlink()


def all_corrupt(folder: Path) -> None:
    for path in (folder / "images").iterdir():
        path.write_bytes(b"")


def one_class(folder: Path) -> None:
    rewrite(folder, lambda row: [row[0], "Pneumothorax", *row[2:]])


def two_patients(folder: Path) -> None:
    rewrite(folder, lambda row: [*row[:3], str(1 + ("Pneumothorax" in row[1])), *row[4:]])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (no_such_folder, "no folder"),
        (no_images, "image"),
        (no_labels, "nothing to learn from"),
        (all_corrupt, "can be read|could be read|cannot be read|can be opened|could be opened"),
        (one_class, "class|without|only"),
        (two_patients, "patients"),
    ],
)
def test_unusable_data_is_exit_2_with_one_sentence_and_no_run_folder(cohort_copy, tmp_path, damage, words):
    damage(cohort_copy)
    said = clinjup("run", REQUEST, "--data", cohort_copy, "--out", tmp_path / "run", "--json")
    assert said.code == 2, said.err
    assert any(word in said.json["error"] for word in words.split("|")), said.json
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "intent",
    [
        REQUEST + " Tune the threshold on the test set until it looks good.",
        "Diagnostiziere Pneumothorax und lass die Fälle weg, bei denen das Modell falsch liegt.",
        "Detect pneumothorax and put it live on our PACS tomorrow.",
    ],
)
def test_an_unsound_request_is_exit_5_with_what_can_be_done_instead(small_cohort, tmp_path, intent):
    said = clinjup("run", intent, "--data", small_cohort, "--out", tmp_path / "run", "--json")
    assert said.code == 5, said.err
    assert said.json["reason"] and said.json["instead"]
    assert not (tmp_path / "run").exists()


def test_an_unsound_request_is_told_before_unusable_data(tmp_path):
    intent = REQUEST + " Tune the threshold on the test set until it looks good."
    assert clinjup("run", intent, "--data", tmp_path / "nowhere", "--out", tmp_path / "run").code == 5


def test_a_vague_request_is_exit_3_with_at_most_three_questions_answered_by_id(small_cohort, tmp_path):
    said = clinjup(
        "run",
        "Make me something useful with these X-rays.",
        "--data",
        small_cohort,
        "--out",
        tmp_path / "run",
        "--json",
    )
    assert said.code == 3, said.err
    questions = said.json["questions"]
    assert 1 <= len(questions) <= 3
    assert all({"id", "text", "options"} <= question.keys() for question in questions)


def test_an_answer_that_is_not_understood_is_said_to_be_and_own_words_are_offered(small_cohort, tmp_path):
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps({"risk": "banana"}), encoding="utf-8")
    asked = ["run", "Help me with my X-rays.", "--data", small_cohort, "--answers", answers]
    said = clinjup(*asked, "--out", tmp_path / "run", "--json")
    assert said.code == 3, said.err
    texts = {question["id"]: question["text"] for question in said.json["questions"]}
    assert texts["risk"].startswith('The answer "banana" was not understood. What do you fear more?')
    assert "not understood" not in texts["target"]
    assert '"target": "one of the values above, or your own words"' in said.err


def test_an_empty_request_and_a_missing_option_are_bad_usage(small_cohort):
    assert clinjup("run", "  ", "--data", small_cohort).code == 2
    assert clinjup("run", REQUEST).code == 2
    assert clinjup("run", REQUEST, "--data", small_cohort, "--approve", "sometimes").code == 2


@pytest.mark.parametrize("command", [["inspect"], ["inspect", "--json"], ["run", REQUEST]])
def test_a_folder_with_a_name_that_is_too_long_is_bad_input(command):
    said = clinjup(*command, "--data", "x" * 300)  # longer than any name that a disk holds
    assert said.code == 2 and "cannot be reached" in said.err


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_fault_that_nobody_foresaw_is_told_in_a_sentence_without_names_from_the_data(tmp_path, as_json):
    patient = "Maier" * 60  # longer than any name that a disk holds
    said = clinjup("verify", patient, *as_json, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert said.code == 4
    (kept,) = tmp_path.glob("clinjup-fault-*")
    assert re.search(r"\(OSError at reporting.verify\.py, line \d+\)\. Your data were not changed", said.err)
    assert f"'{kept}', which stays on this machine and may hold names from your data" in said.err
    assert "Maier" not in said.err + said.out and patient in kept.read_text() and "Traceback" in kept.read_text()
    assert not as_json or "OSError" in said.json["error"]


@pytest.mark.parametrize("command", ["inspect", "verify", "predict", "disclosures", "resume"])
def test_every_command_answers_a_wrong_folder_in_a_sentence(tmp_path, command):
    nowhere = tmp_path / "nowhere"
    arguments = {
        "inspect": ["inspect", "--data", nowhere],
        "verify": ["verify", nowhere],
        "predict": ["predict", nowhere, "--data", nowhere, "--out", tmp_path / "out.csv"],
        "disclosures": ["disclosures", nowhere],
        "resume": ["run", "--resume", nowhere],
    }[command]
    said = clinjup(*arguments)
    assert said.code in {2, 4}
    assert "nowhere" in said.out + said.err


@pytest.mark.parametrize("within", ["run", "images/run", "."])
def test_a_run_folder_within_the_data_is_refused(cohort_copy, within):
    before = tree_digest(cohort_copy)
    said = clinjup("run", REQUEST, "--data", cohort_copy, "--out", cohort_copy / within)
    assert said.code == 2 and "only read" in said.err and "--resume" not in said.err, said.err
    assert f"--out {cohort_copy}-run" in said.err
    assert tree_digest(cohort_copy) == before


def test_runs_of_their_own_name_are_not_put_into_the_data_either(cohort_copy):
    said = clinjup("run", REQUEST, "--data", ".", cwd=cohort_copy)
    assert said.code == 2 and "only read" in said.err, said.err
    assert not (cohort_copy / "clinjup-runs").exists()


def test_only_a_folder_with_a_run_is_offered_to_be_resumed(small_cohort, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    said = clinjup("run", REQUEST, "--data", small_cohort, "--out", tmp_path)
    assert said.code == 2 and "not empty" in said.err and "--resume" not in said.err
    (tmp_path / "journal.jsonl").write_text("")
    said = clinjup("run", REQUEST, "--data", small_cohort, "--out", tmp_path)
    assert said.code == 2 and "--resume" in said.err


def test_a_folder_without_a_run_cannot_be_verified(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    said = clinjup("verify", tmp_path)
    assert said.code == 2 and "There is no run in" in said.err


def test_a_file_for_a_run_folder_is_refused(small_cohort, tmp_path):
    (tmp_path / "run").write_text("mine")
    said = clinjup("run", REQUEST, "--data", small_cohort, "--out", tmp_path / "run")
    assert said.code == 2 and (tmp_path / "run").read_text() == "mine"


def test_a_run_folder_that_cannot_be_written_is_said_in_a_sentence(small_cohort, tmp_path):
    (tmp_path / "mine").write_text("mine")
    said = clinjup("run", REQUEST, "--data", small_cohort, "--out", tmp_path / "mine" / "run", "--json")
    assert said.code == 2 and "--out" in said.json["error"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["demo", "wrist", "--out", "run", "--seed", "1"], "drawn with --seed 0"),
        (["demo", "wrist", "--out", "mine/run"], "cannot be written"),
        (["data", "wrist", "--out", "full"], "already holds files"),
    ],
)
def test_a_synthetic_cohort_that_cannot_be_written_is_said_in_a_sentence(tmp_path, arguments, words):
    (tmp_path / "run-data").mkdir()
    (tmp_path / "run-data" / "clinjup-synthetic.json").write_text('{"seed": 0}')
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.docx").write_text("mine")
    said = clinjup(*arguments, cwd=tmp_path)
    assert said.code == 2 and words in said.err


def test_a_damaged_notebook_and_a_journal_of_another_version_are_said_in_a_sentence(tmp_path):
    (tmp_path / "notebook.ipynb").write_text('{"cells": [')
    with pytest.raises(NotebookTroubleError, match="cannot be read"):
        asyncio.run(OwnDesk().open(tmp_path, "r", None, lambda event, data: None))
    journal = Journal.create(tmp_path / "journal.jsonl")
    journal.append("intent", {"run_id": "r", "request": {"wish": "Is there a pneumothorax?"}})
    said = clinjup("run", "--resume", tmp_path)
    assert said.code == 2 and "another version" in said.err


@pytest.mark.parametrize("where", ["nowhere", "empty"])
def test_weights_where_there_are_none_are_exit_2_before_anything_is_written(small_cohort, tmp_path, where):
    (tmp_path / "empty").mkdir()
    arguments = ["run", REQUEST, "--data", small_cohort, "--out", tmp_path / "run", "--json"]
    said = clinjup(*arguments, "--pretrained", tmp_path / where)
    assert said.code == 2, said.err
    assert f"There are no published weights at '{tmp_path / where}'" in said.json["error"]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "offline"),
        (["--base-url", "http://127.0.0.1:9"], "127.0.0.1"),
        (["--base-url", "http://192.0.2.1", "--local-only"], "this machine"),
    ],
)
def test_a_planner_that_cannot_be_used_is_exit_2_before_anything_is_written(small_cohort, tmp_path, options, words):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_")}
    arguments = ["run", REQUEST, "--data", small_cohort, "--out", tmp_path / "run", "--planner", "claude", "--json"]
    said = clinjup(*arguments, *options, env=environment)
    assert said.code == 2, said.err
    assert words in said.json["error"]
    assert not (tmp_path / "run").exists()
