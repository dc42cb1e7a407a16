from __future__ import annotations

import json
from pathlib import Path

import pytest

from clinjup.contracts import DataWarning, Results, RunStatus
from clinjup.kernel.findings import as_mime
from clinjup.reporting.results import NO_FIGURE, ResultsBuilder, package_versions, write_results
from tests.reporting import example


def test_findings_become_one_document_with_the_baseline_first() -> None:
    found = [as_mime(finding) for finding in reversed(example.model_findings())]
    results = example.results(found=[*example.preparation_findings(), *found, *example.opened_findings()])
    assert [model.name for model in results.models] == ["baseline", "balanced_sampling"]
    baseline, balanced = results.models
    assert (baseline.mitigation, balanced.mitigation) == (None, "balanced_sampling")
    assert (baseline.seconds, baseline.architecture, baseline.epochs) == (52.4, "small_cnn", 8)
    assert balanced.test["auroc"].value == 0.90 and balanced.validation["auroc"].value == 0.89
    assert balanced.confounders["chest_drain"].false_alarms_after.value == 0.26
    assert balanced.validation_confounders["chest_drain"].false_alarms_after.value == 0.25
    assert results.selected == "balanced_sampling" and len(results.experiments) == 2
    assert [finding.confounder for finding in results.associations] == ["chest_drain"]


def test_data_are_counted_after_exclusions_and_warnings_named_once() -> None:
    results = example.results()
    assert (results.data.images, results.data.patients) == (3000, 1500)
    assert len(results.data.excluded) == 2
    assert [warning.code for warning in results.data.warnings] == ["unreadable_files", "duplicates"]
    before_the_split = example.results(found=example.preparation_findings()[:2])
    assert before_the_split.data.images == 3000
    for data in (results.data, before_the_split.data):
        assert sum(data.classes.values()) == data.images == sum(data.confounders["chest_drain"].values())
        assert data.confounders["chest_drain"]["unknown"] == 90


def test_what_was_known_before_the_first_cell_is_kept() -> None:
    warning = DataWarning(code="no_patient_ids", sentence="There is no patient column.")
    builder = ResultsBuilder("?", example.task(), warnings=[warning], synthetic=True)
    results = builder.build(RunStatus.NEEDS_ANSWER, seconds=1.0)
    assert results.data.warnings == [warning] and results.data.synthetic


def test_test_openings_add_up_and_only_they() -> None:
    assert example.results(found=example.model_findings()).test_openings == 0
    opened = example.opened_findings()
    assert example.results(found=[*opened, *opened]).test_openings == 2


def test_a_step_that_ran_again_replaces_what_it_said() -> None:
    first, second = example.training("baseline", None), example.training("baseline", None)
    first.seconds = 999.0
    results = example.results(found=[first, second])
    assert [model.seconds for model in results.models] == [52.4]


def test_a_figure_that_is_no_number_becomes_null_with_a_reason(tmp_path: Path) -> None:
    finding = as_mime(example.model_findings()[1])
    finding["metrics"]["auroc"] = {"value": float("nan"), "ci95": [float("nan"), 1.0], "reason": None, "n": 3}
    finding["metrics"]["auprc"] = {"value": 0.5, "ci95": [float("nan"), float("inf")]}
    finding["metrics"]["brier"] = {"value": None}
    finding["metrics"]["ece"] = {"value": None, "reason": "too few images"}
    results = example.results(found=[finding])
    write_results(tmp_path / "results.json", results)
    metrics = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["models"][0]["validation"]
    assert metrics["auroc"] == {"value": None, "ci95": None, "reason": NO_FIGURE, "n": 3, "note": None}
    assert metrics["auprc"]["value"] == 0.5 and metrics["auprc"]["ci95"] is None
    assert metrics["brier"]["reason"] == NO_FIGURE
    assert metrics["ece"]["reason"] == "too few images"


@pytest.mark.parametrize("garbage", [{}, {"kind": "nonsense"}, {"kind": "training", "name": "x"}])
def test_what_is_no_finding_is_refused_as_value_error(garbage: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        ResultsBuilder("?", example.task()).add(garbage)


def test_results_json_reads_back_and_names_its_schema(tmp_path: Path) -> None:
    results = example.results()
    write_results(tmp_path / "results.json", results)
    text = (tmp_path / "results.json").read_text(encoding="utf-8")
    assert json.loads(text)["schema"] == "clinjup.results/1"
    assert Results.model_validate_json(text) == results
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_the_sentence_is_the_verdict_unless_one_is_given() -> None:
    builder = ResultsBuilder("?", example.task())
    for finding in example.findings():
        builder.add(finding)
    assert builder.build(RunStatus.COMPLETED, seconds=1.0).sentence.startswith(
        "Inserting a chest drain raised false alarms"
    )
    assert builder.build(RunStatus.FAILED, seconds=1.0, sentence="Disk full.").sentence == "Disk full."


def test_versions_name_python_and_the_packages_that_decide_figures() -> None:
    assert {"python", "torch", "scikit-learn"} <= package_versions().keys()
