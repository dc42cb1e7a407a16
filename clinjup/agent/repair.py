"""Deterministic repairs: from the error of a cell to a changed plan, or to None when nobody but the clinician can help.

One function per kind of error, found by the name of the exception that the kernel reported.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from clinjup.agent.plan_network import from_scratch
from clinjup.agent.roles import decide_roles
from clinjup.agent.state import RunState
from clinjup.contracts import CellError, Roles, Step, UnusableData

SMALLEST_BATCH = 4  # of fewer images batch normalisation learns nothing of use
_TOO_LARGE = ("BatchTooLargeError", "OutOfMemoryError", "MemoryError")
_REPEATABLE = {*_TOO_LARGE, "KernelDied", "KernelRestarted"}


@dataclass(frozen=True)
class Repair:
    """What to change before the next attempt: arguments of pending steps with this recipe, or the roles of the columns."""

    sentence: str
    parameters: dict[str, Any] = field(default_factory=dict)
    roles: Roles | None = None
    noted: bool = False
    """Whether the run's results say it too."""


_Mend = Callable[[Step, CellError, RunState], Awaitable[Repair | None]]
_MENDS: dict[str, _Mend] = {}


def _mends(*error_names: str) -> Callable[[_Mend], _Mend]:
    def register(mend: _Mend) -> _Mend:
        _MENDS.update(dict.fromkeys(error_names, mend))
        return mend

    return register


async def propose_repair(step: Step, state: RunState) -> Repair | None:
    """A repair for the last failed attempt at `step`; None after `Brief.max_fix_attempts` of them or when the same error came twice.

    A batch that memory does not hold is halved down to SMALLEST_BATCH, unless nothing is to be mended at all.
    """
    failed = [attempt for attempt in state.attempts_of(step.id) if attempt.error is not None]
    error = failed[-1].error
    assert error is not None
    earlier = [attempt.error.signature for attempt in failed[:-1] if attempt.error is not None]
    most = state.brief.max_fix_attempts
    if len(failed) > most and not (most and _kind(error) in _TOO_LARGE):  # halving a batch comes to its end by itself
        return None
    # Halving a batch may have to be done twice; any other error that comes back was not understood.
    if error.signature in earlier and _kind(error) not in _REPEATABLE:
        return None
    mend = _MENDS.get(_kind(error))
    return await mend(step, error, state) if mend else None


def _kind(error: CellError) -> str:
    if re.search(
        r"out of memory|can(no|')t allocate memory|not enough memory|unable to allocate", error.message, re.IGNORECASE
    ):
        return "BatchTooLargeError"
    return error.name


def wants_memory(error: CellError) -> bool:
    """Whether the cell most likely failed for lack of memory."""
    return _kind(error) in {*_TOO_LARGE, "KernelDied"}


@_mends("MissingColumnError", "MissingFileError", "FileNotFoundError")
async def _decide_roles_again(step: Step, error: CellError, state: RunState) -> Repair | None:
    """The tables changed since they were profiled: look again and give the columns their roles anew."""
    brief = state.brief
    try:
        profile = await brief.look_again()
        decision = decide_roles(profile, brief.task, state.answers)
    except UnusableData:
        return None
    if decision.roles is None or decision.questions or decision.roles == brief.roles:
        return None
    brief.profile = profile
    changed = _changed_columns(brief.roles, decision.roles)
    return Repair(
        f"The tables changed after they were first read, so the columns were matched again: {changed}.",
        roles=decision.roles,
    )


@_mends("KernelDied", "KernelRestarted")
async def _start_again(step: Step, error: CellError, state: RunState) -> Repair | None:
    """Once in a new kernel, where a training goes on after its last complete epoch; a second death is taken for lack of memory."""
    deaths = [attempt for attempt in state.attempts_of(step.id) if attempt.error and attempt.error.name == "KernelDied"]
    if len(deaths) > 1 and error.name == "KernelDied":
        if (sizes := _halved(step, error)) is None:
            return None
        size, smaller = sizes
        return Repair(
            f"The kernel stopped again, most often because memory ran out, so the training begins anew with {smaller} images at a time "
            f"instead of {size}.",
            {"BATCH_SIZE": smaller},
        )
    goes_on = ", and the training goes on after its last complete epoch" if step.recipe == "train_model" else ""
    return Repair(f"A new kernel was started, the finished cells were run in it again{goes_on}.")


@_mends(*_TOO_LARGE)
async def _halve_the_batch(step: Step, error: CellError, state: RunState) -> Repair | None:
    if (sizes := _halved(step, error)) is None:
        return None
    size, smaller = sizes
    return Repair(
        f"Memory was too small for batches of {size} images, so {smaller} are trained at a time.",
        {"BATCH_SIZE": smaller},
    )


def _halved(step: Step, error: CellError) -> tuple[int, int] | None:
    """The batch of a training, and the smaller one that may fit; None where there is none."""
    size = step.parameters.get("BATCH_SIZE", 32 if step.recipe == "train_detector" else 64)
    if step.recipe not in ("train_model", "train_detector", "estimate_confounder") or size <= SMALLEST_BATCH:
        return None
    smaller = size // 2
    needed = re.search(r"needs about ([\d.]+) GB and ([\d.]+) GB", error.message)
    while needed and smaller > SMALLEST_BATCH and float(needed[1]) * smaller / size > 0.9 * float(needed[2]):
        smaller //= 2
    return size, max(smaller, SMALLEST_BATCH)


@_mends("ClassAbsentError")
async def _leave_the_official_parts(step: Step, error: CellError, state: RunState) -> Repair | None:
    """An official part without a class, or a box, can teach or judge nothing; a split of our own finds one wherever there is one."""
    official = state.brief.roles.split or state.brief.profile.official_splits
    if step.recipe != "split_cohort" or not official or not step.parameters.get("OFFICIAL_PARTS", True):
        return None
    return Repair(
        "The official parts leave training or validation without one of the classes, or a part without any box, so they are not "
        "used: all patients are divided anew, before any model is trained.",
        {"OFFICIAL_PARTS": False},
    )


@_mends("WeightsUnavailableError")
async def _train_from_scratch(step: Step, error: CellError, state: RunState) -> Repair | None:
    if step.recipe == "train_detector":
        return Repair(
            f"Published weights could not be had ({_why_not(error)}), so the light detector was trained from scratch.",
            {"ARCHITECTURE": "heat_map", "PRETRAINED": False},
            noted=True,
        )
    if step.recipe == "train_detector_against":  # it trains what an earlier step trained, and has no network of its own
        return None
    return Repair(
        f"Published weights could not be had ({_why_not(error)}), so the small network was trained from scratch.",
        {"ARCHITECTURE": from_scratch(state.brief), "PRETRAINED": False},
        noted=True,
    )


def _why_not(error: CellError) -> str:
    found = re.search(r"cannot be loaded: (.+?)\. Training then", error.message, re.DOTALL)
    return found[1] if found else error.sentence.rstrip(".")


def _changed_columns(old: Roles, new: Roles) -> str:
    before, after = _references(old), _references(new)
    parts = [
        f"{role} is now read from '{after[role]}'" if role in after else f"{role} is no longer there and is left out"
        for role in sorted(before.keys() | after.keys())
        if before.get(role) != after.get(role)
    ]
    return "; ".join(parts) or "the values that mean yes and no"


def _references(roles: Roles) -> dict[str, str]:
    single = {name: getattr(roles, name) for name in ("image", "label", "patient", "split") if getattr(roles, name)}
    confounders = {name.replace("_", " "): flag.column for name, flag in roles.confounders.items()}
    if roles.radiographs:
        single["which images are radiographs"] = roles.radiographs.column
    if roles.frontal:
        single["which films are frontal"] = roles.frontal.column
    return {**single, **confounders, **roles.covariates}
