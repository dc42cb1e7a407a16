"""Nouns in sentences: the article and the plural that a reader expects."""

from __future__ import annotations

import pytest

from clinjup.nouns import plural, with_article


@pytest.mark.parametrize(
    ("noun", "one", "many"),
    [
        ("fracture", "a fracture", "fractures"),
        ("chest drain", "a chest drain", "chest drains"),
        ("opacity", "an opacity", "opacities"),
        ("pneumothorax", "a pneumothorax", "pneumothoraces"),
        ("metastasis", "a metastasis", "metastases"),
        ("mass", "a mass", "masses"),
        ("thrombus", "a thrombus", "thrombi"),
        ("metal", "metal", "metal"),
        ("hair", "hair", "hair"),
        ("gel bubbles", "gel bubbles", "gel bubbles"),
        ("", "", ""),
    ],
)
def test_a_noun_gets_its_article_and_its_plural(noun, one, many):
    assert (with_article(noun), plural(noun)) == (one, many)
