"""What is planned for the requests about skin lesions."""

from __future__ import annotations

from typing import Any

import pytest

from clinjup.agent.intent import parse_request
from clinjup.agent.plan import build_plan
from clinjup.agent.roles import decide_roles
from clinjup.agent.state import Brief
from clinjup.agent.unanswerable import unanswerable
from clinjup.contracts import ColumnProfile, DataProfile, ImageProfile, Plan, TableProfile, ValueCount
from clinjup.recipes import recipe

SEVEN = "I want an AI model to help diagnose skin lesions. Priority should be given to melanoma."
NOT_ONE = "I want to distinguish melanoma from nevus. Please try your best not to miss a single case."
RULERS = " Some pictures have rulers and pen marks, please make sure it doesn't look at them."
GERMAN = (
    "Ich haette gern ein Modell, das Melanome von Naevi unterscheidet. Lieber zehn Naevi zu viel exzidieren als ein Melanom "
    "uebersehen."
)
AT_LEAST = "Sensitivity at least 95% for melanoma, and I'd like as few unnecessary excisions as possible."


def column(name: str, values: dict[str, int] | None = None, **more: Any) -> ColumnProfile:
    counts = [ValueCount(value=value, count=count) for value, count in (values or {}).items()]
    known = {
        "kind": "flag" if set(values or ()) == {"0", "1"} else "category",
        "unique": len(counts) or 900,
        "missing": 0,
    }
    return ColumnProfile(name=name, values=counts, **(known | more))


def ham(*, ruler: bool = True, layout: str = "ham10000") -> DataProfile:
    dx = {"nv": 600, "mel": 110, "bkl": 110, "bcc": 50, "akiec": 33, "vasc": 14, "df": 12}
    columns = [
        column("lesion_id", kind="text"),
        column("image_id", kind="text", image_matches=1.0),
        column("dx", dx),
        column("dx_type", {"histo": 600, "follow_up": 329}),
        column("age", kind="number", unique=18),
        column("sex", {"male": 500, "female": 429}),
        column("localization", {"back": 500, "face": 429}),
    ]
    tables = [TableProfile(path="HAM10000_metadata.csv", rows=929, encoding="utf-8", delimiter=",", columns=columns)]
    if ruler:
        flags = [column("image_id", kind="text", image_matches=1.0), column("ruler", {"0": 800, "1": 129})]
        tables.append(TableProfile(path="artefacts.csv", rows=929, encoding="utf-8", delimiter=",", columns=flags))
    return DataProfile(root="/data", layout=layout, tables=tables, images=ImageProfile(count=929))


def planned(request: str, profile: DataProfile | None = None) -> Plan:
    profile, task = profile or ham(), parse_request(request)
    decision = decide_roles(profile, task)
    assert decision.roles is not None
    return build_plan(Brief(task=task, profile=profile, roles=decision.roles, warnings=[], look_again=None))


def trainings(plan: Plan) -> dict[str, str | None]:
    return {s.parameters["NAME"]: s.parameters["MITIGATION"] for s in plan.steps if s.recipe == "train_model"}


@pytest.mark.parametrize("request_text", [SEVEN, NOT_ONE, AT_LEAST, GERMAN, SEVEN + RULERS, NOT_ONE + RULERS])
def test_every_step_fits_its_recipe_and_leaves_no_place_open(request_text):
    for step in planned(request_text).steps:
        rendered = recipe(step.recipe).render(step.parameters, **step.words)
        assert "$" not in rendered.markdown and rendered.code


def test_seven_classes_are_trained_plainly_and_with_each_method_and_melanoma_decides():
    plan = planned(SEVEN)
    assert trainings(plan) == {
        "baseline": None,
        "logit_adjustment": "logit_adjustment",
        "class_balanced_sampling": "class_balanced_sampling",
    }
    compared = planned(SEVEN + " Compare several methods.")
    assert list(trainings(compared)) == [*trainings(plan), "focal_loss"]
    passes = {s.parameters["NAME"]: s.parameters["EPOCHS"] for s in compared.steps if s.recipe == "train_model"}
    assert passes["class_balanced_sampling"] == 2 * passes["baseline"]  # it repeats rare images instead of common ones
    assert passes["logit_adjustment"] == passes["focal_loss"] == passes["baseline"]
    select = plan.step("select").parameters
    assert (select["METRIC"], select["GUARD"]) == ("sensitivity_melanoma", "balanced_accuracy")
    assert plan.step("load").parameters["PRIORITY"] == "melanoma"
    assert plan.step("validate_baseline").parameters["LOWER_BOUND"] is True


def test_not_a_single_case_rests_on_out_of_fold_predictions_and_95_percent_alone_does_not():
    recipes = [step.recipe for step in planned(NOT_ONE).steps]
    assert recipes.index("cross_fit") < recipes.index("validate_model") and "decision_figures" in recipes
    plan = planned(AT_LEAST)
    assert "cross_fit" not in [step.recipe for step in plan.steps]
    assert plan.step("validate_baseline").parameters["TARGET_SENSITIVITY"] == 0.95


@pytest.mark.parametrize(("request_text", "wording"), [(AT_LEAST, False), (NOT_ONE, True), (GERMAN, True)])
def test_a_sensitivity_named_for_melanoma_is_told_its_price_in_excisions(request_text, wording):
    plan = planned(request_text)
    assert plan.step("test").parameters["TRIAGE"] is True and plan.step("decision")
    assert plan.step("test").parameters.get("WORDING", True) is wording


def test_without_a_sensitivity_named_no_price_is_told():
    plan = planned("I want to recognise melanoma on dermoscopy.")
    assert "TRIAGE" not in plan.step("test").parameters and "decision" not in [step.id for step in plan.steps]


def test_a_ratio_of_harms_reaches_the_threshold_and_the_decision_curve():
    plan = planned(GERMAN)
    assert plan.step("validate_baseline").parameters["HARM_RATIO"] == 10
    assert plan.step("decision").parameters["HARM_RATIO"] == 10
    assert plan.step("test").parameters["TRIAGE"] is True


def test_an_annotated_ruler_is_balanced_and_ink_is_drawn():
    plan = planned(NOT_ONE + RULERS)
    assert trainings(plan) == {"baseline": None, "mitigated": "insertion_balancing+insertion_augmentation"}
    assert plan.step("train_mitigated").parameters["CONFOUNDER"] == ["ruler", "ink"]
    assert plan.step("test").parameters["CONFOUNDERS"] == ["ruler", "ink"]
    assert plan.step("select").parameters["CONFOUNDER"] == "ruler"


def test_with_nothing_annotated_both_are_drawn():
    plan = planned(NOT_ONE + RULERS, ham(ruler=False))
    assert trainings(plan) == {"baseline": None, "insertion_augmentation": "insertion_augmentation"}
    assert plan.step("train_insertion_augmentation").parameters["CONFOUNDER"] == ["ruler", "ink"]


def test_a_ruler_that_nobody_named_is_measured_and_not_trained_against():
    plan = planned(NOT_ONE)
    assert list(trainings(plan)) == ["baseline"]
    assert plan.step("test").parameters["CONFOUNDERS"] == ["ruler"] and plan.step("association_ruler")


def test_patient_data_are_weighed_only_where_asked_for():
    asked = planned(NOT_ONE + " Use patient age and site too if that helps.")
    assert asked.step("metadata").parameters["COVARIATES"] == ["age", "sex", "body_site"]
    assert asked.step("metadata").parameters["LOWER_BOUND"] is True
    assert "metadata" not in [step.id for step in planned(NOT_ONE).steps]


def test_dark_skin_is_answered_in_the_language_of_notebook_and_report():
    for text in (SEVEN + " Does it also work on dark skin?", GERMAN + " Geht das auf dunkler Haut?"):
        said = {warning.code: warning.sentence for warning in unanswerable(parse_request(text), ham())}
        assert said["skin_tone_unknown"].startswith("Whether it also works on dark skin")


def test_a_column_of_skin_types_is_examined_and_that_is_the_answer():
    profile, text = ham(), NOT_ONE + " Does it also work on dark skin?"
    profile.tables[0].columns.append(column("fitzpatrick_skin_type", kind="integer", unique=6))
    said = {warning.code: warning.sentence for warning in unanswerable(parse_request(text), profile)}
    assert said["skin_tone_unknown"].startswith("The column 'fitzpatrick_skin_type' says")
    assert "skin_type" in planned(text, profile).step("test").parameters["SUBGROUPS"]


def test_a_number_beside_the_wish_that_none_is_missed_must_hold_on_other_patients():
    task = parse_request(
        "Melanoma or nevus? A sensitivity of at least 97 %. Please try your best not to miss a single case."
    )
    assert task.risk.target_sensitivity == 0.97 and task.risk.lower_bound
    assert not parse_request(AT_LEAST).risk.lower_bound


def test_a_ratio_of_harms_beside_a_sensitivity_decides_and_that_is_said():
    codes = {warning.code for warning in unanswerable(parse_request(GERMAN + " Sensitivitaet mindestens 95 %."), ham())}
    assert "ratio_decides" in codes
    assert "ratio_decides" not in {warning.code for warning in unanswerable(parse_request(GERMAN), ham())}


def test_a_reference_standard_is_no_referral():
    said = parse_request("Recognise melanoma on dermoscopic images; the reference standard is histology.")
    assert said.output_format == "probability"
    assert parse_request("Recognise melanoma; tell me whom to refer.").output_format == "refer_reassure"


def test_of_films_the_answer_about_dark_skin_does_not_speak_of_melanomas():
    task = parse_request("Detect pneumothorax on chest X-rays. Does it work for Black patients?")
    (said,) = unanswerable(task, ham(layout="table"))
    assert "patients with dark skin" in said.sentence and "melanoma" not in said.sentence


def test_a_stated_specificity_decides_where_the_threshold_lies():
    task = "Nevus versus melanoma, specificity of at least 95 %."
    step = planned(task).step("validate_baseline")
    assert step.parameters["TARGET_SPECIFICITY"] == 0.95 and "specificity of at least 95%" in step.words["rule"]
    rendered = recipe("validate_model").render(step.parameters, **step.words).code
    assert "target_specificity=TARGET_SPECIFICITY," in rendered
    assert unanswerable(parse_request(task), ham()) == []
    other = planned(AT_LEAST).step("validate_baseline")
    assert "specificity" not in recipe("validate_model").render(other.parameters, **other.words).code


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Nevus versus melanoma, as few false alarms as possible.", "a specificity of at least 95%"),
        ("Mark wrist fractures with boxes, with as few false alarms as possible.", "false marks per image"),
    ],
)
def test_few_false_alarms_without_a_number_are_told_what_that_means(text, told):
    said = {warning.code: warning.sentence for warning in unanswerable(parse_request(text), ham())}
    assert told in said["false_alarms_without_number"]


def test_who_fears_false_alarms_gets_a_threshold_that_spares_them():
    steps = planned("Nevus versus melanoma, as few false alarms as possible.")
    assert steps.step("validate_baseline").parameters["TARGET_SPECIFICITY"] == 0.95
    assert "TARGET_SENSITIVITY" not in steps.step("validate_baseline").parameters


@pytest.mark.parametrize(
    ("text", "layout", "told"),
    [
        ("Tell melanoma from nevus. Test it externally on ISIC 2019.", "ham10000", True),
        ("Tell melanoma from nevus. HAM10000 is our external test.", "isic2019", True),
        ("Tell melanoma from nevus, externally on ISIC-2019.", "ham10000", True),
        ("Tell melanoma from nevus. HAM-10000 is the external test.", "isic2019", True),
        ("Tell melanoma from nevus. HAM_10000 is the external test.", "isic2019", True),
        ("Tell melanoma from nevus. ISIC 2019 is our test set.", "ham10000", True),
        ("Tell melanoma from nevus. Please test it on ISIC 2019.", "ham10000", True),
        ("Melanome von Nävi unterscheiden, ISIC 2019 sind die Testdaten.", "ham10000", True),
        ("Tell melanoma from nevus. Validate it on ISIC 2019.", "ham10000", True),
        ("Tell melanoma from nevus on ISIC 2019.", "ham10000", False),
        ("Tell melanoma from nevus. Test it externally on our own images.", "ham10000", False),
    ],
)
def test_sets_that_share_images_are_no_external_test(text, layout, told):
    codes = {warning.code for warning in unanswerable(parse_request(text), ham(layout=layout))}
    assert ("datasets_overlap" in codes) == told


@pytest.mark.parametrize(
    ("stated", "expected"), [(" State predictive values for a prevalence of 2 %.", 0.02), ("", None)]
)
def test_a_stated_prevalence_holds_on_validation_as_on_the_test_set(stated: str, expected: float | None) -> None:
    steps = {step.id: step.parameters for step in planned(f"{NOT_ONE} Use age and site too.{stated}").steps}
    assert steps["validate_baseline"].get("PREVALENCE") == steps["test"]["PREVALENCE"] == expected
    assert steps["metadata"].get("PREVALENCE") == expected
    for name in ("validate_model", "metadata_ablation"):
        assert "prevalence=PREVALENCE" in recipe(name).code and "PREVALENCE" in recipe(name).defaults
