"""Wrist fractures: how well does the light detector mark them with all boxes, and how far does the ladder come with boxes on 5 %?

For each seed two complete runs of `clinjup run` on the same synthetic films, with all boxes and with those of 5 % of the children. With
few boxes the run can judge its own marks only where boxes are known; here every detector of the ladder is judged once more on the same
test films with the generator's boxes, which no run sees. That is the figure that counts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.report import markdown_table, record, target_row, value

REQUEST = "I need a tool that looks at wrist X-rays and marks suspicious fractures during my workflow."
FEW = " Only about 5% of our images have boxes; for the rest we just know fracture yes or no."
LADDER = ("baseline", "with_negatives", "pseudo_boxes", "pseudo_boxes_2")
TARGETS = {
    "all boxes: AP50": (">= 0.93", lambda v: v >= 0.93),
    "5 %: AP50 of the chosen detector": (">= 0.85", lambda v: v >= 0.85),
    "5 %: share of the all-boxes AP50": (">= 0.90", lambda v: v >= 0.90),
    "seconds: run, all boxes": ("< 480", lambda v: v < 480),
    "seconds: run, 5 %": ("< 480", lambda v: v < 480),
    "milliseconds a film, one core, median": ("< 60", lambda v: v < 60),
}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks wrist")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--patients", type=int, default=None, help="children [default: as many as the demo]")
    parser.add_argument(
        "--budget-minutes",
        type=float,
        help="of each run; a loaded machine needs more than an idle one to train all batches",
    )
    parser.add_argument("--record", action="store_true", help="write the table into RESULTS.md")
    options = parser.parse_args(argv)
    measured, seeds = [], range(options.first, options.first + options.seeds)
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="clinjup-benchmark-") as folder:
            measured.append(measure(Path(folder), seed, options.patients, options.budget_minutes))
        print(json.dumps({"seed": seed, **measured[-1]}), flush=True)
    names = list(dict.fromkeys(name for values in measured for name in values))
    table = markdown_table(
        ["", *(f"seed {seed}" for seed in seeds), "median (range)", "target", ""],
        [_row(name, [values.get(name, float("nan")) for values in measured]) for name in names],
    )
    print(table)
    if options.record:
        record(
            "wrist",
            " ".join(["python -m benchmarks wrist", *argv]),
            f"{__doc__.partition(chr(10))[2].strip()}\n\n{table}",
        )
    missed = [name for name in TARGETS if not TARGETS[name][1](np.median([values[name] for values in measured]))]
    print("all targets reached" if not missed else f"missed: {', '.join(missed)}")
    return 1 if missed else 0


def measure(folder: Path, seed: int, patients: int | None, budget: float | None = None) -> dict[str, float]:
    """All figures of one seed."""
    from clinjup.imaging.synthetic import write_cohort

    started = time.monotonic()
    every = write_cohort("wrist", folder / "all", patients=patients, seed=seed)
    drawing = time.monotonic() - started
    few = write_cohort("wrist", folder / "few", patients=patients, seed=seed, annotated=0.05)
    full = complete_run(REQUEST, every, folder / "run-all", seed, budget)
    weak = complete_run(REQUEST + FEW, few, folder / "run-few", seed, budget)
    (detector,) = (model for model in full["models"] if model["name"] == full["selected"])
    found = {
        "all boxes: AP50": value(detector["test"]["ap50"]),
        "all boxes: AP50-95": value(detector["test"]["ap50_95"]),
        "all boxes: share of boxes marked at 0.5 false marks per image": value(
            detector["test"]["sensitivity_at_0.5_false_marks"]
        ),
        "all boxes: AUROC of films": value(detector["test"]["auroc"]),
        "milliseconds a film, one core, median": value(detector["test"]["latency_ms"]),
        "milliseconds a film, one core, 95th percentile": value(detector["test"]["latency_ms_p95"]),
    }
    true = true_ap50(folder / "run-few", weak, few, every)
    for name in LADDER:
        if name in true:
            found[f"5 %: AP50 of {name.replace('_', ' ')}"] = true[name]
    found["5 %: AP50 of the chosen detector"] = true[weak["selected"]]
    found["5 %: share of the all-boxes AP50"] = true[weak["selected"]] / found["all boxes: AP50"]
    (chosen,) = (model for model in weak["models"] if model["name"] == weak["selected"])
    found["5 %: AP50 that the run reports of it"] = value(chosen["test"]["ap50"])
    found["5 %: trained detectors"] = float(len(true))
    found["seconds: draw the cohort"] = drawing
    found["seconds: run, all boxes"], found["seconds: run, 5 %"] = full["seconds"], weak["seconds"]
    return found


def complete_run(request: str, data: Path, out: Path, seed: int, budget: float | None) -> dict:
    command = [sys.executable, "-c", "from clinjup.cli import main; main()", "run", request]
    command += ["--data", str(data), "--out", str(out), "--seed", str(seed), "--json"]
    command += ["--budget-minutes", f"{budget:g}"] if budget else []
    finished = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, text=True)
    results = json.loads(finished.stdout)
    assert results["status"] == "completed", results["sentence"]
    return results


def true_ap50(run: Path, results: dict, few: Path, every: Path) -> dict[str, float]:
    """AP50 of each detector on the run's own test films, by the boxes of all children: torchmetrics with faster-coco-eval."""
    from clinjup.evaluation.detection.metrics import coco_average_precision
    from clinjup.evaluation.detection.parts import detection_part
    from clinjup.imaging import prepare_images, read_cohort
    from clinjup.learning.detection import load_detector

    marks = json.loads((run / "predictions.json").read_text(encoding="utf-8"))
    split = {image["image"]: image["split"] for image in marks["images"]}
    table = "dataset.csv"
    cohort = read_cohort(
        every,
        layout="grazpedwri",
        target="fracture",
        positive=["1"],
        negative=["0"],
        patient=f"{table}:patient_id",
        boxes={"format": "yolo", "path": "folder_structure/yolov5/labels", "target": ["fracture"]},
        emit_finding=False,
    )
    cohort.table = cohort.table.assign(split=cohort.table["image"].map(split).fillna("train"))
    found = {}
    for model in results["models"]:
        if model["architecture"] != "heat_map":
            continue
        detector = load_detector(run / model["checkpoint"])
        images = prepare_images(cohort, size=detector.image_size, folder=run / "cache" / "benchmark")
        part = detection_part(cohort, images, "test")
        found[model["name"]] = coco_average_precision(detector.marks(images.pixels_of(part.table.index)), part)[0]
    return found


def _row(name: str, values: list[float]) -> list[object]:
    target, reached = TARGETS.get(name, ("", None))
    return target_row(name, values, target, None if reached is None else bool(reached(np.median(values))))
