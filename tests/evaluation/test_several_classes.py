"""Several classes: each class's own figures, the confusion, averages; subgroups; the decision curve's arithmetic."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, roc_auc_score

from clinjup.contracts import Estimate
from clinjup.evaluation.bootstrap import Bootstrap
from clinjup.evaluation.cohort_parts import Part
from clinjup.evaluation.several_classes import class_metrics, confusion_of, part_metrics
from clinjup.evaluation.subgroups import subgroup_table
from clinjup.evaluation.triage import _cautious_npv, net_benefit

CLASSES = ("bcc", "melanoma", "nevus")


@pytest.fixture(scope="module")
def judged() -> tuple[Part, np.ndarray]:
    """300 images of 150 lesions and what a model says of them; class 1 is the one with priority."""
    random = np.random.default_rng(0)
    codes = np.repeat(random.choice(3, 150, p=[0.1, 0.2, 0.7]), 2)
    logits = random.normal(0, 1, (300, 3))
    logits[np.arange(300), codes] += 1.5
    predicted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    table = pd.DataFrame(
        {
            "image": np.arange(300).astype(str),
            "sex": np.where(np.arange(300) % 2, "male", "female"),
            "age": np.where(np.arange(300) < 280, 30.0 + np.arange(300) % 50, np.nan),
            "reference": np.where(np.arange(300) < 294, "histo", "follow_up"),
        }
    )
    lesions = np.repeat(np.arange(150), 2).astype(str)
    return Part("test", table, (codes == 1).astype(int), lesions, codes, CLASSES), predicted


def test_class_figures_are_those_of_scikit_learn(judged):
    part, predicted = judged
    found = class_metrics(part, predicted, Bootstrap(part.clusters, part.labels))
    named = predicted.argmax(axis=1)
    assert found["balanced_accuracy"].value == pytest.approx(balanced_accuracy_score(part.codes, named))
    for code, name in enumerate(CLASSES):
        members = part.codes == code
        assert found[f"sensitivity_{name}"].value == pytest.approx((named[members] == code).mean())
        assert found[f"auroc_{name}"].value == pytest.approx(roc_auc_score(members, predicted[:, code]))
    assert all(estimate.ci95 is not None for estimate in found.values())


def test_class_figures_come_before_averages(judged):
    part, predicted = judged
    names = list(class_metrics(part, predicted, Bootstrap(part.clusters, part.labels)))
    assert names.index("sensitivity_melanoma") < names.index("macro_auroc") < names.index("balanced_accuracy")


def test_the_class_with_priority_keeps_the_figures_of_a_yes_no_question(judged):
    part, predicted = judged
    found = part_metrics(part, predicted, predicted[:, 1], 0.2, None, Bootstrap(part.clusters, part.labels))
    assert found["auroc"].value == pytest.approx(roc_auc_score(part.codes == 1, predicted[:, 1]))
    assert found["sensitivity"].value == pytest.approx((predicted[part.codes == 1, 1] >= 0.2).mean())


def test_the_confusion_counts_true_classes_by_row(judged):
    part, predicted = judged
    confusion = confusion_of(part, predicted)
    assert confusion.counts == confusion_matrix(part.codes, predicted.argmax(axis=1)).tolist()
    assert confusion.classes == ["basal cell carcinoma", "melanoma", "nevus"]
    assert confusion_of(part, predicted[:, 1]) is None


def test_subgroups_with_few_events_are_suppressed_and_say_so(judged):
    part, predicted = judged
    rows = subgroup_table(
        part, predicted[:, 1], 0.3, ["sex", "age", "reference", "site"], Bootstrap(part.clusters, part.labels)
    )
    by_name = {row.value: row for row in rows}
    assert {"sex: male", "age: 40 to 59", "age: unknown", "diagnosis by: histology"} <= set(by_name)
    few = by_name["diagnosis by: follow-up"]
    assert few.images == 6 and all(
        figure.value is None and "suppressed" in figure.reason for figure in few.metrics.values()
    )
    male, unknown = by_name["sex: male"].metrics, by_name["age: unknown"]
    assert male["sensitivity"].value is not None and male["sensitivity"].ci95 is not None
    assert unknown.positives < 10 and "suppressed: only" in unknown.metrics["sensitivity"].reason
    assert unknown.metrics["auroc"].value is None


def test_net_benefit_of_referring_everyone_is_the_textbooks():
    labels = np.r_[np.ones(20, int), np.zeros(80, int)]
    found = net_benefit(np.ones(100), labels, np.array([0.1, 0.5]))
    assert found == pytest.approx([0.2 - 0.8 * 0.1 / 0.9, 0.2 - 0.8])


def test_with_no_case_missed_the_npv_is_not_certain():
    metrics = {
        "npv": Estimate(value=1.0, ci95=(1.0, 1.0), n=100),
        "sensitivity": Estimate(value=1.0, ci95=(0.89, 1.0), n=31),
        "specificity": Estimate(value=0.25, ci95=(0.20, 0.30), n=69),
    }
    found = _cautious_npv(metrics, 0.15)
    assert found.value == 1.0 and found.ci95[1] == 1.0
    assert found.ci95[0] == pytest.approx(0.20 * 0.85 / (0.20 * 0.85 + 0.11 * 0.15))
