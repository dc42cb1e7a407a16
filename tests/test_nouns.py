"""Nouns in sentences: the article and the plural that a reader expects."""

from __future__ import annotations

import pytest

from clinjup.nouns import in_number, model_words, plural, with_article


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


def test_a_sentence_agrees_with_its_number_and_leaves_the_values_as_they_are():
    sentence = "{n} of {all} rows of '{path}' [has|have] no label."
    assert in_number(1, sentence, all=9, path="[a|b].csv") == "1 of 9 rows of '[a|b].csv' has no label."
    assert in_number(3, sentence, all=9, path="[a|b].csv") == "3 of 9 rows of '[a|b].csv' have no label."


def test_the_name_of_a_model_is_words():
    assert [model_words(name) for name in ("baseline", "balanced_sampling", "jtt")] == [
        "baseline",
        "balanced sampling",
        "training twice",
    ]
