"""What the first cell of a notebook promises is what the plan does."""

from __future__ import annotations

from clinjup.agent.intent import parse_request
from clinjup.notebook.introduction import introduction
from tests.agent.test_plan_dermoscopy import GERMAN, SEVEN, ham, planned


def first_cell(request: str) -> str:
    return introduction(parse_request(request), ham(), planned(request), [])


def test_it_names_the_rule_that_will_choose_and_apart_from_it_what_the_request_suggests() -> None:
    said = first_cell(GERMAN)
    assert "| **Judged by** | the best AUROC |" in said
    assert "| **Suggested metric** | net benefit; it does not decide here |" in said


def test_a_metric_that_decides_is_not_named_twice() -> None:
    said = first_cell(SEVEN)
    assert "| **Judged by** | the most images with melanoma named as such" in said and "Suggested metric" not in said
