"""The model's tools: the closed set of actions as strict JSON schemas, and the way back from a tool call to an action."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import Field, ValidationError

from clinjup.agent.prompts import tool_descriptions
from clinjup.contracts import (
    Action,
    AddMarkdown,
    AskClinician,
    Contract,
    Finish,
    Inspect,
    PlaceRecipe,
    RecordFinding,
    RunCell,
    StartExperiment,
)


class ProposedStep(Contract):
    """A step as the model proposes it."""

    id: str = Field(description="lower case, digits and underscores")
    title: str
    recipe: str | None = Field(description="id of a recipe; null for a cell of your own")
    parameters: dict[str, Any] = Field(default_factory=dict)
    words: dict[str, str] = Field(default_factory=dict)
    depends_on: list[str] = Field(default_factory=list)
    optional: bool = Field(False, description="may be left out when time runs short")


class ProposePlan(Contract):
    """Not an action: it changes the plan, and nothing in the notebook."""

    steps: list[ProposedStep]


ToolCall = ProposePlan | Action

_TOOLS: dict[str, type[Contract]] = {
    "propose_plan": ProposePlan,
    "add_markdown": AddMarkdown,
    "place_recipe": PlaceRecipe,
    "run_cell": RunCell,
    "inspect": Inspect,
    "ask_clinician": AskClinician,
    "record_finding": RecordFinding,
    "start_experiment": StartExperiment,
    "finish": Finish,
}


class ToolCallError(Exception):
    """A tool call that cannot be carried out. The sentence goes back to the model."""


@cache
def tool_definitions() -> tuple[dict[str, Any], ...]:
    """The tools as the Messages API wants them, always in the same order."""
    return tuple(
        {
            "name": name,
            "description": tool_descriptions()[name],
            "strict": True,
            "input_schema": _strict(model.model_json_schema()),
        }
        for name, model in _TOOLS.items()
    )


def read_call(name: str, arguments: dict[str, Any]) -> ToolCall:
    """The action that a tool call means. Raises ToolCallError with what is wrong, for the model to mend."""
    model = _TOOLS.get(name)
    if model is None:
        raise ToolCallError(f"There is no tool '{name}'. There are: {', '.join(_TOOLS)}.")
    try:
        return model.model_validate(_with_mappings(arguments, model))  # type: ignore[return-value]
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'input'}: {fault['msg']}" for fault in error.errors()[:5]]
        raise ToolCallError(f"The arguments of '{name}' do not fit: {'; '.join(faults)}.") from error


# Strict schemas know no free mappings, so they travel as lists of names and values.
_VALUE = {
    "anyOf": [
        {"type": "string"},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "null"},
        {"type": "array", "items": {"type": "string"}},
    ]
}


def _pairs(value: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "value": value},
            "required": ["name", "value"],
            "additionalProperties": False,
        },
    }


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    """The part of JSON Schema that strict tools know: closed objects, no defaults, no references, no lengths."""
    definitions = schema.get("$defs", {})

    def visit(node: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in node:
            return visit(definitions[node["$ref"].rsplit("/", 1)[1]])
        if "const" in node or "enum" in node:
            return {"type": "string", "enum": node.get("enum", [node.get("const")])}
        kept = {"description": node["description"]} if "description" in node and "properties" not in node else {}
        if "anyOf" in node:
            return {"anyOf": [visit(option) for option in node["anyOf"]], **kept}
        if node.get("type") == "array":
            return {"type": "array", "items": visit(node["items"]), **kept}
        if node.get("type") == "object" and "properties" not in node:
            words_only = node.get("additionalProperties") == {"type": "string"}
            return {**_pairs({"type": "string"} if words_only else _VALUE), **kept}
        if node.get("type") == "object":
            properties = {name: visit(value) for name, value in node["properties"].items() if name != "type"}
            required = [name for name in node.get("required", []) if name in properties]
            return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        return {"type": node["type"], **kept}

    return visit(schema)


def _with_mappings(value: Any, model: type[Contract]) -> Any:
    """`arguments` with names and values made mappings again. Servers without strict tools may send mappings at once."""
    if not isinstance(value, dict):
        return value
    found = dict(value)
    for name in ("parameters", "words"):
        if name in model.model_fields and isinstance(found.get(name), list):
            found[name] = {
                str(pair["name"]): pair["value"]
                for pair in found[name]
                if isinstance(pair, dict) and {"name", "value"} <= set(pair)
            }
    if model is ProposePlan and isinstance(found.get("steps"), list):
        found["steps"] = [_with_mappings(step, ProposedStep) for step in found["steps"]]
    return found
