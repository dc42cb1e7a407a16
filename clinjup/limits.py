"""What an administrator allows, whoever asks: the freest approval, hosts of models, hours of a run, pictures."""

from __future__ import annotations

from dataclasses import dataclass

from clinjup.contracts import Approval, RunRequest
from clinjup.planning import host_of

# From the strictest to the freest. `plan-only` runs nothing.
_FREEDOM = [Approval.PLAN_ONLY, Approval.EACH, Approval.RISKY, Approval.NONE]


class NotAllowedError(Exception):
    """The administrator does not allow it. The sentence says what is allowed."""


@dataclass(frozen=True)
class Limits:
    """`allowed_hosts` empty = any; `max_run_hours` None = no end but the budget's."""

    max_approval: Approval = Approval.NONE
    allowed_hosts: tuple[str, ...] = ()
    max_run_hours: float | None = None
    allow_images: bool = True

    def applied_to(self, request: RunRequest) -> RunRequest:
        """The request within these limits. Raises NotAllowedError where that would change what was asked for."""
        if _FREEDOM.index(request.approval) > _FREEDOM.index(self.max_approval):
            raise NotAllowedError(
                f"This server allows the approval '{self.max_approval.value}' at most, and '{request.approval.value}' was asked for. "
                "Choose a stricter one, or ask the administrator."
            )
        if request.share_images and not self.allow_images:
            raise NotAllowedError(
                "This server shows no pictures to a model, and showing the figures of the run was asked for. Nothing was sent. "
                "Turn it off, or ask the administrator."
            )
        host = host_of(request) if self.allowed_hosts else None
        if host is not None and host not in self.allowed_hosts:
            raise NotAllowedError(
                f"This server may send to {', '.join(self.allowed_hosts)} only, and the model's address is {host}. Nothing was sent. "
                "Choose another address, or the offline planner."
            )
        if self.max_run_hours is not None:
            minutes = min(request.budget_minutes, self.max_run_hours * 60)
            return request.model_copy(update={"budget_minutes": minutes})
        return request
