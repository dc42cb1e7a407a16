"""Which finding is looked for and what it is told from: the nouns of a request, weighed against each other."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import replace

from clinjup.agent import intent_phrases as phrases
from clinjup.agent.vocabulary import (
    MODALITIES,
    SKIN_LESION_CLASSES,
    TARGETS,
    Folded,
    Match,
    Term,
    by_id,
    find,
    fold,
    slug,
    target_term,
)

# Abbreviations that a sentence about skin may hold, in capitals ("MM" is left out: it is a length too).
_SPOKEN_CODES = {"AK": "akiec", "BCC": "bcc", "BKL": "bkl", "SK": "bkl", "DF": "df", "MEL": "melanoma", "NV": "nevus"}
_CODES = tuple(
    Term(code, code, code, (code.lower(), f"{code.lower()}s"), modality="dermoscopy") for code in _SPOKEN_CODES
)
_KINDS = ("skin_lesion", "skin_cancer")  # of many diagnoses, where one of them is named too


def named_findings(request: Folded) -> list[Term]:
    """Findings named, in order, each once. A finding in a sentence that only voices a worry about it is not the target."""
    matches = _matches(request)
    terms = _without_kinds(request, matches, list(dict.fromkeys(match.term for match in matches)))
    if len(terms) > 1 and any(term.id == "skin_lesion" for term in terms):
        lesions = [term for term in terms if term.modality == "dermoscopy"]
        others = [term for term in terms if term.modality != "dermoscopy"]
        return others + sorted(lesions, key=lambda term: term.id != "skin_lesion")
    if len(terms) > 1:
        wanted = [term for term in terms if not _only_worried_about(request, matches, term)]
        return wanted or terms
    return terms


def target_and_comparator(
    request: Folded, named: list[Term], answers: Mapping[str, str]
) -> tuple[Term | None, Term | None]:
    """The finding looked for and, where it is to be told from one other, that one; None where the request leaves it open."""
    if answers.get("target", "").strip():
        answer = answers["target"].strip()
        known = by_id(TARGETS, answer) or next((match.term for match in find(fold(answer), TARGETS)), None)
        return known or target_term(slug(answer), answer), None
    if len(named) == 1:
        return named[0], None
    if named and named[0].id == "skin_lesion":
        return named[0], None
    lesions = all(term in SKIN_LESION_CLASSES for term in named)
    if lesions and len(named) > 2:
        return target_term("skin_lesion"), None
    if len(named) == 2 and (lesions or _opposed(request, _matches(request), named)):
        # The one that must not be missed is the target, whichever comes first.
        first, second = named
        return (second, first) if second.harm > first.harm else (first, second)
    return None, None


def _matches(request: Folded) -> list[Match]:
    words = find(request.text, TARGETS)
    skin = any(match.term.id == "dermoscopy" for match in find(request.text, MODALITIES))
    codes = []
    for match in find(request.text, _CODES):
        start, end = request.sentence_at(match.start)
        beside = skin or any(start <= other.start < end and other.term.modality == "dermoscopy" for other in words)
        if beside and request.words(match.start, match.end).rstrip("s").isupper():
            codes.append(replace(match, term=target_term(_SPOKEN_CODES[match.term.id])))
    return sorted([*words, *codes], key=lambda match: match.start)


def _without_kinds(request: Folded, matches: list[Match], terms: list[Term]) -> list[Term]:
    """'Skin lesions' beside two diagnoses that are told apart is what the images show; 'skin cancer' beside one with priority is many."""
    lesions = [term for term in terms if term in SKIN_LESION_CLASSES]
    if not lesions or all(term.id not in _KINDS for term in terms):
        return terms
    others = [term for term in terms if term.id not in _KINDS and term not in lesions]
    if not phrases.SEVERAL_CLASSES.search(request.text):
        alone = next(
            (m.term for m in matches if m.term in lesions and phrases.THE_REST.match(request.text, m.end)), None
        )
        if alone is not None:
            return [*others, alone]
        beside = phrases.ABOVE_ALL_TOLD.search(request.text)
        if len(lesions) == 2 and not beside and _opposed(request, matches, lesions):
            return [*others, *lesions]
    cancer = next((term for term in terms if term.id == "skin_cancer"), None)
    told_from = cancer is not None and len(lesions) == 1 and _opposed(request, matches, [cancer, *lesions])
    if cancer is not None and not told_from and (len(lesions) > 2 or _first_of_all(request, matches)):
        return [*others, target_term("skin_lesion"), *lesions]
    return terms


def _first_of_all(request: Folded, matches: list[Match]) -> bool:
    """Whether a malignant diagnosis is named as what matters most."""
    shapes = (phrases.PRIORITY, phrases.ABOVE_ALL, *phrases.NOT_ONE_MISSED, *phrases.SENSITIVITY_FIRST)
    harmful = (match for match in matches if match.term in SKIN_LESION_CLASSES and match.term.harm)
    return any(
        re.search(shape, request.text[slice(*request.sentence_at(match.start))])
        for match in harmful
        for shape in shapes
    )


def _only_worried_about(request: Folded, matches: list[Match], term: Term) -> bool:
    sentences = {request.sentence_at(match.start) for match in matches if match.term == term}
    return all(
        phrases.WORRY.search(request.text[slice(*span)]) and not phrases.GOAL.search(request.text[slice(*span)])
        for span in sentences
    )


def _opposed(request: Folded, matches: list[Match], pair: list[Term]) -> bool:
    """Whether one sentence tells these two apart ('from' before a kind of image tells nothing apart)."""
    for start, end in request.sentences():
        sentence = request.text[start:end]
        here = [match for match in matches if start <= match.start < end and match.term in pair]
        if {match.term for match in here} != set(pair):
            continue
        listed = phrases.FOR_EXAMPLE.search(sentence, 0, here[0].start - start)
        if phrases.DISTINGUISH.search(sentence) and not listed:
            return True
        skin = all(term.modality == "dermoscopy" for term in pair) and not re.search(phrases.PRIORITY, sentence)
        either = skin or phrases.WHICH_IT_IS.search(sentence)
        for first, second in itertools.pairwise(here):
            between = request.text[first.end : second.start]
            against = phrases.AGAINST.search(between) or (either and phrases.OR.search(between))
            if first.term != second.term and against and not find(between[against.start() :], MODALITIES):
                return True
    return False
