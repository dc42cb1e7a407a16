"""A run as it could lie on disk: the pneumothorax case with two models, its findings, journal, figures and notebook."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from clinjup.atomic_files import write_atomic
from clinjup.contracts import (
    AssociationFinding,
    Attempt,
    AuditFinding,
    CellCounts,
    CellError,
    ClinicalTask,
    CohortFinding,
    ConfounderResult,
    DataWarning,
    Estimate,
    EvaluationFinding,
    Excluded,
    Experiment,
    FigureFinding,
    Finding,
    NamedConfounder,
    OperatingPoint,
    Plan,
    PredictionsFinding,
    Results,
    RiskPreference,
    RunStatus,
    SelectionFinding,
    SplitCount,
    SplitFinding,
    Step,
    Stratum,
    TestOpeningFinding,
    TrainingFinding,
    ValidationFinding,
)
from clinjup.hashing import sha256_text
from clinjup.reporting import Journal, ResultsBuilder, export_record, publish

INTENT = (
    "I want to diagnose pneumothorax on chest X-rays. My concern is that chest drains may act as a strong confounder - "
    "please take this issue seriously."
)
VERSIONS = {"python": "3.11.9", "clinjup": "0.1.0", "torch": "2.15.0", "timm": "1.0.31", "numpy": "2.4.6"}
RULE = "highest specificity with a validation sensitivity of at least 90%"


def plain(text: str) -> str:
    """With ordinary spaces."""
    return text.replace("\u00a0", " ")


def estimate(value: float, half: float, n: int, note: str | None = None) -> Estimate:
    return Estimate(value=value, ci95=(value - half, value + half), n=n, note=note)


def task(intent: str = INTENT, **changes: Any) -> ClinicalTask:
    values: dict[str, Any] = {
        "request": intent,
        "objective": "Tell chest films with pneumothorax from those without",
        "target": "pneumothorax",
        "target_name": "pneumothorax",
        "modality": "chest_radiograph",
        "modality_name": "chest radiograph",
        "risk": RiskPreference(kind="sensitivity_first", target_sensitivity=0.9),
        "confounders": [NamedConfounder(id="chest_drain", name="chest drain", phrase="chest drains")],
        "constraints": ["group_by_patient"],
    }
    return ClinicalTask(**{**values, **changes})


def metrics(auroc: float, sensitivity: float, specificity: float, slope: float) -> dict[str, Estimate]:
    note = "at a prevalence of 20.0%, that of these images"
    return {
        "auroc": estimate(auroc, 0.03, 600),
        "auprc": estimate(auroc - 0.2, 0.06, 600),
        "sensitivity": estimate(sensitivity, 0.04, 118),
        "specificity": estimate(specificity, 0.035, 482),
        "ppv": estimate(0.46, 0.05, 600, note),
        "npv": estimate(0.97, 0.01, 600, note),
        "balanced_accuracy": estimate((sensitivity + specificity) / 2, 0.03, 600),
        "brier": estimate(0.11, 0.01, 600),
        "ece": estimate(0.05, 0.02, 600),
        "calibration_slope": estimate(slope, 0.12, 600),
        "calibration_intercept": estimate(-0.08, 0.2, 600),
    }


def drain(
    before: float, after: float, worst: float, cross: float, with_drain: float, energy: float
) -> ConfounderResult:
    return ConfounderResult(
        false_alarms_before=estimate(before, 0.035, 458),
        false_alarms_after=estimate(after, 0.045, 458),
        false_alarm_increase=estimate(after - before, 0.03, 458),
        placebo_increase=estimate(0.004, 0.01, 458),
        flip_rate=estimate((after - before) / (1 - before), 0.04, 385),
        delta_probability=estimate((after - before) * 0.7, 0.02, 458),
        cam_energy_in_mask=estimate(energy, 0.02, 64, "the chest drain covers 2.1% of these images"),
        auroc_with=estimate(with_drain, 0.02, 555),
        auroc_without=estimate(worst, 0.05, 527),
        cross_strata_auroc=estimate(cross, 0.09, 69),
        worst_group_auroc=estimate(worst, 0.05, 600),
    )


def strata(with_drain: float, without: float) -> list[Stratum]:
    few = Estimate(value=None, reason="only 4 negatives in this stratum", n=4)
    return [
        Stratum(
            attribute="chest_drain",
            value="with chest drain",
            images=77,
            positives=73,
            metrics={"sensitivity": estimate(with_drain, 0.03, 73), "specificity": few},
        ),
        Stratum(
            attribute="chest_drain",
            value="without chest drain",
            images=503,
            positives=45,
            metrics={"sensitivity": estimate(without, 0.12, 45), "specificity": estimate(0.82, 0.035, 458)},
        ),
    ]


def preparation_findings() -> list[Finding]:
    warnings = [
        DataWarning(code="unreadable_files", sentence="2 files cannot be read as images and were left out."),
        DataWarning(
            code="duplicates",
            sentence="14 images look the same as another one; their patients are kept in the same part.",
        ),
    ]
    excluded = [
        Excluded(path="images/00000731_002.png", reason="the file is empty (0 bytes)"),
        Excluded(path="images/Prüfung ☢ 7.png", reason="the image data are corrupt"),
    ]
    return [
        CohortFinding(
            images=3002,
            patients=1500,
            target="pneumothorax",
            classes={"negative": 2404, "positive": 598},
            confounders={"chest_drain": {"present": 391, "absent": 2521, "unknown": 90}},
            layout="chestxray14",
            synthetic=True,
        ),
        AuditFinding(
            images_checked=3002,
            excluded=excluded,
            warnings=warnings,
            classes={"negative": 2402, "positive": 598},
            confounders={"chest_drain": {"present": 390, "absent": 2520, "unknown": 90}},
        ),
        SplitFinding(
            split={
                "train": SplitCount(images=1920, patients=960, positives=384),
                "validation": SplitCount(images=480, patients=240, positives=96),
                "test": SplitCount(images=600, patients=300, positives=118),
            },
            method="by patient, near-duplicates kept together, shares of the classes alike",
            classes={"negative": 2402, "positive": 598},
            confounders={"chest_drain": {"present": 390, "absent": 2520, "unknown": 90}},
            warnings=[warnings[1]],
        ),
        AssociationFinding(
            confounder="chest_drain",
            odds_ratios={"train": estimate(64.0, 22.0, 1862), "test": Estimate.missing("a count is zero")},
            counts={
                "train": {
                    "positive_with": 240,
                    "positive_without": 140,
                    "negative_with": 38,
                    "negative_without": 1444,
                    "unknown": 58,
                },
                "test": {
                    "positive_with": 73,
                    "positive_without": 45,
                    "negative_with": 0,
                    "negative_without": 458,
                    "unknown": 24,
                },
            },
        ),
    ]


def training(name: str, mitigation: str | None) -> TrainingFinding:
    return TrainingFinding(
        name=name,
        architecture="small_cnn",
        mitigation=mitigation,
        parameters=297_345,
        seconds=52.4,
        seed=0,
        epochs=8,
        stopped="all epochs",
        precision="bf16",
        device="CPU, 2 cores",
        checkpoint=f"checkpoints/{name}.ckpt",
    )


def point(sensitivity: float, specificity: float) -> OperatingPoint:
    return OperatingPoint(
        threshold=0.4137,
        rule=RULE,
        sensitivity=estimate(sensitivity, 0.05, 96),
        specificity=estimate(specificity, 0.04, 384),
    )


def model_findings() -> list[Finding]:
    """Training and validation of baseline and mitigated model, and the choice."""
    base_drain, balanced_drain = drain(0.15, 0.63, 0.52, 0.31, 0.97, 0.21), drain(0.18, 0.25, 0.88, 0.84, 0.91, 0.07)
    return [
        training("baseline", None),
        ValidationFinding(
            name="baseline",
            metrics=metrics(0.91, 0.91, 0.84, 0.71),
            operating_point=point(0.91, 0.84),
            confounders={"chest_drain": base_drain},
        ),
        training("balanced_sampling", "balanced_sampling"),
        ValidationFinding(
            name="balanced_sampling",
            metrics=metrics(0.89, 0.91, 0.80, 0.95),
            operating_point=point(0.91, 0.80),
            confounders={"chest_drain": balanced_drain},
        ),
        SelectionFinding(
            selected="balanced_sampling",
            rule="worst-group AUROC on validation, overall AUROC at most 0.10 below the baseline's",
            sentence="Balanced sampling was chosen: its worst-group AUROC on validation is 0.88 (baseline 0.52), its overall AUROC "
            "0.89 (baseline 0.91).",
            experiments=[
                Experiment(
                    name="baseline",
                    hypothesis="Plain training shows how strong the shortcut is.",
                    change="none",
                    metric="worst_group_auroc",
                    validation=estimate(0.52, 0.05, 480),
                    outcome="baseline",
                    reason="the yardstick",
                ),
                Experiment(
                    name="balanced_sampling",
                    hypothesis="If every batch shows drains equally often in both classes, the drain stops telling the diagnosis.",
                    change="sampling balanced over label and chest drain",
                    metric="worst_group_auroc",
                    validation=estimate(0.88, 0.05, 480),
                    outcome="kept",
                    reason="worst-group AUROC up by 0.36, overall AUROC down by 0.02",
                ),
            ],
        ),
    ]


def opened_findings() -> list[Finding]:
    """The opened test set and everything that comes after it."""
    return [
        TestOpeningFinding(images=600, patients=300, models=["baseline", "balanced_sampling"]),
        EvaluationFinding(
            name="baseline",
            metrics=metrics(0.90, 0.92, 0.84, 0.68),
            operating_point=point(0.92, 0.84),
            strata=strata(1.0 - 0.03, 0.80),
            confounders={"chest_drain": drain(0.16, 0.65, 0.55, 0.36, 0.97, 0.22)},
        ),
        EvaluationFinding(
            name="balanced_sampling",
            metrics=metrics(0.90, 0.91, 0.77, 0.97),
            operating_point=point(0.91, 0.77),
            strata=strata(0.93, 0.87),
            confounders={"chest_drain": drain(0.18, 0.26, 0.89, 0.83, 0.91, 0.06)},
        ),
        PredictionsFinding(path="cache/predictions.csv", rows=600),
    ]


FIGURES = {
    "association_chest_drain": "Chest drain and pneumothorax in the data",
    "learning_baseline": "Learning curve of the baseline",
    "insertion_chest_drain": "False alarms before and after insertion",
    "gradcam_chest_drain": "Where the model looks",
    "roc": "ROC curves on the test part",
    "calibration": "Calibration on the test part",
}


def figure_findings() -> list[Finding]:
    return [
        FigureFinding(
            name=name,
            path=f"plots/{name}.png",
            title=title,
            caption="Look at the distance between the two lines (n = 600 films of 300 patients).",
            alt=f"{title}: two lines, the blue one above the orange one",
        )
        for name, title in FIGURES.items()
    ]


def draw_figures(run_dir: Path) -> None:
    """Small pictures in place of matplotlib's."""
    (run_dir / "plots").mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(FIGURES):
        picture = Image.new("RGB", (640, 360), "white")
        draw = ImageDraw.Draw(picture)
        draw.line([(40, 20), (40, 330), (620, 330)], fill="#444444", width=2)
        x = np.linspace(0, 1, 60)
        for power, colour in ((0.2 + 0.05 * number, "#0072B2"), (0.6 + 0.05 * number, "#D55E00")):
            points = list(zip((40 + 580 * x).tolist(), (330 - 290 * x**power).tolist(), strict=True))
            draw.line(points, fill=colour, width=4)
        picture.save(run_dir / "plots" / f"{name}.png")


def findings(*, test: bool = True) -> list[Finding]:
    found = [*preparation_findings(), *model_findings()]
    return [*found, *opened_findings(), *figure_findings()] if test else found


def results(
    status: RunStatus = RunStatus.COMPLETED,
    found: Sequence[Finding | dict[str, Any]] | None = None,
    intent: str = INTENT,
    **changes: Any,
) -> Results:
    builder = ResultsBuilder(intent, task(intent, **changes))
    for finding in findings() if found is None else found:
        builder.add(finding)
    cells = CellCounts(executed=14, repaired=1, failed=1)
    return builder.build(status, seconds=187.0, cells=cells, versions=VERSIONS)


SOURCE = "cohort = read_cohort(DATA)\ncohort.summary()"
"""The code of the notebook's first cell, and all that the journal says ran."""
STEPS = (
    "Load the cohort",
    "Decode and audit the images",
    "Split into three parts",
    "Train: baseline",
    "Open the test set, once",
)


def write_journal(run_dir: Path, intent: str = INTENT, done: int = len(STEPS)) -> Journal:
    """A journal with a failed and mended first cell, and the first `done` steps done."""
    journal = Journal.create(run_dir / "journal.jsonl")
    request = {"intent": intent, "data": "/data/chest films", "planner": "offline", "budget_minutes": 20.0, "seed": 0}
    journal.append("intent", {"run_id": "example", "request": request})
    steps = [Step(id=f"step{number}", title=title, recipe="recipe") for number, title in enumerate(STEPS)]
    journal.append("plan", Plan(objective="Tell films apart", steps=steps))
    error = CellError(
        name="MissingColumnError", message="The table has no column 'Drain '.", traceback="...", signature="s"
    )
    journal.append("execution", attempt("step0", 1, error=error))
    for number in range(done):
        repair = "The column is called 'Drain'." if number == 0 else None
        journal.append("execution", attempt(f"step{number}", 2 if number == 0 else 1, repair=repair))
    return journal


def attempt(step_id: str, number: int, error: CellError | None = None, repair: str | None = None) -> Attempt:
    return Attempt(
        step_id=step_id,
        number=number,
        source_sha256=sha256_text(SOURCE),
        ok=error is None,
        seconds=1.5,
        error=error,
        repair=repair,
    )


def notebook() -> dict[str, Any]:
    """A small executed notebook as nbformat JSON."""
    outputs: list[dict[str, Any]] = [
        {"output_type": "stream", "name": "stdout", "text": ["Decode:  10%\r", "Decode: 100%\n"]},
        {"output_type": "stream", "name": "stdout", "text": "3000 images\n"},
        {"output_type": "display_data", "data": {"text/plain": "AUROC 0.90", "image/png": "aGk="}, "metadata": {}},
    ]
    marked = {"clinjup": {"step_id": "load", "author": "recipe", "source_sha256": sha256_text(SOURCE)}}
    return {
        "cells": [
            {"cell_type": "markdown", "id": "intro", "metadata": {}, "source": ["# Pneumothorax\n", "Asked: ..."]},
            {
                "cell_type": "code",
                "id": "load",
                "metadata": marked,
                "source": SOURCE,
                "outputs": outputs,
                "execution_count": 1,
            },
            {
                "cell_type": "code",
                "id": "train",
                "metadata": {},
                "source": "baseline = train(cohort)",
                "outputs": [],
                "execution_count": 2,
            },
        ],
        "metadata": {"clinjup": {"run_id": "example"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def finished_run(run_dir: Path) -> dict[str, Any]:
    """Write a whole run folder as runs.py does at the end of a run; returns the notebook."""
    draw_figures(run_dir)
    for folder in ("cache", "checkpoints"):
        (run_dir / folder).mkdir(exist_ok=True)
    (run_dir / "checkpoints" / "baseline.ckpt").write_bytes(b"weights")
    with (run_dir / "cache" / "predictions.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["image", "probability", "decision"], ["a.png", 0.7, 1]])
    journal = write_journal(run_dir)
    publish(run_dir, results())
    document = notebook()
    journal.append("export", export_record(run_dir, document))
    journal.append("finished", {"status": RunStatus.COMPLETED, "sentence": "done"})
    document["metadata"]["clinjup"]["journal_head"] = journal.head
    write_atomic(run_dir / "notebook.ipynb", json.dumps(document, indent=1))
    return document
