"""What a planner without eyes is told: findings, errors and the data as short text. Structure and figures, never the data."""

from __future__ import annotations

from typing import Any

from clinjup.agent.conversation import shortened
from clinjup.agent.prompts import FILLED_IN
from clinjup.agent.state import Brief, Observation, RunState
from clinjup.contracts import DataProfile, Plan, Step

FINDINGS_LIMIT = 1_100  # characters of the findings of one cell
TEXT_LIMIT = 700  # characters of what one cell printed
ERROR_LIMIT = 1_200
SMALL_CELL = 5  # counts below this can point at single patients

_NOT_TOLD = {"kind", "schema", "path", "checkpoint", "caption", "alt", "excluded", "precision", "device", "note", "n"}
_NOT_COUNTS = {"seed", "epochs", "parameters"}


def observation_text(observation: Observation) -> str:
    """The result of a cell: findings first, then head and tail of what it printed, or the end of its traceback."""
    if observation.kind == "rejected":
        return f"Rejected. {observation.reason}"
    if observation.error is not None:
        error = observation.error
        tail = error.traceback[-ERROR_LIMIT:] if error.traceback else ""
        return f"Failed. {error.name}: {shortened(error.message, 500)}\n{tail}".strip()
    if observation.answers:
        return "Answers: " + "; ".join(f"{name} = {answer}" for name, answer in observation.answers.items())
    findings = [finding_text(finding) for finding in observation.findings]
    told = shortened("\n".join(text for text in findings if text), FINDINGS_LIMIT)
    printed = shortened(observation.text.strip(), TEXT_LIMIT)
    return "\n".join(part for part in ("Done.", told, f"Printed:\n{printed}" if printed else "") if part)


def finding_text(finding: dict[str, Any]) -> str:
    """One finding as one line: names and figures with their intervals, counts of what was left out, codes of warnings."""
    kind = str(finding.get("kind", "finding"))
    if kind == "figure":
        return f"figure: {finding.get('title', finding.get('name', ''))}"
    parts = [_told(name, value) for name, value in finding.items() if name not in _NOT_TOLD]
    if finding.get("excluded"):
        parts.append(f"left out: {_count(len(finding['excluded']))}")
    return f"{kind}: {'; '.join(part for part in parts if part)}"


def profile_text(brief: Brief) -> str:
    """The data folder without names of files and without values."""
    profile = brief.profile
    images = profile.images
    lines = [
        f"layout: {profile.layout}" + (" (synthetic data)" if profile.synthetic else ""),
        f"images: {_count(images.count)}, {_counts(images.extensions)}; modes {_counts(images.modes)}; "
        f"sizes of a sample {_counts(images.sizes)}",
    ]
    if profile.class_folders:
        lines.append(f"class folders: {len(profile.class_folders)}")
    if profile.official_splits:
        lines.append(f"official split lists: {', '.join(sorted(profile.official_splits))}")
    for number, table in enumerate(profile.tables, start=1):
        lines.append(f"table {number}: {_count(table.rows)} rows, {len(table.columns)} columns")
        for column in table.columns[:40]:
            missing = f", {_count(column.missing)} missing" if column.missing else ""
            lines.append(f"  {column.name[:60]!r}: {column.kind}, {_count(column.unique)} different{missing}")
    lines.append(f"roles (decided): {_roles(brief)}")
    if brief.warnings:
        lines.append(f"warnings: {', '.join(sorted({warning.code for warning in brief.warnings}))}")
    return "\n".join(lines)


def task_text(brief: Brief) -> str:
    """The request as it was understood, and in the clinician's own words."""
    task = brief.task
    facts = {
        "in their words": task.request,
        "objective": task.objective,
        "type": str(task.task_type.value),
        "target": task.target_name or task.target,
        "to be told from": task.comparator,
        "modality": task.modality_name or task.modality,
        "confounders feared": ", ".join(f"{confounder.id} ({confounder.name})" for confounder in task.confounders),
        "risk": ", ".join(
            f"{name} {value}" for name, value in task.risk.model_dump(exclude_none=True, exclude={"phrase"}).items()
        ),
        "chosen by": f"{task.primary_metric.name} on validation",
        "constraints": ", ".join(task.constraints),
        "prevalence": task.prevalence,
        "language for questions": task.language,
    }
    return "\n".join(f"{name}: {value}" for name, value in facts.items() if value)


def plan_text(plan: Plan, *, with_status: bool = False) -> str:
    """The steps with recipe, parameters and dependencies."""
    return "\n".join(_step(step, with_status) for step in plan.steps) or "(empty)"


def so_far_text(state: RunState) -> str:
    """What a resumed run has behind it."""
    steps = "; ".join(f"{step.id}: {step.status.value}" for step in state.plan.steps)
    answers = "; ".join(f"{name} = {answer}" for name, answer in state.answers.items())
    parts = [f"The run was stopped and goes on. Its plan: {steps}", findings_text(state.findings)]
    return "\n".join([*parts, f"answers: {answers}"] if answers else parts)


def findings_text(findings: list[dict[str, Any]], limit: int = 4_000) -> str:
    """All findings of the run, head and tail."""
    return shortened("\n".join(finding_text(finding) for finding in findings), limit) or "None yet."


def _step(step: Step, with_status: bool) -> str:
    told = {name: value for name, value in step.parameters.items() if name not in FILLED_IN}
    if told.get("PRETRAINED"):
        told["PRETRAINED"] = True  # not where the weights lie
    parameters = ", ".join(f"{name}={value!r}" for name, value in told.items())
    parts = [f"recipe {step.recipe}" if step.recipe else "a cell of your own", parameters]
    parts.append(f"after {', '.join(step.depends_on)}" if step.depends_on else "")
    parts.append("optional" if step.optional else "")
    state = f" [{step.status.value}{': ' + step.note if step.note else ''}]" if with_status else ""
    return f"- {step.id}{state}: {step.title} ({'; '.join(part for part in parts if part)})"


def _roles(brief: Brief) -> str:
    roles = brief.roles
    found = {name: getattr(roles, name) for name in ("image", "label", "patient", "split")}
    found |= {f"confounder {name}": flag.column for name, flag in roles.confounders.items()}
    found |= {f"covariate {name}": reference for name, reference in roles.covariates.items()}
    return (
        "; ".join(f"{name}: {_place(brief.profile, reference)}" for name, reference in found.items() if reference)
        or "by folder"
    )


def _place(profile: DataProfile, reference: str) -> str:
    path, _, column = reference.partition(":")
    number = next((place for place, table in enumerate(profile.tables, start=1) if table.path == path), 0)
    return f"table {number} {column[:60]!r}"


def _told(name: str, value: Any) -> str:
    if value is None or value in ({}, [], ""):
        return ""
    if isinstance(value, dict) and "value" in value and "ci95" in value:
        return f"{name} {_estimate(value)}"
    if isinstance(value, dict):
        inner = [_told(key, item) for key, item in value.items() if key not in _NOT_TOLD]
        return f"{name} ({', '.join(part for part in inner if part)})"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        if "code" in value[0]:
            return f"{name} {', '.join(sorted({str(item['code']) for item in value}))}"
        return f"{name} " + " / ".join(_told(str(item.get("name", item.get("value", ""))), item) for item in value)
    if isinstance(value, list):
        return f"{name} {', '.join(map(str, value))}"
    if isinstance(value, bool) or name in _NOT_COUNTS:
        return f"{name} {value}"
    if isinstance(value, int):
        return f"{name} {_count(value)}"
    return f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"


def _estimate(value: dict[str, Any]) -> str:
    if value["value"] is None:
        return f"not available ({value.get('reason')})"
    interval = value["ci95"]
    return f"{value['value']:.3f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def _count(number: int) -> str:
    return str(number) if number == 0 or number >= SMALL_CELL else f"<{SMALL_CELL}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {_count(number)}" for name, number in list(counts.items())[:6])
