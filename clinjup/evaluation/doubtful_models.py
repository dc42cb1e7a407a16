"""Models that look good without being so: one at chance, and one that alarms on nearly everything, to which insertion can add little.

The first does not go on where another is better than chance. The second is not preferred for what insertion adds where another has room for
more; of several without room, AUROC decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from clinjup.nouns import model_words, plain_name, with_article
from clinjup.phrases import alarms_anyway, auroc_may_be_chance, beats_chance, percent

if TYPE_CHECKING:
    from clinjup.evaluation.validate import Validation


def has_no_room(validation: Validation, confounder: str) -> bool:
    """Whether the model alarms on half of the images or more before anything is inserted, though nobody asked for a cautious threshold."""
    return not validation.cautious and alarms_anyway(validation.confounders[confounder])


def insertion_cost(validation: Validation, confounder: str) -> float | None:
    """The change of false alarms by insertion (0 to 1). Models that have little room for one come after all others, by their AUROC."""
    found = validation.confounders[confounder]
    value = found.false_alarm_increase.value
    if value is not None and has_no_room(validation, confounder):
        return 2 - (validation.metrics["auroc"].value or 0.0)
    return None if value is None else abs(value)


def beyond_chance(validations: Mapping[str, Validation]) -> dict[str, Validation]:
    """The models whose AUROC may not be chance; all where there is none that is surely beyond it."""
    if not any(beats_chance(validation.metrics["auroc"]) for validation in validations.values()):
        return dict(validations)
    return {name: each for name, each in validations.items() if not auroc_may_be_chance(each.metrics["auroc"])}


def outranked_by(considered: Mapping[str, Validation], selected: str, confounder: str) -> list[str]:
    """The models that insertion changes no more than the one selected, but that have little room for more alarms."""
    change = {
        name: abs(validation.confounders[confounder].false_alarm_increase.value or 0.0)
        for name, validation in considered.items()
    }
    return [
        name
        for name, validation in considered.items()
        if name != selected and has_no_room(validation, confounder) and change[name] <= change[selected]
    ]


def crowded_sentence(chosen: Validation, models: int) -> str:
    """Why insertion did not decide between `models` models that all have little room."""
    return (
        f"{model_words(chosen.name)} goes on: overall validation AUROC {chosen.metrics['auroc'].value:.2f}, the best of the {models} models "
        "between which insertion was to decide. All of them raise an alarm on half of the images or more before, so insertion says little "
        "about them."
    )


def chance_sentence(validation: Validation) -> str:
    """Why a model at chance does not go on."""
    auroc = validation.metrics["auroc"]
    low, high = auroc.ci95 or (0.0, 1.0)
    return (
        f"{model_words(validation.name)} does not go on, because it was not shown to be better than chance: "
        f"validation AUROC {auroc.value:.2f} (95 % CI {low:.2f} to {high:.2f})."
    )


def outranked_sentence(validation: Validation, confounder: str) -> str:
    """Why a model that insertion changes little was not preferred for that."""
    share = percent(validation.confounders[confounder].false_alarms_before.value or 0.0)
    return (
        f"{model_words(validation.name)} was not preferred for what inserting {with_article(plain_name(confounder))} changes: "
        f"it raises an alarm on {share} of the images before, so there is little room for more."
    )
