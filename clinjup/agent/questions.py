"""Questions only the clinician can answer, in the clinician's language. Ids and option values are stable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clinjup.agent.vocabulary import TARGETS, Term, by_id, fold
from clinjup.contracts import Language, Question, QuestionOption

_COMMON_TARGETS = {
    None: ("pneumothorax", "fracture", "melanoma", "skin_lesion"),
    "radiograph": ("pneumothorax", "pneumonia", "effusion", "fracture"),
    "chest_radiograph": ("pneumothorax", "pneumonia", "effusion", "cardiomegaly", "nodule"),
    "dermoscopy": ("melanoma", "skin_lesion"),
    "wrist_radiograph": ("fracture",),
    "bone_radiograph": ("fracture",),
    "mammography": ("breast_cancer",),
}

_TARGET = {
    "en": "Which finding should the model recognise in these images? Another one can be named in your own words.",
    "de": (
        "Welchen Befund soll das Modell auf diesen Bildern erkennen? Ein anderer kann in eigenen Worten genannt werden."
    ),
}
_NOT_KNOWN = {
    "en": '"{words}" was not understood: it is none of the findings that clinjup knows by name. ',
    "de": "„{words}“ wurde nicht verstanden: Es ist keiner der Befunde, die clinjup beim Namen kennt. ",
}
_NOTHING_KNOWN = {
    "en": "The request was not understood: it names no finding, no kind of image and no task for a model. ",
    "de": "Die Anfrage wurde nicht verstanden: Sie nennt keinen Befund, keine Art von Bild und keine Aufgabe für ein Modell. ",
}
_NOT_UNDERSTOOD = {
    "en": 'The answer "{answer}" was not understood. ',
    "de": "Die Antwort „{answer}“ wurde nicht verstanden. ",
}
_TARGET_OF_SEVERAL = {
    "en": "You name several findings; one run answers one of them. Which one first?",
    "de": "Sie nennen mehrere Befunde; ein Lauf beantwortet einen davon. Welcher zuerst?",
}
_RISK = {
    "en": (
        "What do you fear more?",
        {"missed_case": "A missed case", "false_alarm": "A false alarm", "balanced": "Both about equally"},
    ),
    "de": (
        "Was fürchten Sie mehr?",
        {"missed_case": "Einen übersehenen Fall", "false_alarm": "Einen Fehlalarm", "balanced": "Beides etwa gleich"},
    ),
}
_ABNORMAL = {
    "en": (
        "Your images are labelled normal or abnormal. Abnormal is not the same as {target}, and no label says "
        "where it is. What should be built?",
        {
            "abnormality": "A model that tells normal from abnormal, and is called that",
            "same": "In these images abnormal means {target}: tell {target} yes or no, without marks",
        },
    ),
    "de": (
        "Ihre Bilder sind als normal oder auffällig gekennzeichnet. Auffällig ist nicht dasselbe wie {target}, "
        "und keine Kennzeichnung sagt, wo. "
        "Was soll gebaut werden?",
        {
            "abnormality": "Ein Modell, das normal von auffällig trennt und auch so heißt",
            "same": "In diesen Bildern heißt auffällig: {target}. {target} ja oder nein, ohne Markierungen",
        },
    ),
}
_LABEL_COLUMN = {
    "en": "Several columns could hold the diagnosis of {target}. Which one is the reference standard?",
    "de": "Mehrere Spalten könnten die Diagnose {target} enthalten. Welche ist der Referenzstandard?",
}
_POSITIVE_VALUES = {
    "en": "Which values of {source} mean that {target} is present? Separate several with a semicolon.",
    "de": "Welche Werte von {source} bedeuten, dass {target} vorliegt? Mehrere bitte mit Semikolon trennen.",
}
_BOX_CLASS = {
    "en": "The boxes in {path} carry numbers instead of names. Which number means {target}?",
    "de": "Die Rahmen in {path} tragen Nummern statt Namen. Welche Nummer bedeutet {target}?",
}

# All of them, for a panel whose language is another one than the request's (scripts/server_sentences.py).
TEXTS: tuple[Mapping[str, Any], ...] = (
    _TARGET,
    _NOT_KNOWN,
    _NOTHING_KNOWN,
    _NOT_UNDERSTOOD,
    _TARGET_OF_SEVERAL,
    _RISK,
    _ABNORMAL,
    _LABEL_COLUMN,
    _POSITIVE_VALUES,
    _BOX_CLASS,
)

# Where more than one of the options may be answered.
_EXAMPLES = {
    "target": "one of the values above, or your own words",
    "risk": "one of the values above, or your own words",
    "positive_values": "one or several of the values above, separated by ;",
}


def ask_box_class(language: Language, target: str, path: str, counts: dict[str, int]) -> Question:
    """Ask which class number of box files means the target; `counts` gives boxes per number."""
    boxes = {"en": "boxes", "de": "Rahmen"}[language]
    return Question(
        id="box_class",
        text=_BOX_CLASS[language].format(path=path, target=target),
        options=_options({value: f"{value} ({count} {boxes})" for value, count in list(counts.items())[:12]}),
    )


def ask_target(
    language: Language,
    modality: str | None,
    named: Sequence[Term] = (),
    labelled: Sequence[Term] = (),
    unknown: str | None = None,
    nothing_known: bool = False,
) -> Question:
    """Ask which finding.

    `named` are those of a request that names several, `labelled` those that the labels of the data speak of, `unknown` words of the
    request that seem to name a finding and are not understood; `nothing_known`: no part of the request was.
    """
    common = [
        term for target in _COMMON_TARGETS.get(modality, _COMMON_TARGETS[None]) if (term := by_id(TARGETS, target))
    ]
    options = [QuestionOption(value=term.id, text=term.named(language)) for term in (named or labelled or common)]
    text = (_TARGET_OF_SEVERAL if named else _TARGET)[language]
    if unknown and not named:
        text = _NOT_KNOWN[language].format(words=unknown) + text
    elif nothing_known:
        text = _NOTHING_KNOWN[language] + text
    return Question(id="target", text=text, options=options, own_words=True)


def ask_again(question: Question, answer: str, language: Language) -> Question:
    """The same question, after an answer that was not understood and is quoted."""
    return question.model_copy(update={"text": _NOT_UNDERSTOOD[language].format(answer=answer.strip()) + question.text})


def example_answer(question: Question) -> str:
    """What may stand in a file of answers. No option stands in it: whoever copies it must have chosen."""
    if not question.options:
        return "..."
    return _EXAMPLES.get(question.id, "one of the values above")


def ask_risk(language: Language) -> Question:
    """Ask which error is the worse one."""
    text, options = _RISK[language]
    return Question(id="risk", text=text, options=_options(options), own_words=True, default="balanced")


def risk_option(answer: str) -> str | None:
    """The option that an answer to `ask_risk` means: its value or its text, in any language. None where it is none of them."""
    wanted = _plain(answer)
    for _, options in _RISK.values():
        for value, text in options.items():
            if wanted in (_plain(value), _plain(text)):
                return value
    return None


def ask_abnormal_labels(language: Language, target: Term) -> Question:
    """Ask what normal/abnormal labels stand for when a named disease is wanted."""
    text, options = _ABNORMAL[language]
    name = target.named(language)
    return Question(
        id="abnormal_labels",
        text=text.format(target=name),
        options=_options({value: option.format(target=name) for value, option in options.items()}),
    )


def abnormal_option(answer: str, target: Term) -> str | None:
    """The option that an answer to `ask_abnormal_labels` means, read as `risk_option` reads one. None where it is none of them."""
    wanted = _plain(answer)
    for language, (_, options) in _ABNORMAL.items():
        name = target.named(language)
        for value, text in options.items():
            if wanted in (_plain(value), _plain(text.format(target=name))):
                return value
    return None


def ask_label_column(language: Language, target: str, options: dict[str, str]) -> Question:
    """Ask for the label column; `options` maps 'TABLE:COLUMN' to a description."""
    return Question(id="label_column", text=_LABEL_COLUMN[language].format(target=target), options=_options(options))


def ask_positive_values(language: Language, target: str, source: str, counts: dict[str, int]) -> Question:
    """Ask which values of a column (or which folders) are positive; `counts` gives images per value."""
    images = {"en": "images", "de": "Bilder"}[language]
    return Question(
        id="positive_values",
        text=_POSITIVE_VALUES[language].format(source=source, target=target),
        options=_options({value: f"{value} ({count} {images})" for value, count in counts.items()}),
        own_words=True,
    )


def _plain(answer: str) -> str:
    return fold(answer).strip().rstrip(".")


def _options(options: dict[str, str]) -> list[QuestionOption]:
    return [QuestionOption(value=value, text=text) for value, text in options.items()]
