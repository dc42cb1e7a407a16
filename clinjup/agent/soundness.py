"""Is a request sound? What would give figures that nobody should believe, or harm patients, is refused."""

from __future__ import annotations

import itertools
import re

from clinjup.agent.soundness_rules import CLAUSE_BREAK, NEGATION, NEGATION_BEFORE, RULES, Rule
from clinjup.agent.soundness_texts import TEXTS
from clinjup.agent.vocabulary import CONFOUNDERS, find, fold_with_origins
from clinjup.contracts import ClinicalTask, Refusal


def check_request(text: str, task: ClinicalTask) -> Refusal | None:
    """Return the refusal of an unsound request in the clinician's language, or None.

    Sentence by sentence: a rule applies where its action and all that makes it unsound stand in one sentence, and the clause of
    the action is not negated ("do not tune on the test set" is a sound request).
    """
    folded = fold_with_origins(" ".join(text.split()))
    sentences = [folded.text[start:end] for start, end in folded.sentences()]
    # "We have no labels. Train it anyway." spans two sentences.
    pairs = [
        f"{first.rstrip('. ')}, {second}" for first, second in itertools.pairwise(sentences) if _ANYWAY.search(second)
    ]
    for rule in RULES:
        if any(_applies(rule, sentence) for sentence in [*sentences, *pairs]):
            reason, instead = TEXTS[rule.code][task.language]
            return Refusal(code=rule.code, reason=reason, instead=instead)
    return None


_ANYWAY = re.compile(r"\b(?:anyway|anyhow|regardless|all the same|trotzdem|dennoch|einfach so)\b")


def _applies(rule: Rule, sentence: str) -> bool:
    if re.search(rule.unless, sentence):
        return False
    if not all(re.search(part, sentence) for part in rule.also):
        return False
    if rule.code == "train_without_labels" and find(sentence, CONFOUNDERS):
        return False  # no labels for drains is no obstacle
    return any(not _negated(rule, sentence, action) for action in re.finditer(rule.action, sentence))


def _negated(rule: Rule, sentence: str, action: re.Match[str]) -> bool:
    """Whether the clause around the action holds a negation that belongs neither to the action nor to what makes it unsound."""
    start = max((brk.end() for brk in re.finditer(CLAUSE_BREAK, sentence) if brk.end() <= action.start()), default=0)
    end = min(
        (brk.start() for brk in re.finditer(CLAUSE_BREAK, sentence) if brk.start() >= action.end()),
        default=len(sentence),
    )
    before, after = sentence[start : action.start()], sentence[action.end() : end]
    for part in rule.also:
        before, after = re.sub(part, "", before), re.sub(part, "", after)
    return bool(re.search(NEGATION_BEFORE, before) or re.search(NEGATION, f"{before}|{after}"))
