"""From the names of a cell to the dotted names of what they stand for: `o.system` is `os.system` after `import os as o`."""

from __future__ import annotations

import ast
import builtins

from clinjup.agent.policy.modules import CARRIED
from clinjup.agent.words import words

_BUILTINS = frozenset(dir(builtins))
# Giving one of these names a new meaning somewhere in a cell does not make its other uses harmless.
_ALWAYS = words("eval exec compile __import__ open getattr setattr delattr globals locals vars")


class Names:
    """Imported names and their aliases, kept from cell to cell. A name that stood for a module once is taken for it always."""

    def __init__(self) -> None:
        self._imported: dict[str, str] = {}
        self._assigned: set[str] = set()

    def copy(self) -> Names:
        twin = Names()
        twin._imported, twin._assigned = dict(self._imported), set(self._assigned)
        return twin

    def imported(self, statement: ast.Import | ast.ImportFrom) -> list[str]:
        """Note an import; returns the dotted names that it brings in."""
        brought = []
        for alias in statement.names:
            if isinstance(statement, ast.Import):
                self._imported[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
                brought.append(alias.name)
            else:
                module = "." * statement.level + (statement.module or "")
                self._imported[alias.asname or alias.name] = f"{module}.{alias.name}"
                brought.append(module if alias.name == "*" else f"{module}.{alias.name}")
        return brought

    def assigned(self, name: str, value: ast.AST | None) -> None:
        """Note an assignment: an alias of something imported stays that thing, anything else is a name of the cell's own."""
        meant = self.dotted(value) if value is not None else None
        if meant is not None:
            self._imported[name] = meant
        else:
            self._assigned.add(name)

    def is_own(self, name: str) -> bool:
        """Whether a cell gave this name a value."""
        return name in self._assigned or name in self._imported

    def dotted(self, node: ast.AST) -> str | None:
        """The dotted name that `node` stands for, None when it is a value of the cell's own."""
        if isinstance(node, ast.Name):
            if node.id in self._imported:
                return _without_carrier(self._imported[node.id])
            own = node.id in self._assigned and node.id not in _ALWAYS
            return node.id if node.id in _BUILTINS and not own else None
        if isinstance(node, ast.Attribute):
            owner = self.dotted(node.value)
            return _without_carrier(f"{owner}.{node.attr}") if owner is not None else None
        if isinstance(node, ast.Call) and self.dotted(node.func) == "getattr" and len(node.args) >= 2:
            name = node.args[1]
            owner = self.dotted(node.args[0])
            if owner is not None and isinstance(name, ast.Constant) and isinstance(name.value, str):
                return _without_carrier(f"{owner}.{name.value}")
        return None


def _without_carrier(name: str) -> str:
    """'pathlib.os.system' and 'random._os.system' are 'os.system'."""
    parts = name.split(".")
    for place in range(len(parts) - 1, 0, -1):
        plain = parts[place].lstrip("_")
        if plain in CARRIED and parts[place - 1] not in {"clinjup", "skimage", "torchvision", "pandas", "scipy"}:
            return ".".join([plain, *parts[place + 1 :]])
    return name
