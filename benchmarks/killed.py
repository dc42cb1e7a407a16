"""Does a run that is killed (-9) at any line of its journal resume, with nothing repeated that had finished?

Two runs: three cells of a scripted model, killed at each line in turn; and a complete run of the offline planner on a small synthetic
cohort with little time, killed at every eighth line. Each is killed once its journal has so many lines, and resumed. *Resumed well*: it
comes to the end of a run that nobody disturbed, no step that had finished ran again, and notebook and journal are whole
(`clinjup verify`). A run that is complete when it is killed has nothing to resume; asked to, it ties its notebook to the journal.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.report import markdown_table, record
from clinjup.contracts import RunStatus
from clinjup.imaging.synthetic import write_cohort
from clinjup.reporting import JournalError
from clinjup.run_folder import RunFolderError, read_history
from clinjup.testing import Says, ScriptedClaude
from tests.conftest import REQUEST
from tests.runs.claude_door import journal
from tests.runs.door import clinjup
from tests.runs.dying import THREE_STEPS, is_killed_at, left_of_three_steps, three_steps


@dataclass
class Kind:
    """A run to be killed: its command line into a folder, what to do before it is begun or resumed, the exit code of its end."""

    command: Callable[[Path], list[str]]
    before: Callable[[Path], None]
    code: int
    every: int


@dataclass
class Swept:
    """What came of killing one kind of run: line -> what went wrong."""

    lines: list[int]
    not_reached: list[int] = field(default_factory=list)
    repeated: dict[int, str] = field(default_factory=dict)
    other: dict[int, str] = field(default_factory=dict)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks killed")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="which runs")
    parser.add_argument("--lines", nargs="+", type=int, help="only these lines")
    parser.add_argument("--every", type=int, default=8, help="kill the complete run at every N-th line")
    parser.add_argument("--patients", type=int, default=70)
    parser.add_argument("--record", action="store_true", help="write the table into RESULTS.md")
    options = parser.parse_args(argv)
    rows, problems, replies, failed = [], [], list[Says](), False
    script = (lambda body: replies.pop(0) for _ in itertools.count())
    with tempfile.TemporaryDirectory(prefix="clinjup-killed-") as folder, ScriptedClaude(script) as server:
        data = write_cohort("pneumothorax", Path(folder) / "data", patients=options.patients, seed=3)
        for name in options.kinds:
            kind = KINDS[name](server, replies, data, options.every)
            total = _lines_undisturbed(kind, Path(folder) / f"{name}-whole")
            swept = sweep(kind, options.lines or lines_of(total, kind.every), Path(folder) / name)
            bad = len(swept.repeated | swept.other)
            reached = len(swept.lines) - len(swept.not_reached)
            failed |= bad > 0 or not reached
            rows.append([name, total, reached, reached - bad, len(swept.repeated), len(swept.other)])
            for what in (swept.repeated, swept.other):
                problems += [f"{name}, line {line}: {said}" for line, said in what.items()]
            problems += [f"{name}, line {line}: the run was over before" for line in swept.not_reached]
    table = markdown_table(
        ["run", "lines of its journal", "times killed", "resumed well", "repeated", "otherwise wrong"], rows
    )
    text = "\n\n".join([(__doc__ or "").strip(), table, "\n".join(f"- {problem}" for problem in problems)]).strip()
    print(text)
    if options.record:
        record("killed", " ".join(["python -m benchmarks killed", *argv]), text)
    return int(failed)


def lines_of(total: int, every: int) -> list[int]:
    """Every so many lines of a journal, and its last two, between which notebook and journal are tied together."""
    return sorted({*range(every, total + 1, every), total - 1, total})


def sweep(kind: Kind, lines: Iterable[int], base: Path) -> Swept:
    swept = Swept(sorted(lines))
    for line in swept.lines:
        print(f"{base.name}: killed at line {line}", flush=True)
        try:
            _kill_and_resume(kind, line, base.with_name(f"{base.name}-{line}"), swept)
        except (AssertionError, subprocess.TimeoutExpired, RunFolderError, JournalError) as fault:
            swept.other[line] = str(fault).strip()[-300:]
    return swept


def _kill_and_resume(kind: Kind, line: int, folder: Path, swept: Swept) -> None:
    kind.before(folder)
    if not is_killed_at(line, *kind.command(folder)):
        swept.not_reached.append(line)
        return
    history = read_history(folder, finished_too=True)
    ran, finished = len(journal(folder, "execution")), history.finished_steps()
    kind.before(folder)
    said = clinjup("run", "--resume", folder)
    expected = 2 if history.finished else kind.code  # there is nothing to resume
    again = [each["step_id"] for each in journal(folder, "execution")[ran:] if each["step_id"] in finished]
    if again or len(journal(folder, "test_opening")) > 1:
        swept.repeated[line] = ", ".join(again) or "the test set was opened twice"
    elif said.code != expected:
        swept.other[line] = f"exit {said.code}, {said.err.strip().splitlines()[-1:]}"
    elif (checked := clinjup("verify", folder)).code != 0:
        swept.other[line] = checked.out.strip()


def _lines_undisturbed(kind: Kind, folder: Path) -> int:
    """The lines of the journal of a run that nobody kills."""
    kind.before(folder)
    assert not is_killed_at(0, *kind.command(folder))
    status = read_history(folder, finished_too=True).status
    assert status is (RunStatus.FAILED if kind.code else RunStatus.COMPLETED), status
    return len((folder / "journal.jsonl").read_text(encoding="utf-8").splitlines())


def _scripted(server: ScriptedClaude, replies: list[Says], data: Path, every: int) -> Kind:
    def script(folder: Path) -> None:
        replies[:] = left_of_three_steps(folder) if folder.exists() else THREE_STEPS

    return Kind(lambda folder: three_steps(server, data, folder), script, code=4, every=1)


def _offline(server: ScriptedClaude, replies: list[Says], data: Path, every: int) -> Kind:
    def command(folder: Path) -> list[str]:
        return ["run", REQUEST, "--data", str(data), "--out", str(folder), "--budget-minutes", "0.4"]

    return Kind(command, lambda folder: None, code=0, every=every)


KINDS = {"scripted": _scripted, "offline": _offline}
