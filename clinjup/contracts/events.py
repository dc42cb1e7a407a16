"""What a run is asked for, and what its subscribers see."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from clinjup.contracts.base import Contract


class Event(Contract):
    """What subscribers of a run see; replayable from `seq`."""

    v: int = 1
    run_id: str
    seq: int
    ts: float
    type: Literal[
        "run.started",
        "plan.updated",
        "text.delta",
        "action.proposed",
        "approval.requested",
        "approval.resolved",
        "question.asked",
        "question.answered",
        "cell.inserted",
        "cell.started",
        "cell.progress",
        "cell.finished",
        "error.diagnosed",
        "error.repaired",
        "result",
        "usage",
        "run.paused",
        "run.clock",
        "notebook.changed",
        "notebook.restored",
        "run.finished",
    ]
    data: dict[str, Any] = {}


class Approval(StrEnum):
    """Who must agree before a cell runs; the same four words everywhere."""

    EACH = "each"
    RISKY = "risky"
    NONE = "none"
    PLAN_ONLY = "plan-only"


class RunRequest(Contract):
    """What a clinician submits: the sentence, the data, the limits."""

    intent: str
    data: str
    out: str | None = None
    planner: Literal["offline", "claude"] = "offline"
    model: str | None = Field(None, description="for the Claude planner; None = its default")
    base_url: str | None = Field(None, description="a server that speaks the Anthropic Messages API")
    local_only: bool = Field(False, description="refuse any server that is not on this machine")
    share_images: bool = Field(False, description="let the model see the figures of the run; they can show films")
    max_cost: float | None = Field(None, gt=0, description="US dollars")
    approval: Approval = Approval.RISKY
    budget_minutes: float = Field(20.0, gt=0)
    max_fix_attempts: int = Field(2, ge=0, le=5, description="how often a cell that failed is mended and tried again")
    network: str | None = Field(None, description="a timm model, or a detector of torchvision; None = a small one")
    pretrained: str | None = Field(
        None,
        description="weights to start from: 'hub', or the path of a checkpoint file or a folder with one; None = from scratch",
    )
    seed: int = Field(0, ge=0)
    answers: dict[str, str] = {}
    notebook: str | None = Field(
        None, description="JupyterLab's path of the notebook; None = notebook.ipynb of the run"
    )
