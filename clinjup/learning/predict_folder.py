"""`python -m clinjup.learning.predict_folder SPECIFICATION`: a trained model on a plain folder of images.

A detector writes COCO JSON instead of a table (see detection.predict_folder).

SPECIFICATION is a JSON object: checkpoint, data (folder), out (CSV to write), threshold (the frozen operating point; null where there is
none: 0.5), radiographs and frontal (whether the model judges these only); for a table also calibration ({temperature, offset} or null) and
wording (whether to say refer or reassure). The last line of stdout is a JSON object: images, unreadable [{path, reason}], decided (class ->
images), threshold, out; of a table also classes, threshold_column, calibrated, lacks_patient_data (whether the model was made for more than
images); or error, a sentence, with exit code 2.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinjup.imaging.files import printable, scan_images
from clinjup.imaging.headers import not_judged
from clinjup.imaging.pictures import decode_image
from clinjup.kernel.errors import ClinjupError
from clinjup.learning.decisions import decision_columns, threshold_column
from clinjup.learning.detection.detector import is_detector
from clinjup.learning.detection.predict_folder import mark_folder
from clinjup.learning.scaling import Scaling
from clinjup.learning.trained import TrainedModel, load_model

_FILMS_AT_ONCE = 256
_NOT_A_TABLE = {".json": "JSON", ".xlsx": "an Excel workbook", ".xls": "an Excel workbook"}


def predict_folder(
    checkpoint: Path,
    data: Path,
    out: Path,
    threshold: float | None = None,
    *,
    radiographs: bool = False,
    frontal: bool = False,
    scaling: Scaling | None = None,
    wording: bool = False,
) -> dict[str, Any]:
    """Write `out` with one row an image under `data`, in the order of their paths, and say what was done.

    Columns: `image`, the path within `data` with forward slashes; those of `decision_columns`; `problem`, a sentence where the image cannot
    be read, or by its DICOM header is no radiograph or no frontal one where the model judges only these, and then no figure. Raises
    ClinjupError where there is no image, none can be read, the checkpoint is gone or damaged, or `out` is called as no table is.
    """
    if out.suffix.lower() in _NOT_A_TABLE:
        raise ClinjupError(
            f"This model judges whole images. That is written as a table (CSV), and not as {_NOT_A_TABLE[out.suffix.lower()]}: call the file "
            f"'{out.stem}.csv' with --out."
        )
    model = load_model(checkpoint)
    scan = scan_images(data)
    others = not_judged(scan, radiographs=radiographs, frontal=frontal)
    unreadable: list[dict[str, str]] = []
    decided: Counter[Any] = Counter()
    partial_file = out.with_name(out.name + ".part")
    try:
        with open(partial_file, "w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            for images, films in _decoded(data, sorted(scan.images), model, others):
                columns = decision_columns(model, model.predict(films), threshold, scaling=scaling, wording=wording)
                if file.tell() == 0:
                    table.writerow(["image", *columns, "problem"])
                figures = zip(*columns.values(), strict=True)
                for path, reason in images:
                    shown = [""] * len(columns) if reason else map(str, next(figures))
                    table.writerow([path, *shown, _sentence(reason)])
                unreadable += [{"path": path, "reason": reason} for path, reason in images if reason]
                decided.update(columns["decision"].tolist())
            table.writerows([item["path"], *[""] * len(columns), _sentence(item["reason"])] for item in scan.left_out)
        if not decided:
            raise ClinjupError(
                f"None of the {len(scan.images)} images in '{data}' can be {'judged' if others else 'read'} ({unreadable[0]['reason']}). "
                "Check where they were copied from."
            )
        os.replace(partial_file, out)
    finally:
        partial_file.unlink(missing_ok=True)
    binary = len(model.classes) == 2
    return {
        "images": decided.total(),
        "unreadable": [*unreadable, *scan.left_out],
        "decided": {model.classes[each] if binary else each: count for each, count in decided.items()},
        "threshold": (0.5 if threshold is None else threshold) if binary else None,
        "threshold_column": threshold_column(model),
        "calibrated": scaling is not None,
        "classes": model.classes,
        "out": str(out),
        "lacks_patient_data": model.fusion is not None,
    }


def _decoded(
    data: Path, paths: list[str], model: TrainedModel, others: Mapping[str, str]
) -> Iterator[tuple[list[tuple[str, str]], NDArray[np.uint8]]]:
    """Images as (path, why it is left out or ""), and the films of those that are not, a bounded number at a time.

    `others`: path -> why it is left out, whatever it shows.
    """
    decode = partial(decode_image, size=model.image_size, colour=model.channels == 3)
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(paths), _FILMS_AT_ONCE):
            chunk = paths[start : start + _FILMS_AT_ONCE]
            read = list(pool.map(decode, (data / path for path in chunk)))
            reasons = [facts.reason or others.get(path, "") for path, (_, facts) in zip(chunk, read, strict=True)]
            films = [film for (film, _), reason in zip(read, reasons, strict=True) if film is not None and not reason]
            yield list(zip(map(printable, chunk), reasons, strict=True)), np.array(films, dtype=np.uint8)


def _sentence(reason: str) -> str:
    return f"{reason[0].upper()}{reason[1:]}." if reason else ""


def main(arguments: list[str]) -> int:
    """Exit code 0, or 2 where a sentence says why nothing was predicted."""
    try:
        wanted = json.loads(arguments[0])
        given = Path(wanted["checkpoint"]), Path(wanted["data"]), Path(wanted["out"]), wanted.get("threshold")
        kinds = {name: wanted.get(name, False) for name in ("radiographs", "frontal")}
        if is_detector(wanted["checkpoint"]):
            summary = mark_folder(*given, **kinds)
        else:
            scaling = Scaling(**wanted["calibration"]) if wanted.get("calibration") else None
            summary = predict_folder(*given, scaling=scaling, wording=wanted.get("wording", False), **kinds)
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
