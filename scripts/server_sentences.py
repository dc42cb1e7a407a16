"""Writes src/locale/server.json and src/locale/terms.json: what the server says to the panel, read from the package itself.

    python scripts/server_sentences.py

server.json: English sentences, with %1, %2, ... where the server fills something in; src/locale/de.json has their German.
terms.json: what the package says in both languages already (names, questions, refusals), English -> German.
tests/server/test_sentences.py runs the same functions and compares.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import clinjup
from clinjup.agent import questions
from clinjup.agent.soundness_texts import TEXTS
from clinjup.agent.vocabulary import CONFOUNDERS, MODALITIES, SKIN_LESION_CLASSES, TARGETS
from clinjup.examples import EXAMPLES, NO_COHORT
from clinjup.metric_names import NAMES as METRICS
from clinjup.notebook.tabs import SECOND_TAB, SHARED
from clinjup.nouns import class_words, plain_name, plural
from clinjup.recipes import recipes
from clinjup.run_folder import KILLED
from clinjup.server import mcp_port
from clinjup.server.service import KNOWN

PACKAGE = Path(clinjup.__file__).parent
LOCALE = Path(__file__).parents[1] / "src" / "locale"
PROBLEMS = {kind.__name__ for kind, _, _ in KNOWN}
PLACE = "\0"
# What goes to the panel: call -> the argument that holds the sentence, by name or by place.
SAID: dict[str, tuple[str | int, ...]] = {
    "Step": ("title",),
    "_simple": (1,),
    "show_figure": ("title", "caption"),
    "DataWarning": ("sentence",),
    "NoteFinding": ("sentence",),
    "SelectionFinding": ("sentence",),
    "RecordFinding": ("sentence",),
    "Finish": ("sentence",),
    "LoopEnd": (1, "sentence"),
    "RunView": ("sentence",),
    "Problem": ("sentence",),
    "Repair": (0,),
    "CellHelp": (0,),
    "CellError": ("message",),
    "Estimate": ("reason",),
    "proportion": ("reason",),
    "ProgressBar": (0, 2, "unit"),
    "Question": ("text",),
    "QuestionOption": ("text",),
    "missing": (0,),
    "_tell_trouble": (0,),
    "_keep_coded": (1,),
    "_warn": (1,),
    **dict.fromkeys(PROBLEMS, (0,)),
}
# Single words that are filled in.
NOUNS = {
    "border only": "nur der Rand",
    "case": "Fall",
    "corners only": "nur die Ecken",
    "image": "Bild",
    "lesion": "Läsion",
    "negative": "negativ",
    "negatives": "Negative",
    "once": "einmal",
    "patient": "Patient",
    "positive": "positiv",
    "positives": "Positive",
    "size and kind of file": "Größe und Art der Datei",
    "twice": "zweimal",
    "validation": "Validierung",
}
# Of what these names stand for: class attributes of what is drawn in, how a threshold was chosen, what insertion did.
NAMED = frozenset({"caution", "placebo_title", "words", "passed_over"})
# What the panel never shows, or only of cells that a model wrote.
LEFT_OUT = (
    "testing",
    "cli.py",
    "terminal.py",
    "prediction.py",
    "agent/planners/claude",
    "agent/provider",
    "agent/privacy",
    "agent/policy",
    "reporting",
)


def server_sentences() -> list[str]:
    """Every sentence of the server, once, sorted."""
    said = {text for example in EXAMPLES.values() for text in (example.title, example.intent)}
    said |= {SECOND_TAB, SHARED, NO_COHORT, KILLED, mcp_port.SENTENCE}
    said |= {recipe.explains for recipe in recipes().values()}
    said |= set(METRICS.values())
    names = sorted(file.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("*.py"))
    names = [name for name in names if name == "reporting/journal.py" or not name.startswith(LEFT_OUT)]
    collector = _Collector([ast.parse((PACKAGE / name).read_text(encoding="utf-8")) for name in names])
    collector.collect()
    said |= collector.found
    return sorted(text for text in said if len(re.findall(r"[A-Za-z]", re.sub(r"%\d+", "", text))) >= 4)


class _Collector:
    """What the expressions of the package can say, with PLACE where something is filled in."""

    def __init__(self, modules: list[ast.Module]) -> None:
        self.modules, self.found = modules, set[str]()
        defined = [(node, module) for module in modules for node in module.body if isinstance(node, ast.FunctionDef)]
        self._functions: dict[str, list[tuple[ast.FunctionDef, ast.Module]]] = {}
        for function, module in defined:
            self._functions.setdefault(function.name, []).append((function, module))

    def collect(self) -> None:
        for module in self.modules:
            functions = [n for n in ast.walk(module) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
            for scope in [module, *functions]:
                for node in _nodes(scope):
                    for value in _said(node):
                        self.found.update(_numbered(text) for text in self.texts(value, scope, module))

    def texts(self, node: ast.expr, scope: ast.AST, module: ast.Module, depth: int = 0) -> list[str]:
        """The texts that an expression can be; none where nothing can be said."""

        def again(inner: ast.expr) -> list[str]:
            return self.texts(inner, scope, module, depth + 1)

        if depth > 6:
            return []
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.FormattedValue(value=filled):
                # What is filled in may be words as well, to be translated by themselves.
                self.found.update(_numbered(text) for text in again(filled) if " " in text.strip())
                return [PLACE]
            case ast.JoinedStr(values=values):
                return _joined([again(each) for each in values])
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                sides = [again(left), again(right)]
                return _joined([side or [PLACE] for side in sides]) if any(sides) else []
            case ast.IfExp(test=ast.Name(id="german"), orelse=english):
                return again(english)
            case ast.IfExp(body=body, orelse=orelse):
                return [*again(body), *again(orelse)]
            case ast.BoolOp(values=values):
                return [text for value in values for text in again(value)]
            case ast.Subscript(value=ast.Dict(keys=keys, values=values)):
                english = [
                    value for key, value in zip(keys, values, strict=True) if getattr(key, "value", None) != "de"
                ]
                return [text for value in english for text in again(value)]
            case ast.Call(func=ast.Name(id="in_number"), args=[_, words, *_]):
                return [_in_number(text, choice) for text in again(words) for choice in (r"\1", r"\2")]
            case ast.Call(func=ast.Attribute(value=inner, attr="strip"), args=[]):
                return again(inner)
            case ast.Call(func=ast.Attribute(value=ast.Dict(values=values), attr="get")):
                return [text for value in values for text in again(value)]
            case ast.Call(func=ast.Name(id=name)):
                known = self._functions.get(name, [])
                function, home = next(
                    (each for each in known if each[1] is module), known[0] if len(known) == 1 else (None, module)
                )
                returned = [n.value for n in ast.walk(function) if isinstance(n, ast.Return)] if function else []
                return [text for value in returned if value for text in self.texts(value, function, home, depth + 1)]
            case ast.Name(id=name):
                for place in (scope, module, *(self.modules if name.isupper() else ())):
                    if found := [text for value in _values(name, place) for text in again(value)]:
                        return found
        return []


def _nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """All below a function; of a module what stands outside of functions."""
    for child in ast.iter_child_nodes(scope):
        if not (
            isinstance(scope, ast.Module | ast.ClassDef) and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        ):
            yield child
            yield from _nodes(child)


def _said(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions in `node` whose text goes to the panel."""
    if isinstance(node, ast.Call):
        places = SAID.get(ast.unparse(node.func).rpartition(".")[2], ())
        yield from (arg for place, arg in enumerate(node.args) if place in places)
        yield from (keyword.value for keyword in node.keywords if keyword.arg in places)
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("publish", "_on_change")):
        for told in [each for arg in node.args for each in ast.walk(arg) if isinstance(each, ast.Dict)]:
            keys = [key.value if isinstance(key, ast.Constant) else None for key in told.keys]
            yield from (value for key, value in zip(keys, told.values, strict=True) if key in ("sentence", "text"))
    if isinstance(node, ast.Assign | ast.AugAssign):
        target = node.target if isinstance(node, ast.AugAssign) else node.targets[0]
        added = isinstance(node, ast.AugAssign) and ast.unparse(target) == "sentence"
        if added or (isinstance(target, ast.Name) and target.id in NAMED):
            yield node.value
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
        for target, value in zip(node.targets[0].elts, node.value.elts, strict=True):
            if isinstance(target, ast.Attribute) and target.attr == "note":
                yield value


def _values(name: str, place: ast.AST) -> list[ast.expr]:
    """What is assigned to a name; what is added to it afterwards is collected by itself."""

    def is_it(target: ast.expr) -> bool:
        return isinstance(target, ast.Name) and target.id == name

    nodes = list(_nodes(place))
    given = [n.value for n in nodes if isinstance(n, ast.Assign) and any(map(is_it, n.targets))]
    for n in nodes:
        if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Tuple) and isinstance(n.value, ast.Tuple):
            given += [value for target, value in zip(n.targets[0].elts, n.value.elts, strict=True) if is_it(target)]
    return given


def _in_number(text: str, choice: str) -> str:
    return re.sub(r"\{\w+\}", PLACE, re.sub(r"\[([^]|]*)\|([^]|]*)\]", choice, text))


def _joined(parts: list[list[str]]) -> list[str]:
    return ["".join(choice) for choice in product(*parts)]


def _numbered(text: str) -> str:
    parts = text.strip(" \n").split(PLACE)
    return parts[0] + "".join(f"%{number}{part}" for number, part in enumerate(parts[1:], start=1))


def in_both_languages() -> dict[str, str]:
    """English -> German of what the package says in both: names of findings and confounders, questions, refusals."""
    both = dict(NOUNS)
    for term in [*TARGETS, *CONFOUNDERS, *SKIN_LESION_CLASSES, *MODALITIES]:
        names = {
            plain_name(term.id),
            class_words(term.id),
            term.name,
            plural(term.name),
            plural(plain_name(term.id)),
            term.many,
        }
        both |= {name.lower(): term.german for name in names}
    for texts in TEXTS.values():
        (reason, instead), (grund, stattdessen) = texts["en"], texts["de"]
        both |= {reason: grund, **dict(zip(instead, stattdessen, strict=True))}
    for asked in questions.TEXTS:
        both |= _pairs(asked["en"], asked["de"])
    return dict(sorted(both.items()))


def _pairs(english: Any, german: Any) -> dict[str, str]:
    """The texts of one question and of its options, {names} as %1, %2, ... in the order in which the English has them."""
    if not isinstance(english, str):
        (text, options), (german_text, german_options) = english, german
        pairs = {text: german_text, **{options[value]: german_options[value] for value in options}}
        return {key: value for each in pairs.items() for key, value in _pairs(*each).items()}
    names = re.findall(r"\{(\w+)\}", english)
    for number, name in enumerate(names, start=1):
        english = english.replace(f"{{{name}}}", f"%{number}", 1)
        german = german.replace(f"{{{name}}}", f"%{number}")
    return {english.strip(): german.strip()}


def main() -> None:
    """Write both files."""
    for name, value in (("server", server_sentences()), ("terms", in_both_languages())):
        (LOCALE / f"{name}.json").write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
