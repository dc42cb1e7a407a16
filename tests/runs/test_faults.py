"""What breaks around a run: the kernel, the program itself, the disk, the data share, the clock, a second run."""

from __future__ import annotations

import itertools
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from clinjup.contracts import Event, RunRequest
from clinjup.reporting.journal import read_records
from clinjup.run_folder import read_history
from clinjup.runs import RunManager
from tests.agent.claude_runs import finishes, proposes, runs, step
from tests.conftest import REQUEST
from tests.runs.claude_door import ask_claude, assert_whole, journal
from tests.runs.door import COMMAND, clinjup, run_in_process


def kernels() -> list[psutil.Process]:
    """Kernels that this process has started."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "ipykernel_launcher" in " ".join(child.cmdline())]


# --------------------------------------------------------------------------------------------------- the kernel dies


def test_a_kernel_killed_in_training_is_told_and_the_training_goes_on_from_its_last_epoch(small_cohort, tmp_path):
    killed: list[int] = []

    def kill_once(manager: RunManager, run_id: str, event: Event) -> None:
        trained = event.type == "cell.progress" and "validation AUROC" in event.data["detail"]
        if trained and not killed:
            (kernel,) = kernels()
            killed.append(kernel.pid)
            kernel.kill()

    folder = tmp_path / "run"
    request = RunRequest(intent="Detect pneumothorax on chest X-rays.", data=str(small_cohort), out=str(folder))
    results, _, events = run_in_process(request, on_event=kill_once)
    assert killed and results.status == "completed", results.sentence
    assert (results.cells.failed, results.cells.repaired) == (1, 1)
    told = [event.data["message"] for event in events if event.type == "error.diagnosed"]
    assert told == ["The kernel that ran this cell stopped, most often because memory ran out."]
    (repair,) = journal(folder, "repair")
    assert "goes on after its last complete epoch" in repair["change"]
    assert any("went on after epoch" in note for note in results.notes)
    assert_whole(folder)


# -------------------------------------------------------------------------------------------------- the program dies

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


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
@pytest.mark.parametrize("line", [2, 9, 13, 14, 24, 28])
def test_a_run_killed_at_any_line_of_its_journal_resumes_and_repeats_nothing_that_had_finished(
    scripted_claude, small_cohort, tmp_path, line
):
    folder, replies = tmp_path / "run", list(THREE_STEPS)
    server = scripted_claude(lambda body: replies.pop(0) for _ in itertools.count())
    options = ["run", REQUEST, "--data", str(small_cohort), "--out", str(folder), "--approve", "none"]
    command = [sys.executable, "-c", DYING, str(line), *options, "--planner", "claude", "--base-url", server.url]
    died = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120)
    assert died.returncode == -signal.SIGKILL, died.stderr
    finished = [attempt["step_id"] for attempt in journal(folder, "execution")]
    plan, *cells = THREE_STEPS
    replies[:] = [*([] if journal(folder, "plan") else [plan]), *cells[len(finished) :]]

    said = clinjup("run", "--resume", folder)
    assert said.code == 4, said.err
    assert [attempt["step_id"] for attempt in journal(folder, "execution")] == ["first", "second", "third"]
    assert_whole(folder)


DYING_IN_A_STEP = """
import os, sys
from clinjup.notebook.session import NotebookSession
from clinjup.reporting.journal import Journal
moment, append, output_came = sys.argv.pop(1), Journal.append, NotebookSession.output_came

def die_at(reached):
    if reached == moment:
        os.kill(os.getpid(), 9)

def appending(self, kind, data, **keywords):
    append(self, kind, data, **keywords)
    die_at(f"{kind} of {data.get('step_id')}")

def hearing(self, cell):
    output_came(self, cell)
    if (self.path.parent / "cache" / "test_opening.json").exists():
        die_at("opening of the test set")

Journal.append, NotebookSession.output_came = appending, hearing
from clinjup.cli import main
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_no_finding_of_a_step_is_lost_when_the_program_is_killed_around_its_end(small_cohort, tmp_path):
    """Killed three times: when a validation counts as done, when the test set was just opened, and when only that was written down."""
    folder = tmp_path / "run"
    begun = ["run", "Detect pneumothorax on chest X-rays.", "--data", str(small_cohort), "--out", str(folder)]
    begun += ["--budget-minutes", "0.4"]
    for moment in ("execution of validate_baseline", "opening of the test set", "result of test"):
        command = [sys.executable, "-c", DYING_IN_A_STEP, moment, *begun]
        died = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300
        )
        assert died.returncode == -signal.SIGKILL, died.stderr
        assert (folder / "cache" / "test_opening.json").is_file() == (moment != "execution of validate_baseline")
        assert len(journal(folder, "test_opening")) == (moment == "result of test")
        begun = ["run", "--resume", str(folder)]

    said = clinjup("run", "--resume", folder, "--json")
    assert said.code == 0, said.err
    (model,) = said.json["models"]
    assert model["validation"]["auroc"]["n"] and model["test"]["auroc"]["n"] and said.json["selected"] == "baseline"
    assert said.json["test_openings"] == len(journal(folder, "test_opening")) == 1
    assert "opened once" in (folder / "model_card.md").read_text(encoding="utf-8")
    assert read_history(folder, finished_too=True).closed_steps[-1] == "test"
    assert clinjup("verify", folder).code == 0


def test_two_runs_on_one_folder_do_not_mix(scripted_claude, small_cohort, tmp_path):
    said = []

    def second(manager: RunManager, run_id: str, event: Event) -> None:
        if event.type == "cell.started" and not said:
            said.append(clinjup("run", "--resume", tmp_path / "run"))
            said.append(clinjup("run", REQUEST, "--data", small_cohort, "--out", tmp_path / "run"))

    ask_claude(scripted_claude(THREE_STEPS), small_cohort, tmp_path / "run", on_event=second)
    assert [each.code for each in said] == [2, 2]
    assert "Another program carries the run" in said[0].err and "is not empty" in said[1].err
    assert [attempt["step_id"] for attempt in journal(tmp_path / "run", "execution")] == ["first", "second", "third"]
    assert_whole(tmp_path / "run")


# --------------------------------------------------------------------------------------------- the disk and the share


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="a small disk is made with bubblewrap")
def test_a_full_disk_ends_in_a_sentence_and_what_was_written_is_kept(small_cohort, tmp_path):
    """On a disk of 2 MB, which the checkpoints fill."""
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    kept.mkdir()
    inner = '"$@"; code=$?; cp -r run "$KEPT"; exit $code'
    command = ["bwrap", "--dev-bind", "/", "/", "--size", str(2 * 2**20), "--tmpfs", str(disk), "--chdir", str(disk)]
    command += ["--setenv", "KEPT", str(kept), "sh", "-c", inner, "sh", *COMMAND, "run", REQUEST]
    command += ["--data", str(small_cohort), "--out", "run"]
    said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300)
    assert said.returncode == 4, said.stderr
    assert "Traceback" not in said.stderr
    assert "Free some space" in said.stderr or "No space left" in said.stderr
    scan = read_records((kept / "run" / "journal.jsonl").read_bytes())
    assert scan.records and not scan.problems


def test_a_share_that_vanishes_during_a_run_is_told_and_the_run_goes_on_once_it_is_back(cohort_copy, tmp_path):
    folder, away = tmp_path / "run", tmp_path / "away"
    request = RunRequest(intent="Detect pneumothorax on chest X-rays.", data=str(cohort_copy), out=str(folder))
    request = request.model_copy(update={"budget_minutes": 0.4})
    results, _, _ = run_in_process(request, after_preflight=lambda: cohort_copy.rename(away))
    assert results.status in {"failed", "needs_answer"}, results.sentence
    assert str(cohort_copy) in results.sentence and "Traceback" not in results.sentence
    assert_whole(folder)
    away.rename(cohort_copy)
    said = clinjup("run", "--resume", folder, "--json")
    assert said.code == 0, said.err
    assert said.json["status"] == "completed"


# ----------------------------------------------------------------------------------------------------------- the clock


def test_a_clock_that_jumps_neither_reorders_events_nor_shortens_the_run(
    scripted_claude, small_cohort, tmp_path, monkeypatch
):
    real, ahead = time.time, itertools.cycle([0.0, 7200.0, -86400.0])
    monkeypatch.setattr(time, "time", lambda: real() + next(ahead))
    results, _, events = ask_claude(scripted_claude(THREE_STEPS), small_cohort, tmp_path / "run")
    assert [event.ts for event in events] == sorted(event.ts for event in events)
    assert 0 < results.seconds < 600
    assert_whole(tmp_path / "run")
    assert clinjup("verify", tmp_path / "run").code == 0
