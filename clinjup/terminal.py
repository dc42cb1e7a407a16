"""A run on the terminal: steps with their states, epochs, seconds left; questions asked in place. Writes to stderr only."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.prompt import Prompt
from rich.table import Table
from rich.text import Text

from clinjup.contracts import Event, Plan, Progress, Question, Results, StepStatus
from clinjup.nouns import plural

_MARKS = {
    StepStatus.PENDING: ("·", "dim"),
    StepStatus.RUNNING: ("▸", "bold cyan"),
    StepStatus.DONE: ("✓", "green"),
    StepStatus.FAILED: ("✗", "red"),
    StepStatus.SKIPPED: ("–", "yellow"),
}
SECONDS_BETWEEN_LINES = 10.0


class RunView:
    """Follows the events of one run. On a terminal a live list; elsewhere one line per event worth a line."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._plan: Plan | None = None
        self._progress: Progress | None = None
        self._seconds: dict[str, float] = {}
        self._started: dict[str, float] = {}
        self._live: Live | None = None
        self._said: set[str] = set()
        self._usage = ""
        self._told = 0.0

    def __enter__(self) -> RunView:
        if self.console.is_terminal:
            self._live = Live(console=self.console, refresh_per_second=4, get_renderable=self._render)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, event: Event) -> None:
        data = event.data
        if event.type == "plan.updated":
            self._plan = Plan.model_validate(data)
        elif event.type == "cell.started":
            self._started[data["step_id"]] = time.monotonic()
            self._progress = None
            self._told = time.monotonic()
            self._line(f"{self._title(data['step_id'])} ...")
        elif event.type == "cell.progress":
            self._progress = Progress.model_validate(data)
            self._tell_progress(self._progress)
        elif event.type == "cell.finished":
            self._progress = None
            self._seconds[data["step_id"]] = self._seconds.get(data["step_id"], 0.0) + data["seconds"]
            self._line(
                f"{self._title(data['step_id'])}: {'done' if data['ok'] else 'failed'} ({data['seconds']:.0f} s)"
            )
        elif event.type == "usage":
            self._usage = usage_line(data)
        elif event.type == "run.finished" and self._usage:
            self._line(self._usage)
        elif event.type == "text.delta" and "loud" in data:  # what clinjup says itself; the model's words are not shown
            style = "bold yellow" if data["loud"] else "dim"
            self._say(f"[{style}]{escape(data['text'])}[/]")
        elif event.type == "notebook.restored":
            self._say(f"[bold yellow]{escape(data['sentence'])}[/]")
        elif event.type == "error.diagnosed":
            self._say(f"[yellow]{escape(data['message'])}[/]")
        elif event.type == "result" and data["finding"].get("kind") == "figure":
            self._say(f"[dim]figure[/] {escape(data['finding']['title'])} [dim]{escape(data['finding']['path'])}[/]")

    def ask(self, questions: list[Question]) -> dict[str, str]:
        """Ask in place, one question after the other. Raises EOFError when nobody is there any more."""
        self.__exit__()
        answers = {}
        for question in questions:
            self.console.print(f"\n[bold]{escape(question.text)}[/]")
            for number, option in enumerate(question.options, start=1):
                self.console.print(f"  {number}  {escape(option.text)}")
            answer = ""
            while not answer:
                answer = (Prompt.ask(" ", console=self.console, default=question.default) or "").strip()
            chosen = int(answer) - 1 if answer.isdigit() else -1
            answers[question.id] = question.options[chosen].value if 0 <= chosen < len(question.options) else answer
        self.__enter__()
        return answers

    def approve(self, data: dict[str, Any]) -> bool:
        """Show the code and ask whether it may run."""
        self.__exit__()
        self.console.print(f"\n[bold]{escape(data['reason'])}[/]\n{escape(data['source'])}")
        answer = Prompt.ask("Run this cell?", console=self.console, choices=["yes", "no"], default="no")
        self.__enter__()
        return answer == "yes"

    def _title(self, step_id: str) -> str:
        return self._plan.step(step_id).title if self._plan else step_id

    def _line(self, text: str) -> None:
        if self._live is None:
            self.console.print(escape(text), highlight=False)

    def _tell_progress(self, progress: Progress) -> None:
        """Where there is no live list: a line now and then, so that a long cell is seen to be alive."""
        if time.monotonic() - self._told < SECONDS_BETWEEN_LINES:
            return
        self._told = time.monotonic()
        left = f", {progress.seconds_left:.0f} s left" if progress.seconds_left is not None else ""
        self._line(f"  {progress.label}: {_done(progress)}{left}")

    def _say(self, markup: str) -> None:
        if markup not in self._said:
            self._said.add(markup)
            self.console.print(markup, highlight=False)

    def _render(self) -> Group:
        table = Table.grid(padding=(0, 1))
        for step in self._plan.steps if self._plan else []:
            mark, style = _MARKS[step.status]
            seconds = self._seconds.get(step.id)
            if step.status is StepStatus.RUNNING:
                seconds = time.monotonic() - self._started.get(step.id, time.monotonic())
            table.add_row(
                Text(mark, style),
                Text(step.title, style),
                Text(f"{seconds:.0f} s" if seconds else "", "dim"),
                Text(step.note or ""),
            )
        rows = [self._progress_row()] if self._progress else []
        return Group(table, *rows, *([Text(f"  {self._usage}", "dim")] if self._usage else []))

    def _progress_row(self) -> Table:
        assert self._progress is not None
        progress = self._progress
        left = f"{progress.seconds_left:.0f} s left" if progress.seconds_left is not None else ""
        row = Table.grid(padding=(0, 1))
        row.add_row(
            Text(f"  {progress.label}"),
            ProgressBar(total=progress.total, completed=progress.done, width=30),
            Text(_done(progress), "dim"),
            Text(left, "cyan"),
            Text(progress.detail, "dim"),
        )
        return row


def _done(progress: Progress) -> str:
    """'129/238 images'."""
    unit = progress.unit if progress.total == 1 else plural(progress.unit)
    return f"{progress.done:.0f}/{progress.total:.0f} {unit}"


def usage_line(data: dict[str, Any]) -> str:
    """What the model has used up so far, and what is left."""
    limit = f" of {data['max_cost']:.2f}" if data["max_cost"] else ""
    cost = f", {data['cost']:.2f}{limit} US dollars by list price" if data["cost"] or limit else ""
    left = f", {max(data['seconds_left'], 0) / 60:.0f} min left"
    return f"{data['model']}: {data['requests']} requests, {data['tokens']:,} tokens{cost}{left}"


def print_end(console: Console, results: Results, folder: str) -> None:
    """The verdict and where to look next."""
    style = "green" if results.status == "completed" else "yellow"
    console.print(f"\n[bold {style}]{results.status.value.replace('_', ' ')}[/] [dim]after {results.seconds:.0f} s[/]")
    console.print(escape(results.sentence), highlight=False)
    if results.data.synthetic:
        console.print("[dim]Synthetic data: the figures say nothing about real patients.[/]")
    console.print(
        f"[dim]Read[/] {escape(folder)}/report.html  [dim]open[/] {escape(folder)}/notebook.ipynb", highlight=False
    )
