"""From a clinician's sentence about wrists to a plan: which steps, with which limits, and when a question comes first."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest

from clinjup.agent.intent import parse_request
from clinjup.agent.plan import build_plan
from clinjup.agent.plan_detection import why_needless
from clinjup.agent.roles import decide_roles
from clinjup.agent.state import Brief
from clinjup.agent.unanswerable import unanswerable
from clinjup.contracts import Plan, Step
from clinjup.imaging import profile_data
from clinjup.imaging.synthetic import write_cohort
from clinjup.preflight import check
from clinjup.recipes import recipe
from tests.imaging.folders import write_image

MARKS = "I need a tool that looks at wrist X-rays and marks suspicious fractures during my workflow."
FEW = f"{MARKS} Only about 5% of our images have boxes; for the rest we just know fracture yes or no."
GERMAN = "Bitte markiere mir Frakturen am kindlichen Handgelenk, aber Gips und Metall sollen nicht als Fraktur gelten."
LADDER = ["train_baseline", "train_with_negatives", "train_gate", "train_pseudo_boxes", "train_pseudo_boxes_2"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("wrists")
    return {
        name: write_cohort("wrist", root / name, patients=20, seed=11, annotated=share, workers=1)
        for name, share in (("all", 1.0), ("few", 0.2))
    }


def plan(request: str, folder: Path) -> Plan:
    profile, task = profile_data(folder), parse_request(request)
    decision = decide_roles(profile, task)
    assert decision.roles is not None and not task.open_questions
    return build_plan(Brief(task, profile, decision.roles, decision.warnings, lambda: None))  # type: ignore[arg-type,return-value]


def trained(found: Plan) -> list[str]:
    return [step.id for step in found.steps if step.id.startswith("train")]


@pytest.mark.parametrize(
    ("request_", "folder", "steps", "expected"),
    [
        (MARKS, "all", ["train_baseline"], {"validate_baseline": {"FALSE_MARKS": None}}),
        (FEW, "few", LADDER, {"select": {"METRIC": "ap50"}}),
        (MARKS, "few", LADDER, {}),  # the data show it, though nobody said so
        (FEW, "all", ["train_baseline"], {"train_baseline": {"SUPERVISION": "all_boxes"}}),  # and the other way round
        (
            f"{MARKS} At most one false mark per two images, otherwise nobody will use it.",
            "all",
            ["train_baseline"],
            {"validate_baseline": {"FALSE_MARKS": 0.5}, "select": {"METRIC": "sensitivity_at_false_mark_limit"}},
        ),
        (
            GERMAN,
            "all",
            ["train_baseline", "train_insertion_augmentation"],
            {
                "train_insertion_augmentation": {"CONFOUNDER": ["cast", "metal"], "METRIC": "ap50"},
                "validate_insertion_augmentation": {"CONFOUNDERS": ["cast", "metal"]},
                "select": {"METRIC": "ap50", "MIN_GAIN": 0.05, "MAX_LOSS": 0.05},
                "test": {"CONFOUNDERS": ["cast", "metal"]},
            },
        ),
        (
            f"{MARKS} Metal must not count as a fracture. At most one false mark per two images.",
            "few",  # of the ladder only the best step is trained once more
            [*LADDER, "train_insertion_augmentation"],
            {
                # Whichever step is the best one, what insertion does to it is known.
                "validate_with_negatives": {"CONFOUNDERS": ["metal", "cast"]},
                "train_insertion_augmentation": {"CONFOUNDER": ["metal"], "METRIC": "sensitivity_at_false_mark_limit"},
                "select": {"METRIC": "sensitivity_at_false_mark_limit", "MAX_LOSS": 0.05},
            },
        ),
        (
            f"{MARKS} It should run on the PC in the emergency room.",
            "all",
            ["train_baseline"],
            {"select": {"MAX_LATENCY_MS": 200.0}},
        ),
    ],
)
def test_a_sentence_becomes_a_plan(folders, request_, folder, steps, expected):
    found = plan(request_, folders[folder])
    assert trained(found) == steps
    for step, parameters in expected.items():
        assert {name: found.step(step).parameters[name] for name in parameters} == parameters
    assert found.steps[0].parameters["COLUMNS"]["patient"] == "dataset.csv:patient_id"
    assert found.steps[0].parameters["COLUMNS"]["boxes"]["target"] == ["fracture"]
    assert found.step("test").recipe == "open_test_set_for_marks"


CHECKED = {"CONFOUNDERS": ["cast", "metal"], "SEED": 0}
AFTER = [
    ("select", "select_detector", {"METRIC": "ap50", "MAX_LATENCY_MS": None}),
    ("test", "open_test_set_for_marks", CHECKED),
    ("marks", "marked_films", {}),
    ("figures", "mark_figures", {}),
    ("insertion_cast", "mark_insertion", {"CONFOUNDER": "cast"}),
    ("insertion_metal", "mark_insertion", {"CONFOUNDER": "metal"}),
]


def rung(name: str, supervision: str, steps: int, confounders: list[str], gate: str | None = None) -> list[tuple]:
    how = {"NAME": name, "SUPERVISION": supervision, "GATE": gate, "STEPS": steps, "SEED": 0}
    judged = {"NAME": name, "FALSE_MARKS": None, "CONFOUNDERS": confounders, "SEED": 0}
    return [(f"train_{name}", "train_detector", how), (f"validate_{name}", "validate_detector", judged)]


@pytest.mark.parametrize(
    ("request_", "folder", "expected"),
    [
        (MARKS, "all", rung("baseline", "all_boxes", 400, ["cast", "metal"])),
        (
            FEW,
            "few",
            [
                *rung("baseline", "boxes_only", 150, []),
                *rung("with_negatives", "boxes_and_negatives", 250, []),
                ("train_gate", "train_model", {"NAME": "image_classifier", "EPOCHS": 5, "SEED": 0}),
                *rung("pseudo_boxes", "pseudo_boxes", 400, [], "image_classifier"),
                *rung("pseudo_boxes_2", "pseudo_boxes", 450, [], "image_classifier"),
            ],
        ),
    ],
)
def test_where_neither_cast_nor_metal_is_named_they_are_measured_and_nothing_is_trained_against_them(
    folders, request_, folder, expected
):
    found = plan(request_, folders[folder]).steps[3:]
    assert [(step.id, step.recipe, step.parameters) for step in found] == [*expected, *AFTER]


def test_the_step_against_a_confounder_says_what_it_does_and_what_decides(folders):
    few = plan(f"{FEW} Metal must not count as a fracture.", folders["few"])
    for found, things in ((plan(GERMAN, folders["all"]), "casts and metal"), (few, "metal")):
        step = found.step("train_insertion_augmentation")
        assert step.optional and f"get {things} drawn in" in step.words["why"] and "$" not in step.words["why"]
        assert ("only the best on validation is trained again" in step.words["why"]) == (found is few)
        rule = found.step("select").words["selection_rule"]
        assert (
            "the marks on films without a fracture by at least 5 points less" in rule and "at most 0.05 of AP50" in rule
        )
        recipe(step.recipe).render(step.parameters, **step.words)


def test_abnormal_labels_are_a_question_before_any_plan():
    task = parse_request("Images only labelled abnormal/normal. Build me a fracture detector.")
    assert [question.id for question in task.open_questions] == ["abnormal_labels"]


@pytest.mark.parametrize(
    ("answer", "asked", "target"),
    [("", ["abnormal_labels"], "fracture"), ("banana", ["abnormal_labels"], "fracture"), ("same", [], "fracture"),
     ("abnormality", [], "abnormality")],
)  # fmt: skip
def test_what_abnormal_means_is_one_question_and_decides_which_folder_is_positive(tmp_path, answer, asked, target):
    for folder in ("abnormal", "normal"):
        for i in range(10):
            write_image(tmp_path / folder / f"{folder}{i}.png", np.full((40, 40), 20 * i, np.uint8))
    text = "Images only labelled abnormal/normal. Build me a fracture detector."
    found = asyncio.run(check(text, str(tmp_path), {"abnormal_labels": answer}))
    assert ([question.id for question in found.questions], found.task.target) == (asked, target)
    assert asked or (found.roles and (found.roles.positive, found.roles.negative) == (["abnormal"], ["normal"]))


@pytest.mark.parametrize(("first", "needless"), [(0.4, True), (0.6, True), (0.8, False)])
def test_a_second_round_is_tried_only_where_the_first_one_helped(first, needless):
    step = Step(id="train_pseudo_boxes_2", title="", recipe="train_detector")
    findings = [
        {"kind": "validation", "name": name, "metrics": {"ap50": {"value": value}}}
        for name, value in (("baseline", 0.5), ("with_negatives", 0.6), ("pseudo_boxes", first))
    ]
    reason = why_needless(step, findings)
    assert (reason is not None) == needless
    assert not needless or "did not help on validation" in reason
    assert why_needless(Step(id="train_pseudo_boxes", title="", recipe="train_detector"), findings) is None


def test_follow_ups_counted_as_one_patient_are_a_constraint_and_need_patients(folders):
    request = f"{MARKS} The child comes back three times, please count that as one patient."
    assert "group_by_patient" in parse_request(request).constraints
    assert "group_by_patient" not in parse_request(MARKS).constraints
    assert plan(request, folders["all"]).steps[0].parameters["COLUMNS"]["patient"] == "dataset.csv:patient_id"


@pytest.mark.parametrize(
    ("wish", "column", "layout", "told"),
    [
        (" The child comes back three times, please count that as one patient.", "note", "table", True),
        (" The child comes back three times, please count that as one patient.", "patient_id", "table", False),
        (" The child comes back three times, please count that as one patient.", "note", "chexpert", False),
        ("", "note", "table", False),
    ],
)
def test_a_wish_to_count_images_as_one_patient_that_cannot_be_met_is_told(folders, wish, column, layout, told):
    profile = profile_data(folders["all"])
    tables = [
        each.model_copy(
            update={
                "columns": [
                    item.model_copy(update={"name": column}) if item.name == "patient_id" else item
                    for item in each.columns
                ]
            }
        )
        for each in profile.tables
    ]
    profile = profile.model_copy(update={"tables": tables, "layout": layout})
    said = {warning.code: warning.sentence for warning in unanswerable(parse_request(MARKS + wish), profile)}
    assert ("cannot_group_by_patient" in said) == told
    assert not told or "A column 'patient_id' in the table" in said["cannot_group_by_patient"]


def test_only_the_confounders_that_are_checked_are_named(folders):
    profile, task = profile_data(folders["all"]), parse_request(MARKS)
    roles = decide_roles(profile, task).roles
    one = roles.model_copy(update={"confounders": {name: roles.confounders[name] for name in ("metal",)}})
    steps = {}
    for name, chosen in (("both", roles), ("metal", one)):
        steps[name] = build_plan(Brief(task, profile, chosen, [], lambda: None)).step  # type: ignore[arg-type,return-value]
    said = {name: step("validate_baseline").words["confounder_check"] for name, step in steps.items()}
    assert said["both"] == "Then the check of casts and metal, on validation films only."
    assert said["metal"] == "Then the check of metal, on validation films only."
    assert steps["metal"]("insertion_metal").title == "Is metal taken for a fracture?"
    assert steps["both"]("insertion_cast").title == "Is a cast taken for a fracture?"


def test_a_classifier_that_fails_can_be_left_out_and_the_detectors_before_it_go_on(folders):
    found = plan(FEW, folders["few"])
    assert found.step("train_gate").optional  # the question after three failures offers to leave it out
    resting = {step.id for step in found.steps if "train_gate" in step.depends_on}
    assert resting == {"train_pseudo_boxes"} and found.step("train_pseudo_boxes").optional
    assert found.step("select").depends_on == ["validate_baseline"]


def test_visits_are_told_apart_by_their_number(folders):
    assert (
        plan(MARKS, folders["all"]).steps[0].parameters["COLUMNS"]["covariates"]["visit"] == "dataset.csv:study_number"
    )


def films(root: Path, positives: int, boxed: int, listed: str) -> Path:
    """20 films with a table and COCO that lists those "all", "positive" or "boxed"; the first `boxed` have a box."""
    rows = [f"f{i},p{i},{int(i < positives)}" for i in range(20)]
    for i in range(20):
        write_image(root / "images" / f"f{i}.png", np.full((40, 40), 90, np.uint8))
    (root / "table.csv").write_text("\n".join(["image,patient,fracture", *rows]) + "\n", encoding="utf-8")
    count = {"all": 20, "positive": positives, "boxed": boxed}[listed]
    images = [{"id": i, "file_name": f"f{i}.png", "width": 40, "height": 40} for i in range(count)]
    drawn = [{"id": i, "image_id": i, "category_id": 1, "bbox": [10, 15, 20, 10]} for i in range(boxed)]
    told = {"images": images, "annotations": drawn, "categories": [{"id": 1, "name": "fracture"}]}
    (root / "coco.json").write_text(json.dumps(told), encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("request_", "positives", "boxed", "listed", "ladder"),
    [
        (MARKS, 6, 6, "positive", False),  # every fracture is boxed: nothing is left for pseudo-boxes
        (FEW, 6, 6, "positive", False),
        (FEW, 10, 3, "all", True),  # listed, and nothing drawn: not boxed
        (MARKS, 10, 3, "all", True),
        (MARKS, 10, 7, "boxed", False),
        (FEW, 10, 7, "boxed", True),  # neither few nor all, so the clinician's word decides
    ],
)
def test_few_boxes_are_few_of_the_positive_films(tmp_path, request_, positives, boxed, listed, ladder):
    found = plan(request_, films(tmp_path, positives, boxed, listed))
    assert trained(found) == (LADDER if ladder else ["train_baseline"])


def test_where_boxes_alone_say_what_is_positive_there_is_nothing_to_climb(tmp_path):
    root = films(tmp_path, 10, 3, "all")
    (root / "table.csv").unlink()
    assert trained(plan(FEW, root)) == ["train_baseline"]


@pytest.mark.parametrize(
    ("text", "limit", "told"),
    [
        ("Mark wrist fractures. No fracture may be missed.", 1.0, "No sensitivity can be promised"),
        ("Find wrist fractures. Do not miss any fracture. At most 1 false mark on 10 films.", 0.1, "The limit decides"),
        ("Mark wrist fractures.", None, None),
    ],
)
def test_the_fear_of_a_missed_fracture_allows_more_marks_and_promises_no_sensitivity(text, limit, told, folders):
    task = parse_request(text)
    assert task.risk.target_sensitivity is None and "sensitivity of at least" not in task.objective
    assert plan(text, folders["all"]).step("validate_baseline").parameters["FALSE_MARKS"] == limit
    said = {warning.code: warning.sentence for warning in unanswerable(task, profile_data(folders["all"]))}
    assert (told is None) == ("missed_marks" not in said) and (told is None or told in said["missed_marks"])
