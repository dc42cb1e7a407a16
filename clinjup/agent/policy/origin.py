"""Which part of the cohort a value comes from, as far as the code tells: train, validation, test, all of it, or the labels.

Tags: the parts `train`, `validation`, `test`; `all` (every part together); `label` (computed from the reference standard, or
holding it); `patients` (identifiers of patients, which may be divided freely); `opened` (what open_test_set gave);
`grouped` (a splitter that keeps patients together); `folds` (a splitter that does not).
"""

from __future__ import annotations

import ast
import re

from clinjup.agent.words import words

TRAIN, VALIDATION, TEST = "train", "validation", "test"
PARTS = frozenset({TRAIN, VALIDATION, TEST})
Tags = frozenset[str]
NOTHING: Tags = frozenset()

_PART_WORDS = {
    "train": TRAIN,
    "training": TRAIN,
    "trainset": TRAIN,
    "tr": TRAIN,
    "validation": VALIDATION,
    "valid": VALIDATION,
    "val": VALIDATION,
    "dev": VALIDATION,
    "tune": VALIDATION,
    "test": TEST,
    "testing": TEST,
    "testset": TEST,
    "holdout": TEST,
}
# Methods whose result describes their argument, not the object that they belong to.
_OF_ARGUMENTS = {
    "predict",
    "predict_proba",
    "decision_function",
    "transform",
    "score",
    "fit_predict",
    "forward",
    "apply",
}
FOLDS = words(
    "KFold StratifiedKFold ShuffleSplit StratifiedShuffleSplit RepeatedKFold RepeatedStratifiedKFold LeaveOneOut LeavePOut"
)
_PATIENT_WORDS = re.compile(r"patient|subject|\bpid\b|\bmrn\b|(^|_)groups?($|_)", re.I)


def part_named(name: str) -> str | None:
    """The part that a name or a value speaks of: 'X_test' and 'test' -> 'test'."""
    words = re.split(r"[^A-Za-z]+|(?<=[a-z])(?=[A-Z])", name)
    return next((_PART_WORDS[word.lower()] for word in words if word.lower() in _PART_WORDS), None)


class Origins:
    """Tags of names, kept from cell to cell."""

    def __init__(self, labels: frozenset[str], patients: frozenset[str]) -> None:
        self.labels = set(labels)
        self.patients = patients
        # What the recipes leave in the kernel.
        self._names: dict[str, Tags] = {
            "cohort": frozenset({"all"}),
            "images": frozenset({"all"}),
            "test": frozenset({"opened"}),
            "models": NOTHING,
            "validations": NOTHING,
            "selection": NOTHING,
        }

    def copy(self) -> Origins:
        twin = Origins(frozenset(self.labels), self.patients)
        twin._names = dict(self._names)
        return twin

    def assign(self, name: str, tags: Tags) -> None:
        """A name that speaks of a part belongs to it, whatever it was computed from; mixing parts stays visible."""
        part = part_named(name)
        self._names[name] = (tags - {"all"}) | {part} if part and name not in {"test"} else tags

    def replace(self, name: str, tags: Tags) -> None:
        """These tags and no others, whatever the name says."""
        self._names[name] = tags

    def add(self, name: str, tags: Tags) -> None:
        self._names[name] = self._names.get(name, NOTHING) | tags

    def of(self, node: ast.AST | None) -> Tags:
        if node is None:
            return NOTHING
        if isinstance(node, ast.Name):
            if node.id in self._names:
                return self._names[node.id]
            part = part_named(node.id)
            tags = frozenset({part}) if part else NOTHING
            return tags | {"patients"} if _PATIENT_WORDS.search(node.id) else tags
        if isinstance(node, ast.Constant):
            return NOTHING
        if isinstance(node, ast.Subscript):
            return self._subscript(node)
        if isinstance(node, ast.Attribute):
            return self.of(node.value) | self._column(node.attr)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, (ast.Lambda, ast.FunctionDef)):
            return self.of(node.body) if isinstance(node, ast.Lambda) else NOTHING
        tags = NOTHING
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                tags |= self.of(child)
        return tags

    def columns_named(self, node: ast.AST) -> set[str]:
        """Strings that `node` lists, e.g. the columns of `df[["age", "label"]]`."""
        return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}

    def _column(self, name: object) -> Tags:
        if not isinstance(name, str):
            return NOTHING
        tags = {"label"} if name in self.labels else set()
        if name in self.patients or _PATIENT_WORDS.search(name):
            tags.add("patients")
        return frozenset(tags)

    def _subscript(self, node: ast.Subscript) -> Tags:
        base = self.of(node.value)
        if isinstance(node.slice, ast.Constant):
            part = part_named(node.slice.value) if isinstance(node.slice.value, str) else None
            column = self._column(node.slice.value)
            return (base - {"all"}) | {part} if part and not column else base | column
        selected = self._selected_parts(node.slice)
        if selected:
            return (base - {"all"}) | selected
        if isinstance(node.slice, (ast.List, ast.Tuple)):
            named = self.columns_named(node.slice)
            return base | frozenset(tag for name in named for tag in self._column(name) if tag == "label")
        # An index taken from one part selects that part: X[train_index].
        return (base - {"all"} if self.of(node.slice) & PARTS else base) | (self.of(node.slice) & PARTS)

    def _selected_parts(self, node: ast.AST) -> Tags:
        """The parts that a row mask such as `df.split == "test"` picks."""
        found: set[str] = set()
        for part in ast.walk(node):
            if isinstance(part, ast.Compare) and len(part.ops) == 1:
                named = {p for name in self.columns_named(part.comparators[0]) if (p := part_named(name))}
                if isinstance(part.ops[0], (ast.NotEq, ast.NotIn)) and named:
                    named = set(PARTS) - named
                found |= named
            elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr == "isin":
                named = {p for argument in part.args for n in self.columns_named(argument) if (p := part_named(n))}
                found |= named
        return frozenset(found)

    def _call(self, node: ast.Call) -> Tags:
        arguments = NOTHING
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            arguments |= self.of(argument)
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in FOLDS or "Group" in called:
            return frozenset({"folds" if called in FOLDS else "grouped"})
        if called.startswith("read_"):
            return frozenset({"all"})
        if called in {"unique", "drop_duplicates", "set"}:
            # One entry a patient: these may be divided freely.
            entries = arguments | (self.of(node.func.value) if isinstance(node.func, ast.Attribute) else NOTHING)
            return entries - {"all"} if "patients" in entries else entries
        if not isinstance(node.func, ast.Attribute):
            return arguments
        method, owner = node.func.attr, self.of(node.func.value)
        if method in {"part", "query", "get_group", "xs"} and node.args:
            named = self.columns_named(node.args[0])
            parts = frozenset(part for name in named for word in re.findall(r"\w+", name) if (part := part_named(word)))
            if parts and "!=" not in "".join(named):
                return (owner - {"all"}) | parts
        if method == "drop" and "label" not in owner:
            return owner
        if method == "fit":
            return NOTHING
        if method == "fit_transform" or (
            method in _OF_ARGUMENTS and any(not isinstance(item, ast.Constant) for item in node.args)
        ):
            return arguments
        return owner | arguments
