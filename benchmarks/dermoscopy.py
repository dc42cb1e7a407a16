"""Dermoscopy: do the methods against imbalance pay, does the safe threshold hold on other patients, does the ruler lose its hold?

For each seed a synthetic cohort on disk and up to three complete runs: `seven` (seven classes, melanoma first), `triage` (melanoma or
nevus, not a single case to be missed) and `ruler` (melanoma or nevus, rulers and pen marks named). Every figure is read from results.json
of the run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.report import markdown_table, record, target_row, value

REQUESTS = {
    "seven": "I want an AI model to help diagnose skin lesions. Priority should be given to melanoma.",
    "triage": "I want to distinguish melanoma from nevus. Please try your best not to miss a single case.",
    "ruler": (
        "I want to distinguish melanoma from nevus. Some pictures have rulers and pen marks, please make sure it doesn't look at them."
    ),
}
SENSITIVITY, SPECIFICITY = (
    "triage: test sensitivity of the selected model",
    "triage: test specificity of the selected model",
)
TARGETS: dict[str, tuple[str, Callable[[list[float]], bool]]] = {
    "seven classes: gain of balanced accuracy": (">= 0.10", lambda v: float(np.median(v)) >= 0.10),
    "seven classes: melanoma sensitivity at the chosen point": (">= 0.90", lambda v: float(np.median(v)) >= 0.90),
    SENSITIVITY: (">= 0.95 in 9 of 10", lambda v: sum(value >= 0.95 for value in v) >= 0.9 * len(v)),
    SPECIFICITY: ("median >= 0.30", lambda v: float(np.median(v)) >= 0.30),
    "ruler-induced false alarms, baseline": (">= 0.25", lambda v: float(np.median(v)) >= 0.25),
    "relative reduction of ruler-induced false alarms": (">= 0.80", lambda v: float(np.median(v)) >= 0.80),
    "gain of AUROC without ruler": (">= 0", lambda v: float(np.median(v)) >= 0),
    "seconds: run, seven classes": ("<= 360", lambda v: max(v) <= 360),
    "seconds: run, triage": ("<= 360", lambda v: max(v) <= 360),
    "seconds: run, ruler": ("<= 360", lambda v: max(v) <= 360),
}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks dermoscopy")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--lesions", type=int, default=None)
    parser.add_argument("--only", choices=list(REQUESTS), help="one of the three runs")
    parser.add_argument(
        "--budget-minutes",
        type=float,
        help="of each run; a loaded machine needs more than an idle one to train all batches; its seconds are not judged",
    )
    parser.add_argument("--record", action="store_true", help="write the table into RESULTS.md")
    options = parser.parse_args(argv)
    names = [options.only] if options.only else list(REQUESTS)
    measured, seeds = [], range(options.first, options.first + options.seeds)
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="clinjup-benchmark-") as folder:
            measured.append(measure(Path(folder), seed, options.lesions, names, options.budget_minutes))
        print(json.dumps({"seed": seed, **measured[-1]}), flush=True)
    judged = {
        name: target for name, target in TARGETS.items() if not (options.budget_minutes and name.startswith("seconds"))
    }
    rows = [_row(name, [values[name] for values in measured], judged) for name in measured[0]]
    table = markdown_table(["", *(f"seed {seed}" for seed in seeds), "median (range)", "target", ""], rows)
    print(table)
    if options.record:
        section = "dermoscopy" + (f", {options.only}" if options.only else "")
        section += f", seeds {seeds[0]} to {seeds[-1]}" if options.first or options.seeds != 3 else ""
        record(section, " ".join(["python -m benchmarks dermoscopy", *argv]), f"{_NOTE}\n\n{table}")
    missed = [row[0] for row in rows if row[-1] == "missed"]
    print("all targets reached" if not missed else f"missed: {', '.join(map(str, missed))}")
    return 1 if missed else 0


_NOTE = (
    "Synthetic cohorts in HAM10000's layout (`clinjup/imaging/synthetic/skin/difficulty.py`). Gain of balanced accuracy: the selected model "
    "against plain cross-entropy, test set. Ruler-induced false alarms: inserted by the run's own inserter into test nevi without ruler, at "
    "each model's own frozen threshold. AUROC without ruler: among test images that show none."
)


def measure(
    folder: Path, seed: int, lesions: int | None, names: list[str], budget: float | None = None
) -> dict[str, float]:
    """All figures of one seed."""
    from clinjup.imaging.synthetic import write_cohort

    started = time.monotonic()
    cohort = write_cohort("dermoscopy", folder / "cohort", patients=lesions, seed=seed)
    found = {"seconds: draw the cohort": time.monotonic() - started}
    read = {"seven": _seven, "triage": _triage, "ruler": _ruler}
    for name in names:
        run = folder / name
        command = [sys.executable, "-c", "from clinjup.cli import main; main()", "run", REQUESTS[name]]
        command += ["--data", str(cohort), "--out", str(run), "--seed", str(seed), "--json"]
        command += ["--budget-minutes", str(budget)] if budget else []
        finished = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, text=True)
        results = json.loads(finished.stdout)
        assert results["status"] == "completed", results["sentence"]
        found |= read[name](results)
    return found


def _seven(results: dict) -> dict[str, float]:
    models = {model["name"]: model for model in results["models"]}
    baseline, chosen = models["baseline"], models[results["selected"]]
    accuracy = {name: value(model["test"]["balanced_accuracy"]) for name, model in models.items()}
    return {
        **{f"seven classes: balanced accuracy, {name}": accuracy[name] for name in models},
        "seven classes: gain of balanced accuracy": accuracy[results["selected"]] - accuracy["baseline"],
        "seven classes: melanomas named as such, baseline": value(baseline["test"]["sensitivity_melanoma"]),
        "seven classes: melanomas named as such, selected": value(chosen["test"]["sensitivity_melanoma"]),
        "seven classes: melanoma sensitivity at the chosen point": value(chosen["test"]["sensitivity"]),
        "seven classes: melanoma specificity at the chosen point": value(chosen["test"]["specificity"]),
        "seven classes: melanoma AUROC, selected": value(chosen["test"]["auroc"]),
        "seconds: run, seven classes": results["seconds"],
    }


def _triage(results: dict) -> dict[str, float]:
    (model,) = results["models"]
    test = model["test"]
    return {
        "triage: AUROC": value(test["auroc"]),
        SENSITIVITY: value(test["sensitivity"]),
        SPECIFICITY: value(test["specificity"]),
        "triage: excisions per melanoma": value(test["excisions_per_case"]),
        "triage: calibration error before temperature scaling": value(test["ece"]),
        "triage: calibration error after": value(test["ece_scaled"]),
        "seconds: run, triage": results["seconds"],
    }


def _ruler(results: dict) -> dict[str, float]:
    models = {model["name"]: model for model in results["models"]}
    baseline, mitigated = models["baseline"], models["mitigated"]
    induced = {name: value(models[name]["confounders"]["ruler"]["false_alarm_increase"]) for name in models}
    without = {name: value(models[name]["confounders"]["ruler"]["auroc_without"]) for name in models}
    return {
        "ruler: AUROC, baseline": value(baseline["test"]["auroc"]),
        "ruler: AUROC, mitigated": value(mitigated["test"]["auroc"]),
        "ruler: mitigated model selected": float(results["selected"] == "mitigated"),
        "ruler-induced false alarms, baseline": induced["baseline"],
        "ruler-induced false alarms, mitigated": induced["mitigated"],
        "relative reduction of ruler-induced false alarms": 1 - induced["mitigated"] / induced["baseline"],
        "placebo, baseline": value(baseline["confounders"]["ruler"]["placebo_increase"]),
        "placebo, mitigated": value(mitigated["confounders"]["ruler"]["placebo_increase"]),
        "ink-induced false alarms, baseline": value(baseline["confounders"]["ink"]["false_alarm_increase"]),
        "ink-induced false alarms, mitigated": value(mitigated["confounders"]["ink"]["false_alarm_increase"]),
        "AUROC without ruler, baseline": without["baseline"],
        "AUROC without ruler, mitigated": without["mitigated"],
        "gain of AUROC without ruler": without["mitigated"] - without["baseline"],
        "seconds: run, ruler": results["seconds"],
    }


def _row(name: str, values: list[float], targets: dict[str, tuple[str, Callable[[list[float]], bool]]]) -> list[object]:
    target, reached = targets.get(name, ("", None))
    return target_row(name, values, target, None if reached is None else bool(reached(values)))
