"""A finding that clinjup has no name for is quoted in the question about the finding."""

from __future__ import annotations

import pytest

from clinjup.agent.intent import parse_request
from clinjup.agent.label_findings import offer_what_is_labelled
from clinjup.contracts import DataProfile, ImageProfile


def asked(request: str) -> str:
    return next(question.text for question in parse_request(request).open_questions if question.id == "target")


@pytest.mark.parametrize(
    ("request_", "quoted"),
    [
        ("Detect pulmonary embolism on chest CT", '"pulmonary embolism" was not understood'),
        ("Predict 30-day mortality", '"30-day mortality" was not understood'),
        ("Predict the patient's age", '"patient\'s age" was not understood'),
        ("Build a model for osteoporosis.", '"osteoporosis" was not understood'),
        ("Help with detection of scaphoid necrosis please", '"scaphoid necrosis" was not understood'),
        ("Erkenne Lungenembolie", "„Lungenembolie“ wurde nicht verstanden"),
        ("Ich möchte Lungenembolien auf CT erkennen.", "„Lungenembolien“ wurde nicht verstanden"),
        ("Sage das Alter der Patienten voraus", "„Alter der Patienten“ wurde nicht verstanden"),
    ],
)
def test_an_unknown_finding_is_quoted_in_the_clinicians_language(request_: str, quoted: str) -> None:
    assert asked(request_).startswith(quoted)
    assert asked(request_).endswith(("named in your own words.", "in eigenen Worten genannt werden."))


@pytest.mark.parametrize(
    "request_",
    [
        "Make me something useful with these X-rays.",
        "Mach mir etwas Nützliches mit diesen Röntgenbildern.",
        "Build a model that helps my patients.",
        "Build a model for our emergency room.",
        "Classify chest X-rays.",
        "Find something interesting in the data.",
        "Erkenne Krankheiten auf Röntgenbildern.",
        "I want to find out what is in these films",
        "Das Modell soll gut sein.",
        "Detect pneumothorax and pleural effusion on chest X-rays.",
    ],
)
def test_a_request_that_names_no_finding_or_known_ones_is_not_quoted(request_: str) -> None:
    assert "not understood" not in asked(request_)
    assert "nicht verstanden" not in asked(request_)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ("What is the weather in Vienna tomorrow?", "The request was not understood"),
        ("Wie wird das Wetter morgen in Wien? Ich möchte es wissen.", "Die Anfrage wurde nicht verstanden"),
    ],
)
def test_a_request_of_which_nothing_was_understood_is_told_so_and_answered_in_own_words(
    request_: str, said: str
) -> None:
    assert asked(request_).startswith(said)
    assert all(question.own_words for question in parse_request(request_).open_questions)


def test_the_offer_of_the_labels_keeps_the_quotation() -> None:
    profile = DataProfile(
        root="/data", layout="folders", images=ImageProfile(count=10), class_folders={"pneumothorax": 5, "normal": 5}
    )
    task = offer_what_is_labelled(parse_request("Detect pulmonary embolism on chest CT"), profile)
    question = task.open_questions[0]
    assert "pulmonary embolism" in question.text
    assert [option.value for option in question.options] == ["pneumothorax"]
