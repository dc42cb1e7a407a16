"""What the agent knows while a run goes on.

Planners change the plan and the status of its steps that they leave out, and on a repair the roles, the profile and `mended` of the
brief. All else is changed by the loop alone.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from clinjup.contracts import (
    Approval,
    Attempt,
    CellError,
    ClinicalTask,
    DataProfile,
    DataWarning,
    Plan,
    Roles,
    StepStatus,
)


@dataclass
class Brief:
    """What a planner is given: the task, the data, the limits."""

    task: ClinicalTask
    profile: DataProfile
    roles: Roles
    warnings: list[DataWarning]
    look_again: Callable[[], Awaitable[DataProfile]]
    annotated: dict[str, float] = field(default_factory=dict)
    """Confounder -> share of the cohort's images that the tables say something about; none where the cohort was not read."""
    budget_seconds: float = 1200.0
    max_fix_attempts: int = 2
    """How often a step that failed is mended and tried again."""
    network: str = ""
    """The network that was asked for; empty = the plan's own choice."""
    pretrained: str = ""
    """Weights to start from: weights.HUB, or the path of a checkpoint; empty = from scratch."""
    seed: int = 0
    approval: Approval = Approval.RISKY
    answers: dict[str, str] = field(default_factory=dict)
    mended: dict[str, dict[str, Any]] = field(default_factory=dict)
    """recipe -> parameters that repairs changed for all its steps, those of earlier tries included."""
    earlier: Plan | None = None
    """The plan of the run that is resumed."""
    folder: str = ""
    """The run folder, which is the working directory of the run's cells."""
    beside: bool = True
    """Whether the notebook lies in the run folder, so that paths relative to that folder hold in it."""
    sandboxed: bool = False
    """Whether the kernel runs in the sandbox and its self-test passed."""
    begun: bool = False
    """Whether cells of this run have run already, in an earlier try."""
    share_images: bool = False
    """Whether the clinician lets the model see the figures of the run."""
    spent: float = 0.0
    """US dollars that the model has cost in earlier tries."""


@dataclass(frozen=True)
class Observation:
    """What became of the last action: told to a planner that decides by it. It stays on this machine until the gate."""

    kind: Literal["carried_out", "failed", "rejected", "interrupted"]
    reason: str = ""
    text: str = ""
    findings: tuple[dict[str, Any], ...] = ()
    error: CellError | None = None
    answers: dict[str, str] = field(default_factory=dict)


@dataclass
class RunState:
    """The brief, the plan and what has happened so far."""

    brief: Brief
    plan: Plan
    deadline: float
    attempts: list[Attempt] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    own_cells: list[str] = field(default_factory=list)
    """Sources of the cells that a model wrote and that ran in an earlier try, in their order."""
    kernel_died: bool = False
    observation: Observation | None = None

    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()

    def redo(self, steps: Collection[str]) -> None:
        """Open these steps again, as if they had not been tried."""
        for step in self.plan.steps:
            if step.id in steps:
                step.status, step.note = StepStatus.PENDING, None
        self.attempts = [attempt for attempt in self.attempts if attempt.step_id not in steps]

    def attempts_of(self, step_id: str) -> list[Attempt]:
        return [attempt for attempt in self.attempts if attempt.step_id == step_id]


class Outcome(Protocol):
    """What running one cell gave (notebook.executor.CellOutcome)."""

    @property
    def ok(self) -> bool: ...
    @property
    def seconds(self) -> float: ...
    @property
    def findings(self) -> list[dict[str, Any]]: ...
    @property
    def text(self) -> str: ...
    @property
    def error(self) -> CellError | None: ...
    @property
    def kernel_died(self) -> bool: ...
    @property
    def interrupted(self) -> bool: ...


class Workspace(Protocol):
    """All that the agent may do to the notebook and its kernel."""

    async def add_markdown(self, step_id: str, text: str) -> None: ...

    async def run_code(
        self, step_id: str, source: str, *, attempt: int, author: str, introduction: str = ""
    ) -> Outcome:
        """Insert a cell, below its introduction in markdown, and run it. A failed one is kept, collapsed."""
        ...

    async def place_code(self, step_id: str, source: str, *, author: str) -> None:
        """Insert a cell without running it (approval `plan-only`)."""
        ...


class Ledger(Protocol):
    """Where the agent writes down what it does: the journal, and the events that subscribers see."""

    def record(self, kind: str, data: dict[str, Any], *, wait: bool = True) -> None:
        """Write down. It is on the disk when this returns, and so is the notebook; without `wait`, when the next one that waits is.

        Nothing that cannot be taken back may follow from a record that did not wait: a cell that runs, a payload that leaves.
        """
        ...

    def publish(self, event: str, data: dict[str, Any]) -> None: ...


class GateRefusedError(Exception):
    """The gate did not let a payload out. The sentence says why; nothing was sent."""


class Gate(Protocol):
    """The one way out of this machine. The provider calls it in the SDK's middleware, once for each HTTP request."""

    def said(self, *texts: str) -> None:
        """The clinician's own words, meant for the model."""
        ...

    def outbound(self, body: dict[str, Any], destination: str) -> dict[str, Any]:
        """The body that may be sent instead of `body`, written down as a Disclosure before it is returned.

        `body` is a Messages API request, or {} for a request without a body; `destination` is the server's base URL.
        Fails closed: raises GateRefusedError (any other exception is taken as a refusal too). The same input must always
        give the same output: a server rejects a conversation whose earlier part has changed. What comes from the data
        stands only in `messages`: in text blocks of the user and in tool_result blocks. Thinking blocks are signed by the
        server and must pass unchanged. Called with up to 250 kB a turn, so results are worth remembering by string.
        """
        ...


class Clinician(Protocol):
    """The person on the other side, through whatever door they came in."""

    async def answer(self, questions: list[Any]) -> dict[str, str] | None:
        """Answers by question id, or None when nobody is there to answer."""
        ...

    async def approve(self, step_id: str, source: str, sha256: str, reason: str) -> bool | None:
        """Whether this very code may run; None when nobody decided, because nobody is there or the run was stopped."""
        ...
