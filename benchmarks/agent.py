"""The Claude planner against the scripted server: overhead of a turn, stability of the cached prefix, size, memory.

Overhead is what the loop takes from the model's answer to the next question (planner, policy, gate, journal, notebook), with a kernel
that computes nothing, a notebook of 200 cells (20 with figures) and a real journal; the SDK and the wire are told apart. The
cached share is the common byte prefix of two successive requests. Tokens are characters / 3.5.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gc
import itertools
import os
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell, new_output

from benchmarks.report import markdown_table, record
from clinjup.agent.budget import Budget
from clinjup.agent.conversation import CHARACTERS_PER_TOKEN
from clinjup.agent.loop import Loop
from clinjup.agent.planners.claude import ClaudePlanner
from clinjup.agent.privacy import PrivacyGate
from clinjup.agent.provider import Provider, Server, Turn
from clinjup.agent.state import Brief, RunState
from clinjup.contracts import (
    Approval,
    ClinicalTask,
    ColumnProfile,
    DataProfile,
    ImageProfile,
    NamedConfounder,
    Roles,
    TableProfile,
)
from clinjup.notebook.executor import CellOutcome
from clinjup.notebook.session import NotebookSession
from clinjup.notebook.workspace import NotebookWorkspace
from clinjup.reporting import Journal
from clinjup.testing import Call, Says, ScriptedClaude
from clinjup.testing.kernel import ScriptedKernel

TURNS = 100

CODE = """counts = cohort.table.groupby(["split", "label", "chest_drain"]).size().unstack(fill_value=0)
share = counts.div(counts.sum(axis=1), axis=0).round(3)
columns = ["without drain", "with drain"]
share.columns = columns[: share.shape[1]]
figure, axes = new_figure(1, 2, width=8.0)
share.loc["train"].plot.bar(ax=axes[0], rot=0)
share.loc["validation"].plot.bar(ax=axes[1], rot=0)
axes[0].set_title("Training part")
axes[1].set_title("Validation part")
share  # variant {number}
"""
FINDING = {
    "kind": "validation",
    "name": "baseline",
    "metrics": {
        "auroc": {"value": 0.83, "ci95": [0.78, 0.88], "reason": None},
        "auprc": {"value": 0.61, "ci95": [0.5, 0.7]},
    },
    "operating_point": {"threshold": 0.31, "rule": "sensitivity of at least 90 %"},
}


class TimedGate:
    """The gate of a run, with the time that it takes."""

    def __init__(self, gate: PrivacyGate) -> None:
        self._gate = gate
        self.seconds: list[float] = []

    def outbound(self, body: dict[str, Any], destination: str) -> dict[str, Any]:
        began = time.perf_counter()
        try:
            return self._gate.outbound(body, destination)
        finally:
            self.seconds.append(time.perf_counter() - began)


class RunLedger:
    """Journal and events of a run, as runs.py keeps them."""

    def __init__(self, folder: Path, session: NotebookSession) -> None:
        self.session = session
        self.journal = Journal.create(folder / "journal.jsonl")
        self.events: list[tuple[str, dict[str, Any]]] = []

    def record(self, kind: Any, data: dict[str, Any], *, wait: bool = True) -> None:
        self.journal.append(kind, data, wait=wait)
        if wait:
            self.session.settle()

    def publish(self, event: str, data: dict[str, Any]) -> None:
        self.events = [(event, data)]

    async def answer(self, questions: list[Any]) -> None:
        return None

    async def approve(self, *_: object) -> bool:
        return True


class TimedProvider(Provider):
    """Notes when a turn begins and ends, and how long the disk took in between."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.outside: list[float] = []
        self.inside: list[float] = []
        self.processor: list[float] = []
        self._ended = self._ended_processor = 0.0

    async def turn(self, *arguments: Any, **keywords: Any) -> Turn:
        began = time.perf_counter()
        if self._ended:
            self.outside.append(began - self._ended)
            self.processor.append(time.thread_time() - self._ended_processor)
        try:
            return await super().turn(*arguments, **keywords)
        finally:
            self._ended, self._ended_processor = time.perf_counter(), time.thread_time()
            self.inside.append(self._ended - began)


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; 1 when one misses its limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks agent", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write the table into RESULTS.md")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        requests, provider, gate, flushing = _run(Path(folder))
    overhead = [outside + gated for outside, gated in zip(provider.outside, gate.seconds[2:], strict=False)]
    sizes = [len(request) for request in requests]
    shared = [_common_prefix(earlier, later) / len(later) for earlier, later in itertools.pairwise(requests)]
    compactions = [number for number, (a, b) in enumerate(itertools.pairwise(sizes), start=1) if b < a]
    cached = [share for number, share in enumerate(shared, start=1) if number >= 2 and number not in compactions]
    between = [later - earlier for earlier, later in itertools.pairwise([0, *compactions])]
    with tempfile.TemporaryDirectory() as folder:
        growth = _memory_growth(Path(folder))
    figures = [
        ("overhead of a turn, ms, median", statistics.median(overhead) * 1e3, "<=", 20.0),
        ("of which processor time, gate left out, ms, median", statistics.median(provider.processor) * 1e3, "", None),
        ("of which waiting for the disk, ms, mean", flushing / TURNS * 1e3, "", None),
        ("of which in the gate, ms, median", statistics.median(gate.seconds) * 1e3, "", None),
        (
            "SDK and wire, ms, median",
            (statistics.median(provider.inside) - statistics.median(gate.seconds)) * 1e3,
            "",
            None,
        ),
        ("cached share from the third turn on, smallest", min(cached), ">=", 0.90),
        ("cached share from the third turn on, mean", statistics.mean(cached), ">=", 0.90),
        ("largest request, tokens", max(sizes) / CHARACTERS_PER_TOKEN, "<=", 60_000.0),
        ("compactions", float(len(compactions)), "", None),
        ("turns between compactions, fewest", float(min(between, default=TURNS)), ">=", 20.0),
        ("memory held more, kB a turn", growth / 50 / 1e3, "<=", 50.0),
    ]
    rows = [
        (name, f"{value:,.3g}", f"{sign} {limit:g}" if limit is not None else "")
        for name, value, sign, limit in figures
    ]
    table = markdown_table(("figure", f"{TURNS} turns", "goal"), rows)
    print(table)
    if options.record:
        record("agent", "python -m benchmarks agent", table)
    missed = [
        name
        for name, value, sign, limit in figures
        if limit is not None and not (value <= limit if sign == "<=" else value >= limit)
    ]
    print(f"missed: {', '.join(missed)}" if missed else "all goals reached")
    return 1 if missed else 0


def _run(folder: Path, on_turn: Any = lambda number: None) -> tuple[list[bytes], TimedProvider, TimedGate, float]:
    """The requests of a whole run, its provider and gate, and the seconds that it waited for the disk."""

    def turn(number: int) -> Any:
        def reply(body: dict[str, Any]) -> Says:
            on_turn(number)
            # Two notes on each step, the second as a repair, so that the plan stays within its limit.
            arguments = {
                "step_id": f"look_{number % 50}",
                "source": CODE.format(number=number),
                "explanation": "## Drains by label\nHow often is a drain seen with and without the target? **Look for:** equal bars.",
                "repair": "Another grouping." if number >= 50 else None,
            }
            return Says("The groups differ, so I look closer.", (Call("run_cell", arguments),))

        return reply

    plan = Says(calls=(Call("propose_plan", {"steps": [{"id": "load", "title": "Load", "recipe": "load_cohort"}]}),))
    end = Says(calls=(Call("finish", {"status": "failed", "sentence": "The benchmark is over."}),))
    with ScriptedClaude([plan, *(turn(number) for number in range(TURNS)), end]) as server:
        provider, gate, flushing = asyncio.run(_drive(server, folder))
        return [request.raw for request in server.turns], provider, gate, flushing


async def _drive(server: ScriptedClaude, folder: Path) -> tuple[TimedProvider, TimedGate, float]:
    session = NotebookSession.create(folder / "notebook.ipynb", "benchmark")
    session.notebook.cells.extend(_filling())
    ledger = RunLedger(folder, session)
    brief = _brief()
    gate = TimedGate(PrivacyGate(brief, folder, ledger))
    provider = TimedProvider(Server(server.url, "key", native=True), gate)
    planner = ClaudePlanner(provider, ledger, Budget(max_repeats=TURNS))
    state = RunState(brief, await planner.plan(brief), deadline=time.monotonic() + 3600)
    text = "                     without drain  with drain\n" + "train  0                 0.91        0.09\n" * 12
    kernel = ScriptedKernel(lambda source: CellOutcome(ok=True, seconds=0.0, text=text, findings=[FINDING]))
    workspace = NotebookWorkspace(session, kernel, ledger.publish)  # type: ignore[arg-type]
    with _timed_flushes() as flushes:
        await Loop(planner, state, workspace, ledger, ledger, asyncio.Event()).run()
    await planner.close()
    return provider, gate, sum(flushes)


@contextmanager
def _timed_flushes() -> Iterator[list[float]]:
    flush, seconds = os.fsync, []

    def timed(descriptor: int) -> None:
        began = time.perf_counter()
        flush(descriptor)
        seconds.append(time.perf_counter() - began)

    os.fsync = timed
    try:
        yield seconds
    finally:
        os.fsync = flush


def _memory_growth(folder: Path) -> int:
    """Bytes that our code holds more after turn 95 than after turn 45 (the scripted server's own records left out)."""
    sizes: dict[int, int] = {}

    def measure(number: int) -> None:
        if number in {45, 95}:
            gc.collect()
            ours = tracemalloc.take_snapshot().filter_traces(
                [
                    tracemalloc.Filter(False, f"*{os.sep}testing{os.sep}*"),
                    tracemalloc.Filter(False, tracemalloc.__file__),
                ]
            )
            sizes[number] = sum(item.size for item in ours.statistics("filename"))

    tracemalloc.start()
    try:
        _run(folder, measure)
    finally:
        tracemalloc.stop()
    return sizes[95] - sizes[45]


def _filling() -> list[Any]:
    """200 cells, every tenth with a figure of 40 kB."""
    picture = base64.b64encode(os.urandom(40_000)).decode()
    cells = []
    for number in range(200):
        cell = new_code_cell(CODE.format(number=number), metadata={"clinjup": {"step_id": f"earlier_{number}"}})
        cell.outputs = [new_output("stream", name="stdout", text="train 0.91 0.09\n" * 20)]
        if number % 10 == 0:
            cell.outputs.append(new_output("display_data", {"image/png": picture, "text/plain": "A figure."}))
        cells.append(cell)
    return cells


def _brief() -> Brief:
    async def look_again() -> DataProfile:
        return profile

    names = [
        "Image Index",
        "Finding Labels",
        "Follow-up #",
        "Patient ID",
        "Patient Age",
        "Patient Sex",
        "View Position",
    ]
    columns = [ColumnProfile(name=name, kind="text", unique=100, missing=0) for name in names]
    table = TableProfile(path="entries.csv", rows=400, encoding="utf-8", delimiter=",", columns=columns)
    profile = DataProfile(root="data", layout="chestxray14", tables=[table], images=ImageProfile(count=400))
    task = ClinicalTask(
        request="I want to diagnose pneumothorax on chest X-rays. My concern is that chest drains may act as a strong confounder.",
        objective="Detect pneumothorax on chest radiographs.",
        target="pneumothorax",
        target_name="pneumothorax",
        confounders=[NamedConfounder(id="chest_drain", name="chest drain", phrase="chest drains")],
    )
    roles = Roles(image="entries.csv:Image Index", label="entries.csv:Finding Labels", patient="entries.csv:Patient ID")
    return Brief(task, profile, roles, [], look_again, budget_seconds=3600, approval=Approval.NONE, sandboxed=True)


def _common_prefix(first: bytes, second: bytes) -> int:
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if first[:middle] == second[:middle] else (low, middle - 1)
    return low


if __name__ == "__main__":
    raise SystemExit(main())
