"""Ways to keep a model off a confounder, one file each; `train(mitigation=NAME)` looks them up here."""

from clinjup.learning.mitigation.registry import Mitigation, Treatment, list_mitigations, mitigation_named

__all__ = ["Mitigation", "Treatment", "list_mitigations", "mitigation_named"]
