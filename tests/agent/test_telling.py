"""What a planner without eyes is told: short, in figures, without names, without counts that point at single patients."""

from __future__ import annotations

from clinjup.agent.state import Observation
from clinjup.agent.telling import finding_text, findings_text, observation_text, profile_text
from clinjup.contracts import CellError, Estimate, Excluded, OperatingPoint, SplitCount, SplitFinding, ValidationFinding
from tests.agent.claude_runs import brief


def test_a_finding_is_one_line_of_figures_with_intervals():
    point = OperatingPoint(
        threshold=0.31, rule="90 %", sensitivity=Estimate(value=0.9), specificity=Estimate.missing("no negatives")
    )
    metrics = {"auroc": Estimate(value=0.8271, ci95=(0.78, 0.87), n=412)}
    text = finding_text(
        ValidationFinding(name="baseline", metrics=metrics, operating_point=point).model_dump(mode="json")
    )
    assert text == (
        "validation: name baseline; metrics (auroc 0.827 [0.780, 0.870]); operating_point (threshold 0.31, rule 90 %, "
        "sensitivity 0.900, specificity not available (no negatives))"
    )


def test_small_counts_and_names_of_files_are_not_told():
    finding = SplitFinding(
        split={"train": SplitCount(images=40, patients=20, positives=3)},
        method="by patient",
        excluded=[Excluded(path="images/Jane_Doe.png", reason="unreadable")] * 7,
    )
    text = finding_text(finding.model_dump(mode="json"))
    assert "images 40, patients 20, positives <5" in text
    assert "left out: 7" in text
    assert "Jane" not in text


def test_a_long_traceback_is_told_by_its_end():
    error = CellError(name="ValueError", message="m" * 2_000, traceback="start" + "x" * 5_000 + "end", signature="s")
    text = observation_text(Observation("failed", error=error))
    assert text.startswith("Failed. ValueError: mmm") and text.endswith("end") and "start" not in text
    assert len(text) < 2_000


def test_long_lists_of_findings_keep_head_and_tail():
    text = findings_text([{"kind": "note", "sentence": f"number {number}"} for number in range(500)])
    assert "number 0\n" in text and "number 499" in text and len(text) < 4_100


def test_the_data_are_told_by_their_structure():
    text = profile_text(brief())
    assert "table 1: 200 rows, 2 columns" in text
    assert "'Finding Labels': category, <5 different, <5 missing" in text
    assert "label: table 1 'Finding Labels'" in text
    assert "secret" not in text
