"""Which detector goes on: the best on validation by a metric stated beforehand; each step of the ladder is an experiment.

One trained against a confounder is judged as in `evaluation.selection`: by what insertion does, under a stated limit on the loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile

from clinjup.contracts import Estimate, Experiment, SelectionFinding
from clinjup.evaluation.detection.validate import DetectorValidation
from clinjup.kernel import emit
from clinjup.kernel.errors import ClinjupError
from clinjup.learning.mitigation import SEPARATOR
from clinjup.metric_names import metric_words
from clinjup.nouns import plain_name, with_article
from clinjup.phrases import points

AT_THE_LIMIT = "sensitivity_at_false_mark_limit"
MIN_GAIN, MAX_LOSS = 0.05, 0.05


def primary_value(validation: DetectorValidation, metric: str) -> float:
    """The validation figure that decides; `AT_THE_LIMIT` is the share of boxes marked at the frozen limit of false marks."""
    estimate = validation.metrics["box_sensitivity" if metric == AT_THE_LIMIT else metric]
    return float("-inf") if estimate.value is None else estimate.value


def best_so_far(
    validations: Mapping[str, DetectorValidation], metric: str = "ap50", *, before: str | None = None
) -> str:
    """Name of the best detector on validation; the teacher of the next round.

    `before`: only those validated earlier than this one count, so that a detector trained again is taught neither by itself nor by
    its pupils. Raises ClinjupError where none is left.
    """
    earlier = list(takewhile(lambda name: name != before, validations))
    if not earlier:
        raise ClinjupError(
            "There is no validated detector to learn from. Train and validate one on the boxed images first."
        )
    return max(earlier, key=lambda name: primary_value(validations[name], metric))


def select_detector(
    validations: Mapping[str, DetectorValidation],
    *,
    metric: str = "ap50",
    max_latency_ms: float | None = None,
    min_gain: float = MIN_GAIN,
    max_loss: float = MAX_LOSS,
) -> SelectionFinding:
    """Choose among `validations` (the first is the baseline) by `metric`; emits and returns the SelectionFinding.

    A detector trained against a confounder is compared with the best of the others: it goes on where inserting the confounder changes
    the share of negative films with a mark by at least `min_gain` less (of several confounders the largest change counts), and where it
    loses at most `max_loss` of `metric`. Where no insertion was measured on both, `metric` alone decides.

    A detector whose median time for a film is above `max_latency_ms` does not go on, however well it marks.

    Every detector is one experiment, compared with the best before it. Raises ClinjupError where there is nothing to choose from.
    """
    if not validations:
        raise ClinjupError("There is no validated detector to choose from. Train and validate at least one first.")
    key = "box_sensitivity" if metric == AT_THE_LIMIT else metric
    if any(key not in validation.metrics for validation in validations.values()):
        known = ", ".join(next(iter(validations.values())).metrics)
        raise ClinjupError(f"Detectors cannot be compared by '{metric}'. They can by: {known}.")
    words, experiments, trial = metric_words(key), [], None
    best = None
    for name in sorted(validations, key=lambda name: validations[name].model.mitigation is not None):
        validation = validations[name]
        value, slow = primary_value(validation, metric), _too_slow(validation, max_latency_ms)
        changes = _changes(validation, validations[best]) if best else None
        if slow:
            outcome, reason = "discarded", slow
        elif best is None:
            outcome, reason = "baseline", "what the others are compared with"
        elif changes:
            earlier = primary_value(validations[best], metric)
            told = f"{changes.told(best)}; {words} {value:.2f}, in {best} {earlier:.2f}"
            doubt = (
                f"less than {points(min_gain).removeprefix('+')} better"
                if changes.gain < min_gain - 1e-12
                else f"a loss above the limit of {max_loss:.2f}"
                if not earlier - value <= max_loss + 1e-12
                else ""
            )
            outcome, reason = ("discarded", f"{told}, which is {doubt}") if doubt else ("kept", told)
            trial = f"{name} was {outcome}: {reason}"
        elif value > primary_value(validations[best], metric):
            outcome, reason = "kept", f"better than {best} ({primary_value(validations[best], metric):.2f})"
        else:
            outcome, reason = "discarded", f"not better than {best} ({primary_value(validations[best], metric):.2f})"
        if outcome != "discarded":
            best = name
        experiments.append(
            Experiment(
                name=name,
                hypothesis=validation.model.hypothesis,
                change=validation.model.change,
                metric="false_alarm_increase" if changes else key,
                validation=changes.after if changes else validation.metrics[key],
                outcome=outcome,
                reason=reason,
            )
        )
    if best is None:
        raise ClinjupError(
            f"No detector takes at most {max_latency_ms:g} ms for a film on one core of this machine. Allow more time, or train the light one."
        )
    first = next(iter(validations))
    sentence = f"{best} goes on: {words} on validation {primary_value(validations[best], metric):.2f}"
    if best != first:
        sentence += (
            f", {first} {primary_value(validations[first], metric):.2f}, after {len(validations)} trained detectors"
        )
    rule = f"best {words} on validation"
    if trial:
        sentence += f". {trial}"
        rule += (
            f"; then the one trained against a confounder, if inserting that changes the share of films with a mark by at least "
            f"{points(min_gain).removeprefix('+')} less and at most {max_loss:.2f} of {words} is lost"
        )
    finding = SelectionFinding(selected=best, rule=rule, sentence=f"{sentence}.", experiments=experiments)
    emit(finding, finding.sentence)
    return finding


@dataclass(frozen=True)
class _Changes:
    """What inserting `things` does to the share of negative films with a mark, before and after a training against them."""

    things: list[str]
    before: Estimate
    after: Estimate

    @property
    def gain(self) -> float:
        """How much smaller the change is, whichever its direction."""
        return abs(self.before.value or 0.0) - abs(self.after.value or 0.0)

    def told(self, before: str) -> str:
        """The two changes in words; `before` is the detector that was trained on."""
        things = " or ".join(with_article(plain_name(name)) for name in self.things)
        by = "by up to" if len(self.things) > 1 else "by"
        own, old = points(self.after.value or 0.0), points(self.before.value or 0.0)
        return f"inserting {things} changes the share of films with a mark {by} {own}, in {before} {by} {old}"


def _changes(validation: DetectorValidation, best: DetectorValidation) -> _Changes | None:
    """None for a detector that was not trained against a confounder, and where no insertion was measured on both.

    Of several confounders the largest change of each detector: one that gained on metal and lost on casts gained nothing.
    """
    against = (validation.model.confounder or "").split(SEPARATOR) if validation.model.mitigation else []
    found: dict[str, tuple[Estimate, Estimate]] = {}
    for name in against:
        if name in validation.confounders and name in best.confounders:
            pair = best.confounders[name].false_alarm_increase, validation.confounders[name].false_alarm_increase
            if all(each.value is not None for each in pair):
                found[name] = pair
    if not found:
        return None
    before, after = (
        max(each, key=lambda estimate: abs(estimate.value or 0.0)) for each in zip(*found.values(), strict=True)
    )
    return _Changes(list(found), before, after)


def _too_slow(validation: DetectorValidation, limit: float | None) -> str:
    """Why a detector is too slow for the computer that it must run on; empty where it is not."""
    taken = validation.metrics["latency_ms"].value
    return (
        f"{taken:.0f} ms a film, the limit is {limit:g} ms"
        if limit is not None and taken is not None and taken > limit
        else ""
    )
