"""May this code run? Shipped recipes are never risky; code that a planner wrote is."""

from __future__ import annotations

from clinjup.contracts import Action, Approval, PlaceRecipe


def reason_to_ask(action: Action, approval: Approval) -> str | None:
    """Why the clinician must agree before the cell of `action` runs, or None when it may run."""
    if approval is Approval.EACH:
        return "You asked to see every cell before it runs."
    if approval is Approval.RISKY and not isinstance(action, PlaceRecipe):
        return "This cell is not one of clinjup's own recipes."
    return None
