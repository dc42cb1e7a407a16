"""Everything a reader opens first, written at the end of a run: results.json, report.html, model_card.md, predictions.csv."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from clinjup.atomic_files import copy_atomic, write_atomic
from clinjup.contracts import Results
from clinjup.reporting.model_card import render_model_card
from clinjup.reporting.report import render_report
from clinjup.reporting.results import write_results
from clinjup.reporting.story import read_story

PREDICTIONS = ("predictions.csv", "predictions.json")  # under cache/; a detector's marks are JSON


def publish(run_dir: Path, results: Results, *, written: datetime | None = None) -> None:
    """Write what a run leaves for its readers; each file is whole or absent.

    Call it after the run's last cell and before `export_record`: the report names the journal's head of that moment. The
    model card is written only if a model was evaluated, predictions.csv or predictions.json only if the run made predictions.
    """
    write_results(run_dir / "results.json", results)
    report = render_report(results, run_dir=run_dir, story=read_story(run_dir), written=written)
    write_atomic(run_dir / "report.html", report)
    if results.models:
        write_atomic(run_dir / "model_card.md", render_model_card(results))
    for name in PREDICTIONS:
        if (run_dir / "cache" / name).is_file():
            copy_atomic(run_dir / "cache" / name, run_dir / name)
