"""A detector's figures in the words that stand in notebook and report. Assistive: it marks suspicious areas and rules nothing out."""

from __future__ import annotations

from collections.abc import Mapping

from clinjup.contracts import Estimate
from clinjup.evaluation.wording import with_ci
from clinjup.nouns import plural, with_article
from clinjup.phrases import percent


def marks_sentence(metrics: Mapping[str, Estimate], target: str) -> str:
    """'AP50 0.94 (0.91 to 0.96); it marks 92 % of the boxed fractures with 0.31 false marks per image; 18 ms a film.'"""
    ap50, share, wrong = metrics["ap50"], metrics["box_sensitivity"], metrics["false_marks_per_image"]
    if ap50.value is None or share.value is None or wrong.value is None:
        return f"its marks cannot be judged: {ap50.reason or share.reason}."
    speed = metrics.get("latency_ms")
    seconds = f"; {speed.value:.0f} ms a film on one core" if speed and speed.value is not None else ""
    return (
        f"AP50 {with_ci(ap50)}; it marks {percent(share.value)} of the boxed {plural(target)} with {wrong.value:.2f} false marks per image "
        f"(n = {ap50.n} images with known boxes){seconds}. A film without a mark is not a film without {with_article(target)}."
    )
