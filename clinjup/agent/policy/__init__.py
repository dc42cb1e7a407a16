"""May this code run? One entry for the loop: `Policy.judge` gives auto, ask or deny, with reasons in plain words.

Shipped recipes are never risky; their arguments are looked at all the same. Code that a planner wrote is read as a syntax tree
(code.py), and for what makes figures too good (lints.py). This explains and gates; containment is the sandbox's work.
"""

from __future__ import annotations

import ast
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clinjup.agent.policy.code import MAX_CHARACTERS, CodeReader
from clinjup.agent.policy.lints import Columns, MethodReader
from clinjup.agent.policy.markdown import safe_markdown
from clinjup.agent.policy.names import Names
from clinjup.agent.policy.origin import Origins
from clinjup.agent.policy.places import Places
from clinjup.agent.policy.recipes import concerns_about_parameters
from clinjup.agent.policy.texts import Texts
from clinjup.agent.policy.verdict import Concern, Decision, Verdict
from clinjup.contracts import Approval, PlaceRecipe, Roles, RunCell
from clinjup.weights import HUB

if TYPE_CHECKING:
    from clinjup.agent.state import Brief

__all__ = ["Concern", "Decision", "Policy", "Verdict", "safe_markdown"]


@dataclass
class _Memory:
    """What the names of the cells so far stand for."""

    names: Names
    texts: Texts
    origins: Origins
    fitted: dict[str, int]

    def copy(self) -> _Memory:
        names = self.names.copy()
        return _Memory(names, self.texts.copy(names.dotted), self.origins.copy(), dict(self.fitted))


class Policy:
    """Judges the cells of one run. Remembers what the names of earlier cells stand for.

    `run`: the run folder, which is the kernel's working directory; `data`: the data folder; `weights`: a checkpoint, or a folder of them.
    """

    def __init__(self, columns: Columns, run: str = "", data: str = "", weights: str = "") -> None:
        self._places = Places(run, data, weights)
        self._columns = columns
        names = Names()
        origins = Origins(columns.labels, columns.patients)
        self._memory = _Memory(names, Texts(names.dotted, self._places.data), origins, {})
        self._judged: tuple[str, _Memory] | None = None

    @classmethod
    def of(cls, brief: Brief) -> Policy:
        weights = "" if brief.pretrained == HUB else brief.pretrained
        return cls(_columns(brief.roles), run=brief.folder, data=brief.profile.root, weights=weights)

    def judge(self, action: PlaceRecipe | RunCell, source: str, approval: Approval, *, sandboxed: bool) -> Verdict:
        """What becomes of the cell of `action` under `approval`; `source` is the very code that would run."""
        if isinstance(action, PlaceRecipe):
            verdict = Verdict.of(concerns_about_parameters(action.parameters, self._places))
        else:
            verdict = self.judge_code(source)
        return _settle(verdict, approval, sandboxed)

    def judge_code(self, source: str) -> Verdict:
        """What the code itself gives reason for, whoever has to agree."""
        if len(source) > MAX_CHARACTERS:
            sentence = (
                f"The cell has {len(source):,} characters. A cell does one thing in at most {MAX_CHARACTERS:,}, or nobody can "
                "read it."
            )
            return Verdict.of([Concern("too_long", Decision.DENY, sentence)])
        try:
            concerns, memory = self._read(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            sentence = (
                "It cannot be read as Python: it has a mistake in it, or uses a notebook command (a line with %, ! or ?), which "
                "can start other programs."
            )
            return Verdict.of([Concern("unreadable", Decision.ASK, sentence, hazard=True)])
        self._judged = source, memory
        return Verdict.of(concerns)

    def ran(self, source: str) -> None:
        """Remember the names of a cell that a planner wrote and that ran, in this try of the run or in an earlier one."""
        if self._judged is not None and self._judged[0] == source:
            self._memory = self._judged[1]
        else:
            with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                _, self._memory = self._read(source)
        self._judged = None

    def _read(self, source: str) -> tuple[list[Concern], _Memory]:
        """What there is to say about a cell, and what its names stand for once it has run."""
        memory = self._memory.copy()
        tree = ast.parse(source)
        concerns = CodeReader(self._places, memory.names, memory.texts).read(tree)
        return [*concerns, *MethodReader(self._columns, memory.origins, memory.fitted).read(tree)], memory


def _settle(verdict: Verdict, approval: Approval, sandboxed: bool) -> Verdict:
    """A denial stands under every approval. Under `none` nobody looks, so what only the sandbox makes harmless needs it."""
    if verdict.decision is Decision.DENY:
        return verdict
    if approval is Approval.EACH:
        asked = Concern("every_cell", Decision.ASK, "You asked to see every cell before it runs.")
        return Verdict.of([*verdict.concerns, asked])
    if approval is Approval.NONE and verdict.decision is Decision.ASK:
        hazards = [concern for concern in verdict.concerns if concern.hazard]
        if hazards and not sandboxed:
            needs = Concern(
                "needs_sandbox",
                Decision.DENY,
                f"{verdict.reason} Nobody is asked in this run (approval 'none') and there is no sandbox, so it is not run.",
            )
            return Verdict(Decision.DENY, (needs, *verdict.concerns))
        return replace(verdict, decision=Decision.AUTO)
    return verdict


def _columns(roles: Roles) -> Columns:
    """Column names as the data have them, and as the cohort table names them."""
    label = {"label", *([_name(roles.label)] if roles.label else [])}
    patient = {"patient", "group", _name(roles.patient)} if roles.patient else set()
    return Columns(labels=frozenset(label), patients=frozenset(patient))


def _name(reference: str) -> str:
    return reference.partition(":")[2] or reference
