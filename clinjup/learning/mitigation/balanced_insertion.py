"""Balanced sampling and insertion augmentation together: rare groups are drawn more often, and no tube looks the same twice.

Balancing alone repeats the few negatives that show the confounder until the network knows them by heart; tubes drawn into films of
every class supply what is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinjup.learning.mitigation.balanced_sampling import balanced_sampling
from clinjup.learning.mitigation.insertion_augmentation import insert_tubes
from clinjup.learning.mitigation.registry import Treatment, mitigation

if TYPE_CHECKING:
    import pandas as pd


@mitigation(
    title="Balanced sampling with insertion",
    explanation="Images are drawn as in balanced sampling, and tube-like lines are drawn into half of them whatever their class.",
    needs_labels=True,
)
def balanced_insertion(table: pd.DataFrame, confounder: str | None) -> Treatment:
    """The weights of balanced sampling and the batch transform of insertion augmentation."""
    balanced = balanced_sampling(table, confounder)
    return Treatment(weights=balanced.weights, transform=insert_tubes, notes=balanced.notes)
