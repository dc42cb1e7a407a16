"""Takes out of a text what could tell who a patient is: patterns first, then every word that is not known to be harmless."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from clinjup.agent.privacy.shapes import without_foreign_code, without_rows
from clinjup.agent.privacy.vocabulary import (
    WORD,
    fingerprint,
    ordinary_words,
    package_phrases,
    parts_of,
    phrases,
    whole_tokens,
)
from clinjup.agent.words import words

WITHHELD = "[withheld]"

_MONTHS = (
    "jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz?|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?|"
    "sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?"
)
_DATA_FILE = (
    "png|jpe?g|dcm|dicom|ima|tiff?|bmp|gif|webp|nii(?:\\.gz)?|mha|mhd|nrrd|csv|tsv|tab|txt|xlsx?|ods|json|jsonl|xml|pdf|docx?|"
    "zip|tar|gz|npy|npz|h5|hdf5|parquet|feather|pkl|pt|pth|ckpt|onnx|sqlite|db|log|md|html?|ipynb"
)
# What is counted: beside these words a large number is an aggregate, elsewhere it may be an identifier.
_COUNTED = words(
    "images rows columns patients positives negatives positive negative different missing parameters cases films files checked total "
    "train validation test present absent unknown bytes characters steps seconds groups png jpg jpeg dcm tif tiff bmp samples pixels "
    "sizes modes rgb rgba gray grey table epochs positive_with positive_without negative_with negative_without left count counts "
    "tokens bilder zeilen patientinnen aufnahmen"
)
_PATTERNS: list[tuple[re.Pattern[str], str]] = [
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[mail]"),
    (re.compile(r"\b[a-z][a-z0-9+.-]+://[^\s'\"<>)\]]+", re.I), "[address]"),
    (re.compile(r"\b\d+(?:\.\d+){3,}\b"), "[uid]"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.I), "[uid]"),
    (re.compile(r"[^\W\d_][\w'-]*\^[\w'^ -]*[\w'^]"), "[name]"),  # DICOM's LAST^FIRST
    (re.compile(r"(?<!\d)\d{4}([-/.])\d{1,2}\1\d{1,2}(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?(?!\d)"), "[date]"),
    (re.compile(r"(?<![\d.])\d{1,2}([-/.])\d{1,2}\1(?:\d{4}|\d{2})(?![\d.]\d)(?!\d)"), "[date]"),
    (re.compile(rf"\b\d{{1,2}}\.?\s+(?:{_MONTHS})\.?,?\s+\d{{2,4}}\b", re.I), "[date]"),
    (re.compile(rf"\b(?:{_MONTHS})\.?\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}\b", re.I), "[date]"),
    (re.compile(r"(?<![\d:])\d{1,2}:\d{2}:\d{2}(?:\.\d+)?(?![\d:])"), "[time]"),
    (re.compile(r"(?:(?<![\w:])[A-Za-z]:[\\/]|\\\\\w)[^\s'\"<>|]*"), "[path]"),
    (re.compile(r"(?<![\w.\])>])(?:~|\.{1,2})?(?:/[^\s'\"<>|:,;()\[\]{}]+)+/?"), "[path]"),
    (
        re.compile(
            r"\b(?:Herrn?|Frau|Mrs?|Ms|Miss|Dr|Prof|Fr|Hr)\.?(?:\s+(?:med|Dr|Prof|von|van|de)\.?)*(?:\s+[A-ZÄÖÜ][\w'’-]+){1,3}"
        ),
        "[name]",
    ),
    (re.compile(r"(?<![\w])\+?\d{2,5}[ /-]\d{3,}(?:[ -]?\d{2,})+(?!\w)"), "[number]"),  # telephone
]
_FILE = re.compile(rf"[^\s'\"<>|:,;()\[\]{{}}=]+\.(?:{_DATA_FILE})\b", re.I)
_OWN_FILE = re.compile(r"(?:checkpoints|plots|cache)/[\w./-]+")
_IDENTITY = re.compile(
    r"\b(?P<word>(?:patient(?:en)?|subject|proband|mrn|pid|accession|case|fall|study|series)(?:[ _-]?(?:id|nr|no|number))?|uid|id)"
    r"(?P<between>['\"]?\s*[:=#.]?\s*['\"]?)(?P<value>[A-Za-z]{0,4}[-_]?\d[\w-]*)",
    re.I,
)
_WHO = r"(?:patients?|images?|films?|cases?|rows?|positives?|negatives?|samples?|women|men|Patient(?:en|innen)|Bilder|Fälle|Aufnahmen)"
_FEW_BEFORE = re.compile(rf"(?<![\w.,])[1-4](?=\s+{_WHO}\b)")
_FEW_AFTER = re.compile(
    r"\b(n|count|patients|images|films|cases|rows|positives|negatives|Patienten|Bilder)(\s*[:=]\s*|\s)"
    r"[1-4](?![\w.,]*\d)(?!\w)"
)
_TOKEN = re.compile(r"\w+")
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?", re.I)


class Scrubber:
    """Scrubs texts by an allow-list of words.

    `columns`: names that may be told; `names`: words known to name somebody; `sentences`: fingerprints, sorted, of the free
    text of the data, which is withheld although its words are ordinary.
    """

    def __init__(self, columns: Iterable[str] = (), names: Iterable[str] = (), sentences: Sequence[int] = ()) -> None:
        self._names = frozenset(name.lower() for name in names)
        self._sentences = sentences
        self._own_phrases: set[int] = set()
        self._known: set[str] = set()
        self._columns: set[str] = set()
        self.know_columns(columns)

    def know_columns(self, columns: Iterable[str]) -> None:
        """Let the names of these columns pass; two of them with values in one line are a record."""
        for column in columns:
            self._columns.add(column)
            self.know(column)

    def know(self, text: str) -> None:
        """Let the words of `text` pass: whoever receives them wrote them, or is meant to read them."""
        for token in _TOKEN.findall(text):
            self._known.add(token.lower())
            self._known.update(parts_of(token))
        self._own_phrases.update(phrases(text), phrases(text, 2))

    def scrub(self, text: str, *, shapes: bool = True) -> str:
        """`text` without anything that is not known to be harmless. Scrubbing twice changes nothing more."""
        if shapes:
            text = without_rows(without_foreign_code(text), self._columns_in)
        text = self.without_patterns(text)
        if shapes:
            text = _FEW_AFTER.sub(r"\1\2<5", _FEW_BEFORE.sub("<5", text))
        text = self._without_unknown_words(self._without_sentences(text))
        return re.sub(r"\[withheld\](?:[\s_.,'\"^/-]*\[withheld\])+", WITHHELD, text)

    # ---------------------------------------------------------------------------------------------------- patterns

    def without_patterns(self, text: str) -> str:
        """`text` without files, paths, addresses, dates, identifiers and titled names."""
        text = self._without_files(text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return _IDENTITY.sub(lambda hit: f"{hit['word']}{hit['between']}[id]", text)

    def _columns_in(self, line: str) -> list[str]:
        return [column for column in self._columns if len(column) > 1 and column in line]

    def _without_files(self, text: str) -> str:
        def judge(hit: re.Match[str]) -> str:
            name = hit[0]
            own = _OWN_FILE.fullmatch(name) and all(self._allowed(word) for word in re.findall(r"[^\W_]+", name))
            return name if own else "[file]"

        return _FILE.sub(judge, text)

    # ------------------------------------------------------------------------------------------------------- words

    def _without_sentences(self, text: str) -> str:
        """`text` without runs of words that stand in the data and neither in clinjup's own text nor in the model's."""
        if not self._sentences:
            return text
        hits = list(WORD.finditer(text))
        run = [hit[0].lower() for hit in hits]
        found: set[int] = set()
        for length in (2, 3):
            for place in range(len(run) - length + 1):
                mark = fingerprint(run[place : place + length])
                if self._is_of_the_data(mark):
                    found.update(range(place, place + length))
        for place in sorted(found, reverse=True):
            text = text[: hits[place].start()] + WITHHELD + text[hits[place].end() :]
        return text

    def _is_of_the_data(self, mark: int) -> bool:
        place = bisect_left(self._sentences, mark)
        known = place < len(self._sentences) and self._sentences[place] == mark
        return known and mark not in package_phrases() and mark not in self._own_phrases

    def _without_unknown_words(self, text: str) -> str:
        tokens = list(_TOKEN.finditer(text))
        parts: list[str] = []
        end = skipped_to = 0
        for place, hit in enumerate(tokens):
            if hit.start() < skipped_to:
                continue
            number = _NUMBER.match(text, hit.start()) if hit[0][0].isdigit() else None
            if number is not None and (number.end() >= hit.end()):
                beside = {
                    self._word_at(tokens, place - 1),
                    self._word_at(tokens, self._next(tokens, place, number.end())),
                }
                allowed, stop = self._number_allowed(number[0], beside), number.end()
            else:
                allowed, stop = self._token_allowed(hit[0]), hit.end()
            skipped_to = stop
            if not allowed:
                parts += [text[end : hit.start()], WITHHELD]
                end = stop
        return "".join([*parts, text[end:]])

    @staticmethod
    def _word_at(tokens: list[re.Match[str]], place: int) -> str:
        return tokens[place][0].lower() if 0 <= place < len(tokens) else ""

    @staticmethod
    def _next(tokens: list[re.Match[str]], place: int, end: int) -> int:
        place += 1
        while place < len(tokens) and tokens[place].start() < end:
            place += 1
        return place

    def _number_allowed(self, number: str, beside: set[str]) -> bool:
        whole = re.split(r"[.e]", number.lower())[0].replace(",", "")
        if whole.startswith("0") and len(whole) > 1:
            return False  # identifiers are padded, counts are not
        return len(whole) <= 4 or whole in self._known or bool(beside & _COUNTED)

    def _token_allowed(self, token: str) -> bool:
        lower = token.lower()
        if lower in whole_tokens() or (lower in self._known and lower not in self._names):
            return not self._names_somebody(token)
        if re.fullmatch(r"\d+x(\d+(x\d+)?)?|\d[d]|\d+[%hms]", lower):
            return True
        if any(character.isdigit() for character in token):
            return False  # 'case17', 'img_0042', a hash: letters with digits name things
        parts = parts_of(token)
        words_apart = re.findall(r"[^\W_]+", token)
        return all(self._allowed(word) for word in words_apart) or (
            bool(parts) and all(self._allowed(part) for part in parts) and not self._names_somebody(token)
        )

    def _allowed(self, word: str) -> bool:
        if self._names_somebody(word):
            return False
        lower = word.lower()
        return len(word) == 1 or word.isdigit() or lower in ordinary_words() or lower in self._known

    def _names_somebody(self, word: str) -> bool:
        """An ordinary word in lower case is that word; anything else that names somebody is a name."""
        lower = word.lower()
        return lower in self._names and not (word.islower() and lower in ordinary_words())
