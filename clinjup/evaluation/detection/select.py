"""Which detector goes on: the best on validation by a metric stated beforehand; each step of the ladder is an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile

from clinjup.contracts import Experiment, SelectionFinding
from clinjup.evaluation.detection.validate import DetectorValidation
from clinjup.kernel import emit
from clinjup.kernel.errors import ClinjupError
from clinjup.metric_names import metric_words

AT_THE_LIMIT = "sensitivity_at_false_mark_limit"


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
    validations: Mapping[str, DetectorValidation], *, metric: str = "ap50", max_latency_ms: float | None = None
) -> SelectionFinding:
    """Choose among `validations` (the first is the baseline) by `metric`; emits and returns the SelectionFinding.

    A detector whose median time for a film is above `max_latency_ms` does not go on, however well it marks.

    Every detector is one experiment, compared with the best before it. Raises ClinjupError where there is nothing to choose from.
    """
    if not validations:
        raise ClinjupError("There is no validated detector to choose from. Train and validate at least one first.")
    key = "box_sensitivity" if metric == AT_THE_LIMIT else metric
    if any(key not in validation.metrics for validation in validations.values()):
        known = ", ".join(next(iter(validations.values())).metrics)
        raise ClinjupError(f"Detectors cannot be compared by '{metric}'. They can by: {known}.")
    experiments = []
    best = None
    for name, validation in validations.items():
        value, slow = primary_value(validation, metric), _too_slow(validation, max_latency_ms)
        if slow:
            outcome, reason = "discarded", slow
        elif best is None:
            outcome, reason = "baseline", "what the others are compared with"
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
                metric=key,
                validation=validation.metrics[key],
                outcome=outcome,
                reason=reason,
            )
        )
    if best is None:
        raise ClinjupError(
            f"No detector takes at most {max_latency_ms:g} ms for a film on one core of this machine. Allow more time, or train the light one."
        )
    words = metric_words(key)
    first = next(iter(validations))
    sentence = f"{best} goes on: {words} on validation {primary_value(validations[best], metric):.2f}"
    if best != first:
        sentence += (
            f", {first} {primary_value(validations[first], metric):.2f}, after {len(validations)} trained detectors"
        )
    finding = SelectionFinding(
        selected=best, rule=f"best {words} on validation", sentence=f"{sentence}.", experiments=experiments
    )
    emit(finding, finding.sentence)
    return finding


def _too_slow(validation: DetectorValidation, limit: float | None) -> str:
    """Why a detector is too slow for the computer that it must run on; empty where it is not."""
    taken = validation.metrics["latency_ms"].value
    return (
        f"{taken:.0f} ms a film, the limit is {limit:g} ms"
        if limit is not None and taken is not None and taken > limit
        else ""
    )
