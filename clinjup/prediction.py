"""`clinjup predict`: a trained model of a run on a plain folder of images, in a process of its own (torch stays out of this one)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from clinjup.agent.roles_frontal import modality_of
from clinjup.agent.vocabulary.findings import CHEST, RADIOGRAPHS
from clinjup.contracts import ModelResults, Results
from clinjup.hashing import sha256_of
from clinjup.reporting.cautions import cautions, known_classes
from clinjup.reporting.verify import recorded_hash

LACKS_PATIENT_DATA = (
    "This model was judged with patient data beside the image (age, sex or site), and a folder of images brings none: they count as average. "
    "Threshold and figures of the report do not hold for these predictions."
)
THRESHOLD_COLUMN = (
    "The threshold was chosen on the column {column} and decides there. probability_calibrated says how likely the finding is where it is as "
    "common as in the run's validation images."
)


class PredictionError(Exception):
    """Why nothing was predicted, in a sentence (exit 2)."""


def predict_folder(run_dir: Path, data: Path, out: Path, model_name: str | None) -> dict[str, Any]:
    """Write `out` and return a summary: a CSV with the columns of the run's predictions.csv, and `problem` where an image cannot be read; of
    a detector COCO JSON, and OUT-images/ with its marks.

    Raises PredictionError.
    """
    try:
        return _predict_folder(run_dir, data, out, model_name)
    except OSError as problem:  # a drive that goes away, a name that is too long
        raise PredictionError(
            f"'{problem.filename or data}' cannot be reached ({problem.strerror}). Check that its drive is connected and that you may read it."
        ) from problem


def _predict_folder(run_dir: Path, data: Path, out: Path, model_name: str | None) -> dict[str, Any]:
    results = _read_results(run_dir)
    model = _model(results, model_name, run_dir)
    if not data.is_dir():
        raise PredictionError(
            f"There is no folder '{data}', or its drive is not connected. Name a folder of images with --data."
        )
    if out.exists():
        raise PredictionError(f"'{out}' is already there and is not written over. Name another file with --out.")
    specification = {
        "checkpoint": str(run_dir / (model.checkpoint or "")),
        "data": str(data),
        "out": str(out),
        "threshold": model.operating_point.threshold if model.operating_point else None,
        "calibration": model.calibration.model_dump() if model.calibration else None,
        "wording": model.wording,
        **_trained_on(results),
    }
    finished = subprocess.run(
        [sys.executable, "-m", "clinjup.learning.predict_folder", json.dumps(specification)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    last = (finished.stdout.strip().splitlines() or ["{}"])[-1]
    summary: dict[str, Any] = json.loads(last) if last.startswith("{") else {}
    if finished.returncode != 0 or "error" in summary:
        raise PredictionError(
            summary.get("error") or "The model could not be applied; run 'clinjup doctor' to check this machine."
        )
    told = [LACKS_PATIENT_DATA] if summary.pop("lacks_patient_data", False) else []
    if summary.get("calibrated"):
        told.append(THRESHOLD_COLUMN.format(column=summary["threshold_column"]))
    told += cautions(results, model.name)
    if classes := summary.pop("classes", None):  # a detector names none
        told.append(known_classes(results.task, classes))
    return {"model": model.name, **summary, "synthetic": results.data.synthetic, "cautions": told}


def _trained_on(results: Results) -> dict[str, bool]:
    """Whether the model saw nothing but radiographs, nothing but frontal ones, as far as headers and tables of its data say."""
    kept = {warning.code for warning in results.data.warnings}
    modality = modality_of(results.task)
    return {
        "radiographs": modality in RADIOGRAPHS and "no_radiographs" not in kept,
        "frontal": modality == CHEST and "no_frontal_films" not in kept,
    }


def _read_results(run_dir: Path) -> Results:
    path = run_dir / "results.json"
    if not path.is_file():
        raise PredictionError(f"There is no finished run in '{run_dir}': it holds no results.json.")
    try:
        return Results.model_validate_json(path.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise PredictionError(
            f"results.json in '{run_dir}' cannot be read; it was changed or comes from another version."
        ) from problem


def _model(results: Results, name: str | None, run_dir: Path) -> ModelResults:
    wanted = name or results.selected
    model = next((model for model in results.models if model.name == wanted), None)
    names = ", ".join(f"'{model.name}'" for model in results.models) or "none"
    if wanted is None:
        raise PredictionError(
            f"The run ended before it chose a model. It has: {names}."
            + (" Name one with --model." if results.models else " Go on with it: clinjup run --resume RUN_DIR")
        )
    if model is None:
        raise PredictionError(f"The run has no model '{wanted}'. It has: {names}.")
    if not model.checkpoint or not (run_dir / model.checkpoint).is_file():
        raise PredictionError(f"The weights of model '{model.name}' are missing from the run folder.")
    recorded = recorded_hash(run_dir, model.checkpoint)
    if recorded is not None and recorded != sha256_of(run_dir / model.checkpoint):
        raise PredictionError(
            f"The weights of model '{model.name}' ('{model.checkpoint}') are not as the run left them: they are damaged, or were written "
            f"anew since, so the figures of the run say nothing of them. What else was changed is told by: clinjup verify {run_dir}"
        )
    return model
