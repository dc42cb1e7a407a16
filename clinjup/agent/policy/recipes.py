"""Recipes are shipped code; what a planner fills into them may still lead astray: a path, a model on the network."""

from __future__ import annotations

import re
from typing import Any

from clinjup.agent.policy.places import Place, Places, is_absolute
from clinjup.agent.policy.verdict import Concern, Decision

# Lists of values as they stand in the data, which may look like anything.
_VALUES = frozenset({"positive", "negative", "present", "absent", "EXCLUDE"})
_NAME = re.compile(r"[\w][\w .+-]{0,80}")


def concerns_about_parameters(parameters: dict[str, Any], places: Places) -> list[Concern]:
    """What to say about the arguments of a recipe; nothing for the ones that our own planner fills in."""
    concerns = []
    for key, text in _strings(parameters):
        place = places.of(text)
        if key == "DATA" and place not in {Place.DATA, Place.RUN}:
            concerns.append(_deny("It reads from another folder than the data of this run."))
        elif key == "NAME" and not _NAME.fullmatch(text):
            concerns.append(_deny("The name of a model becomes a file name; use letters, digits, '_' and '-'."))
        elif key == "ARCHITECTURE" and (place is Place.NETWORK or re.match(r"(hf[-_]hub|local-dir)\s*:", text)):
            sentence = "It fetches a model that others uploaded, and such a file can run code when it is opened."
            concerns.append(Concern("network", Decision.ASK, sentence, hazard=True))
        elif key != "DATA" and _leads_out(text) and place not in {Place.DATA, Place.RUN}:
            concerns.append(_deny(f"It names '{text[:60]}', a place that belongs neither to the data nor to this run."))
    return concerns


def _leads_out(text: str) -> bool:
    return is_absolute(text) or ".." in re.split(r"[/\\:]", text)


def _strings(value: Any, key: str = "") -> list[tuple[str, str]]:
    """Strings with the name of the argument that they stand under, names of arguments included."""
    if isinstance(value, str):
        return [(key, value)]
    if isinstance(value, dict):
        return [found for name, item in value.items() if name not in _VALUES for found in _strings(item, str(name))]
    if isinstance(value, list):
        return [found for item in value for found in _strings(item, key)]
    return []


def _deny(sentence: str) -> Concern:
    return Concern("outside", Decision.DENY, sentence)
