"""report.html: the run for a clinician to read, in one file without scripts and without anything from the network."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from clinjup.contracts import ModelResults, Results, RunStatus, TaskType
from clinjup.nouns import plain_name, plural
from clinjup.phrases import (
    NBSP,
    WORD_JOINER,
    counted,
    negatives_words,
    out_of_100,
    percent,
    percent_number,
    rest_of_100,
    threshold_words,
)
from clinjup.reporting.glossary import Glossary
from clinjup.reporting.limits import limits, needs_input
from clinjup.reporting.numbers import duration, known, metric_of, show
from clinjup.reporting.pictures import SECTIONS, read_pictures
from clinjup.reporting.reliance import CONVENTION, Reliance, reliance
from clinjup.reporting.story import ANSWERS_FILE, STEP_WORDS, Story
from clinjup.reporting.subject import (
    chosen_model,
    clustered_words,
    compared_models,
    confounder_name,
    confounder_result,
    confounders_of,
    image_noun,
    opening_words,
    operating_figures,
    patients_unknown,
    patients_words,
    target_name,
    unexamined,
    unexamined_sentence,
    words_of,
)
from clinjup.reporting.tables import (
    Table,
    association_table,
    confounder_table,
    confusion_table,
    experiments_table,
    metrics_table,
    model_title,
    models_table,
    split_table,
    strata_table,
)
from clinjup.reporting.understood import understood
from clinjup.reporting.verdict import (
    confounder_sentence,
    left_out_sentence,
    performance_sentence,
    state_sentence,
    verdict,
    without_sentence,
)
from clinjup.reporting.worth import worth

STATUS_WORDS = {
    RunStatus.COMPLETED: "Completed",
    RunStatus.INTERRUPTED: "Stopped before its end",
    RunStatus.FAILED: "Failed",
    RunStatus.NEEDS_ANSWER: "Waits for an answer",
    RunStatus.REFUSED: "Refused",
    RunStatus.RUNNING: "Running",
}
EXCLUDED_SHOWN = 20


@dataclass(frozen=True)
class Shift:
    """One model's false alarms before and after insertion, as percent, for the chart."""

    title: str
    chosen: bool
    before: float
    after: float
    before_text: str
    after_text: str
    intervals: list[tuple[float, float]]
    placebo: float | None


@dataclass(frozen=True)
class Trust:
    """Everything the report says about one confounder; `films`: those that it was drawn into, `asked`: the clinician named it."""

    name: str
    films: str
    asked: bool
    reliance: Reliance
    sentence: str
    shifts: list[Shift]
    table: Table | None


@dataclass(frozen=True)
class Outcome:
    """The operating point out of 100 images with and 100 without the target."""

    part: str
    finds: str
    misses: str
    found_dots: int
    finds_interval: str
    finds_n: int | None
    alarms: str
    alarm_dots: int
    alarms_interval: str
    alarms_n: int | None
    threshold: str
    rule: str


def render_report(
    results: Results, *, run_dir: Path, story: Story | None = None, written: datetime | None = None
) -> str:
    """The report as HTML. `run_dir` holds the figures; `story` is what the journal tells; `written` is shown as UTC."""
    story = story or Story()
    glossary = Glossary(words_of(results))
    glossary.mention(*_unlinked_terms(results))
    pictures = read_pictures(run_dir, results.figures)
    chosen = chosen_model(results)
    complete = results.status is RunStatus.COMPLETED
    context: dict[str, Any] = {
        "results": results,
        "story": story,
        "gloss": glossary.link,
        "glossary": glossary.entries,
        "written": (written or datetime.now(UTC)).strftime("%d %B %Y, %H:%M UTC"),
        "status": STATUS_WORDS[results.status],
        "state": state_sentence(results)
        if complete or results.sentence in ("", verdict(results))
        else results.sentence,
        "complete": complete,
        "left_out": left_out_sentence(results),
        "notes": [note for note in results.notes if note != left_out_sentence(results)],
        "worth": list(worth(results)),
        "without": [said for name in confounders_of(results) if (said := without_sentence(results, name))],
        "unexamined": unexamined_sentence(results),
        "examined": [name for name in confounders_of(results) if name not in unexamined(results)],
        "opening": opening_words(results),
        "patients": patients_words(results),
        "unknown_patients": patients_unknown(results),
        "clustered": clustered_words(results),
        "noun": image_noun(results.task),
        "target": target_name(results.task),
        "understood": understood(results),
        "trusts": [_trust(results, name) for name in confounders_of(results)],
        "convention": CONVENTION,
        "performance": performance_sentence(results),
        "chosen": model_title(results, chosen).removesuffix(" (chosen)") if chosen else "",
        "outcome": _outcome(results, chosen),
        "tiles": _tiles(results, chosen),
        "split": split_table(results),
        "associations": [association_table(results, finding) for finding in results.associations],
        "models": models_table(results),
        "experiments": experiments_table(results),
        "test": metrics_table(results, "test", calibration=False),
        "validation": metrics_table(results, "validation", calibration=False),
        "calibration": metrics_table(results, "test" if chosen and chosen.test else "validation", calibration=True),
        "confusion": confusion_table(results, chosen) if chosen else None,
        "strata": [table for model in compared_models(results) if (table := strata_table(results, model))],
        "limits": limits(results),
        "needs_input": needs_input(results),
        "step_words": STEP_WORDS,
        "answers_file": ANSWERS_FILE,
        "excluded_shown": EXCLUDED_SHOWN,
        "pictures_by": {section: [p for p in pictures if p.section == section] for section in SECTIONS},
    }
    return _environment().get_template("report.html").render(context)


def _unlinked_terms(results: Results) -> list[str]:
    used = {
        "synthetic": results.data.synthetic,
        "epoch": any(model.epochs for model in results.models),
        "balancing": any(model.mitigation == "balanced_sampling" for model in results.models),
        "experiment": bool(results.experiments),
        "gradcam": any("cam" in figure.name.lower() for figure in results.figures),
        "worst_group_auroc": "worst-group" in results.selection,
    }
    decided = {metric_of(item.metric).gloss for item in results.experiments}
    return [key for key, value in used.items() if value] + sorted(decided - {""})


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("clinjup.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(words=plain_name, counted=counted, duration=duration, json=_json, whole=_whole)
    return environment


def _whole(text: str) -> str:
    """With intervals that no line break parts: '83–99', '+2 to +9'."""
    text = re.sub(r"(?<=\d)–(?=[−\d])", f"{WORD_JOINER}–{WORD_JOINER}", text)
    return re.sub(r"(?<=[\d%]) to (?=[+−\d])", f"{NBSP}to{NBSP}", text)


def _json(value: object) -> str:
    """As it stands in a file that a person reads."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def _trust(results: Results, name: str) -> Trust:
    shifts, note = [], None
    for model in compared_models(results):
        figures, _ = confounder_result(model, name)
        before, after = (
            (known(figures.false_alarms_before), known(figures.false_alarms_after)) if figures else (None, None)
        )
        if figures is None or before is None or after is None:
            continue
        placebo, note = known(figures.placebo_increase), figures.false_alarm_increase.note
        shifts.append(
            Shift(
                title=model_title(results, model),
                chosen=model.name == results.selected,
                before=100 * before,
                after=100 * after,
                before_text=percent(before),
                after_text=percent(after),
                intervals=[
                    (100 * estimate.ci95[0], 100 * estimate.ci95[1])
                    for estimate in (figures.false_alarms_before, figures.false_alarms_after)
                    if estimate.ci95
                ],
                placebo=None if placebo is None else 100 * min(1.0, max(0.0, before + placebo)),
            )
        )
    noun, target, confounder = image_noun(results.task), target_name(results.task), confounder_name(results.task, name)
    return Trust(
        name=confounder,
        films=negatives_words(noun, target, confounder, note),
        asked=any(item.id == name for item in results.task.confounders),
        reliance=reliance(results, name),
        sentence=confounder_sentence(results, name),
        shifts=shifts,
        table=confounder_table(results, name),
    )


def _outcome(results: Results, model: ModelResults | None) -> Outcome | None:
    if model is None or results.task.task_type is TaskType.DETECTION:
        return None
    sensitivity, specificity, part = operating_figures(model)
    finds, spares = known(sensitivity), known(specificity)
    if finds is None or spares is None or sensitivity is None or specificity is None:
        return None
    alarms = specificity.model_copy(
        update={
            "value": 1 - spares,
            "ci95": (1 - specificity.ci95[1], 1 - specificity.ci95[0]) if specificity.ci95 else None,
        }
    )
    point = model.operating_point
    return Outcome(
        part=part,
        finds=out_of_100(finds),
        misses=rest_of_100(finds),
        found_dots=_dots(finds),
        finds_interval=show(sensitivity, "percent").interval,
        finds_n=sensitivity.n,
        alarms=out_of_100(1 - spares),
        alarm_dots=_dots(1 - spares),
        alarms_interval=show(alarms, "percent").interval,
        alarms_n=specificity.n,
        threshold=threshold_words(point.threshold) if point else "",
        rule=point.rule if point else "",
    )


def _dots(share: float) -> int:
    """Of 100 dots those that are filled: all or none only where it is all or none."""
    return min(99, max(1, int(percent_number(share, 0)))) if 0 < share < 1 else round(100 * share)


def _tiles(results: Results, model: ModelResults | None) -> list[Mapping[str, str]]:
    """The three or four figures to remember."""
    if model is None:
        return []
    metrics, part = (model.test, "test part") if model.test else (model.validation, "validation part")
    noun, target = image_noun(results.task), target_name(results.task)
    labels = {
        "sensitivity": f"of {noun}s with {target} found",
        "specificity": f"of {noun}s without it cleared",
        "auroc": "AUROC",
    }
    if results.task.task_type is TaskType.DETECTION:
        labels = {
            "box_sensitivity": f"of boxed {plural(target)} marked",
            "false_marks_per_image": f"false marks per {noun}",
            "ap50": "AP50",
            "auroc": f"AUROC of whole {noun}s",
        }
    found: list[Mapping[str, str]] = []
    if results.task.task_type is TaskType.MULTICLASS:
        labels |= {
            "auroc": f"AUROC, {target} against all others",
            "balanced_accuracy": "balanced accuracy of all classes",
        }
    for key, label in labels.items():
        shown = show(metrics.get(key), metric_of(key).unit)
        if not shown.reason:
            found.append(
                {
                    "figure": shown.text,
                    "interval": shown.interval,
                    "n": f"{shown.n:,}" if shown.n else "",
                    "label": label,
                    "gloss": metric_of(key).gloss or key,
                    "part": part,
                }
            )
    for name in confounders_of(results):
        figures, where = confounder_result(model, name)
        shown = show(figures.false_alarm_increase if figures else None, "points")
        if not shown.reason:
            label = f"false alarms from an inserted {confounder_name(results.task, name)}"
            found.append(
                {
                    "figure": shown.text,
                    "interval": shown.interval,
                    "n": f"{shown.n:,}" if shown.n else "",
                    "label": label,
                    "gloss": "insertion",
                    "part": f"{where} part",
                }
            )
    return found
