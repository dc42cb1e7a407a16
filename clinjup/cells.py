"""What can be said about one cell without a model: what a recipe's cell does, and how a failed one is mended."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from clinjup.agent.repair import propose_repair
from clinjup.agent.state import RunState
from clinjup.contracts import Attempt, CellError, Step
from clinjup.preflight import brief_of, check
from clinjup.recipes import recipe
from clinjup.run_folder import History, read_history

NEEDS_MODEL = (
    "This cell is not one of clinjup's own, and only those can be explained and mended here. Within a run a model can mend its cells: "
    "start JupyterLab with the environment variable ANTHROPIC_API_KEY (Claude) or ANTHROPIC_BASE_URL (a server of your own) set, and "
    "choose it as the planner of a new request; the README says more under 'Planning'."
)


@dataclass(frozen=True)
class CellHelp:
    """Markdown for the reader; `source`: a cell to offer; `needs_model`: only a model could say more."""

    markdown: str
    needs_model: bool = False
    source: str | None = None


def explain(folder: Path | None, step_id: str | None) -> CellHelp:
    """What a cell of a run does, and what to look for."""
    step = _step(_history(folder), step_id)
    if step is None:
        return CellHelp(NEEDS_MODEL, needs_model=True)
    rendered = recipe(step.recipe).render(step.parameters, **step.words)
    return CellHelp(f"**{step.title}.** {recipe(step.recipe).explains}\n\n{rendered.markdown}")


async def mend(folder: Path | None, step_id: str | None, error: CellError) -> CellHelp:
    """The error in a sentence, and the cell mended where the offline planner knows how."""
    history = _history(folder)
    step = _step(history, step_id)
    if history is None or step is None or history.plan is None:
        said = f"The cell stopped. {error.sentence}\n\n{NEEDS_MODEL}"
        return CellHelp(said, needs_model=True)
    request = history.request
    preflight = await check(request.intent, request.data, {**request.answers, **history.answers})
    if preflight.roles is None:
        return CellHelp(error.sentence, needs_model=True)
    brief = brief_of(request, preflight)
    brief.roles, brief.folder = history.roles or preflight.roles, str(folder)
    failed = Attempt(step_id=step.id, number=1, source_sha256="", ok=False, seconds=0, error=error)
    state = RunState(brief, history.plan, deadline=time.monotonic() + 60, attempts=[failed])
    repair = await propose_repair(step, state)
    if repair is None:
        said = f"{error.sentence}\n\nclinjup knows no rule that mends this. Change the cell yourself and run it again."
        return CellHelp(said, needs_model=True)
    if repair.roles is not None:
        from clinjup.agent.plan import rebuild_plan

        brief.roles = repair.roles
        step = rebuild_plan(brief, history.plan.model_copy(update={"steps": []})).step(step.id)
    rendered = recipe(step.recipe).render({**step.parameters, **repair.parameters}, **step.words)
    return CellHelp(repair.sentence, source=rendered.code)


def _history(folder: Path | None) -> History | None:
    return None if folder is None else read_history(folder, finished_too=True)


def _step(history: History | None, step_id: str | None) -> Step | None:
    """The recipe step of a plan; None where the cell belongs to none."""
    if history is None or history.plan is None:
        return None
    step = next((step for step in history.plan.steps if step.id == step_id), None)
    return step if step is not None and step.recipe else None
