"""Exceptions as answers: which HTTP status, which words for the clinician."""

from __future__ import annotations

from typing import Any

from clinjup.atomic_files import is_full
from clinjup.runs import (
    SAID,
    JournalError,
    NotAllowedError,
    NotebookTroubleError,
    NotRunningError,
    PlannerUnusableError,
    RequestRefusedError,
    RunFolderError,
    UnsupportedTaskError,
    UnusableData,
)
from clinjup.server.protocol import Problem


class UnknownRunError(Exception):
    """There is no run with this id, or the run has no journal."""


_CODES: dict[type[Exception], Any] = {
    RequestRefusedError: "refused",
    UnusableData: "unusable_data",
    PlannerUnusableError: "planner_unusable",
    UnsupportedTaskError: "unsupported",
    NotAllowedError: "not_allowed",
    RunFolderError: "run_folder",
    JournalError: "run_folder",
    NotebookTroubleError: "notebook",
    NotRunningError: "not_now",
}
KNOWN: list[tuple[type[Exception], int, Any]] = [
    (UnknownRunError, 404, "not_found"),
    *((kind, 409 if kind is NotRunningError else 422, _CODES[kind]) for kind in SAID),
]
"""(kind, HTTP status, Problem.code) of the exceptions whose text is a sentence for the clinician."""


def problem_of(fault: BaseException | None) -> tuple[int, Problem]:
    """(HTTP status, what to tell the clinician) of an exception; 500 and above: one that nobody foresaw, for the log."""
    for kind, status, code in KNOWN:
        if isinstance(fault, kind):
            instead = fault.refusal.instead if isinstance(fault, RequestRefusedError) else []
            return status, Problem(code=code, sentence=str(fault), instead=instead)
    if is_full(fault):
        sentence = "The disk of the server is full, so this could not be done. Free some space, then try again."
    elif isinstance(fault, OSError) and fault.strerror and fault.filename:
        sentence = (
            f"The server cannot read or write '{fault.filename}' ({fault.strerror}). Look whether the folder is there and "
            "may be written to, then try again."
        )
    else:
        name = "" if fault is None else f" ({type(fault).__name__}: {fault})"
        sentence = f"The server met an unexpected fault{name}. Runs that go on are not touched."
    return 500, Problem(code="fault", sentence=sentence)
