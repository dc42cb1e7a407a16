"""Do patient data help the image? With them and without, judged on the same patients; kept only where they help beyond chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import Estimate, Experiment, NoteFinding, SelectionFinding
from clinjup.evaluation.bootstrap import Bootstrap, Weights
from clinjup.evaluation.cohort_parts import Part
from clinjup.evaluation.ranking import auroc_statistic
from clinjup.evaluation.validate import Validation, emit_validation, validation_of
from clinjup.evaluation.wording import with_ci
from clinjup.kernel import emit
from clinjup.nouns import model_words

if TYPE_CHECKING:
    import pandas as pd

    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort
    from clinjup.learning.cross_fit import OutOfFold
    from clinjup.learning.trained import TrainedModel

_FOLDS = 5
FEWEST_GROUPS = 10  # with and without the class of interest
SUFFIX = "_with_patient_data"


@dataclass(frozen=True)
class Ablation:
    """`selection` after the comparison; `models` and `validations` hold the model with patient data where it is kept, else nothing."""

    selection: SelectionFinding
    models: dict[str, TrainedModel]
    validations: dict[str, Validation]
    estimates: dict[str, Estimate]

    def summary(self) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(
            {"AUROC on validation (95 % CI)": {name: with_ci(each, 3) for name, each in self.estimates.items()}}
        )


def metadata_ablation(
    selection: SelectionFinding,
    validations: Mapping[str, Validation],
    cohort: Cohort,
    images: ImageCache,
    *,
    covariates: Sequence[str] = ("age", "sex", "body_site"),
    confounders: Sequence[str] = (),
    target_sensitivity: float = 0.90,
    target_specificity: float | None = None,
    lower_bound: bool = False,
    harm_ratio: float | None = None,
    out_of_fold: OutOfFold | None = None,
    prevalence: float | None = None,
    seed: int = 0,
) -> Ablation:
    """Compare the selected model with and without patient data on the validation part, by AUROC for the class of interest.

    Both go through a logistic regression that was fitted on four fifths of the groups and judges the rest, in turn, so that they differ in
    the patient data only. The difference carries a paired bootstrap interval clustered by group. Only where it lies above zero the model
    with patient data is kept and selected: emits its TrainingFinding and ValidationFinding, and in any case the SelectionFinding with the
    experiment and a NoteFinding. The operating point of the kept model and the prevalence that its PPV and NPV are stated at follow the
    arguments, which are those of `validate`.
    """
    from clinjup.learning.checkpoints import read_checkpoint
    from clinjup.learning.fusion import fit_fusion, fused_model

    base = validations[selection.selected]
    part = base.part
    used = [name for name in covariates if name in part.table]
    fewest = min(len(set(part.clusters[part.labels == value])) for value in (0, 1))
    if fewest < FEWEST_GROUPS:
        sentence = (
            f"Whether patient data help was not examined: validation holds only {fewest} groups of one kind, fewer than {FEWEST_GROUPS}. "
            "The images alone decide."
        )
        emit(NoteFinding(sentence=sentence), sentence)
        return Ablation(selection, {}, {}, {"difference": Estimate.missing("too few patients")})
    both = {
        "image alone": _judged(base.predicted, part, [], seed),
        "with patient data": _judged(base.predicted, part, used, seed),
    }
    positive = base.model.positive
    statistics = {
        name: auroc_statistic(predicted if predicted.ndim == 1 else predicted[:, positive], part.labels)
        for name, predicted in both.items()
    }

    def gain(weights: Weights) -> NDArray[Any]:
        return statistics["with patient data"](weights) - statistics["image alone"](weights)

    bootstrap = Bootstrap(part.clusters, part.labels, seed=seed)
    found = bootstrap.estimates({**statistics, "difference": gain}, len(part.labels))
    difference = found["difference"]
    helps = difference.ci95 is not None and difference.ci95[0] > 0
    names = ", ".join(name.replace("_", " ") for name in used)
    sentence = (
        f"Patient data ({names}) beside {model_words(base.name)}: AUROC {with_ci(found['with patient data'], 3)}, without them "
        f"{with_ci(found['image alone'], 3)}, difference {with_ci(difference, 3)} on {len(part.labels)} validation images. "
        + (
            "They help beyond chance and are used from here on."
            if helps
            else "They do not help beyond chance, so the images alone decide."
        )
    )
    emit(NoteFinding(sentence=sentence), sentence)
    name = base.name + SUFFIX
    chosen = _reselected(selection, name, names, difference, kept=helps)
    emit(chosen, chosen.sentence)
    if not helps:
        return Ablation(chosen, {}, {}, found)
    model = fused_model(base.model, fit_fusion(base.predicted, part.codes, part.table, used), name)
    emit(
        model.finding(read_checkpoint(model.checkpoint)),
        f"{model_words(name)}: {model_words(base.name)} with a logistic regression on {names} on top.",
    )
    if out_of_fold is not None:
        out_of_fold = _with_data(out_of_fold, cohort, used, seed)
    validation = validation_of(
        model,
        part,
        both["with patient data"],
        images,
        confounders=confounders,
        target_sensitivity=target_sensitivity,
        target_specificity=target_specificity,
        lower_bound=lower_bound,
        harm_ratio=harm_ratio,
        out_of_fold=out_of_fold,
        prevalence=prevalence,
        seed=seed,
    )
    emit_validation(validation, cohort)
    return Ablation(chosen, {name: model}, {name: validation}, found)


def _judged(predicted: NDArray[np.float64], part: Part, covariates: Sequence[str], seed: int) -> NDArray[np.float64]:
    return _cross_fitted(predicted, part.codes, part.clusters, part.table, covariates, seed)


def _cross_fitted(
    predicted: NDArray[np.float64],
    codes: NDArray[np.int64],
    clusters: NDArray[np.str_],
    table: pd.DataFrame,
    covariates: Sequence[str],
    seed: int,
) -> NDArray[np.float64]:
    """`predicted` through regressions that were each fitted without the group they judge."""
    from sklearn.model_selection import StratifiedGroupKFold

    from clinjup.learning.fusion import fit_fusion

    found = np.zeros_like(np.asarray(predicted, float))
    splitter = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
    for fitted, held_out in splitter.split(codes, codes, clusters):
        fusion = fit_fusion(predicted[fitted], codes[fitted], table.iloc[fitted], covariates)
        found[held_out] = fusion.apply(predicted[held_out], table.iloc[held_out])
    return found


def _with_data(out_of_fold: OutOfFold, cohort: Cohort, covariates: Sequence[str], seed: int) -> OutOfFold:
    """Out-of-fold scores of the class of interest joined with patient data, in the same way."""
    table = cohort.table.loc[out_of_fold.rows]
    scores = _cross_fitted(out_of_fold.scores, out_of_fold.labels, out_of_fold.clusters, table, covariates, seed)
    return replace(out_of_fold, scores=scores)


def _reselected(
    selection: SelectionFinding, name: str, covariates: str, difference: Estimate, *, kept: bool
) -> SelectionFinding:
    experiment = Experiment(
        name=name,
        hypothesis=f"Patient data ({covariates}) tell something that the image does not.",
        change="A logistic regression joins the image score with patient data.",
        metric="auroc_gain",
        validation=difference,
        outcome="kept" if kept else "discarded",
        reason="the whole interval of the gain lies above zero" if kept else "the interval of the gain reaches zero",
    )
    sentence = f"{selection.sentence} Patient data: {experiment.outcome}, {experiment.reason}."
    return selection.model_copy(
        update={
            "selected": name if kept else selection.selected,
            "sentence": sentence,
            "experiments": [*selection.experiments, experiment],
        }
    )
