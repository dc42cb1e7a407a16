"""Films with their marks: what the chosen detector finds best, where it marks wrongly, what it misses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clinjup.evaluation.detection.parts import above
from clinjup.evaluation.plots import in_house_style
from clinjup.kernel.figures import GREEN, ORANGE, VERMILION, new_figure, show_figure
from clinjup.learning.detection.matching import hits
from clinjup.nouns import plural, with_article

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from clinjup.evaluation.detection.test_set import DetectionTest
    from clinjup.learning.detection.matching import Boxes, Marks

PER_ROW = 6


@in_house_style
def show_marks(test: DetectionTest) -> None:
    """Three rows of test films: fractures marked with the highest scores, the most suspicious false marks, fractures without a mark."""
    from matplotlib.lines import Line2D

    marks = above(test.marks[test.selected], test.threshold(test.selected))
    rows = {
        "marked, and rightly so": _ordered(test, marks, "found"),
        "a mark that hits no box": _ordered(test, marks, "wrong"),
        f"{with_article(test.target)} without a mark": _ordered(test, marks, "missed"),
    }
    figure, axes = new_figure(PER_ROW, len(rows), width=1.75 * PER_ROW, height=2.05 * len(rows) + 0.5, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for row, (words, positions) in zip(axes, rows.items(), strict=True):
        row[0].set_title(f"{words} ({len(positions)} films)", loc="left", fontsize=10, fontweight="bold")
        if not positions:
            row[0].text(0, 0.5, "none", fontsize=9, transform=row[0].transAxes)
        for axis, position in zip(row, positions[:PER_ROW], strict=False):
            truth = test.part.truth[position]
            assert truth is not None
            film = test.images.pixels_of(int(test.part.table.index[position]))
            _draw(axis, film, marks[position], truth)
    figure.legend(
        handles=[
            Line2D([], [], color=ORANGE, lw=2, label="mark that hits, with its score"),
            Line2D([], [], color=VERMILION, lw=2, label="false mark"),
            Line2D([], [], color=GREEN, lw=1.2, ls="--", label="box drawn by a reader"),
        ],
        loc="outside lower center",
        ncols=3,
        fontsize=9,
    )
    counts = "; ".join(f"{words}: {len(positions)} films" for words, positions in rows.items())
    show_figure(
        figure,
        "marks",
        title="Marks on test films: right, wrong, missing",
        caption=(
            f"Test films with the marks of {test.selected} at its frozen threshold ({counts}; n = {len(test.part.known)} films whose boxes "
            "are known). Each row shows the most telling ones first. Marks are suggestions of where to look: a film without a mark is not "
            f"free of {plural(test.target)}. Look at the second and third row: what do these films have in common?"
        ),
        alt=f"Three rows of films. {counts}.",
        synthetic=test.synthetic,
    )


def _ordered(test: DetectionTest, marks: list[Marks], kind: str) -> list[int]:
    """Positions of films of one kind, the most telling first."""
    found: list[tuple[float, int]] = []
    for position in test.part.known:
        truth, each = test.part.truth[position], marks[position]
        assert truth is not None
        right = hits(each, truth)
        if kind == "missed" and right.sum() < len(truth):
            found.append((float(right.sum()) - len(truth), int(position)))
        elif kind == "wrong" and (~right).any():
            found.append((-float(each.scores[~right].max()), int(position)))
        elif kind == "found" and len(truth) and right.sum() == len(truth) and right.all():
            found.append((-float(each.scores.min()), int(position)))
    return [position for _, position in sorted(found)]


def _draw(axis: Axes, film: np.ndarray, marks: Marks, truth: Boxes) -> None:
    from matplotlib.patches import Rectangle

    axis.imshow(film, cmap="gray", vmin=0, vmax=255)
    for x0, y0, x1, y1 in truth:
        axis.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, ec=GREEN, lw=1.2, ls="--"))
    right = hits(marks, truth)
    for (x0, y0, x1, y1), score, hit in zip(marks.boxes, marks.scores, right, strict=True):
        colour = ORANGE if hit else VERMILION
        axis.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, ec=colour, lw=1.8))
        axis.text(x0, max(y0 - 2, 4), f"{score:.2f}", color=colour, fontsize=7)
