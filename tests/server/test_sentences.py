"""What the server says in English and the panel in the user's language: the catalogue has it, and clinjup understands the requests."""

from __future__ import annotations

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from clinjup.agent.intent import parse_request
from clinjup.agent.provider.server import Server
from clinjup.cells import explain
from clinjup.contracts import ClinicalTask
from clinjup.examples import EXAMPLES

LOCALE = Path(__file__).parents[2] / "src" / "locale"


_SPEC = spec_from_file_location("server_sentences", LOCALE.parents[1] / "scripts" / "server_sentences.py")
assert _SPEC is not None and _SPEC.loader is not None
SENTENCES = module_from_spec(_SPEC)
_SPEC.loader.exec_module(SENTENCES)


def stored(name: str) -> Any:
    return json.loads((LOCALE / f"{name}.json").read_text(encoding="utf-8"))


def understood(request: str) -> dict[str, object]:
    """What the offline planner works with; names and quotes are in the request's own language."""
    task: ClinicalTask = parse_request(request)
    return {
        "type": task.task_type,
        "target": task.target,
        "classes": task.classes,
        "priority": task.priority,
        "comparator": task.comparator,
        "modality": task.modality,
        "risk": task.risk.model_dump(exclude={"phrase"}),
        "metric": task.primary_metric,
        "confounders": [confounder.id for confounder in task.confounders],
        "output": task.output_format,
        "questions": [question.id for question in task.open_questions],
    }


def test_the_sidebar_knows_every_sentence_of_the_server() -> None:
    """`python scripts/server_sentences.py` writes both files."""
    assert stored("server") == SENTENCES.server_sentences()
    assert stored("terms") == SENTENCES.in_both_languages()


def test_the_sentences_of_plan_figures_refusals_and_end_are_found() -> None:
    """The collector reads the package's source; a change there must not let it find nothing."""
    assert {
        "All steps are done.",
        "Load the cohort",
        "Does the %1 go with the label?",
        "Train: %1",
        "boxes only",
        "ROC curves on the test set",
        "Training of %1",
        "There is no folder '%1'. Check the spelling, and that the disk or share is connected.",
        "left out because the time budget was spent",
        "You deleted a cell of the run; what it computed stays in the journal.",
        "%1 images are in no official part; they are used for training.",
    } <= set(SENTENCES.server_sentences())


def test_every_sentence_of_the_server_has_a_german_one() -> None:
    german = stored("de")
    assert [text for text in stored("server") if not german.get(text, [""])[0]] == []


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=lambda example: example.id)
def test_a_german_example_asks_for_the_same_as_the_english_one(example) -> None:
    german = stored("de")[example.intent][0]
    assert parse_request(german).language == "de"
    assert understood(german) == understood(example.intent)


def test_where_only_a_model_could_say_more_the_clinician_reads_how_one_is_set_up() -> None:
    said = explain(None, None).markdown
    readme = (LOCALE.parents[1] / "README.md").read_text(encoding="utf-8")
    planning = readme[readme.index("## Planning") :]
    for variable in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
        assert variable in said and variable in planning
        environment = {variable: "http://localhost:1234"}
        assert Server.choose(environment=environment).key  # the variable alone is enough
