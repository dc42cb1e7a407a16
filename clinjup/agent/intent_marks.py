"""Marks in dermoscopic pictures: what is drawn on the skin is no wish that the model draws."""

from __future__ import annotations

import re
from collections.abc import Iterator

from clinjup.agent.intent_phrases import DETECTION, NO_WORRY, WORRY
from clinjup.agent.vocabulary import CONFOUNDERS, Folded, find

_CLAUSE_END = re.compile(r"[,;:]\s|\s(?:and|but|while|und|aber|wobei)\s")
_BOXES = re.compile(r"box|boxen|bounding|kasten|kaestchen|detector|detektor|\bwhere\b|\bwo\b")
_NOUN = re.compile(r"marks|markings?|marked|markierung\w*|markiert\w*|rahmen|umrand\w*|draw(?:n|ings?)")
_ON_SKIN = re.compile(r"\b(?:marks|markings?|markierung\w*)\b")
_WISH = re.compile(
    r"\b(?:please|should|must|want|need|would like|i'd like|bitte|soll\w*|muss|muessen|moecht\w*|will|wollen|haette\w*|brauch\w*)\b"
)
_IGNORED = re.compile(rf"{WORRY.pattern}|\b(?:ignor\w*|disregard\w*|nicht beacht\w*|nicht zaehlen|not count)\b")
_SOME = re.compile(
    r"\b(?:some|many|several|most|often|sometimes|occasionally|a few|certain|manch\w*|viele\w*|einige\w*|mehrere\w*|teils|teilweise|oft"
    r"|manchmal|haeufig|gelegentlich|zum teil)\b"
)
_THERE = re.compile(
    r"\bthere (?:is|are|may be|might be|can be)\b|\b(?:es gibt|gibt es|sieht man|vorhanden|zu sehen|finden sich|befinden sich)\b"
    r"|\bmarkiert\w* (?:sind|ist|wurde\w*|waren|war|hat|haben)\b"
)
_PICTURES_HAVE = re.compile(
    r"\b(?:images?|pictures?|photos?|photographs?|lesions?|skin|moles?|nevi|naevi|melanomas?|melanomen?|\w*bild(?:er|ern|es|e)?"
    r"|\w*aufnahmen?|fotos?|\w*laesion(?:en)?|haut)\b[^.;]{0,40}?\b(?:have|has|had|contain\w*|show\w*|carry|carries|bears?"
    r"|(?:are|were|is|was)(?! to\b)|with|sind|ist|waren|war|haben|hat|enthalten|enthaelt|zeigen|zeigt|tragen|traegt|weisen|mit)\b"
)


def without_artefacts(text: str) -> str:
    """Blank out what is usually a confounder: "pen marks" are not marks to be drawn."""
    for match in find(text, CONFOUNDERS):
        text = text[: match.start] + " " * (match.end - match.start) + text[match.end :]
    return text


def asks_for_marks(request: Folded, on_skin: bool) -> bool:
    """Whether the model is to mark findings. Of skin, a clause that tells what the pictures hold asks for nothing."""
    text = without_artefacts(request.text)
    return any(not (on_skin and _describes(clause, hit)) for clause, hit in _hits(request, text, DETECTION))


def marks_on_skin(request: Folded) -> str | None:
    """The clinician's word for marks that the pictures are said to hold."""
    text = without_artefacts(request.text)
    for clause, hit in _hits(request, text, _ON_SKIN):
        start, end = request.sentence_at(hit.start())
        if _describes(clause, hit) and not NO_WORRY.search(text[start:end]):
            return request.words(*hit.span())
    return None


def _hits(request: Folded, text: str, words: re.Pattern[str]) -> Iterator[tuple[tuple[str, str], re.Match[str]]]:
    """Each word of marking with its clause, before the word and from it on."""
    for hit in words.finditer(text):
        start, end = request.sentence_at(hit.start())
        breaks = [*(brk.end() for brk in _CLAUSE_END.finditer(text, start, end)), end]
        first = max((each for each in breaks if each <= hit.start()), default=start)
        yield (text[first : hit.start()], text[hit.start() : min(each for each in breaks if each >= hit.end())]), hit


def _describes(clause: tuple[str, str], hit: re.Match[str]) -> bool:
    before, whole = clause[0], "".join(clause)
    if _BOXES.search(hit[0]):
        return False
    noun = _NOUN.fullmatch(hit[0]) is not None
    if noun and _IGNORED.search(whole):
        return True
    told = _SOME.search(whole if noun else before) or _THERE.search(whole) or _PICTURES_HAVE.search(before)
    return told is not None and not _WISH.search(whole)
