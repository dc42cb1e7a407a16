"""How a clinician's words are compared: folded text, terms with synonyms, and where a term occurs.

Synonyms are plain words. A space matches a space, hyphen, underscore, slash, dot or nothing ("chest drain" finds "Chest_drain"), and a
star matches any ending or beginning of a word ("thorax drain*" finds "Thoraxdrainagen").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

_SPELLED_OUT = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "–": "-", "—": "-", "‑": "-", "’": "'", "‘": "'", "_": " "}
_SEPARATOR = r"[\s\-/.]{0,3}"
_SENTENCE_END = re.compile(
    r"(?<=[.!?;])(?<!\bvs\.)(?<!\bca\.)(?<!\bmin\.)(?<!\bmax\.)(?<!\bmind\.)(?<!\bv\.a\.)\s+|\n+"
)


@dataclass(frozen=True)
class Folded:
    """Lower-case ASCII text (ä -> ae, é -> e) that still knows which original letter each of its letters came from."""

    original: str
    text: str
    origins: tuple[int, ...]

    def words(self, start: int, end: int) -> str:
        """Return the clinician's own words behind `text[start:end]`."""
        return self.original[self.origins[start] : self.origins[end - 1] + 1]

    def sentences(self) -> list[tuple[int, int]]:
        """Return (start, end) of each sentence in `text`."""
        ends = [match.span() for match in _SENTENCE_END.finditer(self.text)] + [(len(self.text), len(self.text))]
        starts = [0] + [end for _, end in ends[:-1]]
        return [(start, stop) for start, (stop, _) in zip(starts, ends, strict=True) if stop > start]

    def sentence_at(self, position: int) -> tuple[int, int]:
        """Return (start, end) of the sentence that holds `position`."""
        return next(span for span in self.sentences() if position < span[1])


def fold_with_origins(text: str) -> Folded:
    """Fold `text`, keeping the way back to the original letters."""
    original = unicodedata.normalize("NFC", text)
    letters: list[str] = []
    origins: list[int] = []
    for position, letter in enumerate(original):
        lower = letter.lower()
        plain = _SPELLED_OUT.get(lower) or "".join(
            part for part in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(part)
        )
        letters.append(plain)
        origins.extend([position] * len(plain))
    return Folded(original, "".join(letters), tuple(origins))


def fold(text: str) -> str:
    """Lower-case ASCII form of `text`: 'Bülau' -> 'buelau'."""
    return fold_with_origins(text).text


def spaced(name: str) -> str:
    """Part the words of a name: 'ChestDrain2' -> 'Chest Drain 2'."""
    return re.sub(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", " ", name)


def header_words(header: str) -> str:
    """Fold a column header or folder name into words: 'ChestDrain', 'chest_drain' and ' Chest-Drain ' -> 'chest drain'."""
    return " ".join(re.findall(r"\w+", fold(spaced(header))))


@dataclass(frozen=True)
class Term:
    """One noun of the field.

    `codes` are abbreviations that count in a table's values and headers only (in a sentence they could be anything).
    """

    id: str
    name: str
    german: str
    synonyms: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    plural: str = ""
    modality: str | None = None
    contextual: bool = False
    harm: int = 0

    @property
    def many(self) -> str:
        """English plural."""
        return self.plural or f"{self.name}s"

    def named(self, language: str) -> str:
        """Return the singular name in the clinician's language."""
        return self.german if language == "de" else self.name


@dataclass(frozen=True)
class Match:
    """A term found in a text; `start` and `end` count letters of the folded text."""

    term: Term
    start: int
    end: int


@cache
def pattern(synonyms: tuple[str, ...]) -> re.Pattern[str]:
    """Regular expression for whole-word occurrences of any synonym in folded text."""
    folded = sorted({fold(synonym) for synonym in synonyms}, key=len, reverse=True)
    parts = (re.escape(word).replace(r"\*", r"\w*").replace(r"\ ", _SEPARATOR) for word in folded)
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)")


def find(text: str, terms: Iterable[Term], codes: bool = False) -> list[Match]:
    """Find terms in folded `text`, in order; where two overlap the longer one is meant."""
    found = [
        Match(term, *hit.span())
        for term in terms
        if (words := term.synonyms + (term.codes if codes else ()))
        for hit in pattern(words).finditer(text)
        if hit.end() > hit.start()
    ]
    kept: list[Match] = []
    for match in sorted(found, key=lambda match: (match.start - match.end, match.start)):
        if all(match.end <= other.start or match.start >= other.end for other in kept):
            kept.append(match)
    return sorted(kept, key=lambda match: match.start)


def by_id(terms: Sequence[Term], term_id: str) -> Term | None:
    """Return the term with this canonical id."""
    return next((term for term in terms if term.id == term_id), None)
