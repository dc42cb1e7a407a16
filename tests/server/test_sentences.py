"""What the server says in English and the panel in the user's language: the catalogue has it, and clinjup understands the requests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clinjup.agent.intent import parse_request
from clinjup.agent.provider.server import Server
from clinjup.cells import explain
from clinjup.contracts import ClinicalTask
from clinjup.examples import EXAMPLES, NO_COHORT
from clinjup.notebook.tabs import SECOND_TAB, SHARED
from clinjup.server import mcp_port

LOCALE = Path(__file__).parents[2] / "src" / "locale"


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


def test_the_sidebar_knows_every_fixed_sentence_of_the_server() -> None:
    said = {text for example in EXAMPLES.values() for text in (example.title, example.intent)}
    said |= {SECOND_TAB, SHARED, NO_COHORT, mcp_port.SENTENCE}
    assert set(json.loads((LOCALE / "server.json").read_text(encoding="utf-8"))) == said


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=lambda example: example.id)
def test_a_german_example_asks_for_the_same_as_the_english_one(example) -> None:
    german = json.loads((LOCALE / "de.json").read_text(encoding="utf-8"))[example.intent][0]
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
