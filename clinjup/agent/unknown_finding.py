"""What a request asks for that clinjup has no name for ('pulmonary embolism'), so that the question about the finding can quote it."""

from __future__ import annotations

import re

from clinjup.agent.vocabulary import MODALITIES, Folded, find

_WANTED = (
    r"(?:detect|find|recogni[sz]e|identify|diagnose|classify|predict|spot|estimate|grade|screen for|look for|erkenne|finde|diagnostiziere"
    r"|klassifiziere|entdecke|schaetze|sage)\b",
    r"(?:detecting|finding|recogni[sz]ing|identifying|diagnosing|classifying|predicting|spotting|estimating|grading)\b",
    r"(?:detection|recognition|identification|diagnosis|classification|prediction|estimation) of\b",
    r"(?:erkennung|diagnose|diagnostik|klassifikation|vorhersage|schaetzung|suche) (?:von|der|des|nach)\b",
    r"(?:model|tool|classifier|detector|algorithm|network|ai|modell|werkzeug|klassifikator|detektor|netz|algorithmus|ki) (?:for|fuer)\b",
    r"(?:moechte|moechten|will|wollen|soll|kann|muss)\b(?: ich| wir| das modell| es)?(?=[^.;]*\b(?:erkennen|finden|diagnostizieren"
    r"|klassifizieren|vorhersagen|entdecken|schaetzen)\b)",
)
_AFTER = re.compile(rf"\b(?:{'|'.join(_WANTED)})\s+(?P<words>[^.,;:!?()\n]+)")
_BEFORE = re.compile(
    r"(?P<words>[^.,;:!?()\n]+?)\s+(?:zu )?(?:erkennen|finden|diagnostizieren|klassifizieren|vorher ?sagen|entdecken|schaetzen)\b"
)
_ENDS = re.compile(
    r"\b(?:on|in|from|with|for|at|using|by|and|or|that|which|because|within|as|before|after|during|to|between|if|when|auf|bei|mit|von|vom"
    r"|aus|an|am|im|und|oder|dass|weil|innerhalb|anhand|fuer|als|vor|nach|zu|zur|zum|ob|wenn|ueber|voraus|vorher|erkenn\w*"
    r"|find\w*|diagnost\w*|klassifiz\w*|entdeck\w*|schaetz\w*|unterscheid\w*|trainier\w*|bau\w*|mach\w*|hab\w*|soll\w*)\b"
)
_LITTLE = re.compile(
    r"(?:(?:the|an?|any|all|some|every|each|our|my|their|this|these|those|it|its|out|me|us|der|die|das|den|dem|des|eine?[nmrs]?|alle\w*"
    r"|jede\w*|unsere?\w*|meine?\w*|diese?\w*|mir|uns|ich|wir|bitte|please|possible|suspected|auch|etwas|was|what|whether)\b\s*)+"
)
# Words that name nothing to be found.
_VAGUE_WORDS = """
    something anything everything useful good best better helpful great new interesting important relevant disease diseases finding findings
    abnormality abnormalities abnormal pathology pathologies pathological lesion lesions problem problems case cases condition conditions
    diagnosis diagnoses sick ill healthy normal patient patients image images picture pictures film films scan scans x-ray x-rays xray xrays
    model models tool tools ai network classifier data things them him her what whatever where why way ways you not one ones sense help
    emergency room hospital ward clinic department practice routine workflow use doctors radiologist radiologists nurses is are be
    notaufnahme klinik krankenhaus station praxis alltag abteilung radiologie radiologen aerzte gut sein
    nuetzliches gutes etwas alles krankheit krankheiten befund befunde auffaelligkeit auffaelligkeiten pathologie pathologien problem
    probleme fall faelle diagnose diagnosen kranke gesunde normale bild bilder aufnahme aufnahmen modell modelle werkzeug ki daten klassifikator
    nicht keine keinen kein mehr sie es ihn gern gerne
"""
_VAGUE = frozenset(_VAGUE_WORDS.split())
_MOST_WORDS = 6
_TASK = re.compile(
    r"model|tool|classif|detect|recogni|diagnos|predict|\btrain|\bai\b|network|algorithm|imag|picture|film|scan|x-?ray|radiograph"
    r"|photo|\bdata|patient|disease|finding|modell|werkzeug|klassif|erkenn|vorhers|\bki\b|netz|bild|aufnahme|roentgen|foto|\bdaten"
    r"|befund|krank"
)


def speaks_of_a_task(request: Folded) -> bool:
    """Whether any word of the request has to do with images, findings or models."""
    return _TASK.search(request.text) is not None


def unknown_finding(request: Folded) -> str | None:
    """The clinician's own words for what the model should find, where no known finding is named. None where the request names nothing."""
    for shape in (_AFTER, _BEFORE):
        for hit in shape.finditer(request.text):
            start, end = hit.span("words")
            if shape is _AFTER:
                stop = _ENDS.search(request.text, start, end)
                end = stop.start() if stop else end
            else:
                start = max((stop.end() for stop in _ENDS.finditer(request.text, start, end)), default=start)
            span = _named(request, start, end)
            if span is not None:
                return request.words(*span)
    return None


def _named(request: Folded, start: int, end: int) -> tuple[int, int] | None:
    """The span within start:end without articles and blanks, if it names more than a kind of image."""
    piece = request.text[start:end]
    start += len(piece) - len(piece.lstrip())
    if little := _LITTLE.match(request.text, start, end):
        start = little.end()
    end = start + len(re.sub(r"\s*(?:\b(?:please|bitte)\b\s*)?$", "", request.text[start:end]))
    if end <= start:
        return None
    rest = request.text[start:end]
    if len(rest.split()) > _MOST_WORDS:
        return None
    for match in find(rest, MODALITIES):
        rest = rest.replace(request.text[start + match.start : start + match.end], " ")
    words = [word for word in re.findall(r"[a-z][\w'-]+", rest) if not _LITTLE.fullmatch(word)]
    return (start, end) if any(word not in _VAGUE for word in words) else None
