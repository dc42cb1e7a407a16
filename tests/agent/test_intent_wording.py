"""The same wish in other words is understood as the same wish, and what only looks like it is not."""

from __future__ import annotations

from typing import Any

import pytest

from clinjup.agent.intent import parse_request
from tests.agent.test_intent import summary


def understood(text: str, *fields: str) -> dict[str, Any]:
    whole = summary(parse_request(text))
    return {name: whole.get(name) for name in fields}


TWO = {"type": "binary_classification", "target": "melanoma", "comparator": "nevus", "priority": None}
SEVEN = {"type": "multiclass_classification", "target": "skin_lesion", "comparator": None, "priority": "melanoma"}
ALONE = {"type": "binary_classification", "target": "melanoma", "comparator": None, "priority": None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I want to distinguish melanoma from nevus on dermoscopic images of skin lesions. Please try not to miss a single case.", TWO),
        ("We have dermoscopic images of pigmented lesions. Melanoma versus nevus, please.", TWO),
        ("Tell moles from melanomas on our skin lesion images.", TWO),
        ("Is this skin lesion a melanoma or a nevus?", TWO),
        ("I want to distinguish melanoma from nevus to help diagnose skin cancer.", TWO),
        ("Auf dermatoskopischen Bildern von Hautläsionen Melanome von Nävi unterscheiden.", TWO),
        ("Hautveränderungen: zwischen Melanom und Nävus unterscheiden.", TWO),
        ("Pigmentläsionen: Melanom oder Nävus?", TWO),
        ("Diagnose skin lesions such as melanoma and nevus.", SEVEN),
        ("Distinguish skin lesions such as melanoma and nevus.", SEVEN),
        ("Diagnose skin lesions. Above all distinguish melanoma from nevus.", SEVEN),
        ("Which types of skin lesions are they? Distinguish melanoma from nevus and the others.", SEVEN),
        ("Distinguish melanoma, nevus and basal cell carcinoma on images of skin lesions.", SEVEN),
        ("Diagnose skin lesions, with priority for melanoma or basal cell carcinoma.", SEVEN),
        ("Hautläsionen wie Melanome und Nävi unterscheiden.", SEVEN),
        ("Hautläsionen einordnen, vor allem Melanome von Nävi unterscheiden.", SEVEN),
        # one against all others
        ("Melanoma against everything else.", ALONE),
        ("Distinguish melanoma from all other skin lesions.", ALONE),
        ("Images of skin lesions: melanoma vs. the rest.", ALONE),
        ("Melanome von allen anderen Hautläsionen unterscheiden.", ALONE),
        ("Auf Bildern von Hautläsionen Melanom gegen alles andere.", ALONE),
        # skin cancer in the place of skin lesions
        ("I want an AI model to help diagnose skin cancer from dermoscopic images. Priority should be given to melanoma.", SEVEN),
        ("Diagnose skin cancer on dermoscopic images, especially melanoma.", SEVEN),
        ("Hautkrebs anhand von dermatoskopischen Bildern erkennen, Melanome haben Vorrang.", SEVEN),
        ("Hautkrebs erkennen, kein Melanom darf übersehen werden.", SEVEN),
        ("Distinguish skin cancer from nevi on dermoscopic images.", {**TWO, "target": "skin_cancer"}),
        ("Hautkrebs von Nävi unterscheiden.", {**TWO, "target": "skin_cancer"}),
        ("Detect skin cancer from dermoscopic images.", {**ALONE, "target": "skin_cancer"}),
        # 'from' and 'von' before a kind of image
        ("Detect pneumothorax and pleural effusion from chest X-rays.", {**ALONE, "target": None}),
        ("Pneumothorax und Erguss anhand von Thoraxaufnahmen erkennen.", {**ALONE, "target": None}),
        ("Pneumonia versus pulmonary edema on chest X-rays.", {**TWO, "target": "pneumonia", "comparator": "edema"}),
        ("Pneumonie von Lungenödem unterscheiden.", {**TWO, "target": "pneumonia", "comparator": "edema"}),
    ],
)  # fmt: skip
def test_what_is_told_from_what(text: str, expected: dict[str, Any]) -> None:
    assert understood(text, *expected) == expected


@pytest.mark.parametrize(
    ("text", "target", "comparator"),
    [
        ("Distinguish melanoma from BCC.", "melanoma", "bcc"),
        ("SKs or melanomas?", "melanoma", "bkl"),
        ("Melanome von SK unterscheiden.", "melanoma", "bkl"),
        ("AK versus Nävus", "akiec", "nevus"),
        ("Distinguish MEL from NV on dermoscopic images.", "melanoma", "nevus"),
        ("Melanoma, BCC and DF on dermoscopic images.", "skin_lesion", None),
        ("Detect melanoma, and put the clinic in bcc.", "melanoma", None),
        ("Detect melanoma, lesions above 5 MM.", "melanoma", None),
        ("Detect pneumothorax in SK and AK.", "pneumothorax", None),
    ],
)
def test_a_diagnosis_may_be_abbreviated_in_capitals_beside_another(
    text: str, target: str, comparator: str | None
) -> None:
    assert understood(text, "target", "comparator") == {"target": target, "comparator": comparator}


@pytest.mark.parametrize(
    ("wish", "kind"),
    [
        ("My priority is to avoid unnecessary excisions.", "specificity_first"),
        ("Avoiding unnecessary excisions of nevi has priority over finding each melanoma.", "specificity_first"),
        ("As few unnecessary excisions as possible, that is my priority.", "specificity_first"),
        ("Specificity is my priority.", "specificity_first"),
        ("Vorrang hat, unnötige Exzisionen zu vermeiden.", "specificity_first"),
        ("Die Vermeidung unnötiger Exzisionen hat Vorrang.", "specificity_first"),
        ("Am wichtigsten ist, dass wenige unnötige Exzisionen anfallen.", "specificity_first"),
        ("Unnötige Exzisionen zu vermeiden soll priorisiert werden.", "specificity_first"),
        ("Melanoma has priority.", "sensitivity_first"),
        ("Please prioritise melanoma.", "sensitivity_first"),
        ("Priority should be given to melanoma, with as few unnecessary excisions as possible.", "sensitivity_first"),
        ("Melanoma has priority over avoiding unnecessary excisions.", "sensitivity_first"),
        ("As few unnecessary excisions as possible, but melanoma has priority.", "sensitivity_first"),
        ("My priority is not to miss a melanoma.", "sensitivity_first"),
        ("Melanome sollen priorisiert werden.", "sensitivity_first"),
        ("Das Melanom hat Vorrang, unnötige Exzisionen sind zu vermeiden.", "sensitivity_first"),
        ("This is decided a priori.", None),
    ],
)
def test_what_has_priority_decides_which_error_comes_first(wish: str, kind: str | None) -> None:
    for request in ("Distinguish melanoma from nevus.", "Melanome von Nävi unterscheiden."):
        risk = understood(f"{request} {wish}", "risk")["risk"]
        assert (risk["kind"] if risk else None) == kind
