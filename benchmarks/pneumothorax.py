"""Does the cohort show the shortcut, does the mitigation remove it, and does the product's headline figure tell the truth?

For each seed: a synthetic cohort on disk, one complete `clinjup run`, and three things that only a generator can give: the
exact counterfactual films (the same film with the drain), a test set on which drain and pneumothorax are independent, and the
same films with drains that were never there.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.report import markdown_table, record, target_row, value

REQUEST = (
    "I want to diagnose pneumothorax on chest X-rays. My concern is that chest drains may act as a strong confounder - "
    "please take this issue seriously."
)
DRAINS = "NIH-CX14_TubeAnnotations_NonExperts_aggregated.csv"
TABLE = "Data_Entry_2017_v2020.csv"
TARGETS = {
    "baseline AUROC, confounded test": (">= 0.88", lambda v: v >= 0.88),
    "baseline worst-group AUROC": ("<= 0.60", lambda v: v <= 0.60),
    "baseline drain-induced false alarms": (">= 0.35", lambda v: v >= 0.35),
    "relative reduction of drain-induced false alarms": (">= 0.80", lambda v: v >= 0.80),
    "mitigated worst-group AUROC": (">= 0.85", lambda v: v >= 0.85),
    "gain of AUROC on a balanced test": (">= 0.08", lambda v: v >= 0.08),
    "reported minus true (absolute), baseline": ("<= 0.10", lambda v: v <= 0.10),
    "reported minus true (absolute), mitigated": ("<= 0.10", lambda v: v <= 0.10),
}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks pneumothorax")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--patients", type=int, default=1500)
    parser.add_argument("--record", action="store_true", help="write the tables into RESULTS.md")
    options = parser.parse_args(argv)
    measured, seeds = [], range(options.first, options.first + options.seeds)
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="clinjup-benchmark-") as folder:
            measured.append(measure(Path(folder), seed, options.patients))
        print(json.dumps({"seed": seed, **measured[-1]}), flush=True)
    table = markdown_table(
        ["", *(f"seed {seed}" for seed in seeds), "median (range)", "target", ""],
        [_row(name, [values[name] for values in measured]) for name in measured[0]],
    )
    print(table)
    if options.record:
        note = (
            f"Synthetic cohorts of {options.patients} patients. Their difficulty (`clinjup/imaging/synthetic/difficulty.py`) was "
            "chosen on seeds 100 to 105, after two others had failed on seed 0. The mitigated model gets twice the baseline's epochs. "
            "*True* is measured on the generator's exact counterfactual films, *reported* by the run's own inserter; worst group: "
            "the lower AUROC of the films with and the films without a drain."
        )
        section = "pneumothorax" if not options.first else f"pneumothorax, seeds {seeds[0]} to {seeds[-1]}"
        record(section, " ".join(["python -m benchmarks pneumothorax", *argv]), f"{note}\n\n{table}")
    missed = [name for name in TARGETS if not TARGETS[name][1](np.median([values[name] for values in measured]))]
    print("all targets reached" if not missed else f"missed: {', '.join(missed)}")
    return 1 if missed else 0


def measure(folder: Path, seed: int, patients: int) -> dict[str, float]:
    """All figures of one seed."""
    from clinjup.imaging.synthetic import write_cohort

    started = time.monotonic()
    cohort = write_cohort("pneumothorax", folder / "cohort", patients=patients, seed=seed)
    drawing = time.monotonic() - started
    run = folder / "run"
    command = [sys.executable, "-c", "from clinjup.cli import main; main()", "run", REQUEST]
    command += ["--data", str(cohort), "--out", str(run), "--seed", str(seed), "--json"]
    finished = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, text=True)
    results = json.loads(finished.stdout)
    assert results["status"] == "completed", results["sentence"]
    models = {model["name"]: model for model in results["models"]}
    baseline, mitigated = models["baseline"], models["balanced_sampling"]
    true = {name: true_false_alarm_increase(run, cohort, model) for name, model in models.items()}
    balanced = balanced_auroc(folder, run, seed, patients, ["baseline", "balanced_sampling"])
    return {
        "baseline AUROC, confounded test": value(baseline["test"]["auroc"]),
        "baseline worst-group AUROC": headline(baseline, "worst_group_auroc"),
        "baseline drain-induced false alarms": headline(baseline, "false_alarm_increase"),
        "baseline placebo": headline(baseline, "placebo_increase"),
        "baseline drain-induced false alarms, true": true["baseline"],
        "mitigated AUROC, confounded test": value(mitigated["test"]["auroc"]),
        "mitigated worst-group AUROC": headline(mitigated, "worst_group_auroc"),
        "mitigated drain-induced false alarms": headline(mitigated, "false_alarm_increase"),
        "mitigated placebo": headline(mitigated, "placebo_increase"),
        "mitigated drain-induced false alarms, true": true["balanced_sampling"],
        "relative reduction of drain-induced false alarms": 1
        - headline(mitigated, "false_alarm_increase") / headline(baseline, "false_alarm_increase"),
        "baseline AUROC, balanced test": balanced["baseline"],
        "mitigated AUROC, balanced test": balanced["balanced_sampling"],
        "gain of AUROC on a balanced test": balanced["balanced_sampling"] - balanced["baseline"],
        "reported minus true (absolute), baseline": abs(headline(baseline, "false_alarm_increase") - true["baseline"]),
        "reported minus true (absolute), mitigated": abs(
            headline(mitigated, "false_alarm_increase") - true["balanced_sampling"]
        ),
        "mitigated model selected": float(results["selected"] == "balanced_sampling"),
        "seconds: draw the cohort": drawing,
        "seconds: run": results["seconds"],
        "seconds: train baseline": baseline["seconds"],
        "seconds: train mitigated": mitigated["seconds"],
        "peak memory of a process, GB": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20,
    }


def true_false_alarm_increase(run: Path, cohort: Path, model: dict) -> float:
    """False-alarm rate with minus without the drain, on exact counterfactual films of the same negatives of the test part."""
    from clinjup.imaging.synthetic import counterfactual_films
    from clinjup.learning import load_model

    trained = load_model(str(run / model["checkpoint"]))
    labels, drains = read_labels(cohort), read_drains(cohort)
    test = (cohort / "test_list.txt").read_text(encoding="utf-8").split()
    negatives = [name for name in test if not labels[name] and not drains[name]]
    threshold = model["operating_point"]["threshold"]
    rates = []
    for drain in (False, True):
        films = counterfactual_films(cohort, negatives, drain=drain)
        rates.append(float(np.mean(trained.predict(shrink(films, trained.image_size)) >= threshold)))
    return rates[1] - rates[0]


def shrink(films: np.ndarray, size: int) -> np.ndarray:
    """The same path from file to cache as in a run: through a PNG and the product's decoder."""
    from PIL import Image

    from clinjup.imaging.pictures import decode_image

    with tempfile.TemporaryDirectory() as folder:
        small = []
        for film in films:
            path = Path(folder) / "film.png"
            Image.fromarray(film).save(path)
            small.append(decode_image(path, size)[0])
    return np.stack(small)


def balanced_auroc(folder: Path, run: Path, seed: int, patients: int, names: list[str]) -> dict[str, float]:
    """AUROC of each model on test films whose drains are independent of the label, through `clinjup predict`."""
    from sklearn.metrics import roc_auc_score

    from clinjup.imaging.synthetic import write_chestxray14

    balanced = write_chestxray14(folder / "balanced", patients=patients, seed=seed, balanced_test=True)
    labels = read_labels(balanced)
    test = set((balanced / "test_list.txt").read_text(encoding="utf-8").split())
    films = folder / "films"
    films.mkdir()
    for name in test:
        (balanced / "images" / name).rename(films / name)
    aurocs = {}
    for name in names:
        out = folder / f"{name}.csv"
        command = [sys.executable, "-c", "from clinjup.cli import main; main()", "predict", str(run)]
        subprocess.run([*command, "--data", str(films), "--out", str(out), "--model", name], check=True)
        with out.open(encoding="utf-8", newline="") as file:
            rows = {Path(row["image"]).name: float(row["probability"]) for row in csv.DictReader(file)}
        aurocs[name] = float(roc_auc_score([labels[image] for image in rows], list(rows.values())))
    return aurocs


def read_labels(cohort: Path) -> dict[str, bool]:
    with (cohort / TABLE).open(encoding="utf-8", newline="") as file:
        return {row["Image Index"]: "Pneumothorax" in row["Finding Labels"].split("|") for row in csv.DictReader(file)}


def read_drains(cohort: Path) -> dict[str, bool]:
    with (cohort / DRAINS).open(encoding="utf-8", newline="") as file:
        return {row["Image Index"]: row["Drain"] == "1" for row in csv.DictReader(file)}


def headline(model: dict, name: str) -> float:
    return value(model["confounders"]["chest_drain"][name])


def _row(name: str, values: list[float]) -> list[object]:
    target, reached = TARGETS.get(name, ("", None))
    return target_row(name, values, target, None if reached is None else bool(reached(np.median(values))))
