from __future__ import annotations

import pytest

from clinjup.contracts import (
    ConfounderResult,
    Estimate,
    Experiment,
    ModelResults,
    NamedConfounder,
    Results,
    RunStatus,
    TaskType,
)
from clinjup.nouns import with_article
from clinjup.phrases import out_of_100
from clinjup.reporting.model_card import render_model_card
from clinjup.reporting.numbers import duration, show
from clinjup.reporting.reliance import reliance
from clinjup.reporting.verdict import confounder_sentence, verdict
from tests.reporting import example
from tests.reporting.example import plain


def with_drain_figures(**changes: Estimate) -> Results:
    """The example, its chosen model's drain figures changed."""
    results = example.results()
    model = results.models[1]
    model.confounders["chest_drain"] = model.confounders["chest_drain"].model_copy(update=changes)
    return results


def test_the_verdict_is_the_sentence_of_the_issue() -> None:
    assert plain(verdict(example.results())) == (
        "Inserting a chest drain raised false alarms from 16 % to 65 %; after balancing, from 18 % to 26 % (458 films each). "
        "Of 100 films with pneumothorax the chosen model, balanced sampling, finds 91; of 100 without, it raises a false alarm on 23. "
        "The goal, a sensitivity of at least 90 %, was reached on these films (91 %), but the lower end of the 95 % confidence interval is "
        "87 %, below the goal, so it is not confirmed for patients to come (118 films with pneumothorax): nobody should "
        "be reassured by this model alone. "
        "Of the 45 films with pneumothorax but without a chest drain it finds 87 % (95 % CI 75–99)."
    )


def test_an_interrupted_run_says_so_and_speaks_of_validation() -> None:
    found = [*example.preparation_findings(), *example.model_findings()[:2]]
    text = plain(verdict(example.results(RunStatus.INTERRUPTED, found)))
    assert text.startswith("The run was stopped before its end; what was measured until then is shown.")
    assert "raised false alarms on validation from 15 % to 63 % (" in text
    assert "the test set was not opened" in text


@pytest.mark.parametrize(("low", "said"), [(0.30, True), (0.51, False)])
def test_a_model_that_may_be_no_better_than_chance_is_told_before_anything_else(low: float, said: bool) -> None:
    results = example.results()
    results.models[1].test["auroc"] = Estimate(value=0.55, ci95=(low, 0.66), n=40)
    assert verdict(results).startswith("This model was not shown to be better than chance (AUROC 0.55") is said


def test_where_another_model_is_better_than_chance_it_is_named_instead_of_asking_for_images() -> None:
    results = example.results()
    results.models[0].test["auroc"] = Estimate(value=0.73, ci95=(0.62, 0.83), n=40)
    results.models[1].test["auroc"] = Estimate(value=0.47, ci95=(0.33, 0.61), n=40)
    assert verdict(results).startswith(
        "This model was not shown to be better than chance (AUROC 0.47, 95 % confidence interval 0.33 to 0.61), so no other figure of it means "
        "much; baseline, which was not chosen, was shown to be, on the same images (AUROC 0.73, 95 % confidence interval 0.62 to 0.83)."
    )
    results.models[0].test["auroc"] = Estimate(value=0.53, ci95=(0.32, 0.73), n=40)
    assert "means much; more images are needed" in verdict(results)


def ladder(outcome: str) -> Results:
    """Two steps of a ladder and a detector trained against metal; of their names, baseline was not the best step."""
    results = example.results()
    results.task = results.task.model_copy(update={"task_type": TaskType.DETECTION})
    results.models, results.experiments = [], []
    figures = {"baseline": (0.05, 0.09), "pseudo_boxes": (0.07, 0.36), "insertion_augmentation": (0.08, 0.10)}
    for name, (before, after) in figures.items():
        change = Estimate(value=after - before, ci95=(after - before - 0.02, after - before + 0.02), n=200)
        figure = ConfounderResult(
            false_alarms_before=Estimate(value=before, n=200),
            false_alarms_after=Estimate(value=after, n=200),
            false_alarm_increase=change,
        )
        against = name if name == "insertion_augmentation" else None
        results.models.append(
            ModelResults(
                name=name, seconds=1, seed=0, mitigation=against, test={"ap50": change}, confounders={"metal": figure}
            )
        )
        kept = "baseline" if name == "baseline" else outcome if against else "kept"
        told = {
            "name": name,
            "hypothesis": "It helps.",
            "change": "one thing",
            "reason": "as measured",
            "outcome": kept,
        }
        results.experiments.append(Experiment(metric="ap50", validation=change, **told))
    results.selected = "insertion_augmentation" if outcome == "kept" else "pseudo_boxes"
    return results


@pytest.mark.parametrize("outcome", ["kept", "discarded"])
def test_a_detector_trained_against_metal_is_set_beside_the_step_that_it_was_trained_like(outcome: str) -> None:
    results = ladder(outcome)
    assert plain(confounder_sentence(results, "metal")) == (
        "Inserting metal raised the share of films without pneumothorax that get a mark from 7 % to 36 %; after training with inserted "
        "objects, from 8 % to 10 % (200 films each)."
    )
    results.models[-1].test = {}  # trained, and the time did not allow to judge it
    results.models[-1].confounders = {}
    assert "from 5 % to 9 %" in plain(confounder_sentence(results, "metal"))


@pytest.mark.parametrize("status", list(RunStatus))
def test_every_status_has_a_sentence_even_without_any_finding(status: RunStatus) -> None:
    text = verdict(example.results(status, []))
    assert text and "None" not in text


def test_where_nothing_can_be_inserted_the_groups_speak() -> None:
    results = example.results()
    for model in results.models:
        figures = model.confounders["chest_drain"]
        model.confounders["chest_drain"] = ConfounderResult(worst_group_auroc=figures.worst_group_auroc)
    text = confounder_sentence(results, "chest_drain")
    assert text == "In the films where a chest drain misleads most, AUROC was 0.55; after balancing, 0.89."
    assert reliance(results, "chest_drain").level == "unknown"


def test_a_fall_of_false_alarms_is_not_called_a_rise() -> None:
    results = example.results()
    figures = results.models[0].confounders["chest_drain"]
    swapped = {
        "false_alarms_before": figures.false_alarms_after,
        "false_alarms_after": figures.false_alarms_before,
        "false_alarm_increase": example.estimate(-0.49, 0.03, 458),
    }
    results.models[0].confounders["chest_drain"] = figures.model_copy(update=swapped)
    assert confounder_sentence(results, "chest_drain").startswith("Inserting a chest drain lowered false alarms")


def test_a_rise_that_may_be_chance_is_not_called_one() -> None:
    results = with_drain_figures(
        false_alarms_before=Estimate(value=0.18, n=458),
        false_alarms_after=Estimate(value=0.21, n=458),
        false_alarm_increase=Estimate(value=0.03, ci95=(-0.01, 0.07), n=458),
    )
    assert plain(confounder_sentence(results, "chest_drain")) == (
        "Inserting a chest drain raised false alarms from 16 % to 65 %; after balancing, it did not measurably change them: 18 % before, "
        "21 % after (458 films each)."
    )


@pytest.mark.parametrize(
    ("increase", "interval", "worst", "level"),
    [
        (0.49, (0.45, 0.53), 0.55, "strong"),
        (0.10, (0.02, 0.18), 0.89, "strong"),
        (0.08, (0.05, 0.11), 0.89, "some"),
        (0.02, (-0.02, 0.06), 0.89, "some"),
        (0.01, (-0.01, 0.03), 0.89, "little"),
        (0.01, (-0.01, 0.03), 0.70, "some"),
        (0.05, (0.0, 0.14), 0.89, "unknown"),
        (0.11, (0.0, 0.25), 0.89, "unknown"),
    ],
)
def test_reliance_follows_the_stated_convention(
    increase: float, interval: tuple[float, float], worst: float, level: str
) -> None:
    results = with_drain_figures(
        false_alarm_increase=Estimate(value=increase, ci95=interval), worst_group_auroc=Estimate(value=worst)
    )
    assert reliance(results, "chest_drain").level == level


@pytest.mark.parametrize(
    ("increase", "interval"), [(0.49, (-0.05, 0.83)), (0.01, (-0.01, 0.03)), (0.0, (0.0, 0.0)), (0.08, (0.05, 0.11))]
)
def test_what_a_model_at_chance_leans_on_cannot_be_told(increase: float, interval: tuple[float, float]) -> None:
    results = with_drain_figures(false_alarm_increase=Estimate(value=increase, ci95=interval, n=458))
    results.models[1].test["auroc"] = Estimate(value=0.53, ci95=(0.34, 0.76), n=40)
    judged = reliance(results, "chest_drain")
    assert judged.headline == "It cannot be told whether the model leans on the chest drain"
    assert "not shown to be better than chance, so what it leans on cannot be told" in judged.sentence
    assert "leans strongly" not in verdict(results)


def test_a_rise_that_was_measured_is_a_strong_lean_also_of_a_model_at_chance() -> None:
    results = with_drain_figures(false_alarm_increase=Estimate(value=0.49, ci95=(0.45, 0.53), n=458))
    results.models[1].test["auroc"] = Estimate(value=0.53, ci95=(0.34, 0.76), n=40)
    judged = reliance(results, "chest_drain")
    assert judged.level == "strong" and "cannot be told" not in judged.sentence


@pytest.mark.parametrize(
    ("increase", "interval"), [(0.11, (0.0, 0.25)), (0.02, (-0.02, 0.06)), (0.12, (0.01, 0.2)), (0.06, (0.01, 0.09))]
)
def test_what_is_called_a_reliance_is_called_a_change_too(increase: float, interval: tuple[float, float]) -> None:
    results = with_drain_figures(false_alarm_increase=Estimate(value=increase, ci95=interval, n=9))
    told = "did not measurably change" in confounder_sentence(results, "chest_drain")
    judged = reliance(results, "chest_drain")
    assert told is (interval[0] <= 0) is ("cannot" in judged.headline)
    assert ("leans strongly" in verdict(results)) is (judged.level == "strong") is (increase == 0.12)


@pytest.mark.parametrize(("films", "level"), [(21, "unknown"), (458, "little")])
def test_no_change_in_a_few_films_is_no_proof_of_little_reliance(films: int, level: str) -> None:
    results = with_drain_figures(false_alarm_increase=Estimate(value=0.0, ci95=(0.0, 0.0), n=films))
    judged = reliance(results, "chest_drain")
    assert judged.level == level
    assert ("a change of 14 percentage points cannot be ruled out" in judged.sentence) is (films == 21)


@pytest.mark.parametrize("moved", [False, True])
def test_a_model_that_alarms_on_everything_is_not_called_cured(moved: bool) -> None:
    crowded = Estimate(value=1.0, ci95=(0.84, 1.0), n=200)
    results = with_drain_figures(
        false_alarms_before=crowded,
        false_alarms_after=crowded,
        false_alarm_increase=Estimate(value=0.0, ci95=(0.0, 0.0), n=200),
        delta_probability=Estimate(value=0.41 if moved else 0.01, ci95=(0.3, 0.5) if moved else (-0.1, 0.1), n=200),
    )
    text = plain(confounder_sentence(results, "chest_drain"))
    assert text.endswith("so this says little about it.") is not moved
    judged = reliance(results, "chest_drain")
    assert judged.level == ("strong" if moved else "unknown")
    assert ("its probability rises by 0.41 on average" in judged.sentence) is moved


def test_a_handful_of_cases_is_told_as_a_handful() -> None:
    results = example.results()
    results.models[1].test["sensitivity"] = Estimate(value=1.0, ci95=(0.21, 1.0), n=1)
    text = plain(verdict(results))
    assert "Of 100 films with" not in text
    assert (
        "Only 1 film with pneumothorax could be tried, of which the chosen model, balanced sampling, finds 1: too few to say how many it "
        "would find" in text
    )


def test_a_run_that_was_only_planned_says_that_nothing_was_measured() -> None:
    assert verdict(example.results(RunStatus.COMPLETED, [])).startswith("Only planned, as you chose")


def test_without_a_choice_nothing_is_claimed_about_a_chosen_model() -> None:
    results = example.results(RunStatus.INTERRUPTED, example.model_findings()[:4])
    judged = reliance(results, "chest_drain")
    assert judged.level == "unknown" and "no model was chosen yet" in judged.sentence
    assert "Of 100" not in verdict(results)


def test_two_confounders_get_a_sentence_each() -> None:
    named = [NamedConfounder(id="ecg_lead", name="ECG lead", phrase="leads"), *example.task().confounders]
    results = example.results(confounders=named)
    results.models[0].confounders["ecg_lead"] = results.models[0].confounders["chest_drain"]
    text = verdict(results)
    assert "Inserting an ECG lead raised" in text and "Inserting a chest drain raised" in text


def test_a_confounder_that_nobody_asked_about_is_told_after_the_result() -> None:
    results = example.results(confounders=[])
    results.models[1].confounders["chest_drain"] = example.results().models[1].confounders["chest_drain"]
    text = verdict(results)
    assert text.startswith("Of 100 films with pneumothorax") and "Inserting a chest drain" in text


def test_figures_are_rounded_the_way_a_reader_expects() -> None:
    estimate = Estimate(value=0.905, ci95=(0.876, 0.934))
    assert plain(show(estimate, "percent").line) == "91 % (88–93)"
    assert show(estimate).line in {"0.91 (0.88–0.93)", "0.90 (0.88–0.93)"}
    assert plain(show(Estimate(value=-0.002, ci95=(-0.02, 0.011)), "points").line) == "0 points (−2 to +1)"
    assert show(Estimate(value=float("nan"))).line == "not available (not measured)"
    assert show(Estimate(value=0.5, ci95=(float("nan"), 1.0))).line == "0.50"
    assert out_of_100(0.905) == "91" and out_of_100(1 / 3) == "33"
    assert [plain(duration(seconds)) for seconds in (12.4, 61, 3720)] == ["12 s", "1 min 1 s", "1 h 2 min"]


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("chest drain", "a chest drain"),
        ("ink mark", "an ink mark"),
        ("hair", "hair"),
        ("gel bubbles", "gel bubbles"),
        ("cross", "a cross"),
    ],
)
def test_confounders_get_the_right_article(noun: str, expected: str) -> None:
    assert with_article(noun) == expected


def test_a_method_against_imbalance_is_no_measure_against_the_confounder() -> None:
    results = example.results()
    results.models[1].mitigation = "class_balanced_sampling"
    said = plain(confounder_sentence(results, "chest_drain"))
    assert "to 65 %; with drawing rare classes more often, from 18 % to 26 %" in said
    card = render_model_card(results)
    assert "against the imbalance of classes: drawing rare classes more often" in card
    assert "against the confounder:" not in card
