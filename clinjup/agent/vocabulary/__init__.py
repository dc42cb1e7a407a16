"""The nouns clinicians use, in English and German, each with one canonical id."""

from clinjup.agent.vocabulary.confounders import CONFOUNDERS, INSERTABLE
from clinjup.agent.vocabulary.findings import MODALITIES, SKIN_LESION_CLASSES, TARGETS, slug, target_term
from clinjup.agent.vocabulary.terms import (
    Folded,
    Match,
    Term,
    by_id,
    find,
    fold,
    fold_with_origins,
    header_words,
    pattern,
    spaced,
)

__all__ = [
    "CONFOUNDERS",
    "INSERTABLE",
    "MODALITIES",
    "SKIN_LESION_CLASSES",
    "TARGETS",
    "Folded",
    "Match",
    "Term",
    "by_id",
    "find",
    "fold",
    "fold_with_origins",
    "header_words",
    "pattern",
    "slug",
    "spaced",
    "target_term",
]
