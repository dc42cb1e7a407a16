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


HIGH = {"kind": "sensitivity_first"}
NOT_ONE = {"kind": "sensitivity_first", "target_sensitivity": 0.95, "lower_bound": True}
NONE: dict[str, Any] = {}


def at_least(share: float) -> dict[str, Any]:
    return {"kind": "sensitivity_first", "target_sensitivity": share}


def ratio(harm: float) -> dict[str, Any]:
    return {"kind": "harm_ratio", "harm_ratio": harm}


@pytest.mark.parametrize(
    ("wish", "risk"),
    [
        # the number that is the target, and the number that is another
        ("I need high sensitivity, 98%.", at_least(0.98)),
        ("I need high sensitivity for melanoma, ideally at least 95 %.", at_least(0.95)),
        ("A sensitivity of at least 95 is needed.", at_least(0.95)),
        ("Sensitivity: 0,95", at_least(0.95)),
        ("The sensitivity for melanoma in our patients should be 95 %.", at_least(0.95)),
        ("A sensitivity of 95 % of all melanomas is needed.", at_least(0.95)),
        ("Sensitivity 95, specificity 80.", {**at_least(0.95), "target_specificity": 0.8}),
        ("I need high sensitivity for melanoma, only 3 % of our patients have one.", HIGH),
        ("I need high sensitivity for melanoma, 60 % of the lesions are suspicious.", HIGH),
        ("I need high sensitivity for melanoma because 60 % of our patients have one.", HIGH),
        ("I need high sensitivity for melanoma in our 50 patients.", HIGH),
        ("I need high sensitivity, 80 patients wait.", HIGH),
        ("Sensitivity 30 %.", NONE),
        ("As few false alarms as possible, only 3 % of our patients have one.", {"kind": "specificity_first"}),
        ("The false alarm rate must stay below 10 %.", {"kind": "specificity_first", "target_specificity": 0.9}),
        ("Hohe Sensitivität, 98 %.", at_least(0.98)),
        ("Sensitivität für Melanome, mindestens 95 %.", at_least(0.95)),
        ("Hohe Sensitivität für Melanome, nur 3 % unserer Patienten haben eines.", HIGH),
        ("Hohe Sensitivität für Melanome bei unseren 50 Patienten.", HIGH),
        ("Möglichst wenige Fehlalarme, nur 3 % unserer Patienten haben ein Melanom.", {"kind": "specificity_first"}),
        # a share that must be found, or may be missed
        ("At least 95% of melanomas must be found.", at_least(0.95)),
        ("98 percent of all melanomas should be detected.", at_least(0.98)),
        ("We have to find 95 % of melanomas.", at_least(0.95)),
        ("No more than 5% of melanomas may be missed.", at_least(0.95)),
        ("At most one in twenty melanomas may be overlooked.", at_least(0.95)),
        ("Only 2 % of our patients have a melanoma and we must not miss them.", HIGH),
        ("60 % of the lesions are melanomas and must be found.", NONE),
        ("95 % of the images were found in our archive.", NONE),
        ("30 % of the melanomas must be excised.", NONE),
        ("Mindestens 95 % der Melanome müssen gefunden werden.", at_least(0.95)),
        ("98 % der Melanome sollen erkannt werden.", at_least(0.98)),
        ("Es müssen 95 % aller Melanome gefunden werden.", at_least(0.95)),
        ("Höchstens 5 % der Melanome dürfen übersehen werden.", at_least(0.95)),
        ("Nicht mehr als 5 % der Melanome dürfen übersehen werden.", at_least(0.95)),
        ("Höchstens eines von 20 Melanomen darf übersehen werden.", at_least(0.95)),
        # not one
        ("Please do not overlook a single melanoma.", NOT_ONE),
        ("Every melanoma must be found.", NOT_ONE),
        ("All melanomas have to be detected.", NOT_ONE),
        ("The model must catch every melanoma.", NOT_ONE),
        ("Not a single melanoma may be overlooked.", NOT_ONE),
        ("None of the melanomas may be missed.", NOT_ONE),
        ("Do not let a melanoma slip through.", NOT_ONE),
        ("Every melanoma must be found, sensitivity 99 %.", {**NOT_ONE, "target_sensitivity": 0.99}),
        ("Not every melanoma must be found.", NONE),
        ("Every image must be recognised by its number.", NONE),
        ("In every image the melanoma must be found.", NONE),
        ("Jedes Melanom muss erkannt werden.", NOT_ONE),
        ("Alle Melanome müssen gefunden werden.", NOT_ONE),
        ("Das Modell muss jedes Melanom finden.", NOT_ONE),
        ("Es sollen alle Melanome entdeckt werden.", NOT_ONE),
        ("Nicht jedes Melanom muss erkannt werden.", NONE),
        ("Auf allen Bildern sollen Melanome erkannt werden.", NONE),
        ("Jede Aufnahme muss gefunden werden.", NONE),
        # how many excisions a missed one is worth
        ("I'd rather excise a dozen nevi than miss one melanoma.", ratio(12)),
        ("I'd rather excise a hundred nevi than miss one melanoma.", ratio(100)),
        ("I would rather unnecessarily excise twenty-five nevi than overlook a melanoma.", ratio(25)),
        ("I'd rather excise two dozen nevi than miss a melanoma.", ratio(24)),
        ("Ten unnecessary excisions are better than one missed melanoma.", ratio(10)),
        ("I accept fifty excised nevi to avoid one missed melanoma.", ratio(50)),
        ("I'd rather have 90 % sensitivity than a high specificity.", at_least(0.9)),
        ("I'd rather excise the other lesion than one melanoma.", NONE),
        ("I accept ten images of a patient for one lesion.", NONE),
        ("Lieber exzidiere ich zehn Nävi zu viel, als ein Melanom zu übersehen.", ratio(10)),
        ("Lieber würden wir ein Dutzend Nävi zu viel entfernen als ein Melanom zu übersehen.", ratio(12)),
        ("Ich würde lieber hundert Nävi zu viel exzidieren, als ein Melanom zu übersehen.", ratio(100)),
        ("Zehn unnötige Exzisionen sind mir lieber als ein übersehenes Melanom.", ratio(10)),
        ("Ich nehme 20 unnötige Exzisionen in Kauf, um ein Melanom nicht zu übersehen.", ratio(20)),
        ("Ich nehme 20 Bilder, um ein Modell zu bauen.", NONE),
        ("Lieber ein Nävus zu viel als ein Melanom zu wenig.", NONE),
    ],
)  # fmt: skip
def test_how_much_may_be_missed(wish: str, risk: dict[str, Any]) -> None:
    for request in ("Distinguish melanoma from nevus.", "Melanome von Nävi unterscheiden."):
        assert (understood(f"{request} {wish}", "risk")["risk"] or {}) == risk


YES_NO, MARKED = "binary_classification", "detection"


@pytest.mark.parametrize(
    ("text", "task_type", "confounders"),
    [
        ("Sensitivity at least 95% for melanoma. Some pictures have ruler marks.", YES_NO, ["ruler"]),
        ("Detect melanoma, some lesions are marked with a blue pen.", YES_NO, ["ink"]),
        ("Detect melanoma; the lesions were marked by the surgeon.", YES_NO, None),
        ("Detect melanoma. There are markings on the skin.", YES_NO, ["ink"]),
        ("Detect melanoma. Marks should be ignored.", YES_NO, ["ink"]),
        ("Detect melanoma. Many images have a black frame.", YES_NO, ["dark_corner"]),
        ("Diagnose skin lesions. Some images have markings.", "multiclass_classification", ["ink"]),
        ("Melanome erkennen. Auf manchen Bildern sind Markierungen.", YES_NO, ["ink"]),
        ("Melanome erkennen. Einige Läsionen sind mit einem Stift markiert.", YES_NO, ["ink"]),
        ("Melanome erkennen. Markierungen sollen ignoriert werden.", YES_NO, ["ink"]),
        ("Melanome erkennen, auf einigen Bildern ist ein schwarzer Rahmen.", YES_NO, ["dark_corner"]),
        ("Melanome erkennen. Manche Aufnahmen haben einen schwarzen Rand.", YES_NO, ["dark_corner"]),
        ("Mark melanomas on dermoscopic images.", MARKED, None),
        ("The melanomas should be marked on the pictures, some have hair.", MARKED, ["hair"]),
        ("Some pictures have a pen on them. Mark each melanoma.", MARKED, ["ink"]),
        ("Segment melanomas in many dermoscopic images by outlining them.", MARKED, None),
        ("Detect melanoma. Some images have boxes.", MARKED, None),
        ("Mark wrist fractures. Some films have markings.", MARKED, None),
        ("Auf den Bildern sollen Melanome markiert werden.", MARKED, None),
        ("Melanome einzeichnen, auf manchen Bildern sind Lineale.", MARKED, ["ruler"]),
    ],
)  # fmt: skip
def test_marks_in_the_pictures_are_not_marks_to_be_made(
    text: str, task_type: str, confounders: list[str] | None
) -> None:
    assert understood(text, "type", "confounders") == {"type": task_type, "confounders": confounders}


@pytest.mark.parametrize(
    ("wish", "constraint"),
    [
        ("Include age, sex and site.", "use_metadata"),
        ("Age and site may be used too if that helps.", "use_metadata"),
        ("It should look at the image, using age and sex beside it.", "use_metadata"),
        ("Please take age into account.", "use_metadata"),
        ("Beziehe Alter und Lokalisation ein.", "use_metadata"),
        ("Alter und Lokalisation können einbezogen werden.", "use_metadata"),
        ("Das unter Berücksichtigung von Alter und Geschlecht.", "use_metadata"),
        ("Do not use age or sex.", None),
        ("Age must not be used.", None),
        ("That without using age.", None),
        ("Include patients of any age.", None),
        ("Using images from our site.", None),
        ("Nutze das Alter nicht.", None),
        ("Das Alter darf nicht genutzt werden.", None),
        ("Does it work on skin of color?", "skin_tone_question"),
        ("Does it work on darkly pigmented skin?", "skin_tone_question"),
        ("Geht das auch auf schwarzer Haut?", "skin_tone_question"),
        ("Geht das auch auf dunkel pigmentierter Haut?", "skin_tone_question"),
        ("Geht das bei jedem Hautton?", "skin_tone_question"),
        ("These are dark skin lesions.", None),
        ("Das sind dunkle Hautveränderungen.", None),
    ],
)
def test_what_else_is_asked_for_is_heard(wish: str, constraint: str | None) -> None:
    for request in ("Distinguish melanoma from nevus.", "Hautläsionen einordnen."):
        assert understood(f"{request} {wish}", "constraints")["constraints"] == (constraint and [constraint])


@pytest.mark.parametrize(
    ("said", "prevalence"),
    [
        ("2 % of the lesions are melanomas.", 0.02),
        ("1 in 50 lesions is a melanoma.", 0.02),
        ("Only 2 % of them are melanomas.", 0.02),
        ("2 % der Läsionen sind Melanome.", 0.02),
        ("Nur 2 % sind Melanome.", 0.02),
        ("Auf 3 % der Bilder ist ein Lineal.", None),
        ("80 % of the lesions are nevi.", None),
        ("2 % of the images are blurred.", None),
        ("5 % of the images have an outline of the melanoma.", None),
        ("At least 95 % of melanomas must be found.", None),
    ],
)
def test_the_share_of_the_finding_among_lesions_is_its_prevalence(said: str, prevalence: float | None) -> None:
    for request in ("Distinguish melanoma from nevus.", "Hautläsionen einordnen, Melanome haben Vorrang."):
        assert understood(f"{request} {said}", "prevalence") == {"prevalence": prevalence}
