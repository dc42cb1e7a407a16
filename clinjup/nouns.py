"""English nouns in sentences for a clinician: their article, their plural, and what an id is called. Imports nothing of ours."""

from __future__ import annotations

import re

_UNCOUNTED = {"hair", "ink", "metal", "text", "gel", "pneumonia", "oedema", "edema", "emphysema"}
_VOWELS = "aeiou"
# Dermoscopy's codes in words; all others are words already.
_CLASS_WORDS = {
    "akiec": "actinic keratosis",
    "bcc": "basal cell carcinoma",
    "bkl": "benign keratosis",
    "df": "dermatofibroma",
    "vasc": "vascular lesion",
}

# Names of models that are no words.
_MODEL_WORDS = {"jtt": "training twice"}


def plain_name(identifier: str) -> str:
    """'chest_drain' -> 'chest drain'."""
    return identifier.replace("_", " ").strip()


def class_words(identifier: str) -> str:
    """'bcc' -> 'basal cell carcinoma'; other ids with spaces."""
    return _CLASS_WORDS.get(identifier, plain_name(identifier))


def model_words(identifier: str) -> str:
    """'balanced_sampling' -> 'balanced sampling', 'jtt' -> 'training twice'."""
    return _MODEL_WORDS.get(identifier, plain_name(identifier))


def with_article(noun: str) -> str:
    """'a chest drain', 'an ink mark', but 'hair', 'metal' and 'gel bubbles' as they are."""
    if not noun.split() or _last(noun) in _UNCOUNTED or _is_plural(noun):
        return noun
    return f"{'an' if noun[0].lower() in _VOWELS else 'a'} {noun}"


def plural(noun: str) -> str:
    """'fractures', 'opacities', 'pneumothoraces', 'metastases', 'masses'; what is not counted, and plurals, as they are."""
    last = _last(noun)
    if not last or last in _UNCOUNTED or _is_plural(noun):
        return noun
    for ending, many in (("thorax", "thoraces"), ("sis", "ses"), ("us", "i")):
        if last.endswith(ending):
            return noun[: -len(ending)] + many
    if last.endswith("y") and last[-2:-1] not in _VOWELS:
        return f"{noun[:-1]}ies"
    return f"{noun}es" if last.endswith(("s", "x", "ch", "sh")) else f"{noun}s"


def in_number(number: int, sentence: str, **values: object) -> str:
    """A sentence that agrees with a number: '{n} of {all} [image has|images have] no label' with n = 1 and all = 9.

    The first in brackets is for 1. `values` are filled in last, so that brackets within them stay.
    """
    return re.sub(r"\[([^]|]*)\|([^]|]*)\]", r"\1" if number == 1 else r"\2", sentence).format(n=number, **values)


def _last(noun: str) -> str:
    return noun.lower().split()[-1] if noun.split() else ""


def _is_plural(noun: str) -> bool:
    return _last(noun).endswith("s") and not _last(noun).endswith(("ss", "sis", "us"))
