"""A run of the loop with the Claude planner, a scripted model and a kernel that computes nothing."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

from clinjup.agent.budget import Budget
from clinjup.agent.loop import Loop, LoopEnd
from clinjup.agent.planners.claude import ClaudePlanner
from clinjup.agent.provider import Provider, Server
from clinjup.agent.state import Brief, RunState
from clinjup.contracts import (
    Approval,
    ClinicalTask,
    ColumnProfile,
    DataProfile,
    Flag,
    ImageProfile,
    NamedConfounder,
    Plan,
    Roles,
    TableProfile,
    TaskType,
)
from clinjup.notebook.executor import CellOutcome
from clinjup.notebook.session import NotebookSession
from clinjup.notebook.workspace import NotebookWorkspace
from clinjup.testing import Call, Says, ScriptedClaude
from clinjup.testing.kernel import Behaviour, ScriptedKernel

EVALUATION = {"kind": "evaluation", "name": "baseline", "metrics": {"auroc": {"value": 0.8123, "ci95": [0.75, 0.86]}}}


class OpenGate:
    def said(self, *texts: str) -> None:
        pass

    def outbound(self, body: dict[str, Any], destination: str) -> dict[str, Any]:
        return body


def step(id: str, recipe: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": id, "title": id.capitalize(), "recipe": recipe, **more}


def proposes(*steps: dict[str, Any]) -> Says:
    return Says(calls=(Call("propose_plan", {"steps": list(steps)}),))


def places(
    step_id: str, recipe: str, *, repair: str | None = None, words: dict[str, str] | None = None, **parameters: Any
) -> Says:
    pairs = [{"name": name, "value": value} for name, value in parameters.items()]
    arguments: dict[str, Any] = {"step_id": step_id, "recipe": recipe, "parameters": pairs, "repair": repair}
    arguments["words"] = [{"name": name, "value": value} for name, value in (words or {}).items()]
    return Says(calls=(Call("place_recipe", arguments),))


def runs(
    step_id: str, source: str, *, explanation: str = "## A cell\nWhat and why.", repair: str | None = None
) -> Says:
    return Says(
        calls=(Call("run_cell", {"step_id": step_id, "source": source, "explanation": explanation, "repair": repair}),)
    )


def finishes(sentence: str = "Done.", status: str = "completed") -> Says:
    return Says(calls=(Call("finish", {"status": status, "sentence": sentence}),))


def brief(**changes: Any) -> Brief:
    async def look_again() -> DataProfile:
        return profile

    columns = [
        ColumnProfile(name="Image Index", kind="text", unique=200, missing=0),
        ColumnProfile(name="Finding Labels", kind="category", unique=2, missing=3),
    ]
    table = TableProfile(path="secret-cohort.csv", rows=200, encoding="utf-8", delimiter=",", columns=columns)
    profile = DataProfile(
        root="/data/secret", layout="table", tables=[table], images=ImageProfile(count=200, extensions={".png": 200})
    )
    task = ClinicalTask(
        request="Find pneumothorax.",
        objective="Detect pneumothorax on chest radiographs.",
        target="pneumothorax",
        target_name="pneumothorax",
        confounders=[NamedConfounder(id="chest_drain", name="chest drain", phrase="drains")],
        **({"task_type": changes.pop("task_type")} if "task_type" in changes else {}),
        **({"language": changes.pop("language")} if "language" in changes else {}),
    )
    flag = Flag(column="secret-cohort.csv:Drain", present=["1"], absent=["0"])
    roles = Roles(
        image="secret-cohort.csv:Image Index",
        label="secret-cohort.csv:Finding Labels",
        confounders={"chest_drain": flag},
    )
    return Brief(task, profile, roles, [], look_again, **{"approval": Approval.NONE, "sandboxed": True, **changes})


MULTICLASS = TaskType.MULTICLASS


def opens_the_test(source: str) -> CellOutcome | None:
    """A kernel in which the evaluation works."""
    return CellOutcome(ok=True, seconds=0.1, findings=[EVALUATION]) if "open_test_set(" in source else None


@dataclass
class Told:
    """Ledger and Clinician of a run."""

    replies: dict[str, str] | None = None
    approves: bool = False
    records: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)

    def record(self, kind: str, data: dict[str, Any], *, wait: bool = True) -> None:
        self.records.append((kind, json.loads(json.dumps(data))))

    def publish(self, event: str, data: dict[str, Any]) -> None:
        self.events.append((event, data))

    async def answer(self, questions: list[Any]) -> dict[str, str] | None:
        self.asked += questions
        if self.replies is None:
            return None
        return {question.id: self.replies[question.id] for question in questions}

    async def approve(self, step_id: str, source: str, sha256: str, reason: str) -> bool | None:
        return self.approves

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [data for name, data in self.records if name == kind]


@dataclass
class Run:
    end: LoopEnd
    told: Told
    state: RunState
    kernel: ScriptedKernel
    session: NotebookSession
    planner: ClaudePlanner


def run_claude(
    server: ScriptedClaude,
    folder: Any,
    *,
    behave: Behaviour = opens_the_test,
    given: Brief | None = None,
    budget: Budget | None = None,
    told: Told | None = None,
    native: bool = False,
    stopped: asyncio.Event | None = None,
) -> Run:
    """Plan and carry out, as runs.py does it."""

    async def main() -> Run:
        ledger = told or Told()
        the_brief = given or brief()
        provider = Provider(Server(server.url, "key", "claude-opus-5-5", native), OpenGate(), backoff_seconds=0)
        planner = ClaudePlanner(provider, ledger, budget)
        try:
            plan: Plan = await planner.plan(the_brief)
            state = RunState(
                the_brief, plan, deadline=time.monotonic() + the_brief.budget_seconds, answers=dict(the_brief.answers)
            )
            kernel = ScriptedKernel(behave)
            session = NotebookSession.create(folder / "notebook.ipynb", "run")
            workspace = NotebookWorkspace(session, kernel, ledger.publish)

            async def revive() -> list[str]:
                raise AssertionError("this kernel does not die")

            end = await Loop(planner, state, workspace, ledger, ledger, stopped or asyncio.Event(), revive).run()
            return Run(end, ledger, state, kernel, session, planner)
        finally:
            await planner.close()

    return asyncio.run(main())
