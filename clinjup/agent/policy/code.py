"""May this code run? An AST verdict: it explains, classifies and gates; it is no containment (that is the sandbox)."""

from __future__ import annotations

import ast
import re

from clinjup.agent.policy.files import DELETERS, Touch, Use, touches
from clinjup.agent.policy.modules import concern_about, concern_about_import
from clinjup.agent.policy.names import Names
from clinjup.agent.policy.places import Place, Places
from clinjup.agent.policy.strings import MACHINERY, concerns_in_text, forged_result, machinery, remote_picture, short
from clinjup.agent.policy.texts import Texts
from clinjup.agent.policy.verdict import Concern, Decision
from clinjup.agent.words import words

MAX_CHARACTERS = 20_000

# IPython runs a one-line cell that begins with one of these as a shell command, although it may be valid Python:
# 'rm -f /data' deletes a folder.
_SHELL_WORDS = words(
    "rm mv cp cat ls ll lf lk ldir lx mkdir rmdir cd pip conda mamba micromamba uv system sx sc run load loadpy edit man less "
    "more page pfile writefile bash sh script env set_env alias macro store quit exit"
)
_FILE_MODULES = frozenset({"os", "shutil"})
_BUFFERS = frozenset({"io.BytesIO", "io.StringIO", "open", "gzip.open"})
_OPEN_SETTINGS = (
    "pandas.options",
    "matplotlib.rcParams",
    "torch.backends",
    "PIL.ImageFile",
    "PIL.Image.MAX_IMAGE_PIXELS",
)

_PLACES = {
    (Use.READ, Place.OUTSIDE): (Decision.DENY, "reads '{path}', which belongs neither to the data nor to this run"),
    (Use.WRITE, Place.OUTSIDE): (Decision.DENY, "writes to '{path}', outside of the run folder"),
    (Use.DELETE, Place.OUTSIDE): (Decision.DENY, "deletes '{path}', outside of the run folder"),
    (Use.WRITE, Place.DATA): (
        Decision.DENY,
        "writes into the source data, which are only read. Write under cache/ instead",
    ),
    (Use.DELETE, Place.DATA): (Decision.DENY, "deletes source data, which are only read"),
    (Use.WRITE, Place.OWNED): (Decision.DENY, "writes to '{path}', which only clinjup itself writes"),
    (Use.DELETE, Place.OWNED): (Decision.DENY, "deletes '{path}', a record of this run"),
    (Use.DELETE, Place.RUN): (
        Decision.ASK,
        "deletes '{path}' from this run, and nothing of a run is thrown away unasked",
    ),
    (Use.READ, Place.NETWORK): (Decision.ASK, "fetches something from the network"),
    (Use.WRITE, Place.NETWORK): (Decision.ASK, "sends something to the network"),
    (Use.DELETE, Place.NETWORK): (Decision.ASK, "deletes something on the network"),
}


class CodeReader(ast.NodeVisitor):
    """Reads one cell. `names` and `texts` carry over from cell to cell and are brought up to date."""

    def __init__(self, places: Places, names: Names, texts: Texts) -> None:
        self.concerns: list[Concern] = []
        self._places = places
        self._names = names
        self._texts = texts
        self._called: set[int] = set()
        self._handles: set[str] = set()

    def read(self, tree: ast.Module) -> list[Concern]:
        self.visit(tree)
        return self.concerns

    # ---------------------------------------------------------------------------------------------- names and values

    def visit_Import(self, node: ast.Import) -> None:
        for module in self._names.imported(node):
            self._add(concern_about_import(module, node.lineno))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for name in self._names.imported(node):
            self._add(concern_about_import(name, node.lineno))
            self._add(forged_result(name, node.lineno))
            if any(alias.name == "*" for alias in node.names):
                self._add(forged_result(f"{name}.FINDING_MIME", node.lineno))
                if name in _FILE_MODULES:
                    self._machinery(f"from {name} import *", node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._bind(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self._bind(node.target, node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        self._bind(node.target, ast.BinOp(left=_loaded(node.target), op=node.op, right=node.value))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self._bind(node.target, node.value)

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        self._bind(node.target, node.iter)
        for statement in [*node.body, *node.orelse]:
            self.visit(statement)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self.visit(node.iter)
        self._bind(node.target, node.iter)
        for condition in node.ifs:
            self.visit(condition)

    def _visit_comprehension_of(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        for generator in node.generators:
            self.visit(generator)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self.visit(part)

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _visit_comprehension_of

    def visit_withitem(self, node: ast.withitem) -> None:
        self.visit(node.context_expr)
        if node.optional_vars is not None:
            self._bind(node.optional_vars, ast.Constant(value=None))
            self._handles.update(part.id for part in ast.walk(node.optional_vars) if isinstance(part, ast.Name))

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._names.assigned(node.name, None)
        self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._names.assigned(node.name, None)
        self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> None:
        self._names.assigned(node.arg, None)

    def _bind(self, target: ast.AST, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self._names.assigned(target.id, value)
            self._texts.assign(target.id, value)
            if isinstance(value, ast.Call) and self._names.dotted(value.func) in _BUFFERS:
                self._handles.add(target.id)
        elif isinstance(target, (ast.Tuple, ast.List)):
            items = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
            for number, item in enumerate(target.elts):
                self._bind(item, items[number] if len(items) == len(target.elts) else value)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, value)
        else:
            self._replaces(self._names.dotted(target), target)
            self.visit(target)

    def _replaces(self, name: str | None, target: ast.AST) -> None:
        """An attribute of something imported gets a new value."""
        if name is None or name.startswith(_OPEN_SETTINGS):
            return
        if name.startswith("clinjup"):
            sentence = f"It replaces '{name}', a part of clinjup that the figures of this run rest on."
            self._ask("replaced_function", sentence, target, Decision.DENY)
        else:
            self._ask("replaced_function", f"It replaces '{name}' for everything that runs after it.", target)

    # ------------------------------------------------------------------------------------------------- expressions

    def visit_Name(self, node: ast.Name) -> None:
        name = self._names.dotted(node)
        if name is None and node.id in {"get_ipython", "__builtins__", "__loader__", "__spec__"}:
            name = node.id
        if name in _FILE_MODULES:
            self._machinery(f"{name} as a value", node)
        self._named(name, node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in MACHINERY:
            self._machinery(node.attr, node)
        name = self._names.dotted(node)
        if name is None:
            self.visit(node.value)
        else:
            self._named(name, node)

    def _named(self, name: str | None, node: ast.AST) -> None:
        if name is None:
            return
        self._add(concern_about(name, getattr(node, "lineno", 0)))
        self._add(forged_result(name, getattr(node, "lineno", 0)))
        if name in DELETERS and id(node) not in self._called:
            self._ask("deletes", f"'{name}' deletes files that cannot be told from the code.", node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.concerns += concerns_in_text(node.value, self._places, node.lineno)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        text = "{}".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        self.concerns += concerns_in_text(text, self._places, node.lineno)
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        """A bare string explains; it may hold an address. A bare shell word is a command."""
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return
        head: ast.AST = node.value
        while isinstance(head, (ast.BinOp, ast.Compare, ast.Attribute, ast.Subscript)):
            head = head.left if isinstance(head, (ast.BinOp, ast.Compare)) else head.value
        if isinstance(head, ast.Name) and head.id in _SHELL_WORDS and not self._names.is_own(head.id):
            sentence = (
                f"A line that begins with '{head.id}' is taken for a shell command, which can start other programs."
            )
            self._ask("notebook_command", sentence, node)
        self.visit(node.value)

    # ------------------------------------------------------------------------------------------------------- calls

    def visit_Call(self, node: ast.Call) -> None:
        name = self._names.dotted(node.func) or ""
        self._called.add(id(node.func))
        self._special_calls(node, name)
        self._named(self._names.dotted(node), node)  # getattr(os, "system") is os.system
        is_path = isinstance(node.func, ast.Attribute) and self._texts.is_path(node.func.value)
        for touch in touches(node, name, is_path):
            self._touched(touch, node)
        self.generic_visit(node)

    def _special_calls(self, node: ast.Call, name: str) -> None:
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        if (
            name in {"getattr", "setattr", "delattr"}
            and len(node.args) > 1
            and not isinstance(node.args[1], ast.Constant)
        ):
            self._ask(
                "dynamic_code", f"'{name}' with a name made up while the code runs cannot be read beforehand.", node
            )
        if name in {"setattr", "delattr"} and node.args and (owner := self._names.dotted(node.args[0])) is not None:
            self._replaces(f"{owner}.*", node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in {"query", "eval"} and node.args and not name:
            texts = self._texts.all(node.args[0])
            if any(text is None or not text[1] or re.search(r"@\w+\s*[.(\[]", text[0]) for text in texts):
                sentence = (
                    f"'.{node.func.attr}' with an expression that cannot be told from the code can run any function."
                )
                self._ask("dynamic_code", sentence, node)
        if name == "torch.load" and not _is_true(keywords.get("weights_only")):
            self._ask(
                "unpickling", "'torch.load' without weights_only=True can run any code when the file is opened.", node
            )
        if name == "numpy.load" and "allow_pickle" in keywords:
            self._ask("unpickling", "'numpy.load' with allow_pickle can run any code when the file is opened.", node)
        if name.startswith("IPython.display.") and "url" in keywords:
            self._add(remote_picture(node.lineno))
        if name == "timm.create_model" and "pretrained" in keywords and not _is_false(keywords["pretrained"]):
            self._ask("network", "It fetches pretrained weights from the network.", node)
        if _is_true(keywords.get("download")):
            self._ask("network", "It downloads data from the network.", node)
        if name in {"globals", "locals", "vars"} and not node.args:
            self._machinery(name, node)
        if name in {"IPython.display.HTML", "IPython.display.Markdown", "IPython.display.SVG"} and any(
            text is None for argument in node.args for text in self._texts.all(argument)
        ):
            self._ask(
                "web_page",
                "It shows a web page that is put together while it runs. Show figures and tables instead.",
                node,
            )

    def _touched(self, touch: Touch, node: ast.Call) -> None:
        for text in self._texts.all(touch.path):
            if text is None:
                handle = isinstance(touch.path, ast.Name) and touch.path.id in self._handles
                if touch.use is not Use.READ and touch.certain and not handle:
                    verb = "writes to" if touch.use is Use.WRITE else "deletes"
                    self._ask(f"{touch.use}s", f"It {verb} a file that cannot be told from the code.", node)
                continue
            known = _PLACES.get((touch.use, self._places.of(text[0] or ".")))
            if known is not None:
                decision, sentence = known
                hazard = decision is Decision.ASK
                words = f"It {sentence.format(path=short(text[0]))}."
                self._add(Concern(f"{touch.use}s", decision, words, node.lineno, hazard))

    # ----------------------------------------------------------------------------------------------------- concerns

    def visit_Compare(self, node: ast.Compare) -> None:
        """`"models" in globals()` only looks."""
        for part in [node.left, *node.comparators]:
            bare = isinstance(part, ast.Call) and self._names.dotted(part.func) in {"globals", "locals"}
            if not (bare and all(isinstance(operator, (ast.In, ast.NotIn)) for operator in node.ops)):
                self.visit(part)

    def _machinery(self, name: str, node: ast.AST) -> None:
        self._add(machinery(name, getattr(node, "lineno", 0)))

    def _ask(self, code: str, sentence: str, node: ast.AST, decision: Decision = Decision.ASK) -> None:
        self._add(Concern(code, decision, sentence, getattr(node, "lineno", 0), hazard=True))

    def _add(self, concern: Concern | None) -> None:
        if concern is not None:
            self.concerns.append(concern)


def _loaded(target: ast.expr) -> ast.expr:
    return ast.Name(id=target.id, ctx=ast.Load()) if isinstance(target, ast.Name) else target


def _is_true(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _is_false(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value in {False, None}
