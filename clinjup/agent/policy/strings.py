"""What the strings of a cell, and the names in it, give reason to say, whatever they are used for."""

from __future__ import annotations

import re

from clinjup.agent.policy.modules import concern_about
from clinjup.agent.policy.places import Places
from clinjup.agent.policy.verdict import Concern, Decision
from clinjup.agent.words import words

_ACTIVE = re.compile(
    r"<\s*(script|iframe|object|embed)\b|\bon(error|load|click)\s*=|javascript:|application/javascript", re.I
)
# A reader's browser fetches these, whatever sandbox the kernel is in.
_REMOTE_PICTURE = re.compile(
    r"!\[[^\]]*\]\(\s*<?(https?:)?//|\b(src|srcset|href|poster)\s*=\s*[\\'\"]*(https?:)?//|url\([\s'\"]*(https?:)?//",
    re.I,
)
_REMOTE = re.compile(r"\b(https?|ftp|s3|gs|wss?|ssh)://", re.I)
MACHINERY = words(
    "__globals__ __builtins__ __subclasses__ __bases__ __base__ __mro__ __code__ __closure__ __getattribute__ __reduce__ "
    "__reduce_ex__ __loader__ __spec__ __import__ f_globals f_builtins f_back gi_frame cr_frame tb_frame"
)
_MACHINERY_IN_TEXT = re.compile("|".join(name for name in sorted(MACHINERY) if name.startswith("__")))
_MEASURED = "vnd.clinjup.result"


def concerns_in_text(text: str, places: Places, line: int) -> list[Concern]:
    """Concerns about one string of the code."""
    found: list[Concern | None] = [machinery(name, line) for name in _MACHINERY_IN_TEXT.findall(text)[:1]]
    if places.names_outside(text):
        sentence = f"It names '{short(text)}', a place that belongs neither to the data nor to this run."
        found.append(Concern("outside", Decision.DENY, sentence, line))
    if _ACTIVE.search(text):
        found.append(concern_about("IPython.display.Javascript", line))
    elif _REMOTE_PICTURE.search(text):
        found.append(remote_picture(line))
    elif _REMOTE.search(text):
        sentence = "It names an address on the network, and data could leave this machine that way."
        found.append(Concern("network", Decision.ASK, sentence, line, hazard=True))
    if _MEASURED in text:
        found.append(forged_result("clinjup.contracts.FINDING_MIME", line))
    return [concern for concern in found if concern is not None]


def machinery(name: str, line: int) -> Concern:
    """Python's own machinery, which leads around every other rule."""
    sentence = f"'{name}' reaches into Python's own machinery and can lead around every other rule."
    return Concern("introspection", Decision.ASK, sentence, line, hazard=True)


def remote_picture(line: int) -> Concern:
    """Something that the reader's browser would fetch."""
    sentence = (
        "It shows something from another server, which your browser would fetch, and the address can carry data away. "
        "Show figures of this run instead."
    )
    return Concern("remote_picture", Decision.DENY, sentence, line)


def forged_result(name: str, line: int) -> Concern | None:
    """A Finding that only measuring code may make; remarks and figures are free."""
    harmless = name.endswith((".NoteFinding", ".FigureFinding"))
    if harmless or not name.startswith("clinjup.contracts.") or not name.endswith(("Finding", "FINDING_MIME")):
        return None
    sentence = "It writes a measured result by hand. Results are measured by clinjup.evaluation; put a remark into a NoteFinding."
    return Concern("forged_result", Decision.DENY, sentence, line)


def short(text: str) -> str:
    """For a sentence."""
    return text if len(text) <= 60 else f"{text[:40]}...{text[-15:]}"
