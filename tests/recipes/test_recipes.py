"""Every recipe of the registry keeps the promises of a good cell."""

from __future__ import annotations

import ast
import re

import pytest

from clinjup.recipes import recipe, recipes


@pytest.mark.parametrize("item", recipes().values(), ids=lambda item: item.id)
class TestEveryRecipe:
    def test_is_short_valid_python_with_defaults(self, item):
        code = item.render({}).code
        ast.parse(code)
        assert len(code.splitlines()) <= 25

    def test_says_what_it_does_and_what_to_look_for(self, item):
        assert item.markdown.startswith("## ")
        assert item.title and item.explains.endswith(".")
        assert "Look for" in item.markdown or item.id == "select_model"

    def test_takes_each_of_its_parameters(self, item):
        for name, default in item.defaults.items():
            assert f"{name} = " in item.render({name: default}).code

    def test_refuses_a_parameter_it_does_not_have(self, item):
        with pytest.raises(ValueError, match="NO_SUCH"):
            item.render({"NO_SUCH": 1})


def test_the_association_says_that_the_test_part_is_counted_and_seen_by_no_model():
    said = " ".join(recipe("association").markdown.split())
    assert "labels of the *test* part are counted here too" in said and "no model sees these images" in said


def test_filled_parameters_are_what_the_cell_sees_whatever_they_hold():
    columns = {
        "image": "Befunde ä.csv:Bild",
        "positive": ["ja", 'it\'s "so"'],
        "confounders": {"chest_drain": {"column": "a:b"}},
    }
    code = recipe("load_cohort").render({"DATA": "C:\\scans\\x", "COLUMNS": columns}).code
    assignments = "\n".join(line for line in code.split("\n\n")[0].splitlines())
    values: dict[str, object] = {}
    exec(assignments, values)
    assert values["DATA"] == "C:\\scans\\x"
    assert values["COLUMNS"] == columns


def test_code_in_a_parameter_stays_a_string():
    code = recipe("load_cohort").render({"TARGET": "x'; import os; os.remove('y') #"}).code
    tree = ast.parse(code)
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert imported == []


def test_unknown_recipe_names_those_that_exist():
    with pytest.raises(KeyError, match="load_cohort"):
        recipe("no_such_recipe")


def test_what_cells_keep_for_later_ones_is_emptied_when_a_run_begins():
    """A second run in a notebook, whose kernel still has the models of the first, must not compare them with its own."""
    kept = {name for item in recipes().values() for name in re.findall(r'(\w+) = {} if "\1" not in globals', item.code)}
    assert {"models", "validations", "detectors"} <= kept
    kernel: dict[str, object] = {name: {"baseline": "of an earlier run"} for name in kept}
    (line,) = [line for line in recipe("load_cohort").code.splitlines() if line.startswith("models, ")]
    exec(line, kernel)
    assert not any(kernel[name] for name in kept)
