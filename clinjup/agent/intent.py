"""From one request in plain English or German to a ClinicalTask. Deterministic: same words, same task."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from clinjup.agent import intent_phrases as phrases
from clinjup.agent import quantities
from clinjup.agent.intent_findings import named_findings, target_and_comparator
from clinjup.agent.intent_marks import asks_for_marks, marks_on_skin, without_artefacts
from clinjup.agent.intent_objective import describe
from clinjup.agent.intent_priority import few_missed, first_hit
from clinjup.agent.questions import abnormal_option, ask_abnormal_labels, ask_risk, ask_target, risk_option
from clinjup.agent.unknown_finding import speaks_of_a_task, unknown_finding
from clinjup.agent.vocabulary import (
    CONFOUNDERS,
    MODALITIES,
    SKIN_LESION_CLASSES,
    TARGETS,
    Folded,
    Term,
    by_id,
    find,
    fold_with_origins,
    target_term,
)
from clinjup.contracts import ClinicalTask, Language, NamedConfounder, PrimaryMetric, Question, RiskPreference, TaskType

OutputFormat = Literal["probability", "class_probabilities", "boxes", "refer_reassure"]
_SKIN_CLASS_IDS = [term.id for term in SKIN_LESION_CLASSES]
_RISK_ANSWERS = {"missed_case": "sensitivity_first", "false_alarm": "specificity_first", "balanced": "balanced"}


def parse_request(text: str, answers: Mapping[str, str] | None = None) -> ClinicalTask:
    """Read a clinician's request.

    `answers` maps ids of earlier open questions ("target", "risk", "abnormal_labels") to option values or to the clinician's own
    words. What they settle is no longer open. At most three questions stay open.
    """
    answers = answers or {}
    request = fold_with_origins(" ".join(text.split()))
    language: Language = "de" if phrases.is_german(request.text) else "en"
    confounders = _confounders(request)
    constraints = _constraints(request.text)
    if "few_boxes" in constraints and "image_level_labels_only" in constraints:
        constraints.remove("image_level_labels_only")
    named = named_findings(request)
    target, comparator = target_and_comparator(request, named, answers)
    if target is None and not named and "target" not in answers:
        target = _confounder_as_target(request, confounders)
        confounders = [item for item in confounders if target is None or item.id != target.id]
    untreated = phrases.UNTREATED.search(request.text)
    if untreated and (target is None or target.id == "pneumothorax"):
        constraints.append("untreated_only")
        if all(item.id != "chest_drain" for item in confounders):
            confounders.append(_named("chest_drain", request.words(*untreated.span())))
    modality = _modality(request.text, target, confounders)
    if modality is not None and modality.id == "dermoscopy":
        confounders = _without_body_sites(request, confounders)
        marks = marks_on_skin(request)
        if marks and all(item.id not in ("ink", "ruler") for item in confounders):
            confounders.append(_named("ink", marks))
    task_type = _task_type(request, target, comparator, modality)
    if task_type is TaskType.MULTICLASS:
        target, comparator = target_term("skin_lesion"), None
    questions: list[Question] = []
    if target is not None and phrases.ABNORMAL_LABELS.search(request.text) and target.modality == "bone_radiograph":
        meant = abnormal_option(answers.get("abnormal_labels", ""), target)
        if meant is None:
            questions.append(ask_abnormal_labels(language, target))
        elif task_type is TaskType.DETECTION:
            task_type = TaskType.BINARY  # nothing says where
        if meant == "abnormality":
            target = target_term("abnormality")
    elif task_type is TaskType.DETECTION and "image_level_labels_only" in constraints:
        task_type = TaskType.BINARY
    priority = _priority(request.text, task_type, named)
    risk = _risk(request, answers)
    if (
        task_type is TaskType.DETECTION
    ):  # marks are limited by false marks: a sensitivity would be promised and not kept
        risk = risk.model_copy(update={"target_sensitivity": None, "target_specificity": None, "lower_bound": False})
    if target is None:
        unknown = None if named else unknown_finding(request)
        nothing = not (named or unknown or modality or confounders or constraints) and not speaks_of_a_task(request)
        kind, several = modality.id if modality else None, named if len(named) > 1 else ()
        questions.append(ask_target(language, kind, several, unknown=unknown, nothing_known=nothing))
    if risk.kind == "balanced" and (target is None if "risk" not in answers else not _is_balanced(answers["risk"])):
        questions.append(ask_risk(language))
    task = ClinicalTask(
        request=text,
        language=language,
        objective="",
        task_type=task_type,
        target=target.id if target else None,
        target_name=target.name if target else None,
        classes=_SKIN_CLASS_IDS if task_type is TaskType.MULTICLASS else [],
        priority=priority,
        comparator=comparator.id if comparator else None,
        modality=modality.id if modality else None,
        modality_name=modality.name if modality else None,
        risk=risk,
        primary_metric=_primary_metric(request.text, task_type, risk, priority, confounders),
        confounders=confounders,
        constraints=constraints,
        prevalence=_prevalence(request.text, target, priority),
        output_format=_output_format(request.text, task_type, target, comparator),
        open_questions=questions[:3],
    )
    return task.model_copy(update={"objective": describe(task)})


def as_yes_no(task: ClinicalTask, target: Term, comparator: Term) -> ClinicalTask:
    """A task of several classes as one that tells `target` from `comparator`, where the data hold no other."""
    text = fold_with_origins(" ".join(task.request.split())).text
    changed = task.model_copy(
        update={
            "task_type": TaskType.BINARY,
            "target": target.id,
            "target_name": target.name,
            "comparator": comparator.id,
            "classes": [],
            "priority": None,
            "primary_metric": _primary_metric(text, TaskType.BINARY, task.risk, None, task.confounders),
            "output_format": _output_format(text, TaskType.BINARY, target, comparator),
        }
    )
    return changed.model_copy(update={"objective": describe(changed)})


def _named(confounder_id: str, phrase: str) -> NamedConfounder:
    term = by_id(CONFOUNDERS, confounder_id)
    assert term is not None
    return NamedConfounder(id=term.id, name=term.name, phrase=phrase)


def _confounders(request: Folded) -> list[NamedConfounder]:
    found: dict[str, NamedConfounder] = {}
    used = [hit.span() for hit in phrases.USE_METADATA.finditer(request.text)]
    for match in find(request.text, CONFOUNDERS):
        start, end = request.sentence_at(match.start)
        sentence = request.text[start:end]
        feared = phrases.WORRY.search(sentence) and not any(first <= match.start < last for first, last in used)
        if phrases.NO_WORRY.search(sentence) or (match.term.contextual and not feared):
            continue
        found.setdefault(match.term.id, _named(match.term.id, request.words(match.start, match.end)))
    return list(found.values())


def _without_body_sites(request: Folded, confounders: list[NamedConfounder]) -> list[NamedConfounder]:
    """On skin a site is a place on the body; the source of the images is feared only where another word says so."""
    sources = [match for match in find(request.text, CONFOUNDERS) if match.term.id == "source"]
    if all(phrases.BODY_SITE.fullmatch(request.text[match.start : match.end]) for match in sources):
        return [item for item in confounders if item.id != "source"]
    return confounders


def _confounder_as_target(request: Folded, confounders: list[NamedConfounder]) -> Term | None:
    for match in find(request.text, CONFOUNDERS):
        sentence = request.text[slice(*request.sentence_at(match.start))]
        goal = phrases.GOAL.search(sentence)
        if goal and not phrases.WORRY.search(sentence) and not match.term.contextual:
            return match.term
    return None


def _modality(text: str, target: Term | None, confounders: list[NamedConfounder]) -> Term | None:
    """The modality named; a plain 'X-ray' or none at all follows the finding, then what is feared in the picture."""
    named = [match.term for match in find(text, MODALITIES)]
    specific = next((term for term in named if term.id != "radiograph"), None)
    if specific:
        return specific
    terms = (by_id(CONFOUNDERS, item.id) for item in confounders)
    implied = [term.modality for term in (target, *terms) if term is not None and term.modality]
    return by_id(MODALITIES, implied[0]) if implied else next(iter(named), None)


def _prevalence(text: str, target: Term | None, priority: str | None) -> float | None:
    """The prevalence stated, of several classes that of the one that matters most."""
    several = target is None or target.id == "skin_lesion"
    sought = (priority or "melanoma") if several else target.id if target else None
    return quantities.prevalence(text, lambda words: {match.term.id for match in find(words, TARGETS)} == {sought})


def _constraints(text: str) -> list[str]:
    """Constraints named. A black frame is no box."""
    read = {"few_boxes": without_artefacts(text)}
    return [name for shape, name in phrases.CONSTRAINTS if re.search(shape, read.get(name, text))]


def _task_type(request: Folded, target: Term | None, comparator: Term | None, modality: Term | None) -> TaskType:
    if quantities.false_marks_per_image(request.text) is not None:
        return TaskType.DETECTION
    if target is not None and (
        target.id == "skin_lesion" or (target.modality == "dermoscopy" and phrases.SEVERAL_CLASSES.search(request.text))
    ):
        return TaskType.MULTICLASS
    on_skin = (target.modality if target else modality.id if modality else None) == "dermoscopy"
    if comparator is None and asks_for_marks(request, on_skin):
        return TaskType.DETECTION
    return TaskType.BINARY


def _priority(text: str, task_type: TaskType, named: list[Term]) -> str | None:
    """The class of a several-class task that matters most: the most harmful one named."""
    classes = [term for term in named if term in SKIN_LESION_CLASSES]
    if task_type is not TaskType.MULTICLASS or not classes or len(classes) > 3:
        return None
    return max(classes, key=lambda term: term.harm).id


def _risk(request: Folded, answers: Mapping[str, str]) -> RiskPreference:
    text = request.text

    def said(position: int) -> str:
        return request.words(*request.sentence_at(position)).strip()

    if ratio := quantities.harm_ratio(text):
        return RiskPreference(kind="harm_ratio", harm_ratio=ratio[0], phrase=said(ratio[1]))
    if marks := quantities.false_marks_per_image(text):
        return RiskPreference(kind="false_mark_limit", false_marks_per_image=marks[0], phrase=said(marks[1]))
    sensitivity, specificity = quantities.target_sensitivity(text), quantities.target_specificity(text)
    if sensitivity:
        return RiskPreference(
            kind="sensitivity_first",
            target_sensitivity=sensitivity[0],
            target_specificity=specificity[0] if specificity else None,
            lower_bound=first_hit(phrases.NOT_ONE_MISSED, text) is not None,
            phrase=said(sensitivity[1]),
        )
    if specificity:
        return RiskPreference(kind="specificity_first", target_specificity=specificity[0], phrase=said(specificity[1]))
    if hit := first_hit(phrases.NOT_ONE_MISSED, text):
        implied = phrases.NOT_ONE_MISSED_SENSITIVITY
        return RiskPreference(
            kind="sensitivity_first", target_sensitivity=implied, lower_bound=True, phrase=said(hit.start())
        )
    if hit := few_missed(request):
        return RiskPreference(kind="sensitivity_first", phrase=said(hit.start()))
    if hit := first_hit((*phrases.SPECIFICITY_FIRST, phrases.PRIORITY), text):
        return RiskPreference(kind="specificity_first", phrase=said(hit.start()))
    answer = answers.get("risk", "").strip()
    if chosen := risk_option(answer):
        return RiskPreference(kind=_RISK_ANSWERS[chosen], phrase=None)
    return _risk(fold_with_origins(answer), {}) if answer else RiskPreference()


def _is_balanced(answer: str) -> bool:
    """An answer that says neither this nor "about equally" was not understood, and is asked for again."""
    return not answer.strip() or risk_option(answer) == "balanced"


def _primary_metric(
    text: str, task_type: TaskType, risk: RiskPreference, priority: str | None, confounders: list[NamedConfounder]
) -> PrimaryMetric:
    """A metric the clinician names, else the one that follows what they fear.

    With a confounder named, the weakest group decides; the risk preference then sets the operating point only.
    """
    for shape, name, direction in phrases.METRICS:
        if re.search(shape, text):
            return PrimaryMetric(name=name, direction=direction)
    if task_type is TaskType.DETECTION:
        return PrimaryMetric(name="sensitivity_at_false_mark_limit" if risk.false_marks_per_image else "ap50")
    if task_type is TaskType.MULTICLASS:
        return PrimaryMetric(name=f"{priority}_sensitivity" if priority else "balanced_accuracy")
    if confounders:
        return PrimaryMetric(name="worst_group_auroc")
    following = {
        "sensitivity_first": "specificity_at_sensitivity",
        "specificity_first": "sensitivity_at_specificity",
        "harm_ratio": "net_benefit",
    }
    return PrimaryMetric(name=following.get(risk.kind, "auroc"))


def _output_format(text: str, task_type: TaskType, target: Term | None, comparator: Term | None) -> OutputFormat:
    if task_type is TaskType.DETECTION:
        return "boxes"
    if task_type is TaskType.MULTICLASS:
        return "class_probabilities"
    harmless = target is not None and comparator is not None and target.harm > comparator.harm
    return "refer_reassure" if harmless or phrases.TRIAGE.search(text) else "probability"
