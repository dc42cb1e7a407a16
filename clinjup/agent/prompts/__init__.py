"""The words that the model is given. Each prompt is one file; change the version when you change a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from string import Template

from clinjup.recipes import Recipe, recipes

PROMPT_VERSION = "2"

# Paths, names and values of the data: no model needs to see or set them.
FILLED_IN = frozenset({"DATA", "LAYOUT", "TARGET", "TARGET_NAME", "COLUMNS", "EXCLUDE"})


@cache
def system_prompt() -> str:
    """The system prompt with the catalogue of all recipes; the same text for the whole run."""
    return Template(_read("system.md")).substitute(catalogue=catalogue(), example=_indented(_read("example_cell.txt")))


def opening_prompt(**parts: str) -> str:
    """The first message: the request, the data, the draft of the plan, what has happened so far."""
    return Template(_read("opening.md")).substitute(parts).strip()


@cache
def tool_descriptions() -> dict[str, str]:
    """Tool name -> what it is for."""
    sections = re.split(r"^## (\w+)\n", _read("tools.md"), flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in zip(sections[1::2], sections[2::2], strict=True)}


@cache
def catalogue() -> str:
    """All recipes of the registry: id, purpose, parameters with defaults, words."""
    return "\n".join(_entry(recipe) for recipe in recipes().values())


def _entry(recipe: Recipe) -> str:
    lines = [f"## {recipe.id}", recipe.explains]
    for line in recipe.parameters.splitlines():
        name = line.partition(" = ")[0]
        lines.append(f"[{name}]" if name in FILLED_IN else line)
    words = missing_words(recipe, {})
    return "\n".join([*lines, f"words: {', '.join(words)}"] if words else lines)


def missing_words(recipe: Recipe, words: Iterable[str]) -> list[str]:
    """The places of a recipe's text that neither its parameters nor `words` fill."""
    return sorted(
        set(Template(recipe.markdown).get_identifiers()) - {name.lower() for name in recipe.defaults} - set(words)
    )


def _indented(code: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in code.strip().splitlines())


def _read(name: str) -> str:
    return resources.files("clinjup.agent.prompts").joinpath(name).read_text(encoding="utf-8")
