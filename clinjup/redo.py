"""Finished steps in a new kernel, after a resume or a death of the kernel: their cells run again unseen, lost steps are done again.

A step is lost when its cell is gone from the notebook, was changed or fails now. None is done again up to an opened test set, which
would be the test of other models then: of such a step the code that ran is taken from the journal.
"""

from __future__ import annotations

from clinjup.agent.state import Ledger, RunState
from clinjup.contracts import CellError, Plan, StepStatus
from clinjup.notebook.files import NotebookTroubleError
from clinjup.notebook.workspace import NotebookWorkspace
from clinjup.reporting import Journal
from clinjup.run_folder import History


async def take_over(state: RunState, workspace: NotebookWorkspace, history: History, ledger: Ledger) -> None:
    """Go on from what earlier tries of a run had finished and found, as `history` tells it. Raises like `revive`."""
    finished = history.finished_steps()
    for step in state.plan.steps:
        if step.id in finished:
            step.status = StepStatus.DONE
        elif step.id in history.closed_steps and step.optional:  # too late for a further model
            step.status, step.note = StepStatus.SKIPPED, history.notes.get(step.id)
    state.findings, state.own_cells = list(history.findings), list(history.own_cells)
    await revive(state, workspace, history.journal, ledger)


async def revive(state: RunState, workspace: NotebookWorkspace, journal: Journal, ledger: Ledger) -> list[str]:
    """Start a new kernel for the finished steps. Returns those that are open again: the lost ones, and what rests on them.

    Raises NotebookTroubleError where a step up to the opened test set does not run any more.
    """
    history = History(journal)
    done = [step.id for step in state.plan.steps if step.status is StepStatus.DONE]
    closed = [each for each in history.closed_steps if each in done]
    if missing := [each for each in closed if each not in workspace.kept_steps()]:
        ledger.publish("text.delta", {"text": _not_again(state.plan, missing, closed[-1]), "loud": True})
    lost = await workspace.revive(state.plan, {each: history.source_of(each) for each in closed})
    state.kernel_died = any(
        error is not None and error.name in {"KernelDied", "KernelRestarted"} for error in lost.values()
    )
    for step_id in closed:
        if step_id in lost:
            raise NotebookTroubleError(_cannot_go_on(state.plan, step_id, lost[step_id], closed[-1]))
    again = [each for each in state.plan.resting_on(lost) if each in done]
    if again:
        _redo(again, lost[again[0]], state, workspace, history, ledger)
    return again


def _redo(
    steps: list[str],
    error: CellError | None,
    state: RunState,
    workspace: NotebookWorkspace,
    history: History,
    ledger: Ledger,
) -> None:
    """Open `steps` again: their cells go, and what they found is taken back. `error`: of the first; None: its cell is gone or changed."""
    workspace.session.redo(steps, [step.id for step in state.plan.steps])
    told = {"steps": steps, "sentence": _done_again(state.plan, steps, error, state.brief.task.language)}
    ledger.record("redo", told)
    history.take_back(steps)
    state.redo(steps)
    state.findings = list(history.findings)
    ledger.publish("notebook.restored", told)


def _done_again(plan: Plan, steps: list[str], error: CellError | None, language: str) -> str:
    """Says which steps are done again, and why the first is, in the clinician's language."""
    german = language == "de"
    first, *others = (f"„{plan.step(each).title}“" if german else f"'{plan.step(each).title}'" for each in steps)
    if german:
        resting = f", ebenso {', '.join(others)}" if others else ""
        why = "wurde gelöscht oder geändert" if error is None else "läuft im neuen Kernel nicht"
        return f"Eine Zelle zu {first} {why}. Der Schritt wird an seiner Stelle neu ausgeführt{resting}."
    resting = f", and so are {', '.join(others)}" if others else ""
    why = "was deleted or changed" if error is None else "does not run in the new kernel"
    return f"A cell of {first} {why}. The step is done again, in its place{resting}."


def _not_again(plan: Plan, steps: list[str], opened: str) -> str:
    titles = ", ".join(f"'{plan.step(each).title}'" for each in steps)
    return (
        f"A cell of {titles} was deleted or changed. The test set of this run was opened at '{plan.step(opened).title}', and a model that "
        "is trained after that cannot be tested on it any more, so nothing up to there is done again: the code runs as it ran, and all "
        "figures stay."
    )


def _cannot_go_on(plan: Plan, step_id: str, error: CellError | None, opened: str) -> str:
    title, test = plan.step(step_id).title, plan.step(opened).title
    if error is None:
        return (
            f"A cell of '{title}' was deleted or changed, and the journal does not have its code. The test set of this run was opened at "
            f"'{test}', and a model that is trained after that cannot be tested on it any more, so the step is not done again. All figures "
            "are kept. Put the cell back as it was, then resume the run, or start a new one."
        )
    return (
        f"The cell of '{title}' does not run in the new kernel: {error.sentence} The test set of this run was opened at '{test}', and a "
        "model that is trained after that cannot be tested on it any more, so the step is not done again. All figures are kept. Mend what "
        "the cell needs, then resume the run, or start a new one."
    )
