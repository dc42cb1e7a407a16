"""Which planner a request gets, with everything that stands between it and the network."""

from __future__ import annotations

from pathlib import Path

from clinjup.agent.planners import Planner
from clinjup.agent.planners.recipes import RecipePlanner
from clinjup.agent.state import Brief, Ledger
from clinjup.contracts import Plan, RunRequest


class PlannerUnusableError(Exception):
    """The planner cannot be used, and nothing was started. The sentence says why and offers the offline planner (exit 2)."""


def check_planner(request: RunRequest) -> None:
    """Key, address and --local-only of a Claude request, before anything is sent. Raises PlannerUnusableError."""
    if request.planner == "offline":
        return
    import clinjup.agent.planners.claude  # noqa: F401  (here, where it may take its time)
    from clinjup.agent.privacy import DestinationRefusedError, check_destination
    from clinjup.agent.provider import ProviderError, Server

    try:
        server = Server.choose(model=request.model, base_url=request.base_url)
        check_destination(server.base_url, local_only=request.local_only)
    except (ProviderError, DestinationRefusedError) as problem:
        raise PlannerUnusableError(str(problem)) from problem


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
    """The planner of a run; the Claude planner reaches its server only through the privacy gate."""
    if request.planner == "offline":
        return RecipePlanner()
    from clinjup.agent.budget import Budget
    from clinjup.agent.planners.claude import ClaudePlanner
    from clinjup.agent.privacy import PrivacyGate
    from clinjup.agent.provider import Provider, Server

    gate = PrivacyGate(brief, folder, ledger, local_only=request.local_only)
    server = Server.choose(model=request.model, base_url=request.base_url)
    return ClaudePlanner(Provider(server, gate), ledger, Budget(max_cost=request.max_cost))


async def first_plan(planner: Planner, brief: Brief) -> Plan:
    """The plan of a new or resumed run. Raises PlannerUnusableError when the server fails before the first cell."""
    from clinjup.agent.provider.faults import ProviderError

    try:
        return await planner.plan(brief)
    except ProviderError as fault:
        raise PlannerUnusableError(str(fault)) from fault
