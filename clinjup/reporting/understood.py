"""How the request was understood, as pairs of a name and what was taken from it."""

from __future__ import annotations

from clinjup.contracts import DEFAULT_SENSITIVITY, DEFAULT_SPECIFICITY, Results, TaskType
from clinjup.metric_names import same_metric
from clinjup.nouns import class_words, plain_name
from clinjup.phrases import stated_percent
from clinjup.reporting.numbers import metric_of
from clinjup.reporting.subject import target_name

_RISK_WORDS = {
    "balanced": "missed cases and false alarms count alike",
    "sensitivity_first": "missing a case is worse than a false alarm",
    "specificity_first": "a false alarm is worse than missing a case",
    "harm_ratio": "a missed case weighs as much as several false alarms",
    "false_mark_limit": "few false marks per image",
}


def understood(results: Results) -> list[tuple[str, str]]:
    """Objective, kind of task, target, errors feared, metric and conditions of a run."""
    task = results.task
    risk = task.risk
    wish = _RISK_WORDS[risk.kind]
    if risk.harm_ratio:
        wish = f"one missed case weighs as much as {risk.harm_ratio:g} false alarms"
    if risk.target_sensitivity:
        wish += f"; sensitivity of at least {stated_percent(risk.target_sensitivity)}"
    wish += _default_aim(results)
    if risk.lower_bound:
        wish += " that must hold for other patients too (95 % confidence)"
    if risk.target_specificity:
        wish += f"; specificity of at least {stated_percent(risk.target_specificity)}"
    if risk.false_marks_per_image:
        wish += f"; at most {risk.false_marks_per_image:g} false marks per image"
    rows = [
        ("Objective", task.objective),
        ("Kind of task", plain_name(task.task_type.value)),
        ("To be found", task.target_name or target_name(task)),
    ]
    if task.classes:
        rows.append(("Classes", ", ".join(class_words(name) for name in task.classes)))
        rows.append(
            (
                "Class with priority",
                class_words(task.priority) if task.priority else f"none named; {target_name(task)} harms most",
            )
        )
    if task.comparator:
        rows.append(("To be told from", plain_name(task.comparator)))
    rows.append(("Images", task.modality_name or plain_name(task.modality or "not named")))
    rows.append(("The worse error", wish + (f" (“{risk.phrase}”)" if risk.phrase else "")))
    rows += _judged_by(results)
    rows += [("Feared confounder", f"{item.name} (“{item.phrase}”)") for item in task.confounders]
    if task.constraints:
        rows.append(("Conditions", ", ".join(plain_name(item) for item in task.constraints)))
    if task.prevalence:
        rows.append(("Stated prevalence", stated_percent(task.prevalence)))
    return rows


def _default_aim(results: Results) -> str:
    """That the threshold follows a default, where the request names neither a share nor a price of errors."""
    risk, task_type = results.task.risk, results.task.task_type
    named = risk.target_sensitivity or risk.target_specificity or risk.harm_ratio
    if named or task_type is TaskType.DETECTION:
        return ""
    if risk.kind == "specificity_first":
        return f"; no specificity was named, so the default of at least {stated_percent(DEFAULT_SPECIFICITY)} holds"
    return f"; no sensitivity was named, so the default of at least {stated_percent(DEFAULT_SENSITIVITY)} holds"


def _judged_by(results: Results) -> list[tuple[str, str]]:
    """The metric that decided between the models, and the one that the request suggests where that is another one."""
    wanted = results.task.primary_metric.name
    if not results.experiments:
        return [("Judged by", "nothing yet: no model was chosen")]
    used = results.experiments[0].metric
    said = metric_of(used).label
    if len(results.experiments) == 1:
        said += (
            "; only one model was trained, so nothing had to be chosen"
            if len(results.models) == 1
            else "; only one model was judged on validation, so nothing could be chosen"
        )
    if same_metric(used, wanted):
        return [("Judged by", said)]
    fate = "could not be had on these data" if wanted == "worst_group_auroc" else "did not decide here"
    return [("Judged by", said), ("Suggested metric", f"{metric_of(wanted).label}; it {fate}")]
