"""Which planner a request gets, with everything that stands between it and the network."""

from __future__ import annotations

from pathlib import Path

from clinjup.agent.planners import Planner
from clinjup.agent.planners.handover import CONTINUE_OFFLINE, Handover
from clinjup.agent.planners.recipes import RecipePlanner
from clinjup.agent.state import Brief, Ledger
from clinjup.contracts import Plan, RunRequest

__all__ = ["PlannerUnusableError", "check_planner", "first_plan", "make_planner"]

_OFFER = " Or leave --planner out, and the run is planned offline."


class PlannerUnusableError(Exception):
    """The planner cannot be used, and nothing was started. The sentence says why and offers the offline planner (exit 2)."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence if "--planner" in sentence else sentence + _OFFER)


def check_planner(request: RunRequest) -> None:
    """Key, address and --local-only of a Claude request, before anything is sent. Raises PlannerUnusableError."""
    reason = _why_unusable(request)
    if reason is not None:
        raise PlannerUnusableError(reason)


def host_of(request: RunRequest) -> str | None:
    """Host name that the request's planner would send to; None for the offline planner. Raises PlannerUnusableError."""
    if request.planner == "offline":
        return None
    from urllib.parse import urlsplit

    from clinjup.agent.provider import ProviderError, Server

    try:
        return urlsplit(Server.choose(model=request.model, base_url=request.base_url).base_url).hostname
    except ProviderError as problem:
        raise PlannerUnusableError(str(problem)) from problem


def make_planner(request: RunRequest, brief: Brief, folder: Path, ledger: Ledger) -> Planner:
    """The planner of a run; the Claude planner reaches its server only through the privacy gate.

    A run that has begun and can no longer reach its model is handed over to the offline planner, which asks first.
    """
    if request.planner == "offline":
        return RecipePlanner()
    if brief.earlier is not None and CONTINUE_OFFLINE in brief.answers:
        return Handover.for_brief(brief, "The model could not go on.")
    reason = _why_unusable(request)
    if reason is not None:
        if not brief.begun:
            raise PlannerUnusableError(reason)
        return Handover.for_brief(brief, reason)
    from clinjup.agent.budget import Budget
    from clinjup.agent.planners.claude import ClaudePlanner
    from clinjup.agent.privacy import PrivacyGate
    from clinjup.agent.provider import Provider, Server

    gate = PrivacyGate(brief, folder, ledger, local_only=request.local_only)
    server = Server.choose(model=request.model, base_url=request.base_url)
    return ClaudePlanner(Provider(server, gate), ledger, Budget(max_cost=request.max_cost, spent=brief.spent))


async def first_plan(planner: Planner, brief: Brief) -> tuple[Planner, Plan]:
    """The plan of a new or resumed run, and who carries it out.

    Raises PlannerUnusableError when the server fails before the first cell; later the run is handed over, as by make_planner.
    """
    from clinjup.agent.provider.faults import ProviderError

    try:
        return planner, await planner.plan(brief)
    except ProviderError as fault:
        if not brief.begun:
            raise PlannerUnusableError(str(fault)) from fault
        successor = Handover.for_brief(brief, str(fault))
        return successor, await successor.plan(brief)


def _why_unusable(request: RunRequest) -> str | None:
    """What can be said against the planner without sending anything; None when it may be tried."""
    if request.planner == "offline":
        return None
    from clinjup.agent.privacy import DestinationRefusedError, check_destination
    from clinjup.agent.provider import ProviderError, Server

    try:
        if request.base_url:  # a forbidden address is told before a missing key
            check_destination(request.base_url, local_only=request.local_only)
        server = Server.choose(model=request.model, base_url=request.base_url)
        check_destination(server.base_url, local_only=request.local_only)
    except (ProviderError, DestinationRefusedError) as problem:
        return str(problem)
    return None
