"""What somebody who uses a model has to know of it, in the words of its report."""

from __future__ import annotations

from clinjup.contracts import Results, RunStatus
from clinjup.reporting.reliance import reliance
from clinjup.reporting.subject import confounders_of, unexamined, unexamined_sentence
from clinjup.reporting.verdict import left_out_sentence, performance_sentence, state_sentence
from clinjup.reporting.worth import worth_cautions

NO_FIGURES = "What the chosen model finds could not be measured; the report says why."


def cautions(results: Results, model: str) -> list[str]:
    """Sentences about the model called `model`: no better than chance, goal not reached, leans on a confounder or may do so."""
    of_it = results.model_copy(update={"selected": model})
    judged = [reliance(of_it, name) for name in confounders_of(of_it)]
    told = [f"{each.headline}. {each.sentence}" for each in judged if each.level in {"strong", "unknown"}]
    return [sentence for sentence in (state_sentence(of_it), *worth_cautions(of_it), *told) if sentence]


def end_cautions(results: Results) -> list[str]:
    """Why the figures of a completed run must not be taken as they stand, in short sentences; empty where nothing cautions.

    Only planned, no better than chance, steps left out, figures missing, goal not reached, leans on a confounder or may do so.
    What the verdict says too is in the verdict's words.
    """
    if results.status is not RunStatus.COMPLETED:
        return []
    missing = NO_FIGURES if results.models and not performance_sentence(results) else ""
    told = [sentence for sentence in (state_sentence(results), left_out_sentence(results), missing) if sentence]
    if not results.models:
        return told
    told += worth_cautions(results)
    missed = unexamined(results)
    told += [unexamined_sentence(results)] if missed else []
    judged = [reliance(results, name) for name in confounders_of(results) if name not in missed]
    return [*told, *(f"{each.headline}." for each in judged if each.level in {"strong", "unknown"})]
