"""Do patient data help the image? A logistic regression of image score, age, sex and site against the image score alone, paired."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clinjup.contracts import NoteFinding
from clinjup.evaluation.bootstrap import Bootstrap, Weights
from clinjup.evaluation.calibration import logit
from clinjup.evaluation.ranking import auroc_statistic
from clinjup.evaluation.validate import Validation
from clinjup.evaluation.wording import with_ci
from clinjup.kernel import emit

if TYPE_CHECKING:
    import pandas as pd

    from clinjup.imaging.cohort import Cohort

_FOLDS = 5
_STRENGTH = 0.5  # inverse of the penalty


def metadata_ablation(
    validation: Validation, cohort: Cohort, *, covariates: Sequence[str] = ("age", "sex", "body_site"), seed: int = 0
) -> pd.DataFrame:
    """AUROC on validation with and without patient data and their difference, 95 % intervals clustered by patient.

    The regression is fitted on four fifths of the groups and judged on the rest, in turn, so no image is judged by a fit that saw its
    group. Patient data count as helpful only where the interval of the difference lies above zero; said in a NoteFinding.
    """
    import pandas as pd

    part = validation.part
    used = [name for name in covariates if name in part.table]
    score = logit(validation.probabilities)[:, None]
    described = _described(part.table, used)
    with_data = _out_of_fold(np.hstack([score, described]), part.labels, part.clusters, seed)
    alone = _out_of_fold(score, part.labels, part.clusters, seed)
    bootstrap = Bootstrap(part.clusters, part.labels, seed=seed)
    statistics = {
        "image alone": auroc_statistic(alone, part.labels),
        "with patient data": auroc_statistic(with_data, part.labels),
    }

    def gain(weights: Weights) -> NDArray[np.float64]:
        return np.asarray(statistics["with patient data"](weights) - statistics["image alone"](weights))

    found = bootstrap.estimates({**statistics, "difference": gain}, len(part.labels))
    difference = found["difference"]
    helps = difference.ci95 is not None and difference.ci95[0] > 0
    names = ", ".join(name.replace("_", " ") for name in used)
    verdict = "They help" if helps else "They do not help beyond chance, so the images alone decide"
    sentence = (
        f"Patient data ({names}) joined with the score of {validation.name}: AUROC {with_ci(found['with patient data'])}, without "
        f"{with_ci(found['image alone'])}, difference {with_ci(difference, 3)} on {len(part.labels)} validation images. {verdict}."
    )
    if helps:
        sentence += " The figures of this run are still those of the images alone."
    emit(NoteFinding(sentence=sentence), sentence)
    return pd.DataFrame({"AUROC on validation": {name: with_ci(estimate, 3) for name, estimate in found.items()}})


def _described(table: pd.DataFrame, covariates: Sequence[str]) -> NDArray[np.float64]:
    """Numbers standardised (missing at their mean, and marked), categories one column each (missing: none of them)."""
    columns = []
    for name in covariates:
        column = table[name]
        if column.dtype.kind == "f":
            values = column.to_numpy(float)
            spread, mean = np.nanstd(values), np.nanmean(values)
            columns.append(np.nan_to_num((values - mean) / max(float(spread), 1e-6)))
            columns.append(np.isnan(values).astype(float))
            continue
        text = column.astype(object).where(column.notna(), "").astype(str)
        columns += [(text == value).to_numpy(float) for value in sorted(set(text) - {"", "unknown"})]
    return np.stack(columns, axis=1) if columns else np.zeros((len(table), 0))


def _out_of_fold(
    features: NDArray[np.float64], labels: NDArray[np.int64], clusters: NDArray[np.str_], seed: int
) -> NDArray[np.float64]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold

    scores = np.zeros(len(labels))
    splitter = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
    for training, held_out in splitter.split(features, labels, clusters):
        fit = LogisticRegression(C=_STRENGTH, max_iter=1000).fit(features[training], labels[training])
        scores[held_out] = fit.decision_function(features[held_out])
    return scores
