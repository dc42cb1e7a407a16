"""What of a run ran by its journal, and what is still missing of one that did not come to its end. Raises nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from clinjup.reporting.journal import Record

LEFT_AT_THE_END = {
    "results.json": ("results.json",),
    "report.html": ("report.html",),
    "model_card.md": ("model_card.md",),
    "the predictions": ("predictions.csv", "predictions.json"),
}
UNFINISHED = {
    "interrupted": "it was stopped before its end",
    "failed": "it failed before its end",
    "needs_answer": "it waits for an answer",
    "": "it is still going on, or was killed or taken up again and not brought to its end",
}
"""Status of a run -> what it means; "" where the journal has no end."""


def unfinished_sentence(run_dir: Path, records: list[Record]) -> str:
    """That the run did not come to its end, and what is missing; "" where it did."""
    end = _last_end(records)
    status = str(end.get("status", ""))
    if status == "completed" or not records:
        return ""
    done, states = finished_steps(_executions(records)), mapping(end.get("steps"))
    plans = [record for record in records if record.kind == "plan"]
    steps = [
        f"'{step.get('title')}'"
        for step in _steps(plans[-1:])
        if str(step.get("id")) not in done and not _left_out(step, states)
    ]
    missing = [f"the step{'s' if len(steps) > 1 else ''} {', '.join(steps)}"] if steps else []
    missing += [words for words, names in LEFT_AT_THE_END.items() if not any((run_dir / n).is_file() for n in names)]
    told = f"This run is unfinished: {UNFINISHED.get(status, UNFINISHED[''])}."
    return f"{told} Missing: {'; '.join(missing)}." if missing else told


def finished_steps(executions: Iterable[Mapping[str, Any]]) -> set[str]:
    """Steps whose last attempt worked."""
    last = {str(execution.get("step_id")): bool(execution.get("ok")) for execution in executions}
    return {step_id for step_id, ok in last.items() if ok}


def _left_out(step: Mapping[str, Any], states: Mapping[str, Any]) -> bool:
    """Whether an optional step was skipped, by how the steps stood at the end or else in the plan."""
    return bool(step.get("optional")) and states.get(str(step.get("id")), step.get("status")) == "skipped"


def _last_end(records: list[Record]) -> Mapping[str, Any]:
    """The journal's last word on how the run ended; {} where it has none, or was taken up again after it."""
    for record in reversed(records):
        if record.kind in {"resume", "restore"}:
            return {}
        if record.kind == "finished":
            return mapping(record.data)
    return {}


def what_ran(records: list[Record]) -> list[Mapping[str, Any]]:
    """The executions of cells that ran to their end or to an error; not of steps that were taken back later."""
    return [each for each in _executions(records) if mapping(each.get("error")).get("name") != "KeyboardInterrupt"]


def _executions(records: list[Record]) -> list[Mapping[str, Any]]:
    """All executions of cells, but for steps that were taken back later."""
    ran: list[Mapping[str, Any]] = []
    for record in records:
        if record.kind in {"restore", "redo"}:
            ran = [each for each in ran if str(each.get("step_id")) not in listed(record.data.get("steps"))]
        if record.kind == "execution":
            ran.append(record.data)
    return ran


def titles_of(records: list[Record]) -> dict[str, str]:
    """step id -> title, from the plans in the journal."""
    return {str(step.get("id")): str(step.get("title")) for step in _steps(records)}


def _steps(records: list[Record]) -> list[Mapping[str, Any]]:
    return [mapping(step) for record in records if record.kind == "plan" for step in listed(record.data.get("steps"))]


def mapping(value: object) -> Mapping[str, Any]:
    """`value`, which others may have written, or {} where it is none."""
    return value if isinstance(value, Mapping) else {}


def listed(value: object) -> list[Any]:
    """`value`, which others may have written, or [] where it is no list."""
    return value if isinstance(value, list) else []
