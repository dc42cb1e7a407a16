"""What the values of a column say about a target: present, absent, doubtful, another diagnosis, or nothing readable."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from clinjup.agent.vocabulary import TARGETS, Term, find, fold, header_words, pattern, spaced
from clinjup.agent.vocabulary.values import Meaning, is_normal, is_uncertain, meaning
from clinjup.contracts import ValueCount

_NEGATION_BEFORE = re.compile(
    r"\b(?:kein\w*|no|not|non|ohne|without|nicht|negative? for|neg|negativ\w*|ausschluss|free of|frei von"
    r"|absence of|absent|excluded)(?:[ /:-]+(?!drain|tube)\w+){0,4}?[ /:-]*$"
)
_NEGATION_AFTER = re.compile(
    r"^[ :=/-]*(?:(?:negativ\w*|neg|nein|no|non|0|absent|false|none)\W*$|ausgeschlossen|excluded|ruled out"
    r"|not (?:seen|present|visible|detected)"
    r"|nicht (?:nachweisbar|nachgewiesen|abgrenzbar|vorhanden|sichtbar|erkennbar))"
)


@dataclass
class Values:
    """Values of one column, sorted by what they say; `mentions`: some value names the target itself."""

    positive: list[ValueCount] = field(default_factory=list)
    negative: list[ValueCount] = field(default_factory=list)
    uncertain: list[ValueCount] = field(default_factory=list)
    other: list[ValueCount] = field(default_factory=list)
    unread: list[ValueCount] = field(default_factory=list)
    mentions: bool = False

    @property
    def readable(self) -> bool:
        """Whether the column says yes and no throughout."""
        return bool(self.positive or self.negative) and not self.unread

    def images(self) -> dict[str, int]:
        """Images per value, all values."""
        sorts = (self.positive, self.negative, self.uncertain, self.other, self.unread)
        return {item.value: item.count for items in sorts for item in items}


def sort_values(
    values: Iterable[ValueCount], target: Term, comparator: Term | None = None, *, listed: bool = False
) -> Values:
    """Sort values (or folder names) by what they say about `target`; with a comparator only its values are negative.

    `listed`: entries of lists. Where some name the target, a bare side, yes, no or number beside them ('Effusion|left') is left unread.
    """
    values = list(values)
    mentions = {item.value: _mention(item.value, target) for item in values}
    found = Values(mentions=any(mentions.values()))
    for item in values:
        reading: Meaning | str | None = mentions[item.value]
        if reading is None:
            reading = _other_reading(item.value, comparator)
            bare = reading in (Meaning.YES, Meaning.NO) and meaning(item.value) is reading
            reading = None if listed and found.mentions and bare else reading
        {
            Meaning.YES: found.positive,
            Meaning.NO: found.negative,
            Meaning.UNCERTAIN: found.uncertain,
            Meaning.UNKNOWN: [],
            "other": found.other,
            None: found.unread,
        }[reading].append(item)
    return found


def _mention(value: str, target: Term) -> Meaning | None:
    """What a value that names the target says of it: 'kein Pneumothorax', 'V.a. PTX', 'PTX links'."""
    text = fold(spaced(value))
    hit = pattern(target.synonyms + target.codes).search(text)
    if hit is None:
        return None
    if _NEGATION_BEFORE.search(text[: hit.start()]) or _NEGATION_AFTER.search(text[hit.end() :]):
        return Meaning.NO
    return Meaning.UNCERTAIN if is_uncertain(text) else Meaning.YES


def _other_reading(value: str, comparator: Term | None) -> Meaning | str | None:
    if comparator is not None and _mention(value, comparator) is Meaning.YES:
        return Meaning.NO
    if names_diagnosis(value):
        return "other"
    if comparator is not None and is_normal(value):
        return "other"
    return meaning(value)


def names_diagnosis(words: str) -> bool:
    """Whether the words name a disease; 'abnormal' names none."""
    return any(match.term.id != "abnormality" for match in find(header_words(words), TARGETS, codes=True))
