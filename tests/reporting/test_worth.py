"""Whether the goal of the request was reached, and whether the model is better than treating all alike."""

from __future__ import annotations

import pytest

from clinjup.contracts import Estimate, Results, RiskPreference, RunStatus, TaskType
from clinjup.reporting.model_card import render_model_card
from clinjup.reporting.report import render_report
from clinjup.reporting.verdict import verdict
from clinjup.reporting.worth import worth, worth_cautions
from tests.reporting import example
from tests.reporting.example import plain

ALONE = "nobody should be reassured by this model alone."


def judged(
    sensitivity: tuple[float, float, int],
    specificity: tuple[float, int] = (0.8, 400),
    bound: float | None = None,
    **risk: float,
) -> Results:
    """The example with these figures of the chosen model: (value, lower limit, n), (value, n), bound on its misses."""
    results = example.results(risk=RiskPreference(kind="sensitivity_first", **risk))
    value, low, n = sensitivity
    changed = {
        "sensitivity": Estimate(value=value, ci95=(low, 1.0), n=n),
        "specificity": Estimate(value=specificity[0], ci95=(0.0, 1.0), n=specificity[1]),
    }
    if bound is not None:
        changed["miss_rate_bound"] = Estimate(value=bound, n=n)
    results.models[1].test |= changed
    return results


@pytest.mark.parametrize(
    ("sensitivity", "bound", "said", "alone"),
    [
        ((0.64, 0.27, 11), None, "was not reached on the test set (11 films with pneumothorax)", True),
        (
            (1.0, 0.89, 56),
            None,
            "was reached on these films (100 %), but the lower end of the 95 % confidence interval is 89 %, below the goal, and so few cases "
            "(56 films with pneumothorax) could not confirm it even if all were found: nobody",
            True,
        ),
        (
            (0.955, 0.935, 900),
            None,
            "was reached on these films (95.5 %), but the lower end of the 95 % confidence interval is 93.5 %, below the goal, so it is not "
            "confirmed for patients to come (900 films with pneumothorax): nobody",
            True,
        ),
        (
            (0.97, 0.9496, 900),
            None,
            "was reached on these films (97 %), but the lower end of the 95 % confidence interval is 94.96 %, below the goal, so",
            True,
        ),
        (
            (0.95, 0.95, 900),
            None,
            "was reached on the test set, and the lower end of the 95 % confidence interval reaches it too (900 films",
            False,
        ),
        (
            (1.0, 0.89, 56),
            0.04,
            "was reached on the test set, and the one-sided lower 95 % bound reaches it too",
            False,
        ),
        (
            (1.0, 0.96, 90),
            0.07,
            "was reached on these films (100 %), but the one-sided lower 95 % bound is 93 %, below the goal, so it is not",
            True,
        ),
        # the rule of three: 59 cases can just confirm 95 %, 58 cannot
        (
            (0.99, 0.9, 59),
            0.06,
            "was reached on these films (99 %), but the one-sided lower 95 % bound is 94 %, below the goal, so",
            True,
        ),
        (
            (0.99, 0.9, 58),
            0.06,
            "was reached on these films (99 %), but the one-sided lower 95 % bound is 94 %, below the goal, and",
            True,
        ),
    ],
)
def test_the_result_says_whether_the_goal_was_reached(
    sensitivity: tuple[float, float, int], bound: float | None, said: str, alone: bool
) -> None:
    results = judged(sensitivity, bound=bound, target_sensitivity=0.95)
    text = plain(verdict(results))
    assert f"The goal, a sensitivity of at least 95 %, {said}" in text
    assert text.count(ALONE) == alone == len(worth_cautions(results))


def test_report_and_card_say_it_once(tmp_path) -> None:
    for sensitivity in ((1.0, 0.89, 56), (0.97, 0.96, 900)):
        results = judged(sensitivity, target_sensitivity=0.95)
        page = plain(render_report(results, run_dir=tmp_path))
        assert page.count("The goal, a sensitivity of at least") == 1
        assert plain(render_model_card(results)).count("The goal, a sensitivity of at least") == 1


def test_without_a_named_sensitivity_or_a_test_set_there_is_no_goal() -> None:
    assert worth(judged((1.0, 0.89, 56))) == {}
    found = [*example.preparation_findings(), *example.model_findings()]
    assert worth(example.results(RunStatus.INTERRUPTED, found)) == {}
    marks = judged((1.0, 0.89, 56), target_sensitivity=0.95)
    marks.task = marks.task.model_copy(update={"task_type": TaskType.DETECTION})
    assert worth(marks) == {}


@pytest.mark.parametrize(
    ("sensitivity", "specificity", "said"),
    [
        (1.0, 0.0, "it calls all 80 films of the test set positive, so it tells nobody apart and is no help."),
        (0.0, 1.0, "it calls none of the 80 films of the test set positive, so it finds nobody and is no help."),
        (1.0, 0.01, ""),
    ],
)
def test_a_model_that_calls_all_alike_is_told_so_once(
    tmp_path, sensitivity: float, specificity: float, said: str
) -> None:
    results = judged((sensitivity, 0.0, 11), (specificity, 69))
    pages = (verdict(results), render_report(results, run_dir=tmp_path), render_model_card(results))
    for text in map(plain, pages):
        assert text.count("is no help") == bool(said) and said in text


@pytest.mark.parametrize(
    ("sensitivity", "specificity", "prevalence", "said", "against"),
    [
        (
            0.9,
            0.8,
            None,
            "0.164 per film, that of referring everyone 0.120, that of referring no one 0: on these films it is better than either.",
            False,
        ),
        (
            0.9,
            0.1,
            None,
            "0.108 per film, that of referring everyone 0.120, that of referring no one 0: on these films it is no better than "
            "referring everyone.",
            True,
        ),
        (
            0.5,
            0.2,
            0.02,
            "−0.068 per film, that of referring everyone −0.078, that of referring no one 0: at a prevalence of 2 % it is no better than "
            "referring no one.",
            True,
        ),
        (
            1.0,
            0.003,
            0.12727,
            "0.040 per film, that of referring everyone 0.040, that of referring no one 0: at a prevalence of 12.727 % there is no clear "
            "difference from referring everyone.",
            True,
        ),
        (
            0.001,
            1.0,
            0.02,
            "0.000 per film, that of referring everyone −0.078, that of referring no one 0: at a prevalence of 2 % there is no clear "
            "difference from referring no one.",
            True,
        ),
    ],
)
def test_the_net_benefit_at_the_ratio_of_the_clinician_is_set_beside_that_of_treating_all_alike(
    sensitivity: float, specificity: float, prevalence: float | None, said: str, against: bool
) -> None:
    results = judged((sensitivity, 0.0, 100), (specificity, 400), harm_ratio=10.0)
    results.task = results.task.model_copy(update={"prevalence": prevalence})
    assert f"If one missed pneumothorax weighs as much as 10 false alarms, its net benefit is {said}" in plain(
        verdict(results)
    )
    assert bool(worth_cautions(results)) is against


def test_nothing_is_said_in_favour_of_a_model_at_chance() -> None:
    results = judged((0.99, 0.97, 900), (0.9, 400), harm_ratio=10.0, target_sensitivity=0.95)
    assert list(worth(results).values()) == [False, False]
    results.models[1].test["auroc"] = Estimate(value=0.60, ci95=(0.45, 0.75))
    assert worth(results) == {}
