"""Whether the chosen model is of use on the test set: is the goal of the request reached, is it better than treating all alike?"""

from __future__ import annotations

from clinjup.contracts import Estimate, ModelResults, Results, TaskType
from clinjup.phrases import counted, decimals, stated_percent
from clinjup.reporting.numbers import known
from clinjup.reporting.reliance import may_be_chance
from clinjup.reporting.subject import chosen_model, image_noun, target_name

_ROUNDING = 1e-9
_DIGITS = 3  # of a net benefit


def worth(results: Results) -> dict[str, bool]:
    """Sentences, and whether each speaks against the model; none before the test set is opened, and none of a detector.

    Of a model that was not shown to be better than chance nothing is said in its favour.
    """
    model = chosen_model(results)
    if model is None or not model.test or results.task.task_type is TaskType.DETECTION:
        return {}
    sensitivity, specificity = model.test.get("sensitivity"), model.test.get("specificity")
    if sensitivity is None or specificity is None or known(sensitivity) is None or known(specificity) is None:
        return {}
    said = [
        _all_alike(results, sensitivity, specificity),
        _goal(results, model, sensitivity),
        _net_benefit(results, sensitivity, specificity),
    ]
    return {sentence: against for sentence, against in said if sentence and (against or not may_be_chance(model))}


def worth_cautions(results: Results) -> list[str]:
    """Those that speak against the model."""
    return [sentence for sentence, against in worth(results).items() if against]


def _all_alike(results: Results, sensitivity: Estimate, specificity: Estimate) -> tuple[str, bool]:
    images = counted((sensitivity.n or 0) + (specificity.n or 0), image_noun(results.task))
    if (sensitivity.value, specificity.value) == (1.0, 0.0):
        return (
            f"At its threshold it calls all {images} of the test set positive, so it tells nobody apart and is no help.",
            True,
        )
    if (sensitivity.value, specificity.value) == (0.0, 1.0):
        return (
            f"At its threshold it calls none of the {images} of the test set positive, so it finds nobody and is no help.",
            True,
        )
    return "", False


def _goal(results: Results, model: ModelResults, sensitivity: Estimate) -> tuple[str, bool]:
    """Whether the sensitivity that the request names was reached; in triage the lower bound is that of the missed cases."""
    wanted, found = results.task.risk.target_sensitivity, known(sensitivity) or 0.0
    if wanted is None:
        return "", False
    noun, target, share = image_noun(results.task), target_name(results.task), stated_percent(wanted)
    cases, reached = counted(sensitivity.n or 0, noun), wanted - _ROUNDING
    if found < reached:
        return (
            f"The goal, a sensitivity of at least {share}, was not reached on the test set ({cases} with {target}): nobody should be "
            "reassured by this model alone.",
            True,
        )
    bound, low, best = _lower_bound(model, sensitivity)
    if low >= reached:
        return (
            f"The goal, a sensitivity of at least {share}, was reached on the test set, and the {bound} reaches it too ({cases} with "
            f"{target}).",
            False,
        )
    said = (
        f"The goal, a sensitivity of at least {share}, was reached on these {noun}s ({_near(found, wanted)}), but the {bound} is "
        f"{_near(low, wanted)}, below the goal"
    )
    if best < reached:
        return (
            f"{said}, and so few cases ({cases} with {target}) could not confirm it even if all were found: nobody should be reassured by "
            "this model alone.",
            True,
        )
    return (
        f"{said}, so it is not confirmed for patients to come ({cases} with {target}): nobody should be reassured by this model alone.",
        True,
    )


def _lower_bound(model: ModelResults, sensitivity: Estimate) -> tuple[str, float, float]:
    """What the lower bound is called, the bound, and what it would be if no case were missed (Clopper and Pearson; Wilson)."""
    missed, cases = known(model.test.get("miss_rate_bound")), sensitivity.n or 1
    if missed is not None:
        return "one-sided lower 95 % bound", 1 - missed, 0.05 ** (1 / cases)
    low = sensitivity.ci95[0] if sensitivity.ci95 else 0.0
    return "lower end of the 95 % confidence interval", low, cases / (cases + 1.96**2)


def _near(share: float, goal: float) -> str:
    """A share with the decimals that tell it from the goal: '93.5 %', '100 %', '94.98 %' beside a goal of 95 %."""
    places = decimals(100 * share, 1, 0.0, 100.0, round(100 * goal, 9))
    return stated_percent(round(share, places + 2))


def _net_benefit(results: Results, sensitivity: Estimate, specificity: Estimate) -> tuple[str, bool]:
    """The model at its threshold against referring everyone and no one (Vickers and Elkin), in units of cases found per image."""
    ratio, positives, negatives = results.task.risk.harm_ratio, sensitivity.n or 0, specificity.n or 0
    if ratio is None or results.task.task_type is not TaskType.BINARY or not positives + negatives:
        return "", False
    share = results.task.prevalence or positives / (positives + negatives)
    everyone = round(share - (1 - share) / ratio, _DIGITS)
    own = share * (known(sensitivity) or 0.0) - (1 - share) * (1 - (known(specificity) or 0.0)) / ratio
    own = round(own, _DIGITS)  # judged as it is shown
    noun, target = image_noun(results.task), target_name(results.task)
    stated = results.task.prevalence
    place = f"at a prevalence of {stated_percent(stated)}" if stated else f"on these {noun}s"
    said = (
        f"If one missed {target} weighs as much as {ratio:g} false alarms, its net benefit is {_figure(own)} per {noun}, that of referring "
        f"everyone {_figure(everyone)}, that of referring no one 0"
    )
    if own > max(everyone, 0.0):
        return f"{said}: {place} it is better than either.", False
    if everyone >= 0:
        if own == everyone:
            return f"{said}: {place} there is no clear difference from referring everyone.", True
        return f"{said}: {place} it is no better than referring everyone.", True
    if own == 0:
        return f"{said}: {place} there is no clear difference from referring no one.", True
    return f"{said}: {place} it is no better than referring no one.", True


def _figure(benefit: float) -> str:
    return f"{benefit:.{_DIGITS}f}".replace("-0.000", "0.000").replace("-", "−")
