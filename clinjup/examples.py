"""The clinical requests that can be tried on synthetic data, without any data, key or network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NO_COHORT = "There is no synthetic cohort for it in this version yet. You can ask it about your own images."

_FACTS = "clinjup-synthetic.json"


@dataclass(frozen=True)
class ExampleRequest:
    """One request. `cohort` names the synthetic cohort that it is about."""

    id: str
    title: str
    intent: str
    cohort: str
    images: str
    """What its images are called: "chest X-rays"."""
    annotated: float = 1.0
    """Share of patients that the cohort annotates: with a confounder, or with boxes."""

    @property
    def unavailable(self) -> str:
        """Why it cannot be tried yet; empty where it can."""
        from clinjup.imaging.synthetic import COHORTS

        if self.cohort not in COHORTS:
            return NO_COHORT
        return ""


EXAMPLES = {
    example.id: example
    for example in (
        ExampleRequest(
            "pneumothorax",
            "Pneumothorax, and is it the chest drain?",
            "I want to diagnose pneumothorax on chest X-rays. My concern is that chest drains may act as a strong confounder - "
            "please take this issue seriously.",
            "pneumothorax",
            "chest X-rays",
        ),
        ExampleRequest(
            "dermoscopy",
            "Skin lesions, melanoma first",
            "I want an AI model to help diagnose skin lesions. Priority should be given to melanoma.",
            "dermoscopy",
            "dermoscopic images",
        ),
        ExampleRequest(
            "melanoma",
            "Melanoma or nevus, miss no case",
            "I want to distinguish melanoma from nevus. Please try your best not to miss a single case.",
            "dermoscopy",
            "dermoscopic images",
        ),
        ExampleRequest(
            "wrist",
            "Mark wrist fractures",
            "I need a tool that looks at wrist X-rays and marks suspicious fractures during my workflow.",
            "wrist",
            "wrist X-rays",
        ),
        ExampleRequest(
            "wrist-weak",
            "Wrist fractures, few of them boxed",
            "I need a tool that looks at wrist X-rays and marks suspicious fractures during my workflow. Only about 5% of our images "
            "have boxes; for the rest we just know fracture yes or no.",
            "wrist",
            "wrist X-rays",
            annotated=0.05,
        ),
    )
}


def write_example_cohort(
    example: ExampleRequest, out: Path, *, patients: int | None, seed: int, on_progress: Callable[[int, int], None]
) -> Path:
    """The example's synthetic cohort in `out`; one that lies there already is used. Takes seconds to a minute."""
    from clinjup.imaging.synthetic import write_cohort

    if is_written(out):
        return out
    return write_cohort(
        example.cohort, out, patients=patients, seed=seed, annotated=example.annotated, on_progress=on_progress
    )


def is_written(out: Path) -> bool:
    """Whether a synthetic cohort lies in `out`."""
    return (out / _FACTS).is_file()


def seed_of(out: Path) -> int | None:
    """The seed of the synthetic cohort in `out`; None where its facts were damaged."""
    try:
        seed = json.loads((out / _FACTS).read_text(encoding="utf-8"))["seed"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return seed if isinstance(seed, int) else None
