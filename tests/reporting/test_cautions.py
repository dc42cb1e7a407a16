"""What `predict` tells of a model besides its decisions."""

from __future__ import annotations

from typing import Any

import pytest

from clinjup.contracts import Estimate, NamedConfounder, Results, RiskPreference, RunStatus, TaskType
from clinjup.reporting.cautions import NO_FIGURES, cautions, end_cautions, known_classes
from clinjup.reporting.verdict import verdict
from tests.reporting.example import estimate, results, task


def plain_results(**changes: Any) -> Results:
    """The example of somebody who names no sensitivity."""
    return results(risk=RiskPreference(), **changes)


def test_a_model_that_leans_on_the_confounder_says_so_wherever_it_is_used():
    (sentence,) = cautions(plain_results(), "baseline")
    assert sentence.startswith("The model leans strongly on the chest drain. ")


@pytest.mark.parametrize(
    ("changes", "classes", "said"),
    [
        (
            {},
            ["negative", "positive"],
            "This model has seen only films with pneumothorax and the films without it in its training data. A film of anything else still "
            "gets one of these two answers.",
        ),
        (
            {"target": "melanoma", "target_name": "melanoma", "comparator": "nevus", "modality": "dermoscopy"},
            ["negative", "positive"],
            "This model has seen only melanoma and nevus. An image of another kind of lesion, such as seborrhoeic keratosis, still gets one "
            "of these answers.",
        ),
        (
            {"task_type": TaskType.MULTICLASS, "modality": "dermoscopy"},
            ["bkl", "melanoma", "nevus"],
            "This model has seen only benign keratosis, melanoma and nevus. An image of another kind of lesion, such as basal cell "
            "carcinoma, still gets one of these answers.",
        ),
    ],
)
def test_what_a_model_has_seen_and_what_it_makes_of_anything_else(changes, classes, said):
    assert known_classes(task(**changes), classes) == said


def test_of_a_model_that_does_not_nothing_is_told():
    found = plain_results()
    assert found.selected is not None and cautions(found, found.selected) == []


def test_a_run_whose_model_nothing_speaks_against_ends_without_a_caution():
    assert end_cautions(plain_results()) == []


def test_the_end_of_a_run_names_what_speaks_against_its_figures():
    found = plain_results()
    found.selected = "baseline"
    assert end_cautions(found) == ["The model leans strongly on the chest drain."]
    assert end_cautions(found)[0] in verdict(found)  # so that the sidebar does not say it twice
    found.models[0].test["auroc"] = estimate(0.60, 0.15, 30)
    assert end_cautions(found)[0].startswith("This model was not shown to be better than chance (AUROC 0.60")
    found.models[0].test["sensitivity"] = Estimate.missing("no positives")
    assert NO_FIGURES in end_cautions(found)


def test_a_run_that_did_not_finish_has_its_own_sentence_and_no_caution():
    assert end_cautions(results(RunStatus.INTERRUPTED, [])) == []


def test_what_nothing_could_examine_is_said_once_in_the_words_of_the_verdict():
    named = [NamedConfounder(id="ecg_lead", name="ECG lead", phrase="leads"), *task().confounders]
    found = plain_results(confounders=named)
    (sentence,) = end_cautions(found)
    assert "ECG lead" in sentence and sentence in verdict(found)


def test_a_goal_that_was_missed_is_said_wherever_the_model_is_used_and_once_in_the_sidebar():
    found = results()
    found.models[1].test["sensitivity"] = estimate(0.64, 0.1, 11)
    (sentence,) = end_cautions(found)
    assert sentence.startswith(
        "The goal, a sensitivity of at least 90\u00a0%, was not reached"
    ) and sentence in verdict(found)
    assert cautions(found, "balanced_sampling") == [sentence]
    found.models[1].test["sensitivity"] = estimate(0.97, 0.02, 400)
    assert end_cautions(found) == [] and "reached on the test set" in verdict(found)
