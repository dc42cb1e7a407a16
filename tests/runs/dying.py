"""Programs that are killed (-9) at a line of their run's journal, and a scripted model whose work shows what was done twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from clinjup.testing import Says, ScriptedClaude
from tests.agent.claude_runs import finishes, proposes, runs, step
from tests.conftest import REQUEST
from tests.runs.claude_door import journal

THREE_STEPS = [
    proposes(step("first"), step("second"), step("third")),
    *(runs(name, f"open('{name}.txt', 'a').write('x')") for name in ("first", "second", "third")),
    finishes("Nothing was evaluated.", "failed"),
]
DYING = """
import os, sys
from clinjup.reporting.journal import Journal
written, append, last = 0, Journal.append, int(sys.argv.pop(1))

def dying(self, *arguments, **keywords):
    global written
    append(self, *arguments, **keywords)
    written += 1
    if written == last:
        os.kill(os.getpid(), 9)

Journal.append = dying
from clinjup.cli import main
main()
"""


def is_killed_at(line: int, *arguments: str) -> bool:
    """Run the command line until its run's journal has so many lines; whether it came to that. 0: nobody kills it."""
    command = [sys.executable, "-c", DYING, str(line), *arguments]
    died = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600)
    assert died.returncode == -signal.SIGKILL or "Traceback" not in died.stderr, died.stderr
    return died.returncode == -signal.SIGKILL


def three_steps(server: ScriptedClaude, data: Path, folder: Path) -> list[str]:
    """The command line of a run of THREE_STEPS."""
    options = ["run", REQUEST, "--data", str(data), "--out", str(folder), "--approve", "none"]
    return [*options, "--planner", "claude", "--base-url", server.url]


def left_of_three_steps(folder: Path) -> list[Says]:
    """What the model has still to say when the run is resumed."""
    plan, *cells = THREE_STEPS
    return [*([] if journal(folder, "plan") else [plan]), *cells[len(journal(folder, "execution")) :]]
