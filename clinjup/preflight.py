"""Everything that can be said about a request before its first cell: is it sound, is the data usable, what is still open?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from clinjup.agent.intent import as_yes_no, parse_request
from clinjup.agent.intent_objective import describe
from clinjup.agent.label_findings import offer_what_is_labelled
from clinjup.agent.priority import priority_of
from clinjup.agent.questions import ask_again
from clinjup.agent.roles import decide_roles
from clinjup.agent.soundness import check_request
from clinjup.agent.state import Brief
from clinjup.agent.unanswerable import unanswerable
from clinjup.agent.vocabulary import INSERTABLE, target_term
from clinjup.contracts import ClinicalTask, DataProfile, DataWarning, Question, Refusal, Roles, RunRequest, UnusableData
from clinjup.kernel.errors import ClinjupError
from clinjup.weights import HUB, SUFFIXES, checkpoint_files

if TYPE_CHECKING:
    from clinjup.imaging import Cohort

MAX_QUESTIONS = 3


class RequestRefusedError(Exception):
    """The request is unsafe or unsound (exit 5)."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


@dataclass
class Preflight:
    """A request and its data, understood as far as possible. `roles` is None while a question decides them."""

    task: ClinicalTask
    profile: DataProfile
    roles: Roles | None
    warnings: list[DataWarning]
    questions: list[Question]
    annotated: dict[str, float] = field(default_factory=dict)
    """Confounder -> share of the cohort's images that the tables say something about."""


async def look(folder: str) -> DataProfile:
    """Profile a data folder without blocking the event loop. Raises UnusableData."""
    from clinjup.imaging import profile_data

    return await asyncio.to_thread(profile_data, Path(folder))


def check_weights(request: RunRequest) -> None:
    """Raises UnusableData where published weights are to come from a place that holds none."""
    if request.pretrained and request.pretrained != HUB and not checkpoint_files(request.pretrained):
        raise UnusableData(
            f"There are no published weights at '{request.pretrained}'. Name a checkpoint ({', '.join(SUFFIXES)}) or a folder that holds "
            "one, 'hub' to have them fetched, or nothing to train from scratch."
        )


async def check(intent: str, data: str, answers: dict[str, str]) -> Preflight:
    """Raises RequestRefusedError or UnusableData; these come before any question."""
    task = parse_request(intent, answers)
    refusal = check_request(intent, task)
    if refusal is not None:
        raise RequestRefusedError(refusal)
    profile = await look(data)
    decision = decide_roles(profile, task, answers)
    told_before: list[DataWarning] = []
    if decision.roles is not None and len(decision.roles.classes) == 2:
        task, told_before = _only_two(task, decision.roles)
        decision = decide_roles(profile, task, answers)
    if decision.roles is not None:
        task = task.model_copy(update={"of_interest": priority_of(task, decision.roles)})
    if task.target is None:
        task = offer_what_is_labelled(task, profile)
    if decision.roles is not None:
        known = INSERTABLE | decision.roles.confounders.keys()
        unexamined = {item.id for item in task.confounders} - known
        task = task.model_copy(update={"objective": describe(task, unexamined)})
    # What abnormal means decides which values are positive: that is not asked beside it.
    settled = {"positive_values"} if any(each.id == "abnormal_labels" for each in task.open_questions) else set()
    of_data = [each for each in decision.questions if each.id not in settled]
    questions = [
        ask_again(each, answers[each.id], task.language) if answers.get(each.id, "").strip() else each
        for each in [*task.open_questions, *of_data][:MAX_QUESTIONS]
    ]
    warnings = [*told_before, *decision.warnings, *unanswerable(task, profile)]
    annotated: dict[str, float] = {}
    if decision.roles is not None and not questions:
        cohort = await asyncio.to_thread(_read_usable, profile, task, decision.roles)
        annotated = {name: float(cohort.table[name].notna().mean()) for name in cohort.confounders}
        # The cohort counts images, each under one reason; the table alone counts rows.
        warnings = [warning for warning in warnings if warning.code != "uncertain_labels"]
        told = {warning.sentence for warning in warnings}
        warnings += [warning for warning in cohort.warnings if warning.sentence not in told]
    return Preflight(task, profile, decision.roles, warnings, questions, annotated)


def _only_two(task: ClinicalTask, roles: Roles) -> tuple[ClinicalTask, list[DataWarning]]:
    """The yes/no question that is left of one about several classes."""
    leading = priority_of(task, roles)
    target, other = sorted(map(target_term, roles.classes), key=lambda term: term.id != leading)
    sentence = (
        f"Of the types asked for the labels name two only, so the model tells {target.name} from {other.name}; it knows no other lesion. "
        f"Images of further types, labelled, would allow more."
    )
    return as_yes_no(task, target, other), [DataWarning(code="two_classes_only", sentence=sentence)]


def _read_usable(profile: DataProfile, task: ClinicalTask, roles: Roles) -> Cohort:
    """The cohort as the run will read it, without its pixels. Raises UnusableData."""
    from clinjup.imaging import check_boxes, check_usable, read_cohort

    assert task.target is not None, "an unknown target is a question, and questions come first"
    try:
        cohort = read_cohort(
            profile.root,
            layout=profile.layout,
            target=task.target,
            target_name=task.target_name,
            emit_finding=False,
            priority=priority_of(task, roles),
            **roles.model_dump(exclude_defaults=True),
        )
    except ClinjupError as problem:
        raise UnusableData(str(problem)) from problem
    check_usable(cohort)
    if roles.boxes is not None:
        check_boxes(cohort)
    return cohort


def brief_of(request: RunRequest, preflight: Preflight) -> Brief:
    """What the planner is told of a request whose data were found usable."""
    assert preflight.roles is not None
    return Brief(
        task=preflight.task,
        profile=preflight.profile,
        roles=preflight.roles,
        warnings=preflight.warnings,
        annotated=preflight.annotated,
        look_again=lambda: look(request.data),
        budget_seconds=request.budget_minutes * 60,
        max_fix_attempts=request.max_fix_attempts,
        network=(request.network or "").strip(),
        pretrained=request.pretrained or "",
        seed=request.seed,
        approval=request.approval,
        share_images=request.share_images,
        answers=request.answers,
    )
