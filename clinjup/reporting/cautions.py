"""What somebody who uses a model has to know of it, in the words of its report."""

from __future__ import annotations

from clinjup.contracts import Results
from clinjup.reporting.reliance import reliance
from clinjup.reporting.subject import confounders_of
from clinjup.reporting.verdict import state_sentence


def cautions(results: Results, model: str) -> list[str]:
    """Sentences about the model called `model`: no better than chance, leans on a confounder, or nobody knows whether it does."""
    of_it = results.model_copy(update={"selected": model})
    judged = [reliance(of_it, name) for name in confounders_of(of_it)]
    told = [f"{each.headline}. {each.sentence}" for each in judged if each.level in {"strong", "unknown"}]
    return [sentence for sentence in (state_sentence(of_it), *told) if sentence]
