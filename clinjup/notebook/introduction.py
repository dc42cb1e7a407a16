"""The first cell of a run's notebook: what was asked, how it was understood, what will be done."""

from __future__ import annotations

from clinjup.contracts import ClinicalTask, DataProfile, DataWarning, Plan, Question
from clinjup.metric_names import metric_words, same_metric
from clinjup.phrases import stated_percent


def introduction(task: ClinicalTask, profile: DataProfile, plan: Plan, warnings: list[DataWarning]) -> str:
    """Markdown. The clinician's words are quoted as code, so that nothing in them is taken for markup."""
    sections = [
        f"# {_title(task)}",
        "> **Asked:** " + _verbatim(task.request),
        _synthetic_banner(profile),
        "*Research software, not a medical device. Written and run by clinjup; every cell can be read, changed and run again.*",
        "## How the request was understood\n\n" + _table(_understanding(task, plan)),
        "## Plan\n\n" + "\n".join(f"{number}. {step.title}" for number, step in enumerate(plan.steps, start=1)),
        _warnings(warnings),
    ]
    return "\n\n".join(section for section in sections if section)


def open_questions(request: str, questions: list[Question]) -> str:
    """Markdown: what only the clinician can answer, where nobody was there to."""
    lines = [
        f"- **{question.text}** " + " · ".join(option.text for option in question.options) for question in questions
    ]
    return "\n".join([f"# Open questions\n\n> {_verbatim(request)}\n", *lines])


def _title(task: ClinicalTask) -> str:
    return task.objective.rstrip(".")


def _synthetic_banner(profile: DataProfile) -> str:
    if not profile.synthetic:
        return ""
    return "> ⚠️ **Synthetic data.** These images were computed, no patient was imaged. The figures say nothing about real images."


def _understanding(task: ClinicalTask, plan: Plan) -> list[tuple[str, str]]:
    risk = task.risk
    rows = [
        ("To be found", task.target_name or task.target or "?"),
        ("Images", task.modality_name or "not named"),
        *_judged_by(task, plan),
        ("Risk", risk.kind.replace("_", " ") + (f" ({_verbatim(risk.phrase)})" if risk.phrase else "")),
    ]
    if risk.target_sensitivity:
        rows.append(("Wanted sensitivity", f"at least {stated_percent(risk.target_sensitivity)}"))
    for confounder in task.confounders:
        rows.append(("Must not be used", f"{confounder.name} ({_verbatim(confounder.phrase)})"))
    for constraint in task.constraints:
        rows.append(("Constraint", constraint.replace("_", " ")))
    return rows


def _judged_by(task: ClinicalTask, plan: Plan) -> list[tuple[str, str]]:
    """What will choose between the models, and the metric that the request suggests where that is another one."""
    choice = next((step for step in plan.steps if "selection_rule" in step.words), None)
    if choice is None:
        return []
    wanted = task.primary_metric.name
    decides = "worst_group_auroc" if choice.parameters.get("CONFOUNDER") else choice.parameters.get("METRIC", "auroc")
    rows = [("Judged by", choice.words["selection_rule"])]
    if same_metric(decides, wanted):
        return rows
    return [*rows, ("Suggested metric", f"{metric_words(wanted)}; it does not decide here")]


def _table(rows: list[tuple[str, str]]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| **{name}** | {value} |" for name, value in rows)])


def _warnings(warnings: list[DataWarning]) -> str:
    if not warnings:
        return ""
    return "## To know beforehand\n\n" + "\n".join(f"- {warning.sentence}" for warning in warnings)


def _verbatim(text: str) -> str:
    flat = " ".join(text.split()).replace("|", "\\|")
    fence = "``" if "`" in flat else "`"
    return f"{fence}{' ' if fence == '``' else ''}{flat}{' ' if fence == '``' else ''}{fence}"
