"""What somebody who uses a model has to know of it, in the words of its report."""

from __future__ import annotations

from collections.abc import Sequence

from clinjup.contracts import ClinicalTask, Results, RunStatus
from clinjup.nouns import class_words, with_article
from clinjup.reporting.reliance import reliance
from clinjup.reporting.subject import confounders_of, image_noun, target_name, unexamined, unexamined_sentence
from clinjup.reporting.verdict import left_out_sentence, performance_sentence, state_sentence, without_weights_sentence
from clinjup.reporting.worth import worth_cautions

_OTHER_LESIONS = {"bkl": "seborrhoeic keratosis", "bcc": "basal cell carcinoma"}  # class -> its best known lesion
NO_FIGURES = "What the chosen model finds could not be measured; the report says why."


def cautions(results: Results, model: str) -> list[str]:
    """Sentences about the model called `model`: no better than chance, goal not reached, leans on a confounder or may do so."""
    of_it = results.model_copy(update={"selected": model})
    judged = [reliance(of_it, name) for name in confounders_of(of_it)]
    told = [f"{each.headline}. {each.sentence}" for each in judged if each.level in {"strong", "unknown"}]
    return [sentence for sentence in (state_sentence(of_it), *worth_cautions(of_it), *told) if sentence]


def known_classes(task: ClinicalTask, classes: Sequence[str]) -> str:
    """That a model of these `classes`, by their ids, gives one of its answers to images of anything else too."""
    noun, target = image_noun(task), target_name(task)
    names = [class_words(name) for name in classes]
    if len(classes) == 2:
        if task.comparator is None:
            return (
                f"This model has seen only {noun}s with {target} and the {noun}s without it in its training data. "
                f"{with_article(noun).capitalize()} of anything else still gets one of these two answers."
            )
        names = [target, class_words(task.comparator)]
    other = "anything else"
    if task.modality == "dermoscopy":
        named = {*classes, task.target, task.comparator}
        example = next((f", such as {words}," for name, words in _OTHER_LESIONS.items() if name not in named), "")
        other = f"another kind of lesion{example}"
    seen = f"{', '.join(names[:-1])} and {names[-1]}"
    return f"This model has seen only {seen}. An image of {other} still gets one of these answers."


def end_cautions(results: Results) -> list[str]:
    """Why the figures of a completed run must not be taken as they stand, in short sentences; empty where nothing cautions.

    Only planned, no better than chance, steps left out, no published weights, figures missing, goal not reached, leans on a confounder or
    may do so.
    What the verdict says too is in the verdict's words.
    """
    if results.status is not RunStatus.COMPLETED:
        return []
    missing = NO_FIGURES if results.models and not performance_sentence(results) else ""
    of_run = (state_sentence(results), left_out_sentence(results), without_weights_sentence(results), missing)
    told = [sentence for sentence in of_run if sentence]
    if not results.models:
        return told
    told += worth_cautions(results)
    missed = unexamined(results)
    told += [unexamined_sentence(results)] if missed else []
    judged = [reliance(results, name) for name in confounders_of(results) if name not in missed]
    return [*told, *(f"{each.headline}." for each in judged if each.level in {"strong", "unknown"})]
