"""The plan, its attempts, and the closed set of actions."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from clinjup.contracts.base import Contract
from clinjup.contracts.task import Question


class StepStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class Step(Contract):
    """One step of the plan; `parameters` fill the parameter block of the recipe."""

    id: str
    title: str
    recipe: str
    parameters: dict[str, Any] = {}
    words: dict[str, str] = Field({}, description="fill the $places of the recipe's markdown cell")
    depends_on: list[str] = []
    optional: bool = Field(False, description="may be skipped when the time budget is spent")
    status: StepStatus = StepStatus.PENDING
    note: str | None = None


class Plan(Contract):
    objective: str
    steps: list[Step]

    def step(self, step_id: str) -> Step:
        return next(step for step in self.steps if step.id == step_id)

    def resting_on(self, steps: Collection[str]) -> list[str]:
        """`steps` and all later ones that rest on them, in the plan's order. A step that names none may rest on any."""
        recipes = {step.id: step.recipe for step in self.steps}
        found: list[Step] = []
        for step in self.steps:
            named = {recipes.get(each) for each in step.depends_on}
            if step.id in steps or any(_may_use(step, named, each) for each in found):
                found.append(step)
        return [step.id for step in found]


def _may_use(step: Step, named: Collection[str | None], earlier: Step) -> bool:
    """Whether a step may use what an earlier one left. `named`: recipes of the steps that it names, which are those it cannot do without.

    Who names one validation compares all of them, and steps of one model (its NAME) build on each other.
    """
    model = step.parameters.get("NAME")
    same_model = model is not None and model == earlier.parameters.get("NAME")
    return not step.depends_on or earlier.recipe in named or same_model


class CellError(Contract):
    """An error raised in the kernel. `signature` is equal for the same mistake made twice."""

    name: str
    message: str
    traceback: str
    signature: str

    @property
    def sentence(self) -> str:
        """The message, which many exceptions lack, and the name of the class."""
        message = self.message.strip().rstrip(".")
        return f"{message} ({self.name})." if message else f"{self.name}, without a message."


class Attempt(Contract):
    """One try at a step."""

    step_id: str
    number: int
    source_sha256: str
    ok: bool
    seconds: float
    error: CellError | None = None
    repair: str | None = Field(None, description="what was changed before this attempt, in one sentence")


class AddMarkdown(Contract):
    type: Literal["add_markdown"] = "add_markdown"
    step_id: str
    text: str


class PlaceRecipe(Contract):
    type: Literal["place_recipe"] = "place_recipe"
    step_id: str
    recipe: str
    parameters: dict[str, Any] = {}
    words: dict[str, str] = {}
    repair: str | None = Field(None, description="what was changed after the last failed attempt, in one sentence")


class RunCell(Contract):
    """Code that the planner wrote itself; the policy looks at it before it runs."""

    type: Literal["run_cell"] = "run_cell"
    step_id: str
    source: str
    explanation: str = ""
    repair: str | None = None


class Inspect(Contract):
    """Look at something without changing the notebook: a table's columns, a step's findings."""

    type: Literal["inspect"] = "inspect"
    what: Literal["profile", "findings", "plan"]


class AskClinician(Contract):
    type: Literal["ask_clinician"] = "ask_clinician"
    questions: list[Question] = Field(min_length=1, max_length=3)


class RecordFinding(Contract):
    type: Literal["record_finding"] = "record_finding"
    step_id: str
    sentence: str


class StartExperiment(Contract):
    type: Literal["start_experiment"] = "start_experiment"
    name: str
    hypothesis: str
    change: str


class Finish(Contract):
    type: Literal["finish"] = "finish"
    status: Literal["completed", "failed", "refused"] = "completed"
    sentence: str


Action = Annotated[
    AddMarkdown | PlaceRecipe | RunCell | Inspect | AskClinician | RecordFinding | StartExperiment | Finish,
    Field(discriminator="type"),
]
