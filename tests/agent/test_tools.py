"""The tools are the closed set of actions, in the JSON Schema that strict tools know; the prompts describe them all."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from clinjup.agent.prompts import FILLED_IN, catalogue, opening_prompt, system_prompt, tool_descriptions
from clinjup.agent.tools import ProposePlan, ToolCallError, read_call, tool_definitions
from clinjup.contracts import Action, PlaceRecipe
from clinjup.recipes import recipes

KNOWN = {"type", "enum", "anyOf", "items", "properties", "required", "additionalProperties", "description"}


def nodes(schema: dict[str, Any]):
    yield schema
    children = [
        *schema.get("properties", {}).values(),
        *schema.get("anyOf", []),
        *([schema["items"]] if "items" in schema else []),
    ]
    for child in children:
        yield from nodes(child)


def test_there_is_a_tool_for_every_action_and_one_for_the_plan():
    actions = {action.model_fields["type"].default for action in get_args(get_args(Action)[0])}
    assert {tool["name"] for tool in tool_definitions()} == actions | {"propose_plan"} == set(tool_descriptions())


@pytest.mark.parametrize("tool", tool_definitions(), ids=lambda tool: tool["name"])
def test_schemas_are_strict(tool):
    assert tool["strict"] is True and tool["description"]
    for node in nodes(tool["input_schema"]):
        assert set(node) <= KNOWN, node
        if node.get("type") == "object":
            assert node["additionalProperties"] is False
            assert set(node["required"]) <= set(node["properties"])


def test_schemas_stay_within_what_one_request_may_hold():
    """At most 24 optional parameters and 16 unions in all strict tools of a request."""
    every = [node for tool in tool_definitions() for node in nodes(tool["input_schema"])]
    optional = sum(
        len(set(node["properties"]) - set(node["required"])) for node in every if node.get("type") == "object"
    )
    unions = sum("anyOf" in node for node in every)
    assert optional <= 24 and unions <= 16, (optional, unions)


def test_definitions_never_change_within_a_process():
    assert tool_definitions() is tool_definitions()


def test_names_and_values_become_mappings_and_mappings_are_taken_as_they_are():
    pairs = [{"name": "BATCH_SIZE", "value": 32}, {"name": "MITIGATION", "value": None}]
    for parameters in (pairs, {"BATCH_SIZE": 32, "MITIGATION": None}):
        action = read_call("place_recipe", {"step_id": "a", "recipe": "train_model", "parameters": parameters})
        assert isinstance(action, PlaceRecipe) and action.parameters == {"BATCH_SIZE": 32, "MITIGATION": None}
    plan = read_call(
        "propose_plan", {"steps": [{"id": "a", "title": "A", "recipe": None, "words": [{"name": "x", "value": "y"}]}]}
    )
    assert isinstance(plan, ProposePlan) and plan.steps[0].words == {"x": "y"}


@pytest.mark.parametrize(
    "arguments", [{}, {"step_id": 1}, {"step_id": "a", "recipe": "b", "parameters": "x"}, {"parameters": [1]}]
)
def test_arguments_that_do_not_fit_are_named(arguments):
    with pytest.raises(ToolCallError, match="do not fit"):
        read_call("place_recipe", arguments)


def test_the_catalogue_lists_every_recipe_and_shows_no_place_of_the_data():
    text = catalogue()
    for recipe in recipes().values():
        assert f"## {recipe.id}\n" in text
        for name in recipe.defaults:
            assert (f"[{name}]" if name in FILLED_IN else f"\n{name} = ") in text


def test_prompts_are_filled_in_completely():
    opening = opening_prompt(task="T", data="D", draft="P", done="N", minutes="20", approval="risky")
    for text in (system_prompt(), opening):
        assert "$" not in text
    assert len(system_prompt()) < 12_000
