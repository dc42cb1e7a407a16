"""Which column (or which folders) hold the reference standard of the target, and which values mean present."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from clinjup.agent.questions import ask_label_column, ask_positive_values
from clinjup.agent.roles_columns import BLANK_IS_UNKNOWN, Column, label_columns
from clinjup.agent.roles_values import Values, names_diagnosis, sort_values
from clinjup.agent.vocabulary import Term, fold, header_words, pattern
from clinjup.agent.vocabulary.headers import AGREED_HEADERS, ATTRIBUTE_HEADERS, LABEL_HEADERS, header_has
from clinjup.contracts import ClinicalTask, DataProfile, DataWarning, Question, UnusableData, ValueCount

SHEET = "sheet"  # as in imaging.sheets
_MOST_VALUES = 30  # that are named in a question or a warning
_MOST_OPTIONS = 12
_READER = re.compile(
    r"\b(?:reader|rater|radiologist|radiologe|radiologin|observer|annotator|befunder|arzt|doctor|[a-d]|\d+)\b"
)


@dataclass
class LabelChoice:
    """The label as far as it is decided; a question stands for what is not. `classes`: class id -> values, of several classes."""

    column: Column | None = None
    classes: dict[str, list[str]] = field(default_factory=dict)
    positive: list[str] = field(default_factory=list)
    negative: list[str] = field(default_factory=list)
    uncertain: list[str] = field(default_factory=list)
    question: Question | None = None
    warnings: list[DataWarning] = field(default_factory=list)


@dataclass
class _Candidate:
    column: Column
    values: Values
    names_target: bool
    generic: bool

    @property
    def rank(self) -> int:
        """3: the header names the target; 2: the values do; 1: a label header over plain yes/no; 0: no label as it stands."""
        if self.names_target and (self.values.readable or self.values.mentions):
            return 3
        if self.values.mentions:
            return 2
        return 1 if self.generic and self.values.readable and not self.values.other else 0

    @property
    def doubtful(self) -> bool:
        """A label by its header whose values need explaining."""
        named = self.names_target or self.generic
        return named and not self.rank and not self.values.other and 2 <= len(self.values.images()) <= _MOST_OPTIONS

    @property
    def counts(self) -> tuple[int, int, int]:
        positive, negative = (
            sum(item.count for item in items) for items in (self.values.positive, self.values.negative)
        )
        return positive, negative, self.column.profile.missing

    @property
    def stem(self) -> str:
        """Header without the reader's number: 'ptx_reader2' -> 'ptx'."""
        return " ".join(_READER.sub(" ", header_words(self.column.profile.name)).split())


def label_from_tables(
    profile: DataProfile, task: ClinicalTask, target: Term, comparator: Term | None, answers: Mapping[str, str]
) -> LabelChoice:
    """Decide the label column. Raises UnusableData when no column can be one."""
    columns = label_columns(profile)
    candidates = [_candidate(column, target, comparator) for column in columns]
    chosen = _answered(candidates, answers.get("label_column", ""))
    if chosen is None:
        plausible = [item for item in candidates if item.rank]
        if any(item.rank > 1 for item in plausible):
            plausible = [item for item in plausible if item.rank > 1]
        plausible = plausible or [item for item in candidates if item.doubtful]
        plausible = [item for item in plausible if item.column.name != SHEET] or plausible  # 'PTX 2023', 'PTX 2024'
        if not plausible:
            raise UnusableData(_no_label(candidates, target))
        chosen = _the_same(plausible)
        if chosen is None:
            options = {item.column.reference: _described(item, task) for item in plausible}
            return LabelChoice(question=ask_label_column(task.language, target.named(task.language), options))
    source = {"en": f"the column '{chosen.column.profile.name}'", "de": f"Spalte '{chosen.column.profile.name}'"}[
        task.language
    ]
    missing = 0 if profile.layout in BLANK_IS_UNKNOWN else chosen.column.profile.missing
    choice = _decided(chosen.values, target, source, task, answers, missing=missing)
    choice.column = chosen.column
    if chosen.column.profile.kind == "list":
        if comparator is None:
            choice.negative = []  # every other non-blank value, but for those that voice doubt
        choice.uncertain = [item.value for item in chosen.values.uncertain]
    return choice


def only_tables_name(target: Term, profile: DataProfile) -> bool:
    """Whether a column names the target and can be read, while no folder can."""
    folders = sort_values((ValueCount(value=name, count=n) for name, n in profile.class_folders.items()), target)
    if folders.mentions or folders.readable:
        return False
    return any(_candidate(column, target, None).rank > 1 for column in label_columns(profile))


def label_from_folders(
    folders: Mapping[str, int], task: ClinicalTask, target: Term, comparator: Term | None, answers: Mapping[str, str]
) -> LabelChoice:
    """Map class folders to present and absent. Raises UnusableData when there is one class only."""
    values = sort_values((ValueCount(value=name, count=count) for name, count in folders.items()), target, comparator)
    source = {"en": "the folder names", "de": "den Ordnernamen"}[task.language]
    return _decided(values, target, source, task, answers, missing=0)


def _decided(
    values: Values, target: Term, source: str, task: ClinicalTask, answers: Mapping[str, str], missing: int
) -> LabelChoice:
    """Turn sorted values into lists of positive and negative values; ask where they cannot be read."""
    positive, negative = values.positive, values.negative
    if values.mentions:
        negative = [*negative, *(values.unread if task.comparator is None else [])]
    if task.comparator is None and (values.mentions or values.positive):
        negative = [*negative, *values.other]
    answered = _named_values(answers.get("positive_values", ""), values)
    if answered:
        doubtful = {item.value for item in values.uncertain}
        return LabelChoice(
            positive=answered,
            negative=[value for value in values.images() if value not in answered and value not in doubtful],
        )
    if values.unread and not values.mentions:
        offered = dict(list(values.images().items())[:_MOST_VALUES])
        return LabelChoice(question=ask_positive_values(task.language, target.named(task.language), source, offered))
    warnings = []
    if values.uncertain:
        count = sum(item.count for item in values.uncertain)
        names = ", ".join(f"'{item.value}'" for item in values.uncertain[:_MOST_VALUES])
        sentence = (
            f"{count} images have an uncertain label for {target.name} ({names}). They count neither as positive "
            f"nor as negative "
            "and are left out."
        )
        warnings.append(DataWarning(code="uncertain_labels", sentence=sentence))
    if positive and not negative and missing:
        negative = [ValueCount(value="", count=missing)]
        sentence = (
            f"No value in {source} says that {target.name} is absent, so {missing} blank cells are read as absent."
        )
        warnings.append(DataWarning(code="blank_read_as_no", sentence=sentence))
    if not positive or not negative:
        raise UnusableData(
            _one_class(values, target, comparator=task.comparator, lacking="with" if not positive else "without")
        )
    return LabelChoice(
        positive=[item.value for item in positive], negative=[item.value for item in negative], warnings=warnings
    )


def _candidate(column: Column, target: Term, comparator: Term | None) -> _Candidate:
    header = column.profile.name
    words = header_words(header)
    names_target = bool(pattern(target.synonyms + target.codes).search(words)) and not header_has(
        header, ATTRIBUTE_HEADERS
    )
    generic = bool(pattern(LABEL_HEADERS).fullmatch(" ".join(_READER.sub(" ", words).split()) or words))
    if column.profile.unique > len(column.profile.values):
        return _Candidate(column, Values(), names_target, generic)
    if names_diagnosis(header) and not names_target and not generic:
        return _Candidate(column, Values(), False, False)
    listed = column.profile.kind == "list" and not names_target  # in a column 'Pneumothorax', a side says where it is
    values = sort_values(column.profile.values, target, comparator, listed=listed)
    return _Candidate(column, values, names_target, generic)


def _answered(candidates: Sequence[_Candidate], answer: str) -> _Candidate | None:
    wanted = fold(answer.strip())
    if not wanted:
        return None
    for name in ("reference", "name"):
        for item in candidates:
            if fold(getattr(item.column, name)) == wanted:
                return item
    return None


def _named_values(answer: str, values: Values) -> list[str]:
    wanted = {fold(part.strip()) for part in re.split(r"[;,|\n]", answer) if part.strip()}
    return [value for value in values.images() if fold(value.strip()) in wanted]


def _the_same(plausible: Sequence[_Candidate]) -> _Candidate | None:
    """The one to take: the only one, the readers' agreed one, or the most telling of several that say the same."""
    if len(plausible) == 1:
        return plausible[0]
    agreed = [item for item in plausible if header_has(item.column.profile.name, AGREED_HEADERS)]
    if len(agreed) == 1:
        return agreed[0]
    readers = len({item.stem for item in plausible}) < len(plausible)
    if readers or len({item.counts for item in plausible}) > 1:
        return None
    return max(plausible, key=lambda item: item.rank)


def _described(item: _Candidate, task: ClinicalTask) -> str:
    values = ", ".join(f"{value}: {count}" for value, count in list(item.values.images().items())[:4])
    return (
        f"{item.column.profile.name} ({'Tabelle' if task.language == 'de' else 'table'} {item.column.table.path}; "
        f"{values})"
    )


def _no_label(candidates: Sequence[_Candidate], target: Term) -> str:
    other = [item for item in candidates if item.values.other and not item.values.mentions]
    other.sort(key=lambda item: not item.generic)
    if other:
        values = ", ".join(list(other[0].values.images())[:15])
        return (
            f"The column '{other[0].column.profile.name}' says nothing of {target.name}; it holds: {values}. "
            f"Name one of these findings, or add a table that says which images show {target.name}."
        )
    text = next((item for item in candidates if item.generic and item.column.profile.unique > _MOST_VALUES), None)
    if text:
        return (
            f"The column '{text.column.profile.name}' holds free text, which cannot serve as a label. "
            f"Add a column that says per image whether {target.name} is present (yes/no)."
        )
    return no_labels(target.name)


def no_labels(name: str) -> str:
    """The sentence for data in which nothing says what the images show."""
    return (
        f"No column and no folder name says which images show {name}, so there is nothing to learn from. "
        "Add a table with one row per image and a yes/no column, or sort the images into one folder per class."
    )


def _one_class(values: Values, target: Term, comparator: str | None, lacking: str) -> str:
    seen = ", ".join(f"'{value}' ({count})" for value, count in list(values.images().items())[:10])
    against = f" and from {comparator}" if comparator else ""
    return (
        f"No image is labelled as {lacking} {target.name}; the labels are: {seen}. Telling two classes apart "
        f"needs images of both: "
        f"images with {target.name}{against} and images without."
    )
