"""Test films with their marks drawn in, for eyes that do not read JSON."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from clinjup.contracts import NoteFinding
from clinjup.evaluation.detection.parts import DetectionPart
from clinjup.kernel import emit
from clinjup.learning.detection.drawing import draw_marks
from clinjup.learning.detection.matching import Marks

FOLDER = Path("plots/marked_films")
MOST_PICTURES = 200


def write_pictures(
    part: DetectionPart,
    marks: Sequence[Marks],
    numbers: Sequence[int],
    threshold: float,
    prepared: int,
    *,
    synthetic: bool,
) -> dict[int, str]:
    """Write FOLDER/NUMBER.png for the films of `part` with a mark that is shown, the most suspicious MOST_PICTURES; number -> path.

    `numbers` [images] are those of predictions.json: file names may hold what no name in a run folder should. Pictures of an earlier
    opening are removed. Emits a NoteFinding that says how many there are.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    marked = sorted((i for i in range(len(marks)) if marks[i].highest >= threshold), key=lambda i: -marks[i].highest)
    note = "synthetic data" if synthetic else ""
    written: dict[int, str] = {}
    for position in marked[:MOST_PICTURES]:
        source, target = Path(part.table["path"].iloc[position]), FOLDER / f"{numbers[position]:05d}.png"
        if draw_marks(source, target, marks[position], threshold, prepared, note):
            written[numbers[position]] = target.as_posix()
    if marked:
        most = (
            ""
            if len(written) == len(marked)
            else f" (the most suspicious, at most {MOST_PICTURES}, of those that can be read)"
        )
        sentence = (
            f"{len(marked)} of {len(marks)} images of the {part.split} part have a suspicious area; {len(written)} of them{most} lie in "
            f"{FOLDER.as_posix()}/ with their marks drawn in, and predictions.json names the picture of each. An image without a mark is "
            "not ruled out."
        )
        emit(NoteFinding(sentence=sentence), sentence)
    return written
