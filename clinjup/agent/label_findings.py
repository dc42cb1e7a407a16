"""Which findings the labels of a data folder speak of, so that a question offers what these data can answer."""

from __future__ import annotations

from clinjup.agent.questions import ask_target
from clinjup.agent.vocabulary import TARGETS, Term, find, header_words
from clinjup.contracts import ClinicalTask, DataProfile

_SPEAKING = {"category", "list", "text"}  # kinds of columns whose values are words


def findings_in(profile: DataProfile) -> list[Term]:
    """Findings that headers, values or class folders name, each once, in the order of the vocabulary."""
    names = [*profile.class_folders]
    for table in profile.tables:
        for column in table.columns:
            names.append(column.name)
            names += [value.value for value in column.values] if column.kind in _SPEAKING else []
    named = {match.term for name in names for match in find(header_words(name), TARGETS)}
    return [term for term in TARGETS if term in named]


def offer_what_is_labelled(task: ClinicalTask, profile: DataProfile) -> ClinicalTask:
    """The task, its question for the target offering the findings that these data are labelled with, where any can be told."""
    labelled = findings_in(profile)
    common = ask_target(task.language, task.modality).options  # findings that the request names stay the offer
    offer = ask_target(task.language, task.modality, labelled=labelled).options
    questions = [
        question.model_copy(update={"options": offer})
        if question.id == "target" and question.options == common
        else question
        for question in task.open_questions
    ]
    return task.model_copy(update={"open_questions": questions})
