"""What `predict` tells of a model besides its decisions."""

from __future__ import annotations

from clinjup.reporting.cautions import cautions
from tests.reporting.example import results


def test_a_model_that_leans_on_the_confounder_says_so_wherever_it_is_used():
    (sentence,) = cautions(results(), "baseline")
    assert sentence.startswith("The model leans strongly on the chest drain. ")


def test_of_a_model_that_does_not_nothing_is_told():
    found = results()
    assert found.selected is not None and cautions(found, found.selected) == []
