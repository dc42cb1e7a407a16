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
from clinjup.notebook.executor import DIED, RESTARTED
from clinjup.notebook.tabs import SECOND_TAB, SHARED
from clinjup.notebook.user_changes import BROUGHT_BACK, TAKEN_BACK
from clinjup.notebook.user_changes import SENTENCES as USER_CHANGES
from clinjup.nouns import class_words, plain_name, plural
from clinjup.recipes import recipes
from clinjup.reporting.cautions import NO_FIGURES
from clinjup.run_folder import KILLED
from clinjup.server import mcp_port
from clinjup.server.problems import KNOWN

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
    "Reliance": (1,),
    "RecordFinding": ("sentence",),
    "Finish": ("sentence",),
    "finish": (1,),
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
    "balancing": "Ausgleichen",
    "drawing rare classes more often": "häufigerem Ziehen seltener Klassen",
    "film": "Aufnahme",
    "films": "Aufnahmen",
    "fitting the last layer anew": "neuer Anpassung der letzten Schicht",
    "group-robust training": "gruppenrobustem Training",
    "images": "Bilder",
    "learning where it lies": "Lernen des Ortes",
    "balancing by insertion": "Ausgleichen durch Einzeichnen",
    "training twice": "Training in zwei Durchgängen",
    "training with inserted objects": "Training mit eingezeichneten Objekten",
    "training with objects taken out": "Training mit herausgenommenen Objekten",
    "false alarms": "die Fehlalarme",
    "false alarms on validation": "die Fehlalarme auf den Validierungsdaten",
    "fewer than 1": "weniger als 1",
    "more than 99": "mehr als 99",
    "them": "sie",
    "this share": "diesen Anteil",
    "border only": "nur der Rand",
    "case": "Fall",
    "class": "Klasse",
    "corners only": "nur die Ecken",
    "image": "Bild",
    "lesion": "Läsion",
    "negative": "negativ",
    "no": "keine",
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
# All that these functions, and the verdict's modules, can say.
SAYING = frozenset({"opening_words", "false_alarm_words", "_again", "shift_figures", "out_of_100"})
SAYING |= {"_sources", "_why_refused", "_refusal", "_trial_words", "_expected"}
VERDICT = ("reporting/verdict.py", "reporting/worth.py")
REPORTING = (*VERDICT, *(f"reporting/{name}.py" for name in ("cautions", "journal", "reliance", "subject")))
# What the verdict puts together from several pieces: what an inserted confounder did to the false alarms, ...
_RAISED, _LOWERED, _SAME = (
    "raised {} from {} to {}",
    "lowered {} from {} to {}",
    "did not measurably change {}: {} before, {} after{}",
)
_UNLIKE = ((_RAISED, _LOWERED), (_RAISED, _SAME), (_LOWERED, _RAISED), (_LOWERED, _SAME))
_LEADS = ("; after {}, ", "; with {}, ")
_PIECES = (
    "A cell of {} was deleted or changed. The step is done again, in its place{}.",
    "A cell of {} does not run in the new kernel. The step is done again, in its place{}.",
    ", and so are {}",
    "One cell of the run was",
    "{} cells of the run were",
    ", and {} above put back as the run had left it",
    ", and {} above put back as the run had left them",
    *(f"Inserting {{}} {alarms}." for alarms in (_RAISED, _LOWERED, _SAME)),
    *(f"Inserting {{}} {first}{lead}it {then}." for first, then in _UNLIKE for lead in _LEADS),
    *(f"{lead}it {alarms}" for lead in _LEADS for alarms in (_RAISED, _LOWERED, _SAME)),
    *(f"{lead}{figures}" for lead in _LEADS for figures in ("from {} to {}", "{} before, {} after{}", "{}")),
    "{} ({} each)",
    "({} each)",
    "{} (95 % CI {})",
    "(95 % CI {})",
    "{} (validation; {})",
    "Of the {} it finds {}.",
    "The model leans strongly on the {}.",
    "Not known whether the model leans on the {}.",
    "It cannot be told whether the model leans on the {}.",
    # ... and which confounders nothing could examine.
    *(
        f"{lead} {{}} {was} named and not examined, because the data do not say in a readable form which {{}}s show {it}, and no method "
        f"here can draw {it} into one."
        for lead in ("The", "No confounder could be examined; the")
        for was, it in (("was", "it"), ("were", "them"))
    ),
)
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
    said |= {
        SECOND_TAB,
        SHARED,
        NO_COHORT,
        KILLED,
        DIED,
        RESTARTED,
        mcp_port.SENTENCE,
        NO_FIGURES,
        BROUGHT_BACK,
        TAKEN_BACK,
        *USER_CHANGES.values(),
    }
    said |= {_numbered(f"{gone.rstrip('.')} ({PLACE}).") for gone in (DIED, RESTARTED)}  # CellError.sentence
    said |= {f"Drawing synthetic {example.images}" for example in EXAMPLES.values()}
    said |= {recipe.explains for recipe in recipes().values()}
    said |= set(METRICS.values())
    names = sorted(file.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("*.py"))
    names = [name for name in names if name in REPORTING or not name.startswith(LEFT_OUT)]
    collector = _Collector({name: ast.parse((PACKAGE / name).read_text(encoding="utf-8")) for name in names})
    collector.collect()
    said |= collector.found
    said -= {"Inserting %1 %2%3.", "Of the %1 it finds %2%3."}  # put together of _PIECES
    said = {text for text in said if len(re.findall(r"[A-Za-z]", re.sub(r"%\d+", "", text))) >= 4}
    return sorted(said | {_numbered(piece.replace("{}", PLACE)) for piece in _PIECES})


class _Collector:
    """What the expressions of the package can say, with PLACE where something is filled in."""

    def __init__(self, modules: dict[str, ast.Module]) -> None:
        self.named = modules
        self.modules, self.found = list(modules.values()), set[str]()
        modules = self.modules
        defined = [(node, module) for module in modules for node in module.body if isinstance(node, ast.FunctionDef)]
        self._functions: dict[str, list[tuple[ast.FunctionDef, ast.Module]]] = {}
        for function, module in defined:
            self._functions.setdefault(function.name, []).append((function, module))

    def collect(self) -> None:
        for name, module in self.named.items():
            functions = [n for n in ast.walk(module) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
            for scope in [module, *functions]:
                says_all = name in VERDICT or getattr(scope, "name", "") in SAYING
                for value in [
                    *(each for node in _nodes(scope) for each in _said(node)),
                    *(_words(scope) if says_all else ()),
                ]:
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
                returned = [n.value for n in _nodes(function) if isinstance(n, ast.Return)] if function else []
                return [text for value in returned if value for text in self.texts(value, function, home, depth + 1)]
            case ast.Name(id=name):
                for place in (scope, module, *(self.modules if name.isupper() else ())):
                    if found := [text for value in _values(name, place) for text in again(value)]:
                        return found
        return []


def _nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """All below a function, but for what it says in German; of a module what stands outside of functions."""
    german = isinstance(scope, ast.If) and ast.unparse(scope.test) == "language == 'de'"
    for child in scope.orelse if german else ast.iter_child_nodes(scope):
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


def _words(scope: ast.AST) -> Iterator[ast.expr]:
    """The texts of more than one word in a function or module, without its docstrings."""
    for node in ast.iter_child_nodes(scope):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip()
        if isinstance(node, ast.JoinedStr) or is_text:
            yield node
        elif not isinstance(node, ast.Expr | ast.FunctionDef):
            yield from _words(node)


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
