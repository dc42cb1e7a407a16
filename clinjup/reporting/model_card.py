"""model_card.md in the Hugging Face template: filled with what the run knows, marked where only a person knows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clinjup.contracts import ModelResults, Results, TaskType
from clinjup.nouns import plain_name
from clinjup.reporting.cautions import cautions
from clinjup.reporting.glossary import TERMS, explanation
from clinjup.reporting.limits import NEEDS_INPUT, limits, needs_input
from clinjup.reporting.numbers import duration, known, metric_of
from clinjup.reporting.reliance import reliance
from clinjup.reporting.subject import (
    chosen_model,
    clustered_words,
    confounder_name,
    confounders_of,
    image_noun,
    is_against_imbalance,
    mitigation_words,
    opening_words,
    patients_unknown,
    patients_words,
    target_name,
    unexamined,
    unexamined_sentence,
    words_of,
)
from clinjup.reporting.tables import Table, confounder_table, metrics_table, split_table, strata_table, training_words
from clinjup.reporting.verdict import (
    confounder_sentence,
    left_out_sentence,
    performance_sentence,
    state_sentence,
    without_sentence,
    without_weights_sentence,
)
from clinjup.reporting.worth import worth

if TYPE_CHECKING:
    from huggingface_hub import ModelCardData

_HUB_METRICS = {
    "ap50": "ap50",
    "auroc": "roc_auc",
    "auprc": "average_precision",
    "sensitivity": "recall",
    "brier": "brier_score",
}
_GLOSSED = (
    "auroc",
    "sensitivity",
    "specificity",
    "confounder",
    "insertion",
    "worst_group_auroc",
    "confidence_interval",
)


def render_model_card(results: Results) -> str:
    """The card of the run's chosen model as markdown with a YAML head. Text of the clinician and of files is escaped."""
    from huggingface_hub import ModelCard

    model = chosen_model(results) or results.models[0]
    card = ModelCard.from_template(card_data=_metadata(results, model), **_sections(results, model))
    return str(card.content).replace("[More Information Needed]", NEEDS_INPUT)


def _metadata(results: Results, model: ModelResults) -> ModelCardData:
    from huggingface_hub import EvalResult, ModelCardData

    part, metrics = ("test", model.test) if model.test else ("validation", model.validation)
    measured = [
        EvalResult(
            task_type="object-detection" if results.task.task_type is TaskType.DETECTION else "image-classification",
            dataset_type="private",
            dataset_name="synthetic data" if results.data.synthetic else "data of the run",
            dataset_split=part,
            metric_type=hub,
            metric_name=metric_of(key).label,
            metric_value=round(value, 4),
        )
        for key, hub in _HUB_METRICS.items()
        if (value := known(metrics.get(key))) is not None
    ]
    tags = ["clinjup", "medical-imaging", "research-only", results.task.modality, results.task.target]
    return ModelCardData(
        model_name=_name(results, model),
        library_name="pytorch",
        pipeline_tag="object-detection" if results.task.task_type is TaskType.DETECTION else "image-classification",
        tags=[tag for tag in [*tags, "synthetic-data" if results.data.synthetic else None] if tag],
        eval_results=measured or None,
    )


def _sections(results: Results, model: ModelResults) -> dict[str, str]:
    asked = dict(needs_input(results))
    ending = "json" if results.task.task_type is TaskType.DETECTION else "csv"
    predict = (
        f"clinjup predict RUN_FOLDER --data FOLDER_OF_IMAGES --out predictions.{ending} --model {_safe(model.name)}"
    )
    noun, target = image_noun(results.task), escape(target_name(results.task))
    synthetic = "\n\n**Synthetic data: computed images, not patients.**" if results.data.synthetic else ""
    tables = [
        metrics_table(results, "test" if model.test else "validation", calibration=flag) for flag in (False, True)
    ]
    names, against = confounders_of(results), cautions(results, model.name)
    findings = [state_sentence(results), left_out_sentence(results), unexamined_sentence(results)]
    findings += [confounder_sentence(results, name) for name in names]
    findings += [performance_sentence(results, named=True), *(each for each in worth(results) if each not in against)]
    findings += [*(without_sentence(results, name) for name in names)]
    examined = [name for name in names if name not in unexamined(results)]
    return {
        "model_id": escape(_name(results, model)),
        "model_summary": f"{escape(results.task.objective.rstrip('.'))}. Research software, **not a medical device**.{synthetic}",
        "model_description": f"Request, verbatim: “{escape(results.intent)}”",
        "developers": _needs(asked["Responsibility"]),
        "funded_by": NEEDS_INPUT,
        "shared_by": NEEDS_INPUT,
        "model_type": escape(plain_name(model.architecture)) or "image classifier",
        "language": "none (images)",
        "license": NEEDS_INPUT,
        "base_model": escape(without_weights_sentence(results)) or "see the training cells of notebook.ipynb",
        "repo": "the run folder: notebook.ipynb, report.html, results.json, journal.jsonl",
        "paper": NEEDS_INPUT,
        "demo": "none",
        "direct_use": f"Research on finding {target} in {noun}s. Intended use: {_needs(asked['Intended use'])}",
        "downstream_use": _needs(asked["Clinical consequences"]),
        "out_of_scope_use": "Diagnosis or treatment of patients; any use outside of research; images from another source than the "
        "training data, until tested there.",
        "bias_risks_limitations": "\n".join(f"- {escape(sentence)}" for sentence in [*against, *limits(results)]),
        "bias_recommendations": _recommendations(results, names),
        "get_started_code": f"```\n{predict}\n```",
        "training_data": _training_data(results, asked),
        "preprocessing": "See the cells *Decode and audit the images* and *Split into three parts* of notebook.ipynb.",
        "training_regime": _training_regime(model),
        "speeds_sizes_times": f"{duration(model.seconds)} of training"
        + (f", {model.parameters:,} parameters" if model.parameters else ""),
        "testing_data": _testing_data(results),
        "testing_factors": ", ".join(escape(confounder_name(results.task, name)) for name in examined) or "none",
        "testing_metrics": f"Each figure with its 95 % confidence interval, {clustered_words(results)}; threshold fixed on validation.",
        "results": "\n\n".join(_markdown(table) for table in tables if table) or "No model was evaluated.",
        "results_summary": escape(" ".join(finding for finding in findings if finding)),
        "model_examination": "\n\n".join(_markdown(table) for table in _examination(results, model, names))
        or "No confounder was tested.",
        "hardware_type": escape(model.device or "") or NEEDS_INPUT,
        "hours_used": f"{model.seconds / 3600:.2f}",
        "cloud_provider": NEEDS_INPUT,
        "cloud_region": NEEDS_INPUT,
        "co2_emitted": NEEDS_INPUT,
        "model_specs": f"{escape(plain_name(model.architecture))}; output: {escape(plain_name(results.task.output_format))} of {target}",
        "compute_infrastructure": escape(model.device or "") or NEEDS_INPUT,
        "hardware_requirements": escape(model.device or "") or NEEDS_INPUT,
        "software": ", ".join(f"{escape(name)} {escape(version)}" for name, version in results.versions.items())
        or NEEDS_INPUT,
        "citation_bibtex": NEEDS_INPUT,
        "citation_apa": NEEDS_INPUT,
        "glossary": "\n".join(f"- **{TERMS[key][0]}**: {explanation(key, words_of(results))}" for key in _GLOSSED),
        "more_information": "report.html holds the command that reproduces the run, and every figure with its plot.",
        "model_card_authors": f"Drafted by clinjup from the run's figures. {NEEDS_INPUT}",
        "model_card_contact": NEEDS_INPUT,
    }


def escape(text: str) -> str:
    """`text` as one line of markdown in which nothing is markup: no HTML, no links, no table cells."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#!~$])", r"\\\1", flat)


def _name(results: Results, model: ModelResults) -> str:
    return f"{results.task.target or 'model'}-{model.name}"


def _safe(name: str) -> str:
    return re.sub(r"[^\w.-]", "_", name)


def _needs(question: str) -> str:
    return f"{NEEDS_INPUT} {escape(question)}"


def _recommendations(results: Results, names: list[str]) -> str:
    judged = [reliance(results, name) for name in names]
    lines = [f"- {escape(item.headline)}. {escape(item.sentence)}" for item in judged]
    lines.append(
        "- Test on images of your own hospital before drawing any conclusion, and read the subgroups, not only the overall figure."
    )
    return "\n".join(lines)


def _training_data(results: Results, asked: dict[str, str]) -> str:
    data = results.data
    lines = [f"{_counted(results, data.images, data.patients)}; {len(data.excluded):,} files left out.", ""]
    if data.synthetic:
        lines[:0] = ["Synthetic data (computed images).", ""]
    split = split_table(results)
    if split:
        lines += [_markdown(split), ""]
    lines += [f"- {escape(warning.sentence)}" for warning in data.warnings]
    topics = ("Reference standard", "Population", "Image acquisition", "Ethics and data protection")
    lines += [f"- {topic}: {_needs(asked[topic])}" for topic in topics]
    return "\n".join(lines)


def _training_regime(model: ModelResults) -> str:
    against = (
        "the imbalance of classes" if model.mitigation and is_against_imbalance(model.mitigation) else "the confounder"
    )
    parts = [
        f"against {against}: {escape(mitigation_words(model.mitigation))}"
        if model.mitigation
        else "no measure against a confounder",
        escape(training_words(model)),
        f"seed {model.seed}",
    ]
    return "; ".join(part for part in parts if part)


def _testing_data(results: Results) -> str:
    test = results.split.get("test")
    opened = {0: "not opened", 1: "opened once"}.get(results.test_openings, f"opened {results.test_openings} times")
    if results.test_openings == 1 and not any(model.test for model in results.models):
        opened = opening_words(results)
    size = _counted(results, test.images, test.patients) if test else "no test part"
    return f"Internal test part ({size}): {opened}. External testing: {NEEDS_INPUT}"


def _counted(results: Results, images: int, patients: int) -> str:
    """'600 images of 300 patients'; where nothing names the patients, the images alone."""
    if patients_unknown(results):
        return f"{images:,} images, {patients_words(results)}"
    return f"{images:,} images of {patients:,} {results.data.grouped_by}s"


def _examination(results: Results, model: ModelResults, names: list[str]) -> list[Table]:
    tables = [confounder_table(results, name) for name in names]
    return [table for table in (*tables, strata_table(results, model)) if table]


def _markdown(table: Table) -> str:
    head = [table.corner, *table.columns]
    lines = [f"*{escape(table.caption)}*", "", _line(head), "|" + "---|" * len(head)]
    for row in table.rows:
        cells = [
            f"not available ({cell.text})" if cell.missing else f"{cell.text} ({cell.sub})" if cell.sub else cell.text
            for cell in row.cells
        ]
        lines.append(_line([row.head, *cells]))
    return "\n".join([*lines, "", *(f"- {escape(note)}" for note in table.notes)])


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(escape(cell) for cell in cells) + " |"
