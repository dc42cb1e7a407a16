"""A clinjup run beside what a skilled user of fastai trains on the same films in the same time.

For each seed one synthetic cohort, in one go on one machine: a complete `clinjup run`, then fastai (resnet18 from scratch, one cycle, its own
augmentations, the best epoch by validation AUROC) on the same patients in each part, at the same size of image, given all the seconds that
the whole run took, its checks, figures and report included. All are judged alike here: the threshold is the highest with a validation
sensitivity of at least 0.90; false alarms are counted on the generator's exact counterfactual films, with and without the drain.
`pip install -e ".[peers]"` first.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.annotated import complete_run, worst_group
from benchmarks.pneumothorax import read_drains, read_labels
from benchmarks.report import markdown_table, median_and_range, record

SENSITIVITY = 0.90
SCORES = ("AUROC", "worst-group AUROC", "drain-induced false alarms", "sensitivity", "specificity")
SECONDS = ("training, seconds", "wall time, seconds")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks peers")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--patients", type=int, default=1500)
    parser.add_argument("--record", action="store_true", help="write the table into RESULTS.md")
    options = parser.parse_args(argv)
    if importlib.util.find_spec("fastai") is None:
        print(
            'fastai is not installed, so there is nothing to compare with: pip install -e ".[peers]"', file=sys.stderr
        )
        return 2
    measured = []
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory(prefix="clinjup-benchmark-") as folder:
            measured.append(measure(Path(folder), seed, options.patients))
        print(json.dumps({"seed": seed, **measured[-1]}), flush=True)
    # A model that one run left out for time has no figures there.
    names = list(dict.fromkeys(name for each in measured for name in each))
    rows = [
        [score, *(median_and_range([each[name][score] for each in measured if name in each]) for name in names)]
        for score in SCORES + SECONDS
    ]
    table = markdown_table([f"median (range), {options.seeds} seeds", *names], rows)
    print(table)
    if options.record:
        note = f"{__doc__.strip()}\n\nSynthetic cohorts of {options.patients} patients."
        record("peers", " ".join(["python -m benchmarks peers", *argv]), f"{note}\n\n{table}")
    return 0


def measure(folder: Path, seed: int, patients: int) -> dict[str, dict[str, float]]:
    """Figures of the run's models, and of fastai's, for one seed."""
    from clinjup.imaging.synthetic import write_cohort
    from clinjup.learning import load_model

    cohort = write_cohort("pneumothorax", folder / "cohort", patients=patients, seed=seed)
    run = folder / "run"
    results = complete_run(cohort, run, seed, compare=False)
    parts = parts_of(cohort, run)
    films = {name: [cohort / "images" / image for image in images] for name, images in parts.items()}
    labels, drains = read_labels(cohort), read_drains(cohort)
    negatives = [name for name in parts["test"] if not labels[name] and not drains[name]]
    films |= {
        name: counterfactuals(cohort, negatives, folder / name, drain=name == "with drain")
        for name in ("with drain", "without")
    }
    models = {
        f"clinjup, {each['name'].replace('_', ' ')}": load_model(str(run / each["checkpoint"]))
        for each in results["models"]
    }
    pixels = next(iter(models.values())).image_size
    found = {}
    for name, model in models.items():
        found[name] = {part: model.predict(decoded(paths, pixels)) for part, paths in films.items() if part != "train"}
    seconds = {name: (model.seconds, results["seconds"]) for name, model in models.items()}
    peer = fastai(folder, parts, films, labels, pixels, results["seconds"], seed)
    found["fastai, resnet18"], seconds["fastai, resnet18"] = peer["probabilities"], (peer["seconds"],) * 2
    return {
        name: judged(scores, parts, labels, drains) | dict(zip(SECONDS, seconds[name], strict=True))
        for name, scores in found.items()
    }


def parts_of(cohort: Path, run: Path) -> dict[str, list[str]]:
    """File names of each part, as the run divided the films: what it predicted on, and the rest."""
    with (run / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["image"], row["split"]) for row in csv.DictReader(file)]
    parts = {part: [image for image, split in rows if split == part] for part in ("validation", "test")}
    told = {image for image, _ in rows}
    return parts | {"train": [path.name for path in sorted((cohort / "images").iterdir()) if path.name not in told]}


def counterfactuals(cohort: Path, names: list[str], out: Path, *, drain: bool) -> list[Path]:
    """The films `names` drawn again, with or without the drain, as files."""
    from PIL import Image

    from clinjup.imaging.synthetic import counterfactual_films

    out.mkdir()
    paths = [out / name for name in names]
    for path, film in zip(paths, counterfactual_films(cohort, names, drain=drain), strict=True):
        Image.fromarray(film).save(path)
    return paths


def decoded(paths: list[Path], size: int) -> NDArray[np.uint8]:
    from clinjup.imaging.pictures import decode_image

    return np.stack([decode_image(path, size)[0] for path in paths])


def fastai(
    folder: Path,
    parts: dict[str, list[str]],
    films: dict[str, list[Path]],
    labels: dict[str, bool],
    size: int,
    seconds: float,
    seed: int,
) -> dict:
    """What benchmarks/_fastai.py found, in a process of its own."""
    table, out, told = folder / "peer.csv", folder / "peer.json", folder / "told.json"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "split"])
        for part, names in parts.items():
            writer.writerows(
                (path, int(labels[path.name]), part) for path, name in zip(films[part], names, strict=True)
            )
    lists = {name: list(map(str, paths)) for name, paths in films.items() if name not in ("train", "validation")}
    settings = {"size": size, "batch": 64, "seconds": seconds, "seed": seed}
    told.write_text(json.dumps({"table": str(table), "out": str(out), "lists": lists, **settings}), encoding="utf-8")
    subprocess.run([sys.executable, str(Path(__file__).with_name("_fastai.py")), str(told)], check=True)
    return json.loads(out.read_text(encoding="utf-8"))


def judged(
    scores: dict[str, NDArray[np.floating] | list[float]],
    parts: dict[str, list[str]],
    labels: dict[str, bool],
    drains: dict[str, bool],
) -> dict[str, float]:
    """The figures of one model at its threshold from validation. `scores`: probabilities of each list of films, in its order."""
    from sklearn.metrics import roc_auc_score

    truth = {part: np.array([labels[name] for name in names]) for part, names in parts.items()}
    validation, test = np.asarray(scores["validation"]), np.asarray(scores["test"])
    threshold = np.quantile(validation[truth["validation"]], 1 - SENSITIVITY, method="lower")
    shown = np.array([drains[name] for name in parts["test"]])
    rates = {name: float(np.mean(np.asarray(scores[name]) >= threshold)) for name in ("with drain", "without")}
    return {
        "AUROC": float(roc_auc_score(truth["test"], test)),
        "worst-group AUROC": worst_group(test, truth["test"], shown),
        "drain-induced false alarms": rates["with drain"] - rates["without"],
        "sensitivity": float(np.mean(test[truth["test"]] >= threshold)),
        "specificity": float(np.mean(test[~truth["test"]] < threshold)),
    }
