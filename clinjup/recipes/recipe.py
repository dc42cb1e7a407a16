"""Reading a recipe file and filling in its parameters."""

from __future__ import annotations

import ast
import pprint
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from string import Template
from typing import Any

_IF_ASKED_FOR = "  # if asked for"
_CELL = re.compile(r"^# %%(?P<kind>.*)$", re.MULTILINE)


@dataclass(frozen=True)
class RenderedRecipe:
    markdown: str
    code: str


@dataclass(frozen=True)
class Recipe:
    """One recipe: metadata, a markdown cell, the parameters with their defaults, the code."""

    id: str
    title: str
    explains: str
    markdown: str
    parameters: str
    code: str

    @property
    def defaults(self) -> dict[str, Any]:
        """Parameter name -> default value."""
        return {name: ast.literal_eval(value) for name, value in _assignments(self.parameters)}

    def render(self, parameters: dict[str, Any], **words: str) -> RenderedRecipe:
        """Fill in the parameter block; `words` fill the `$name` places of the markdown cell.

        A parameter whose comment begins with "if asked for" stands in the cell only where it is given: without it, each line of the
        code that names it is left out.

        Raises ValueError for a parameter that the recipe does not have.
        """
        unknown = sorted(set(parameters) - set(self.defaults))
        if unknown:
            raise ValueError(f"The recipe '{self.id}' has no parameter {', '.join(unknown)}.")
        lines, body = [], self.code
        for name, value in _assignments(self.parameters):
            comment = _comment(self.parameters, name)
            if name not in parameters and comment.startswith(_IF_ASKED_FOR):
                body = "\n".join(line for line in body.split("\n") if not re.search(rf"\b{name}\b", line))
                continue
            literal = _literal(name, parameters[name]) if name in parameters else f"{name} = {value}"
            lines.append(f"{literal}{comment}" if "\n" not in literal else f"{comment.strip()}\n{literal}".lstrip())
        code = "\n".join(lines) + ("\n\n" if lines else "") + body
        strings = {name.lower(): str(value) for name, value in {**self.defaults, **parameters}.items()}
        return RenderedRecipe(Template(self.markdown).safe_substitute({**strings, **words}), code)


@cache
def recipes() -> dict[str, Recipe]:
    """All recipes of the package, by id."""
    files = sorted(resources.files("clinjup.recipes").joinpath("cells").iterdir(), key=lambda file: file.name)
    found = [parse_recipe(file.read_text(encoding="utf-8")) for file in files if file.name.endswith(".py")]
    return {item.id: item for item in found}


def recipe(recipe_id: str) -> Recipe:
    """The recipe with this id. Raises KeyError with the ids that exist."""
    known = recipes()
    if recipe_id not in known:
        raise KeyError(f"There is no recipe '{recipe_id}'. There are: {', '.join(known)}.")
    return known[recipe_id]


def parse_recipe(text: str) -> Recipe:
    """Parse one file of cells/."""
    marks = list(_CELL.finditer(text))
    header = dict(re.findall(r"^# (id|title|explains): (.+)$", text[: marks[0].start()], re.MULTILINE))
    cells: dict[str, str] = {}
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        body = text[mark.end() : following.start() if following else None].strip("\n")
        cells[mark["kind"].strip() or "code"] = body
    markdown = "\n".join(re.sub(r"^# ?", "", line) for line in cells["[markdown]"].splitlines())
    return Recipe(**header, markdown=markdown, parameters=cells.get("parameters", ""), code=cells["code"])


def _assignments(parameters: str) -> list[tuple[str, str]]:
    return [
        (node.targets[0].id, ast.unparse(node.value))
        for node in ast.parse(parameters).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    ]


def _comment(parameters: str, name: str) -> str:
    found = re.search(rf"^{name} = .*?(  # .*)$", parameters, re.MULTILINE)
    return found[1] if found else ""


def _literal(name: str, value: Any) -> str:
    text = pprint.pformat(value, width=110, sort_dicts=False)
    if "\n" not in text and len(text) < 100:
        return f"{name} = {text}"
    if not isinstance(value, dict):
        return f"{name} = {text}"
    inner = "".join(f"    {key!r}: {item!r},\n" for key, item in value.items())
    return f"{name} = {{\n{inner}}}"
