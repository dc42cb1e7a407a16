"""How far does a run come against chest drains when few films, or none, say whether they show one?

For each seed one synthetic cohort on disk, and for each amount of annotation one complete run of `clinjup run` on the same films. With all
films annotated the request asks to compare several methods; with fewer the run does so by itself. The model is chosen by the run, on
validation. Worst-group AUROC is measured with the generator's drains, which a run with fewer labels never sees: the lower AUROC of the
test films with and the test films without a drain. *Pigtail*: the drains of those films drawn again as thin pigtail catheters, a kind
that no training film shows.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.pneumothorax import (
    DRAINS,
    REQUEST,
    headline,
    read_drains,
    read_labels,
    shrink,
    true_false_alarm_increase,
)
from benchmarks.report import markdown_table, record, target_row, value

COMPARE = " Please compare several methods."
AMOUNTS = ("all", "0.05", "positives", "none")
REDUCTION, WORST, PIGTAIL = (
    "relative reduction of drain-induced false alarms",
    "worst-group AUROC",
    "worst-group AUROC, pigtail",
)
TARGETS = {
    f"all: {REDUCTION}": 0.85,
    f"all: {WORST}": 0.88,
    f"all: {PIGTAIL}": 0.82,
    f"0.05: {REDUCTION}": 0.65,
    f"0.05: {WORST}": 0.82,
    f"positives: {WORST}": 0.78,
    f"none: {WORST}": 0.75,
}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks annotated")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--patients", type=int, default=1500)
    parser.add_argument("--amounts", nargs="+", choices=AMOUNTS, default=list(AMOUNTS), help="of drain labels")
    parser.add_argument("--record", action="store_true", help="write the table into RESULTS.md")
    options = parser.parse_args(argv)
    measured, seeds = [], range(options.first, options.first + options.seeds)
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="clinjup-benchmark-") as folder:
            measured.append(measure(Path(folder), seed, options.patients, options.amounts))
        print(json.dumps({"seed": seed, **measured[-1]}), flush=True)
    # A model that one run left out for time has no figure there.
    names = dict.fromkeys(name for values in measured for name, each in values.items() if isinstance(each, float))
    chosen = [
        [f"{amount}: chosen", *(values[f"{amount}: chosen"] for values in measured), "", "", ""]
        for amount in options.amounts
    ]
    table = markdown_table(
        ["", *(f"seed {seed}" for seed in seeds), "median (range)", "target", ""],
        [*chosen, *(_row(name, [float(values[name]) for values in measured]) for name in names)],
    )
    print(table)
    if options.record:
        note = f"{__doc__.partition(chr(10))[2].strip()}\n\nSynthetic cohorts of {options.patients} patients."
        record("annotated", " ".join(["python -m benchmarks annotated", *argv]), f"{note}\n\n{table}")
    medians = {name: float(np.median([float(values.get(name, math.nan)) for values in measured])) for name in names}
    missed = [name for name, least in TARGETS.items() if name in medians and not medians[name] >= least]
    print("all targets reached" if not missed else f"missed: {', '.join(missed)}")
    return 1 if missed else 0


def measure(folder: Path, seed: int, patients: int, amounts: list[str]) -> dict[str, float | str]:
    """All figures of one seed."""
    from clinjup.imaging.synthetic import write_cohort

    cohort = write_cohort("pneumothorax", folder / "cohort", patients=patients, seed=seed)
    table = (cohort / DRAINS).read_text(encoding="utf-8")
    labels, drains = read_labels(cohort), read_drains(cohort)
    test = (cohort / "test_list.txt").read_text(encoding="utf-8").split()
    truth = np.array([labels[name] for name in test]), np.array([drains[name] for name in test])
    found: dict[str, float | str] = {}
    for amount in amounts:
        keep_annotations(cohort, table, amount, labels, seed, patients)
        results = complete_run(cohort, folder / f"run-{amount}", seed, compare=amount == "all")
        (cohort / DRAINS).write_text(table, encoding="utf-8")
        models = {model["name"]: model for model in results["models"]}
        found |= {
            f"{amount}: {name}": figure
            for name, figure in figures(cohort, folder / f"run-{amount}", results, models, test, *truth).items()
        }
    return found


def keep_annotations(cohort: Path, table: str, amount: str, labels: dict[str, bool], seed: int, patients: int) -> None:
    """Leave in the drain table the films of `amount`: all, those of a share of the patients, the positives, or none."""
    from clinjup.imaging.synthetic import plan_cohort

    known = {name for name, positive in labels.items() if amount == "all" or (amount == "positives" and positive)}
    if amount not in ("all", "positives"):
        share = 0.0 if amount == "none" else float(amount)
        planned = plan_cohort(patients, seed, annotated=share)
        known = {film.film.name for film in planned if film.annotated}
    header, *rows = table.splitlines()
    kept = [row for row in rows if row.partition(",")[0] in known]
    (cohort / DRAINS).write_text("".join(f"{line}\n" for line in (header, *kept)), encoding="utf-8")


def complete_run(cohort: Path, run: Path, seed: int, *, compare: bool) -> dict:
    """results.json of one run."""
    command = [sys.executable, "-c", "from clinjup.cli import main; main()", "run", REQUEST + COMPARE * compare]
    command += ["--data", str(cohort), "--out", str(run), "--seed", str(seed), "--json"]
    finished = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, text=True)
    results = json.loads(finished.stdout)
    assert results["status"] == "completed", results["sentence"]
    return results


def figures(
    cohort: Path,
    run: Path,
    results: dict,
    models: dict[str, dict],
    test: list[str],
    labels: NDArray[np.bool_],
    drains: NDArray[np.bool_],
) -> dict[str, float | str]:
    """Figures of the chosen model of one run, beside those of its baseline, and the worst group of every model."""
    from clinjup.imaging.pictures import decode_image
    from clinjup.imaging.synthetic import counterfactual_films
    from clinjup.learning import load_model

    baseline, chosen = models["baseline"], models[results["selected"]]
    trained = {name: load_model(str(run / model["checkpoint"])) for name, model in models.items()}
    size = trained["baseline"].image_size
    films = np.stack([decode_image(cohort / "images" / name, size)[0] for name in test])
    other = films.copy()
    other[drains] = shrink(counterfactual_films(cohort, np.array(test)[drains], drain=True, pigtail=True), size)
    worst = {name: worst_group(model.predict(films), labels, drains) for name, model in trained.items()}
    pigtail = {name: worst_group(trained[name].predict(other), labels, drains) for name in ("baseline", chosen["name"])}
    before, after = (headline(model, "false_alarm_increase") for model in (baseline, chosen))
    true_before, true_after = (true_false_alarm_increase(run, cohort, model) for model in (baseline, chosen))
    return {
        "chosen": chosen["name"],
        REDUCTION: 1 - after / before,
        f"{REDUCTION}, true": 1 - true_after / true_before,
        WORST: worst[chosen["name"]],
        PIGTAIL: pigtail[chosen["name"]],
        "AUROC": value(chosen["test"]["auroc"]),
        "baseline AUROC": value(baseline["test"]["auroc"]),
        "baseline drain-induced false alarms": before,
        "drain-induced false alarms": after,
        "drain-induced false alarms, true": true_after,
        f"baseline {PIGTAIL}": pigtail["baseline"],
        **{f"{WORST} of {name}": figure for name, figure in worst.items()},
        "seconds: run": float(results["seconds"]),
    }


def worst_group(scores: NDArray[np.floating], labels: NDArray[np.bool_], drains: NDArray[np.bool_]) -> float:
    """The lower AUROC of the films with and the films without a drain."""
    from sklearn.metrics import roc_auc_score

    return float(min(roc_auc_score(labels[group], scores[group]) for group in (drains, ~drains)))


def _row(name: str, values: list[float]) -> list[object]:
    least = TARGETS.get(name)
    return target_row(
        name, values, f">= {least:.2f}" if least else "", None if least is None else float(np.median(values)) >= least
    )
