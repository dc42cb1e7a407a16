"""Data as hospitals have them: read as if clean, or reported and carried on with."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from clinjup.contracts import Results
from clinjup.imaging.synthetic import write_cohort
from tests.conftest import REQUEST
from tests.runs.door import clinjup

GERMAN = "Ich möchte einen Pneumothorax auf Thoraxaufnahmen erkennen. Drainagen sollen dabei keine Rolle spielen."


def german_clinic(out: Path) -> Path:
    """The films of the small cohort as a German clinic hands them over."""
    return write_cohort("pneumothorax", out, layout="clinic", patients=70, seed=3, workers=1)


class TestGermanClinic:
    @pytest.fixture(scope="class")
    def results(self, small_cohort, tmp_path_factory):
        folder = tmp_path_factory.mktemp("german")
        clinic = german_clinic(folder / "Klinik")
        said = clinjup("run", GERMAN, "--data", clinic, "--out", folder / "run", "--json", "--budget-minutes", "3")
        assert said.code == 0, said.err
        return Results.model_validate_json(said.out), folder / "run"

    def test_it_is_read_as_if_it_were_clean(self, results, small_cohort):
        found, _ = results
        films = len(list((small_cohort / "images").iterdir()))
        assert found.data.images == films and not found.data.excluded
        assert found.data.patients == 70
        assert [model.name for model in found.models] == ["baseline", "balanced_sampling"]
        assert found.models[0].confounders["chest_drain"].false_alarm_increase.value is not None

    def test_report_and_notebook_are_in_english_and_quote_the_request(self, results):
        report = (results[1] / "report.html").read_text(encoding="utf-8")
        assert "Ich möchte einen Pneumothorax" in report
        assert "What was asked" in report


class TestDamagedData:
    """Corrupt, empty and missing images, no patient column, a class with few images: on it goes, everything is listed."""

    @pytest.fixture(scope="class")
    def results(self, small_cohort, tmp_path_factory):
        folder = tmp_path_factory.mktemp("damaged")
        data = folder / "data"
        (data / "films").mkdir(parents=True)
        with (small_cohort / "Data_Entry_2017_v2020.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        with (data / "labels.tsv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t")
            writer.writerow(["image", "pneumothorax"])
            for row in rows:
                content = (small_cohort / "images" / row["Image Index"]).read_bytes()
                (data / "films" / row["Image Index"]).write_bytes(content)
                writer.writerow([row["Image Index"], int("Pneumothorax" in row["Finding Labels"])])
        self.damage(data / "films", [row["Image Index"] for row in rows])
        said = clinjup("run", REQUEST, "--data", data, "--out", folder / "run", "--json", "--budget-minutes", "3")
        assert said.code == 0, said.err
        return Results.model_validate_json(said.out)

    def damage(self, films: Path, names: list[str]) -> None:
        (films / names[0]).write_bytes(b"")
        (films / names[1]).write_bytes((films / names[1]).read_bytes()[:300])
        (films / names[2]).write_text("this is no picture")
        (films / names[3]).unlink()
        self.names = names

    def test_what_cannot_be_read_is_listed_with_a_reason(self, results):
        assert len(results.data.excluded) == 4
        assert all(item.reason for item in results.data.excluded)

    def test_missing_patients_and_missing_confounder_labels_are_said(self, results):
        codes = {warning.code for warning in results.data.warnings}
        assert {"no_patient_ids", "confounder_not_annotated", "unreadable_files"} <= codes

    def test_the_confounder_is_still_checked_by_insertion(self, results):
        assert {model.name for model in results.models} == {"baseline", "jtt"}
        assert any("A detector was to stand in" in note for note in results.notes)
        check = results.models[0].confounders["chest_drain"]
        assert check.false_alarm_increase.value is not None
        assert check.auroc_with.value is None and check.auroc_with.reason


def test_a_patient_in_both_official_parts_leaves_training_and_is_listed(cohort_copy, tmp_path):
    with (cohort_copy / "Data_Entry_2017_v2020.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    patients: dict[str, list[str]] = {}
    for row in rows:
        patients.setdefault(row["Patient ID"], []).append(row["Image Index"])
    training = set((cohort_copy / "train_val_list.txt").read_text(encoding="utf-8").split())
    twice = next(images for images in patients.values() if len(images) >= 2 and set(images) <= training)
    (cohort_copy / "train_val_list.txt").write_text("\n".join(sorted(training - {twice[0]})), encoding="utf-8")
    with (cohort_copy / "test_list.txt").open("a", encoding="utf-8") as file:
        file.write(f"\n{twice[0]}\n")
    said = clinjup(
        "run",
        "Detect pneumothorax on chest X-rays.",
        "--data",
        cohort_copy,
        "--out",
        tmp_path / "run",
        "--json",
        "--budget-minutes",
        "3",
    )
    assert said.code == 0, said.err
    found = said.json
    assert "patient_in_two_splits" in {warning["code"] for warning in found["data"]["warnings"]}
    assert set(twice[1:]) <= {Path(item["path"]).name for item in found["data"]["excluded"]}


def test_an_ambiguous_label_column_is_asked_and_the_answer_carries_on(small_cohort, tmp_path):
    clinic = german_clinic(tmp_path / "Klinik")
    table = clinic / "Befundliste.csv"
    text = table.read_text(encoding="utf-8-sig").replace(
        "Pneumothorax;Thoraxdrainage", "Pneumothorax_Leser1;Pneumothorax_Leser2"
    )
    table.write_text(text, encoding="utf-8")
    run = tmp_path / "run"
    said = clinjup("run", GERMAN.partition(".")[0], "--data", clinic, "--out", run, "--json")
    assert said.code == 3, said.err
    (question,) = said.json["questions"]
    assert question["id"] == "label_column" and len(question["options"]) >= 2
    assert any(word in question["text"] for word in ("Spalte", "Welche")), "questions come in the clinician's language"
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps({"label_colunm": question["options"][0]["value"]}), encoding="utf-8")
    said = clinjup("run", "--resume", run, "--answers", answers)
    assert said.code == 2 and "'label_colunm'" in said.err and "It asks: label_column." in said.err
    answers.write_text(json.dumps({"label_column": question["options"][0]["value"]}), encoding="utf-8")
    said = clinjup("run", "--resume", run, "--answers", answers, "--json")
    assert said.code == 0, said.err
    assert said.json["status"] == "completed"
    assert clinjup("verify", run).code == 0
