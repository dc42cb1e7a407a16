"""Table 1: who is in the data, by class, with great-tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clinjup.evaluation.subgroups import SCALE
from clinjup.imaging.classes import label_words
from clinjup.imaging.values import in_order
from clinjup.nouns import class_words
from clinjup.phrases import percent

if TYPE_CHECKING:
    import pandas as pd
    from great_tables import GT

    from clinjup.imaging.cohort import Cohort

MOST_VALUES = 12
_TITLES = {
    "age": "Age, years",
    "sex": "Sex",
    "body_site": "Body site",
    "reference": "Diagnosis by",
    "view": "View",
    "skin_type": "Skin type",
}
_UNKNOWN = {"", "nan", "none", "unknown"}


def table_one(cohort: Cohort) -> GT:
    """Counts with percentages, or mean (standard deviation), of every covariate and confounder: in all and by class.

    Percentages are of the images whose value is known; what is unknown is counted apart.
    """
    from great_tables import GT, md

    frame = table_one_frame(cohort)
    columns = [name for name in frame.columns if name not in ("group", "row")]
    table = GT(frame, rowname_col="row", groupname_col="group").tab_header(
        title="Table 1", subtitle="Synthetic data" if cohort.synthetic else None
    )
    note = f"Images with percent of those known, or mean (standard deviation). {cohort.grouped_by.capitalize()}s may have several images."
    return table.cols_label(**{name: md(f"**{name}**") for name in columns}).tab_source_note(note)


def table_one_frame(cohort: Cohort) -> pd.DataFrame:
    """The same as a table: columns group, row, all, then one a class."""
    import pandas as pd

    table = cohort.table
    names = label_words(cohort) if cohort.binary else [class_words(name) for name in cohort.classes]
    parts = {"all": table} | {name: table[table["label"] == code] for code, name in enumerate(names)}
    rows: list[dict[str, str]] = [
        {"group": "Number", "row": "images"} | {name: f"{len(part):,}" for name, part in parts.items()},
        {"group": "Number", "row": f"{cohort.grouped_by}s"}
        | {name: f"{part['patient'].nunique():,}" for name, part in parts.items()},
    ]
    for covariate in cohort.covariates:
        if covariate == "visit":  # the number of an examination describes nobody, and may tell who it was
            continue
        rows += _covariate_rows(covariate, parts)
    for confounder in cohort.confounders:
        row = {"group": "Seen in the image", "row": confounder.replace("_", " ")}
        rows.append(
            row | {name: _share(part[confounder] == 1, part[confounder].notna()) for name, part in parts.items()}
        )
    return pd.DataFrame(rows)


def _covariate_rows(covariate: str, parts: dict[str, pd.DataFrame]) -> list[dict[str, str]]:
    title = _TITLES.get(covariate, covariate.replace("_", " ").capitalize())
    column = parts["all"][covariate]
    if column.dtype.kind == "f":
        mean = {"group": title, "row": "mean (SD)"} | {
            name: f"{part[covariate].mean():.1f} ({part[covariate].std():.1f})"
            if part[covariate].notna().any()
            else "–"
            for name, part in parts.items()
        }
        unknown = {name: f"{int(part[covariate].isna().sum()):,}" for name, part in parts.items()}
        return [mean, {"group": title, "row": "unknown"} | unknown]
    values = column.dropna().astype(str)
    known = values[~values.str.lower().isin(_UNKNOWN)].value_counts()
    rows = []
    shown = known.index[:MOST_VALUES]
    for value in in_order(shown) if covariate == SCALE else shown:
        row = {"group": title, "row": value.replace("_", " ")}
        rows.append(
            row | {name: _share(part[covariate] == value, _known(part[covariate])) for name, part in parts.items()}
        )
    if len(known) > MOST_VALUES:
        rest = set(known.index[MOST_VALUES:])
        row = {"group": title, "row": "other"}
        rows.append(
            row | {name: _share(part[covariate].isin(rest), _known(part[covariate])) for name, part in parts.items()}
        )
    missing = {name: f"{int((~_known(part[covariate])).sum()):,}" for name, part in parts.items()}
    return [*rows, {"group": title, "row": "unknown"} | missing]


def _known(column: pd.Series) -> pd.Series:
    return column.notna() & ~column.astype(str).str.lower().isin(_UNKNOWN)


def _share(has: pd.Series, known: pd.Series) -> str:
    count, total = int(np.sum(has & known)), int(np.sum(known))
    return f"{count:,} ({percent(count / total)})" if total else "–"
