"""What an exception that nobody foresaw means for a run, in a sentence."""

from __future__ import annotations

from clinjup.atomic_files import is_full


def sentence_for(fault: Exception) -> str:
    """What happened, and what is kept."""
    if is_full(fault):
        return "The disk is full, so the run stopped. Everything up to there is kept. Free some space, then resume the run."
    return f"The run stopped on an unexpected fault: {fault}. Everything up to there is kept."
