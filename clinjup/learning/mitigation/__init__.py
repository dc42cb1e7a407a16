"""Ways to keep a model off a confounder, and to give rare classes their due, one file each; `train(mitigation=NAME)` looks them up here."""

from clinjup.learning.mitigation.registry import (
    SEPARATOR,
    BatchTransform,
    Mitigation,
    Study,
    Treatment,
    list_mitigations,
    mitigation_named,
    treatment_for,
)

__all__ = [
    "SEPARATOR",
    "BatchTransform",
    "Mitigation",
    "Study",
    "Treatment",
    "list_mitigations",
    "mitigation_named",
    "treatment_for",
]
