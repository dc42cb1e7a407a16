"""`python -m clinjup.learning.predict_folder SPECIFICATION`: a trained model on a plain folder of images.

A detector writes COCO JSON instead of a table (see detection.predict_folder).

SPECIFICATION is a JSON object: checkpoint, data (folder), out (CSV to write), threshold (the frozen operating point; null where there is
none: 0.5). The last line of stdout is a JSON object: images, unreadable [{path, reason}], decided (class -> images), threshold, out,
lacks_patient_data (whether the model was made for more than images); or error, a sentence, with exit code 2. Images that cannot be read
have no row in the table: a row without a decision is read as a negative.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinjup.imaging.files import printable, scan_folder
from clinjup.imaging.pictures import decode_image
from clinjup.kernel.errors import ClinjupError
from clinjup.learning.detection.detector import is_detector
from clinjup.learning.detection.predict_folder import mark_folder
from clinjup.learning.trained import TrainedModel, load_model

_FILMS_AT_ONCE = 256
_NOT_A_TABLE = {".json": "JSON", ".xlsx": "an Excel workbook", ".xls": "an Excel workbook"}


def predict_folder(checkpoint: Path, data: Path, out: Path, threshold: float | None = None) -> dict[str, Any]:
    """Write `out` with one row a readable image under `data`, in the order of their paths, and say what was done.

    Two classes: `image,probability,decision`, decision 1 where the probability reaches `threshold` (0.5 when None). More:
    `image,probability_<class>...,decision` with the most probable class and, where a `threshold` is given, `flag_<class>`: 1 where the
    class of interest reaches it. `image` is the path within `data`, with forward
    slashes. Raises ClinjupError where there is no image, none can be read, the checkpoint is gone or damaged, or `out` is called as no
    table is.
    """
    if out.suffix.lower() in _NOT_A_TABLE:
        raise ClinjupError(
            f"This model judges whole images. That is written as a table (CSV), and not as {_NOT_A_TABLE[out.suffix.lower()]}: call the file "
            f"'{out.stem}.csv' with --out."
        )
    model = load_model(checkpoint)
    paths = scan_folder(data).images
    if not paths:
        raise ClinjupError(
            f"The folder '{data}' holds no PNG, JPEG or DICOM image, so there is nothing to predict. Name another folder."
        )
    binary = len(model.classes) == 2
    flag = [] if binary or threshold is None else [f"flag_{model.classes[model.positive]}"]
    threshold = 0.5 if threshold is None else threshold
    columns = ["probability"] if binary else [f"probability_{name}" for name in model.classes]
    unreadable: list[dict[str, str]] = []
    decided: Counter[str] = Counter()
    partial_file = out.with_name(out.name + ".part")
    try:
        with open(partial_file, "w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["image", *columns, "decision", *flag])
            for names, pixels, failures in _decoded(data, sorted(paths), model):
                unreadable += failures
                for name, probability in zip(names, model.predict(pixels), strict=True):
                    if binary:
                        decision: int | str = int(probability >= threshold)
                        decided[model.classes[int(decision)]] += 1
                    else:
                        decision = model.classes[int(np.argmax(probability))]
                        decided[decision] += 1
                    values = np.atleast_1d(probability)
                    flagged = [int(values[model.positive] >= threshold)] if flag else []
                    table.writerow([name, *(f"{value:.6f}" for value in values), decision, *flagged])
        if not decided:
            reason = unreadable[0]["reason"]
            raise ClinjupError(
                f"None of the {len(paths)} images in '{data}' can be read ({reason}). Check where they were copied from."
            )
        os.replace(partial_file, out)
    finally:
        partial_file.unlink(missing_ok=True)
    return {
        "images": decided.total(),
        "unreadable": unreadable,
        "decided": dict(decided),
        "threshold": threshold if binary else None,
        "out": str(out),
        "lacks_patient_data": model.fusion is not None,
    }


def _decoded(
    data: Path, paths: list[str], model: TrainedModel
) -> Iterator[tuple[list[str], NDArray[np.uint8], list[dict[str, str]]]]:
    """Names and films that could be read, and the files that could not, a bounded number at a time."""
    decode = partial(decode_image, size=model.image_size, colour=model.channels == 3)
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(paths), _FILMS_AT_ONCE):
            names: list[str] = []
            films: list[NDArray[np.uint8]] = []
            failures: list[dict[str, str]] = []
            chunk = paths[start : start + _FILMS_AT_ONCE]
            for path, (film, facts) in zip(chunk, pool.map(decode, (data / path for path in chunk)), strict=True):
                if film is None:
                    failures.append({"path": printable(path), "reason": facts.reason})
                else:
                    names.append(printable(path))
                    films.append(film)
            yield names, np.array(films, dtype=np.uint8), failures


def main(arguments: list[str]) -> int:
    """Exit code 0, or 2 where a sentence says why nothing was predicted."""
    try:
        wanted = json.loads(arguments[0])
        predict = mark_folder if is_detector(wanted["checkpoint"]) else predict_folder
        summary = predict(
            Path(wanted["checkpoint"]), Path(wanted["data"]), Path(wanted["out"]), wanted.get("threshold")
        )
    except ClinjupError as error:
        print(json.dumps({"error": str(error)}))
        return 2
    except OSError as error:
        print(json.dumps({"error": f"The table cannot be written ({error.strerror or error})."}))
        return 2
    for item in summary["unreadable"]:
        print(f"left out: {item['path']} ({item['reason']})", file=sys.stderr)
    print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
