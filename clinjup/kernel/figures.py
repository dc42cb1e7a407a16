"""One look for all figures, saved under RUN/plots, with caption and alt text, announced as a Finding."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

from clinjup.atomic_files import write_atomic
from clinjup.contracts import FINDING_MIME, FigureFinding
from clinjup.kernel.findings import as_mime, publish

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colour-blind-safe palette (Color Universal Design, 2008).
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#6E6E6E",
)
PALETTE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, GREY)

STYLE = {
    "figure.dpi": 110,
    "savefig.dpi": 160,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
}


def new_figure(columns: int = 1, rows: int = 1, *, width: float = 6.4, height: float = 4.0, **keywords: object):
    """A figure in the house style: `(figure, axes)` as matplotlib's `subplots` returns them. Sizes in inches."""
    from matplotlib import pyplot, rc_context

    with rc_context(STYLE):
        figure, axes = pyplot.subplots(rows, columns, figsize=(width, height), layout="constrained", **keywords)
    return figure, axes


def show_figure(figure: Figure, name: str, *, title: str, caption: str, alt: str, synthetic: bool = False) -> Path:
    """Save `figure` as plots/NAME.png under the working folder, show it, announce it as a FigureFinding.

    `caption` says what to look for, with n; `alt` describes the picture for readers who cannot see it. `synthetic` stamps the
    picture. The figure is closed. Returns the path that was written.
    """
    from matplotlib import pyplot, rc_context

    if synthetic:
        figure.text(0.995, 0.003, "synthetic data", ha="right", va="bottom", fontsize=7, color=GREY)
    with rc_context(STYLE):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", bbox_inches="tight", facecolor="white", metadata={"Title": title})
    pyplot.close(figure)
    path = Path("plots") / f"{name}.png"
    path.parent.mkdir(exist_ok=True)
    write_atomic(path, buffer.getvalue())
    finding = FigureFinding(name=name, path=path.as_posix(), title=title, caption=caption, alt=alt)
    publish(
        {
            "image/png": base64.b64encode(buffer.getvalue()).decode("ascii"),
            "text/plain": f"{title}. {alt}",
            FINDING_MIME: as_mime(finding),
        },
        metadata={"image/png": {"alt": alt}},
    )
    return path
