"""Procedural insertion of a confounder into a film that has none: the test behind 'drain-induced false alarms'."""

from clinjup.evaluation.insertion.registry import Inserter, inserter_for, list_inserters

__all__ = ["Inserter", "inserter_for", "list_inserters"]
