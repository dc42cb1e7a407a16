"""Follow a run on the terminal or with --json: submit or resume it, show its events, ask in place, end with its code."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer

from clinjup.exits import BAD_INPUT, COMPLETED, FAILED, NEEDS_ANSWER, REFUSED, leave, screen, tell

if TYPE_CHECKING:
    from rich.console import Console

    from clinjup.contracts import Refusal, Results, RunRequest
    from clinjup.runs import RunManager
    from clinjup.terminal import RunView

A = TypeVar("A")
T = TypeVar("T")


def follow(request: RunRequest | None, folder: Path | None, answers: dict[str, str], as_json: bool) -> NoReturn:
    """Submit or resume, show events, ask in place on a terminal, exit with the run's code."""
    console = screen()
    interactive = sys.stdin.isatty() and not as_json
    if request is not None and request.approval == "each" and not interactive:
        leave(BAD_INPUT, "--approve each needs a terminal, because somebody has to agree to each cell.", as_json)
    raise typer.Exit(asyncio.run(_attend(request, folder, answers, console, interactive, as_json)))


async def _attend(
    request: RunRequest | None,
    folder: Path | None,
    answers: dict[str, str],
    console: Console,
    interactive: bool,
    as_json: bool,
) -> int:
    begun: list[Callable[[], Coroutine[Any, Any, None]]] = []
    _stop_on_ctrl_c(begun, console, as_json)
    from clinjup.agent.questions import example_answer
    from clinjup.reporting.journal import JournalError
    from clinjup.run_folder import check_outside_data
    from clinjup.runs import (
        NotebookTroubleError,
        PlannerUnusableError,
        RequestRefusedError,
        RunFolderError,
        RunManager,
        UnsupportedTaskError,
        UnusableData,
    )
    from clinjup.terminal import RunView, print_end

    manager = RunManager()
    cannot_begin = (UnusableData, PlannerUnusableError, UnsupportedTaskError)
    try:
        if request is not None:
            check_outside_data(request)
            run_id = await manager.submit(request, interactive=interactive)
        else:
            assert folder is not None
            run_id = await manager.resume(folder.expanduser().resolve(), answers, interactive=interactive)
    except RequestRefusedError as problem:
        return _refuse(problem.refusal, console, as_json)
    except (*cannot_begin, RunFolderError, JournalError, NotebookTroubleError) as problem:
        return tell(BAD_INPUT, str(problem), as_json)
    begun.append(lambda: manager.stop(run_id))
    with RunView(console) as view:
        await _show_events(manager, run_id, view)
    try:
        results, questions = await manager.wait(run_id)
    except RequestRefusedError as problem:
        return _refuse(problem.refusal, console, as_json)
    except cannot_begin as problem:
        return tell(BAD_INPUT, str(problem), as_json)
    except Exception as fault:
        return tell(FAILED, f"The run could not be brought to an end ({fault}). What it wrote before is kept.", as_json)
    if as_json:
        asked = {"questions": [question.model_dump(include={"id", "text", "options"}) for question in questions]}
        typer.echo(
            json.dumps(asked, ensure_ascii=False) if questions else results.model_dump_json(indent=2, by_alias=True)
        )
    if results.status == "needs_answer":
        for question in questions:
            console.print(f"{question.id}: {question.text}", style="bold", highlight=False, markup=False)
            for option in question.options:
                console.print(f"    {option.value}  {option.text}", highlight=False, markup=False)
        hint = f'clinjup run --resume "{manager.folder(run_id)}" --answers FILE.json'
        example = json.dumps({each.id: example_answer(each) for each in questions})
        console.print(f"Answer with a file like {example}:\n    {hint}", highlight=False, markup=False)
    else:
        print_end(console, results, str(manager.folder(run_id)))
    return _exit_code(results)


async def _show_events(manager: RunManager, run_id: str, view: RunView) -> None:
    from clinjup.contracts import Question

    async for event in manager.subscribe(run_id):
        view.show(event)
        if event.type == "question.asked":
            questions = [Question.model_validate(question) for question in event.data["questions"]]
            manager.answer(run_id, await _unless_left(view.ask, questions))
        elif event.type == "approval.requested":
            manager.approve(run_id, event.data["sha256"], await _unless_left(view.approve, event.data))


async def _unless_left(ask: Callable[[A], T], about: A) -> T | None:
    """What somebody at the terminal says; None when they closed it (Ctrl-D)."""
    try:
        return await asyncio.to_thread(ask, about)
    except EOFError:
        return None


def _refuse(refusal: Refusal, console: Console, as_json: bool) -> int:
    if as_json:
        typer.echo(json.dumps({"status": "refused", **refusal.model_dump()}, ensure_ascii=False))
    console.print(refusal.reason, style="bold", highlight=False, markup=False)
    for alternative in refusal.instead:
        console.print(f"  • {alternative}", highlight=False, markup=False)
    return REFUSED


def _stop_on_ctrl_c(begun: list[Callable[[], Coroutine[Any, Any, None]]], console: Console, as_json: bool) -> None:
    """`begun` holds how to stop the run, once there is one."""
    loop = asyncio.get_running_loop()
    stopping: list[asyncio.Task[None]] = []

    def stop() -> None:
        if stopping:
            os._exit(FAILED)  # a second Ctrl-C: at once, even while a prompt waits
        if not begun:  # at once: looking through a slow share can take minutes
            os._exit(tell(FAILED, "Stopped before the run began; nothing was changed.", as_json))
        console.print("Stopping; everything up to here is kept. Press Ctrl-C again to leave at once.")
        stopping.append(loop.create_task(begun[0]()))

    signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(stop))


def _exit_code(results: Results) -> int:
    return {"completed": COMPLETED, "needs_answer": NEEDS_ANSWER, "refused": REFUSED}.get(results.status.value, FAILED)
