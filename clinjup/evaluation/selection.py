"""Which model goes on: chosen on validation, by a rule that stands before the test set opens.

With a confounder the rule asks for the least lean on it, under a stated limit on what that may cost overall: the baseline is usually best
overall just because it reads the confounder. Worst groups are small, and so is one class of several: models within one standard error of the
best count as equal (the one-standard-error rule of Breiman et al., Classification and Regression Trees, 1984), and of these the one goes on
that insertion changes least, or that does best by the other classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from clinjup.contracts import Estimate, Experiment, SelectionFinding
from clinjup.evaluation.doubtful_models import (
    beyond_chance,
    chance_sentence,
    crowded_sentence,
    has_no_room,
    insertion_cost,
    outranked_by,
    outranked_sentence,
)
from clinjup.evaluation.metrics import LOWER_IS_BETTER
from clinjup.evaluation.validate import Validation
from clinjup.kernel import emit
from clinjup.kernel.errors import ClinjupError
from clinjup.metric_names import metric_words
from clinjup.nouns import model_words, plain_name, with_article
from clinjup.phrases import points

_Z = 1.959964  # half the width of a 95 % confidence interval, in standard errors


@dataclass(frozen=True)
class _Criterion:
    metric: str
    words: str
    read: Callable[[Validation], Estimate]
    cost: Callable[[Validation], float | None]
    constrained: bool


@dataclass(frozen=True)
class _TieBreaker:
    cost: Callable[[Validation], float | None]
    words: str
    better: str
    worse: str


def select_model(
    validations: Mapping[str, Validation],
    *,
    confounder: str | None = None,
    max_auroc_loss: float = 0.10,
    primary_metric: str = "auroc",
    guard_metric: str | None = None,
    max_guard_loss: float = 0.05,
) -> SelectionFinding:
    """Choose among `validations` (the first is the baseline); emits and returns the SelectionFinding.

    With `confounder` annotated on validation: the best worst-group AUROC among the models whose overall AUROC is at most `max_auroc_loss`
    below the baseline's; of those within one standard error of it, the one whose false alarms change least by insertion. With a confounder
    that is not annotated: the smallest change of false alarms by insertion, under the same limit. A model that alarms on half of the images
    before anything is inserted comes after the others there; one whose overall AUROC may be chance is left out where another's may not.
    Without a confounder: the best `primary_metric`; with `guard_metric` among the models whose value of that is at most `max_guard_loss`
    below the baseline's (the most sensitive model for one class may have given up all others; the best one's rests on rare classes of a few
    images, and would pass over good ones by chance), and of those within one standard error of it the one with the best `guard_metric`.
    Raises ClinjupError where there is nothing to choose from.
    """
    if not validations:
        raise ClinjupError("There is no validated model to choose from. Train and validate at least one model first.")
    baseline = next(iter(validations.values()))
    criterion, passed_over = _criterion(validations, confounder, primary_metric)
    candidates = beyond_chance(validations)
    allowed = {
        name: validation
        for name, validation in candidates.items()
        if not criterion.constrained or auroc_loss(baseline, validation) <= max_auroc_loss + 1e-12
    }
    guard_metric = None if criterion.constrained else guard_metric
    if guard_metric is not None:
        least = (baseline.metrics[guard_metric].value or 0.0) - max_guard_loss
        allowed = {
            name: validation
            for name, validation in candidates.items()
            if (validation.metrics[guard_metric].value or 0.0) >= least - 1e-12
        }
    allowed = allowed or candidates  # where the baseline itself is left out, all others may be beyond its limit
    best = min(allowed, key=lambda name: _cost(criterion, allowed[name]))
    tie = _tie_breaker(criterion, confounder, guard_metric)
    equals = _of_equals(allowed, best, criterion, tie)
    selected = min(equals, key=lambda name: (equals[name], _cost(criterion, allowed[name]))) if equals else best
    rule = criterion.words
    if criterion.constrained:
        rule += f", among the models whose validation AUROC is at most {max_auroc_loss:.2f} below the baseline's"
    if guard_metric is not None:
        rule += f", among the models whose {metric_words(guard_metric)} is at most {max_guard_loss:.2f} below the baseline's"
    if tie is not None:
        rule += f"; of those within one standard error of the best, the one {tie.words}"
    compared: dict[str, Validation] = {}  # by what insertion changes
    if confounder and criterion.constrained:
        names = allowed if criterion.metric == "false_alarm_increase" else equals
        compared = {name: allowed[name] for name in names}
    outranked = outranked_by(compared, selected, confounder or "")
    crowded = (
        len(compared) > 1
        and has_no_room(validations[selected], confounder or "")
        and validations[selected].metrics["auroc"].value is not None
    )
    why = f"best {metric_words(criterion.metric)} of the models allowed"
    if crowded:
        why = "best overall AUROC of models that all alarm on most images anyway"
    elif selected != best and tie is not None:
        better = "it does not alarm on most images anyway" if best in outranked else tie.better
        why = f"within one standard error of the best {metric_words(criterion.metric)}, and {better}"
    experiments = [
        _experiment(
            validation,
            baseline,
            criterion,
            chosen=validations[selected],
            best=validations[best],
            tie=tie,
            allowed=name in allowed,
            limit=max_auroc_loss,
            why=why,
            at_chance=name not in candidates,
            outranked=name in outranked,
        )
        for name, validation in validations.items()
    ]
    if crowded:
        sentence = passed_over + crowded_sentence(validations[selected], len(compared))
    else:
        chosen, models = validations[selected], len(validations)
        sentence = passed_over + _sentence(
            chosen, validations[best], baseline, criterion, guard_metric, models, best in outranked
        )
    for name in [name for name in validations if name not in candidates]:
        sentence += f" {chance_sentence(validations[name])}"
    for name in [] if crowded else outranked:
        sentence += f" {outranked_sentence(validations[name], confounder or '')}"
    if confounder is not None:
        sentence += _insertion_sentence(validations, confounder, criterion, selected)
    finding = SelectionFinding(
        selected=selected,
        rule=rule,
        sentence=sentence,
        experiments=experiments,
    )
    emit(finding, finding.sentence)
    return finding


def auroc_loss(baseline: Validation, validation: Validation) -> float:
    """How much overall validation AUROC a model gives up against the baseline."""
    return (baseline.metrics["auroc"].value or 0.0) - (validation.metrics["auroc"].value or 0.0)


def _criterion(
    validations: Mapping[str, Validation], confounder: str | None, primary_metric: str
) -> tuple[_Criterion, str]:
    """The first criterion that every model has a value for, and why those before it could not decide."""
    primary = _Criterion(
        primary_metric,
        f"best {metric_words(primary_metric)} on validation",
        lambda validation: validation.metrics[primary_metric],
        lambda validation: _signed(
            validation.metrics[primary_metric].value, 1 if primary_metric in LOWER_IS_BETTER else -1
        ),
        constrained=False,
    )
    if confounder is None:
        return primary, ""
    name = plain_name(confounder)
    worst_group = _Criterion(
        "worst_group_auroc",
        f"best worst-group AUROC on validation (the lower of those among images with and without {name})",
        lambda validation: validation.confounders[confounder].worst_group_auroc,
        lambda validation: _signed(validation.confounders[confounder].worst_group_auroc.value, -1),
        constrained=True,
    )
    false_alarms = _Criterion(
        "false_alarm_increase",
        f"smallest change of false alarms on validation when the {name} is inserted",
        lambda validation: validation.confounders[confounder].false_alarm_increase,
        lambda validation: insertion_cost(validation, confounder),
        constrained=True,
    )
    passed_over = ""
    for criterion in (worst_group, false_alarms):
        if all(confounder in validation.confounders for validation in validations.values()):
            missing = next((e for v in validations.values() if (e := criterion.read(v)).value is None), None)
            if missing is None:
                return criterion, passed_over
            passed_over += f"The {metric_words(criterion.metric)} cannot decide: {missing.reason}. "
    return primary, passed_over


def _cost(criterion: _Criterion, validation: Validation) -> float:
    cost = criterion.cost(validation)
    return float("inf") if cost is None else cost


def _signed(value: float | None, sign: int) -> float | None:
    return None if value is None else sign * value


def _tie_breaker(criterion: _Criterion, confounder: str | None, guard_metric: str | None) -> _TieBreaker | None:
    """What tells models apart that count as equal by `criterion`."""
    if guard_metric is not None:
        words = metric_words(guard_metric)
        return _TieBreaker(
            lambda validation: None if (value := validation.metrics[guard_metric].value) is None else -value,
            words=f"with the best {words}",
            better=f"its {words} is better",
            worse=f"its {words} is lower",
        )
    if confounder is None or criterion.metric != "worst_group_auroc":
        return None
    return _TieBreaker(
        lambda validation: insertion_cost(validation, confounder),
        words=f"whose false alarms change least when {with_article(plain_name(confounder))} is inserted",
        better="its false alarms change less by insertion",
        worse="its false alarms change more by insertion",
    )


def _of_equals(
    allowed: Mapping[str, Validation], best: str, criterion: _Criterion, tie: _TieBreaker | None
) -> dict[str, float]:
    """What `tie` says of the models that count as equal to `best`; empty where it cannot tell them apart."""
    if tie is None:
        return {}
    interval = criterion.read(allowed[best]).ci95
    standard_error = (interval[1] - interval[0]) / (2 * _Z) if interval else 0.0
    limit = _cost(criterion, allowed[best]) + standard_error
    equal = {
        name: tie.cost(validation) for name, validation in allowed.items() if _cost(criterion, validation) <= limit
    }
    known = {name: value for name, value in equal.items() if value is not None}
    return known if len(known) == len(equal) > 1 else {}


def _sentence(
    chosen: Validation,
    best: Validation,
    baseline: Validation,
    criterion: _Criterion,
    guard_metric: str | None,
    models: int,
    best_outranked: bool,
) -> str:
    name, value = metric_words(criterion.metric), criterion.read(chosen).value
    if value is None:
        return (
            f"{model_words(chosen.name)} goes on: {name} cannot be had on validation ({criterion.read(chosen).reason})."
        )
    if models == 1:
        return f"{model_words(chosen.name)} goes on, the only model judged; {name} on validation {value:.2f}."
    if chosen is baseline and best is chosen:
        return f"{model_words(chosen.name)} goes on: no other model had a better {name} on validation ({value:.2f}) within the rule."
    other = baseline if best is chosen else best
    sentence = (
        f"{model_words(chosen.name)} goes on: {name} on validation {value:.2f}, "
        f"{model_words(other.name)} {criterion.read(other).value:.2f}"
    )
    if best is not chosen and criterion.constrained:
        sentence += (
            ", which is within one standard error of it, and it does not alarm on most images anyway"
            if best_outranked
            else ", which is within one standard error of it, and it leans less on the confounder"
        )
    elif best is not chosen and guard_metric is not None:
        before, after = (validation.metrics[guard_metric].value or 0.0 for validation in (other, chosen))
        words = metric_words(guard_metric)
        sentence += f", which is within one standard error of it; the {words} decided: {after:.2f}, {model_words(other.name)} {before:.2f}"
    if criterion.constrained:
        before, after = (validation.metrics["auroc"].value or 0.0 for validation in (other, chosen))
        sentence += f"; overall validation AUROC {after:.2f}, {model_words(other.name)} {before:.2f}"
    return sentence + "."


def _insertion_sentence(
    validations: Mapping[str, Validation], confounder: str, criterion: _Criterion, selected: str
) -> str:
    """What inserting the confounder does to the models: a criterion may be met by a model that still reads it."""
    if criterion.metric == "false_alarm_increase":
        return ""
    measured = {
        name: validation.confounders[confounder].false_alarm_increase.value
        for name, validation in sorted(validations.items(), key=lambda item: item[0] != selected)
        if confounder in validation.confounders
    }
    words = ", ".join(f"{model_words(name)} {points(value)}" for name, value in measured.items() if value is not None)
    return words and f" False alarms when {with_article(plain_name(confounder))} is inserted: {words}."


def _experiment(
    validation: Validation,
    baseline: Validation,
    criterion: _Criterion,
    *,
    chosen: Validation,
    best: Validation,
    tie: _TieBreaker | None,
    allowed: bool,
    limit: float,
    why: str,
    at_chance: bool,
    outranked: bool,
) -> Experiment:
    hypothesis, change = _hypothesis(validation)
    passes = [each.model.settings.get("epochs") for each in (validation, baseline)]
    if None not in passes and passes[0] != passes[1]:
        change += f" Trained for up to {passes[0]} pass{'es' * (passes[0] > 1)}, the baseline for {passes[1]}."
    kept = validation is chosen
    name, loss = metric_words(criterion.metric), auroc_loss(baseline, validation)
    if validation is baseline:
        reason = "what the others are compared with" + ("; it goes on" if kept else "")
    elif kept:
        reason = why
    elif at_chance:
        reason = "it was not shown to be better than chance on validation"
    elif outranked:
        reason = "it raises an alarm on most images anyway, so insertion says little about it"
    elif not allowed and not criterion.constrained:
        reason = "it gives up too much of the other classes"
    elif not allowed:
        reason = f"overall AUROC falls by {loss:.2f}, more than the limit of {limit:.2f}"
    elif tie is not None and best is not chosen and _cost(criterion, validation) <= _cost(criterion, chosen):
        reason = f"no clearly better {name} than '{model_words(chosen.name)}', and {tie.worse}"
    else:
        same = _cost(criterion, validation) == _cost(criterion, chosen)
        reason = (
            f"no better {name} than '{model_words(chosen.name)}', which was tried first"
            if same
            else f"another model had a better {name}"
        )
    outcome = "baseline" if validation is baseline else "kept" if kept else "discarded"
    return Experiment(
        name=validation.name,
        hypothesis=hypothesis,
        change=change,
        metric=criterion.metric,
        validation=criterion.read(validation),
        outcome=outcome,
        reason=reason,
    )


def _hypothesis(validation: Validation) -> tuple[str, str]:
    """What the model was trained to find out, and what was changed for it."""
    from clinjup.learning.mitigation import SEPARATOR, mitigation_named

    model = validation.model
    if model.mitigation is None:
        return "What does a model learn from the images as they are?", "nothing, the reference"
    entries = [mitigation_named(name) for name in model.mitigation.split(SEPARATOR)]
    titles, change = " with ".join(entry.title for entry in entries), " ".join(entry.explanation for entry in entries)
    if all(entry.against == "imbalance" for entry in entries):
        return f"{titles} keeps the model from answering with the commonest class.", change
    confounders = (model.confounder or "").split(SEPARATOR)
    named = " and ".join(f"the {plain_name(name)}" for name in confounders if name) or "a confounder"
    return f"{titles} keeps the model from reading {named} instead of the disease.", change
