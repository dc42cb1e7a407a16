"""The text that an expression stands for, as far as it can be told without running it.

A value is `(text, exact)`: with `exact` False only the beginning is known. `None` stands for "cannot be told".
"""

from __future__ import annotations

import ast
from collections.abc import Callable

Text = tuple[str, bool]
Dotted = Callable[[ast.AST], str | None]

_SAME = {"resolve", "absolute", "as_posix", "expanduser", "__fspath__", "strip", "rstrip"}
_CHANGES_END = {"with_suffix", "with_name", "with_stem"}
_LISTS = {"glob", "rglob", "iterdir", "listdir", "scandir", "walk", "iglob"}
_PATHS = {"pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "pathlib.PurePosixPath", "pathlib.WindowsPath"}
_WRAPS = {
    "str",
    "os.fspath",
    "os.path.abspath",
    "os.path.realpath",
    "os.path.normpath",
    "os.path.expanduser",
    "sorted",
    "list",
    "iter",
    "enumerate",
    "tqdm.tqdm",
}


class Texts:
    """Names and the texts they may stand for, kept from cell to cell; `dotted` resolves imported names."""

    def __init__(self, dotted: Dotted, data: str) -> None:
        self._dotted = dotted
        self._data = data
        self._names: dict[str, list[Text | None]] = {"DATA": [(data, True)]} if data else {}
        self._paths: set[str] = set()

    def copy(self, dotted: Dotted) -> Texts:
        twin = Texts(dotted, self._data)
        twin._names = {name: list(values) for name, values in self._names.items()}
        twin._paths = set(self._paths)
        return twin

    def assign(self, name: str, value: ast.expr) -> None:
        """Note one of the values that `name` may have."""
        found = self.all(value)
        known = self._names.setdefault(name, [])
        known += [text for text in found if text not in known][: 16 - len(known)]
        if self.is_path(value):
            self._paths.add(name)

    def is_path(self, node: ast.AST) -> bool:
        """Whether `node` is a pathlib path, or a listing of them."""
        if isinstance(node, ast.Name):
            return node.id in self._paths
        if isinstance(node, ast.BinOp):
            return isinstance(node.op, ast.Div) and (self.is_path(node.left) or self.is_path(node.right))
        if isinstance(node, ast.Attribute):
            return node.attr in {"parent", "parents"} and self.is_path(node.value)
        if not isinstance(node, ast.Call):
            return False
        name = self._dotted(node.func) or ""
        if name in _PATHS or name.startswith("pathlib.Path."):
            return True
        if name in _WRAPS - {"str", "os.fspath"} and node.args:
            return self.is_path(node.args[0])
        methods = _SAME | _CHANGES_END | _LISTS | {"joinpath"}
        return isinstance(node.func, ast.Attribute) and node.func.attr in methods and self.is_path(node.func.value)

    def all(self, node: ast.AST) -> list[Text | None]:
        """Every text that `node` may stand for; `None` in the list for what cannot be told."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id, [None])
        if isinstance(node, ast.IfExp):
            return self.all(node.body) + self.all(node.orelse)
        if isinstance(node, ast.BoolOp):
            return [text for value in node.values for text in self.all(value)]
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            return [text for item in node.elts for text in self.all(item)]
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Div)):
            return [
                _join(left, right, "/" if isinstance(node.op, ast.Div) else "")
                for left in self.all(node.left)
                for right in self.all(node.right)
            ][:16]
        return [self._one(node)]

    def _one(self, node: ast.AST) -> Text | None:
        if isinstance(node, ast.Constant):
            return (node.value, True) if isinstance(node.value, str) else None
        if isinstance(node, ast.JoinedStr):
            return self._formatted(node)
        if isinstance(node, ast.Subscript):
            return self._row_path(node.slice.value if isinstance(node.slice, ast.Constant) else None, node.value)
        if isinstance(node, ast.Attribute):
            if node.attr == "parent" or node.attr == "parents":
                return _join(self._first(node.value), ("..", True), "/")
            return self._row_path(node.attr, node.value)
        return self._called(node) if isinstance(node, ast.Call) else None

    def _first(self, node: ast.AST) -> Text | None:
        return next((text for text in self.all(node) if text is not None), None)

    def _row_path(self, name: object, owner: ast.AST) -> Text | None:
        """The cohort's column `path` holds files of the data folder."""
        if name == "path" and self._data and self._dotted(owner) is None:
            return f"{self._data}/", False
        return self._first(owner) if isinstance(owner, (ast.Call, ast.Name)) and isinstance(name, int) else None

    def _formatted(self, node: ast.JoinedStr) -> Text | None:
        text: Text = ("", True)
        for part in node.values:
            value = self._first(part.value if isinstance(part, ast.FormattedValue) else part)
            joined = _join(text, value, "")
            if joined is None:
                return (text[0], False) if text[0] else None
            text = joined
            if not text[1]:
                break
        return text

    def _called(self, node: ast.Call) -> Text | None:
        name = self._dotted(node.func) or ""
        first = self._first(node.args[0]) if node.args else None
        if name in _PATHS or name == "os.path.join":
            text: Text | None = first if node.args else (".", True)
            for argument in node.args[1:]:
                text = _join(text, self._first(argument), "/")
            return text
        if name == "pathlib.Path.home":
            return "~", True
        if name in {"pathlib.Path.cwd", "os.getcwd"}:
            return ".", True
        if name in _WRAPS:
            return first
        if name.rpartition(".")[2] in _LISTS and name.startswith(("os.", "glob.")):
            return _open_ended(first)
        if not isinstance(node.func, ast.Attribute):
            return None
        owner = self._first(node.func.value)
        method = node.func.attr
        if method in _SAME:
            return owner
        if method == "joinpath":
            for argument in node.args:
                owner = _join(owner, self._first(argument), "/")
            return owner
        if method in _CHANGES_END or method == "format":
            return _open_ended((owner[0].partition("{")[0], True)) if owner else None
        return _open_ended(owner, "/") if method in _LISTS else None


def _join(left: Text | None, right: Text | None, between: str) -> Text | None:
    if left is None or not left[1]:
        return left
    if right is None:
        # os.path.join and Path go to an absolute right side; what is known is the left one.
        return left[0] + between, False
    if between and right[0].startswith(("/", "~")):
        return right
    return left[0] + between + right[0], right[1]


def _open_ended(text: Text | None, end: str = "") -> Text | None:
    return (text[0].partition("*")[0] + end, False) if text else None
