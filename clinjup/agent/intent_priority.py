"""Which of the two errors a request puts first, where it says so in words and not in numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from clinjup.agent import intent_phrases as phrases
from clinjup.agent.vocabulary import TARGETS, Folded, find

_CLAUSE_END = re.compile(r"[,;:.]\s|\s(?:and|but|while|with|over|und|aber|mit|bei|vor)\s")


def first_hit(shapes: Sequence[str], text: str) -> re.Match[str] | None:
    """The hit of the first shape that occurs."""
    return next((hit for shape in shapes if (hit := re.search(shape, text))), None)


def few_missed(request: Folded) -> re.Match[str] | None:
    """Where the request says that a missed case is the worse error."""
    if hit := first_hit(phrases.SENSITIVITY_FIRST, request.text):
        return hit
    return next((hit for hit in re.finditer(phrases.PRIORITY, request.text) if not _of_few_alarms(request, hit)), None)


def _of_few_alarms(request: Folded, priority: re.Match[str]) -> bool:
    """Whether what has priority is few false alarms: 'my priority is to avoid unnecessary excisions'."""
    start, end = request.sentence_at(priority.start())
    wishes = [
        hit.start()
        for shape in (*phrases.SPECIFICITY_FIRST, phrases.SPECIFICITY)
        for hit in re.finditer(shape, request.text)
        if start <= hit.start() < end
    ]
    breaks = [start, *(brk.end() for brk in _CLAUSE_END.finditer(request.text, start, end)), end]
    clause = (
        max(each for each in breaks if each <= priority.start()),
        min(each for each in breaks if each >= priority.end()),
    )
    findings = [
        match.start
        for match in find(request.text, TARGETS)
        if clause[0] <= match.start < clause[1] and (match.term.harm or match.term.modality != "dermoscopy")
    ]
    if not findings:
        return bool(wishes)
    wishes = [wish for wish in wishes if clause[0] <= wish < clause[1]]
    after = min((place for place in (*wishes, *findings) if place > priority.start()), default=None)
    nearest = max((*wishes, *findings)) if after is None else after
    return nearest in wishes
