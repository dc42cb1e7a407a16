from __future__ import annotations

import re
import socket

import pytest
from huggingface_hub import ModelCard

from clinjup.contracts import Estimate, RunStatus
from clinjup.reporting.glossary import explanation
from clinjup.reporting.limits import needs_input
from clinjup.reporting.model_card import escape, render_model_card
from clinjup.reporting.subject import words_of
from tests.reporting import example
from tests.reporting.test_report import EVIL, evil_results

SECTIONS = (
    "Model Details",
    "Uses",
    "Bias, Risks, and Limitations",
    "Training Details",
    "Evaluation",
    "Technical Specifications",
)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the model card must not touch the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_it_is_a_hugging_face_card_with_metadata_and_all_sections() -> None:
    card = ModelCard(render_model_card(example.results()))
    assert card.data.model_name == "pneumothorax-balanced_sampling"
    assert "synthetic-data" in card.data.tags
    values = {result.metric_type: result.metric_value for result in card.data.eval_results or []}
    assert values["roc_auc"] == 0.9 and values["recall"] == 0.91
    for section in SECTIONS:
        assert f"## {section}" in card.text


def test_it_holds_the_figures_and_leaves_no_blank_of_the_template() -> None:
    text = render_model_card(example.results()).replace("\u00a0", " ")
    assert "| AUROC | 0.90 (0.87–0.93) | 0.90 (0.87–0.93) | 600 |" in text
    assert "| Increase by the chest drain | +49 points (+46 to +52) | +8 points (+5 to +11) | 458 |" in text
    assert "More Information Needed" not in text and "Synthetic data" in text and "not a medical device" in text
    assert text.count("[NEEDS INPUT]") >= 15


def test_what_speaks_against_the_model_stands_among_its_limits() -> None:
    found = example.results()
    found.selected = "baseline"
    limits = render_model_card(found).split("## Bias, Risks, and Limitations")[1].split("## ")[0]
    assert "leans strongly on the chest drain" in limits
    for model in found.models:
        model.test["auroc"] = Estimate(value=0.53, ci95=(0.31, 0.75), n=30)
    text = render_model_card(found)
    assert text.count("not shown to be better than chance (AUROC 0.53") == 2  # among the limits and in the summary


def test_a_card_of_a_run_without_test_says_so() -> None:
    found = [*example.preparation_findings(), *example.model_findings()[:2]]
    text = render_model_card(example.results(RunStatus.INTERRUPTED, found))
    assert "opened" in text and "not opened" in text and "Figures on the validation part" in text
    assert not re.search(r"\b(None|nan)\b", text)


def test_no_text_of_user_or_file_becomes_markup() -> None:
    body = render_model_card(evil_results()).split("\n---\n", 1)[1]
    assert not re.search(r"<(?!!--|/?https)", body)
    assert "&lt;script&gt;" in body
    tables = [line for line in body.splitlines() if line.startswith("|")]
    assert tables and all(line.endswith("|") for line in tables)


def test_escaping_keeps_one_line_and_no_markup() -> None:
    assert escape("a\nb | c") == "a b \\| c"
    assert escape("[x](http://evil) `y`") == "\\[x\\](http://evil) \\`y\\`"
    assert "<" not in escape(EVIL)


@pytest.mark.parametrize(
    ("modality", "elsewhere", "example_said"),
    [
        (None, "on another device", "a device or marker"),
        ("mammography", "on another device", "a device or marker"),
        ("chest_radiograph", "on another scanner", "a chest drain"),
        ("bone_radiograph", "on another scanner", "a cast"),
        ("wrist_radiograph", "on another scanner", "a cast"),
    ],
)
def test_only_chest_films_are_told_of_chest_drains(modality: str | None, elsewhere: str, example_said: str) -> None:
    results = example.results(modality=modality)
    card = render_model_card(results)
    assert f"How the model does at another hospital, {elsewhere} or in another population" in card
    assert f"without being it, such as {example_said}." in card
    placebo = explanation("placebo", words_of(results))
    assert ("a chest drain" in placebo) is (modality == "chest_radiograph")
    asked = " ".join(question for _, question in needs_input(results))
    assert ("CT" in asked, "Scanners" in asked) == ((True, True) if "scanner" in elsewhere else (False, False))
