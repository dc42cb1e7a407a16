"""The tables of the report as plain data; the template gives them their look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from clinjup.contracts import AssociationFinding, Estimate, ModelResults, Results, TaskType
from clinjup.nouns import model_words, plain_name
from clinjup.phrases import NBSP, percent
from clinjup.reporting.numbers import (
    CALIBRATION,
    CONFOUNDER_METRICS,
    OUTLINED_METRICS,
    Metric,
    duration,
    known,
    metric_of,
    show,
)
from clinjup.reporting.subject import (
    compared_models,
    confounder_name,
    confounder_result,
    image_noun,
    mitigation_words,
    patients_unknown,
    target_name,
)

PARTS = {"train": "Training", "validation": "Validation", "test": "Test"}


@dataclass(frozen=True)
class Cell:
    """One figure: `text`, below it `sub` (its interval), or the reason why it is `missing`."""

    text: str
    sub: str = ""
    missing: bool = False


@dataclass(frozen=True)
class Row:
    """`gloss`: glossary entry of the row's head. `strong`: the row that decides."""

    head: str
    cells: list[Cell]
    gloss: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Table:
    caption: str
    columns: list[str]
    rows: list[Row]
    corner: str = ""
    notes: list[str] = field(default_factory=list)


def model_title(results: Results, model: ModelResults) -> str:
    """'Baseline', 'Balanced sampling (chosen)'."""
    name = model_words(model.name)
    chosen = " (chosen)" if model.name == results.selected else ""
    return f"{name[:1].upper()}{name[1:]}{chosen}"


def confounder_table(results: Results, confounder: str) -> Table | None:
    """Baseline against mitigated model, every measure of one confounder with its interval."""
    found = [(model, *confounder_result(model, confounder)) for model in compared_models(results)]
    measured = [(model, figures, part) for model, figures, part in found if figures is not None]
    if not measured:
        return None
    name = confounder_name(results.task, confounder)
    noun = image_noun(results.task)
    lines = [
        (
            replace(metric, label=metric.label.format(name=name).replace("films", f"{noun}s")),
            [getattr(figures, key) for _, figures, _ in measured],
            key == "false_alarm_increase",
        )
        for key, metric in CONFOUNDER_METRICS.items()
        if key not in OUTLINED_METRICS or any(known(getattr(figures, key)) is not None for _, figures, _ in measured)
    ]
    parts = {part for _, _, part in measured}
    where = f"{' and '.join(sorted(parts))} part"
    caption = f"Reliance on the {name}, {where}, with 95 % confidence intervals"
    return _estimates(caption, "Measure", [model_title(results, model) for model, _, _ in measured], lines)


def metrics_table(results: Results, part: Literal["test", "validation"], *, calibration: bool) -> Table | None:
    """All models side by side on one part: either the calibration figures or all others."""
    figures = [(model, model.test if part == "test" else model.validation) for model in results.models]
    figures = [(model, metrics) for model, metrics in figures if metrics]
    keys = dict.fromkeys(key for _, metrics in figures for key in metrics if (key in CALIBRATION) == calibration)
    if not keys:
        return None
    lines = [
        (metric_of(key), [metrics.get(key, Estimate.missing("not measured")) for _, metrics in figures], False)
        for key in keys
    ]
    caption = f"{'Calibration' if calibration else 'Figures'} on the {part} part, with 95 % confidence intervals"
    if results.task.task_type is TaskType.MULTICLASS:
        caption += f"; {target_name(results.task)} against all others where no class is named"
    return _estimates(caption, "Measure", [model_title(results, model) for model, _ in figures], lines)


def confusion_table(results: Results, model: ModelResults) -> Table | None:
    """Of several classes: what each is named, the class with priority first."""
    confusion = model.confusion
    if confusion is None:
        return None
    first = target_name(results.task)
    order = sorted(range(len(confusion.classes)), key=lambda code: confusion.classes[code] != first)
    rows = []
    for code in order:
        counts = confusion.counts[code]
        total = sum(counts)
        cells = [Cell(f"{total:,}")]
        cells += [
            Cell(percent(counts[other] / total), f"{counts[other]:,}") if total and counts[other] else Cell("–")
            for other in order
        ]
        rows.append(Row(_sentence_case(confusion.classes[code]), cells, strong=confusion.classes[code] == first))
    columns = ["Images", *(f"named {confusion.classes[code]}" for code in order)]
    caption = f"{model_title(results, model)}: what each class is named, test part"
    return Table(
        caption, columns, rows, "True class", ["The class that the model finds most probable; shares of each row."]
    )


def strata_table(results: Results, model: ModelResults) -> Table | None:
    """One model in subgroups."""
    if not model.strata:
        return None
    keys = list(dict.fromkeys(key for stratum in model.strata for key in stratum.metrics))
    rows = []
    for stratum in model.strata:
        cells = [Cell(f"{stratum.images:,}", f"{stratum.positives:,} with {target_name(results.task)}")]
        cells += [_cell(stratum.metrics.get(key), metric_of(key), with_n=True) for key in keys]
        rows.append(Row(_sentence_case(stratum.value), cells))
    columns = ["Images", *(metric_of(key).label for key in keys)]
    return Table(f"{model_title(results, model)}: subgroups of the test part", columns, rows, "Subgroup")


def split_table(results: Results) -> Table | None:
    """Images, patients and positives of each part."""
    if not results.split:
        return None
    rows = []
    for name, part in results.split.items():
        share = f" ({percent(part.positives / part.images)})" if part.images else ""
        cells = [Cell(f"{part.images:,}"), Cell(f"{part.patients:,}"), Cell(f"{part.positives:,}{share}")]
        rows.append(Row(PARTS.get(name, _sentence_case(plain_name(name))), cells))
    grouped = f"{_sentence_case(results.data.grouped_by)}s"
    if patients_unknown(results):
        rows = [replace(row, cells=[row.cells[0], Cell("unknown"), *row.cells[2:]]) for row in rows]
    columns = ["Images", grouped, f"With {target_name(results.task)}"]
    return Table("How the images were divided", columns, rows, "Part")


def association_table(results: Results, finding: AssociationFinding) -> Table:
    """How confounder and diagnosis go together, per part."""
    name, target = confounder_name(results.task, finding.confounder), target_name(results.task)
    rows = []
    for part, counts in finding.counts.items():
        cells = [_share(counts, "positive"), _share(counts, "negative")]
        ratio = show(finding.odds_ratios.get(part), "odds")
        cells.append(Cell(ratio.reason, missing=True) if ratio.reason else Cell(ratio.text, ratio.interval))
        rows.append(Row(PARTS.get(part, _sentence_case(plain_name(part))), cells))
    columns = [
        f"{_sentence_case(name)} among images with {target}",
        f"{_sentence_case(name)} among images without",
        "Odds ratio",
    ]
    unknown = sum(counts.get("unknown", 0) for counts in finding.counts.values())
    notes = (
        [f"For {unknown:,} images it is not known whether they show a {name}; they are not counted."] if unknown else []
    )
    return Table(f"{_sentence_case(name)} and {target} before any training", columns, rows, "Part", notes)


def models_table(results: Results) -> Table | None:
    """How each model was trained."""
    if not results.models:
        return None
    rows = []
    for model in results.models:
        size = f"{model.parameters / 1e6:.2f} million parameters" if model.parameters else ""
        cells = [
            Cell(_sentence_case(mitigation_words(model.mitigation)) if model.mitigation else "none"),
            Cell(plain_name(model.architecture) or "not recorded", size),
            Cell(duration(model.seconds), training_words(model)),
            Cell(str(model.seed)),
        ]
        rows.append(Row(model_title(results, model), cells))
    return Table("Models that were trained", ["Method", "Network", "Training", "Seed"], rows, "Model")


def training_words(model: ModelResults) -> str:
    """'8 epochs, ended by the time budget, on CPU'."""
    epochs = f"{model.epochs} epochs" if model.epochs else ""
    stopped = "" if model.stopped in (None, "all epochs", "loaded from checkpoint") else f"ended by {model.stopped}"
    loaded = "loaded from checkpoint" if model.stopped == "loaded from checkpoint" else ""
    device = f"on {model.device}" if model.device else ""
    return ", ".join(part for part in (epochs, stopped, loaded, device) if part)


def experiments_table(results: Results) -> Table | None:
    """What was tried, with which expectation and outcome."""
    if not results.experiments:
        return None
    rows = []
    for item in results.experiments:
        shown = show(item.validation, metric_of(item.metric).unit)
        figure = Cell(shown.reason, missing=True) if shown.reason else Cell(shown.text, shown.interval)
        name = _sentence_case(model_words(item.name))
        outcome = Cell(_sentence_case(item.outcome), item.reason)
        rows.append(Row(name, [Cell(item.hypothesis, f"Change: {item.change}"), figure, outcome]))
    metrics = dict.fromkeys(metric_of(item.metric).label for item in results.experiments)
    columns = ["Expectation, and what was changed", f"{' / '.join(metrics)} on validation", "Outcome"]
    return Table("Experiments, judged on the validation part only", columns, rows, "Experiment")


def _estimates(
    caption: str, corner: str, columns: list[str], lines: Sequence[tuple[Metric, list[Estimate], bool]]
) -> Table:
    """A table of estimates, n in the last column. Rows without any figure move to the notes, grouped by reason."""
    rows: list[Row] = []
    absent: dict[str, list[str]] = {}
    notes: dict[str, dict[str, None]] = {}
    for metric, estimates, strong in lines:
        if all(known(estimate) is None for estimate in estimates):
            absent.setdefault(show(estimates[0]).reason, []).append(metric.label)
            continue
        counts = dict.fromkeys(f"{estimate.n:,}" for estimate in estimates if estimate.n is not None)
        cells = [*(_cell(estimate, metric) for estimate in estimates), Cell(" / ".join(counts) or "–")]
        rows.append(Row(metric.label, cells, metric.gloss, strong))
        for note in filter(None, (estimate.note for estimate in estimates)):
            notes.setdefault(note, {}).setdefault(metric.label)
    footnotes = [f"{', '.join(labels)}: {note}." for note, labels in notes.items()]
    footnotes += [f"Not available, because {reason}: {', '.join(labels)}." for reason, labels in absent.items()]
    return Table(caption, [*columns, "n"], rows, corner, footnotes)


def _cell(estimate: Estimate | None, metric: Metric, *, with_n: bool = False) -> Cell:
    shown = show(estimate, metric.unit)
    if shown.reason:
        return Cell(shown.reason, missing=True)
    parts = [shown.interval, f"n{NBSP}={NBSP}{shown.n:,}" if with_n and shown.n is not None else ""]
    return Cell(shown.text, ", ".join(part for part in parts if part))


def _share(counts: Mapping[str, int], kind: str) -> Cell:
    present, absent = counts.get(f"{kind}_with", 0), counts.get(f"{kind}_without", 0)
    total = present + absent
    return Cell(percent(present / total), f"{present:,} of {total:,}") if total else Cell("not annotated", missing=True)


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]
