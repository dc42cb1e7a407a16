"""What of a run ran by its journal, and what is still missing of one that did not come to its end. Raises nothing."""

from __future__ import annotations

from collections.abc import Mapping
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
    status = _last_status(records)
    if status == "completed" or not records:
        return ""
    plans = [record for record in records if record.kind == "plan"]
    done = {str(execution.get("step_id")) for execution in what_ran(records) if execution.get("ok")}
    steps = [f"'{title}'" for step_id, title in titles_of(plans[-1:]).items() if step_id not in done]
    missing = [f"the step{'s' if len(steps) > 1 else ''} {', '.join(steps)}"] if steps else []
    missing += [words for words, names in LEFT_AT_THE_END.items() if not any((run_dir / n).is_file() for n in names)]
    told = f"This run is unfinished: {UNFINISHED.get(status, UNFINISHED[''])}."
    return f"{told} Missing: {'; '.join(missing)}." if missing else told


def _last_status(records: list[Record]) -> str:
    """How the run ended by its journal; "" where it has no end, or was taken up again after it."""
    for record in reversed(records):
        if record.kind in {"resume", "restore"}:
            return ""
        if record.kind == "finished":
            return str(mapping(record.data).get("status"))
    return ""


def what_ran(records: list[Record]) -> list[Mapping[str, Any]]:
    """The executions of cells that ran to their end or to an error; not of steps that were taken back later."""
    ran: list[Mapping[str, Any]] = []
    for record in records:
        if record.kind in {"restore", "redo"}:
            ran = [each for each in ran if str(each.get("step_id")) not in listed(record.data.get("steps"))]
        stopped = mapping(record.data.get("error")).get("name") == "KeyboardInterrupt"
        if record.kind == "execution" and not stopped:
            ran.append(record.data)
    return ran


def titles_of(records: list[Record]) -> dict[str, str]:
    """step id -> title, from the plans in the journal."""
    steps = [mapping(step) for record in records if record.kind == "plan" for step in listed(record.data.get("steps"))]
    return {str(step.get("id")): str(step.get("title")) for step in steps}


def mapping(value: object) -> Mapping[str, Any]:
    """`value`, which others may have written, or {} where it is none."""
    return value if isinstance(value, Mapping) else {}


def listed(value: object) -> list[Any]:
    """`value`, which others may have written, or [] where it is no list."""
    return value if isinstance(value, list) else []
