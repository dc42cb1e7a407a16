"""Of several classes the one that matters most."""

from __future__ import annotations

from clinjup.agent.vocabulary import SKIN_LESION_CLASSES
from clinjup.contracts import ClinicalTask, Roles


def priority_of(task: ClinicalTask, roles: Roles) -> str | None:
    """The class that the clinician named, else of those in the data the one that harms most; None for a yes/no question."""
    if not roles.classes:
        return None
    if task.priority in roles.classes:
        return task.priority
    present = [term for term in SKIN_LESION_CLASSES if term.id in roles.classes]
    return max(present, key=lambda term: term.harm).id
