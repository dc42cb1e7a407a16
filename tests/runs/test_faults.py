"""What breaks around a run: the kernel, the program itself, the disk, the data share, the clock, a second run."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from clinjup.contracts import Event, RunRequest
from clinjup.reporting.journal import read_records
from clinjup.run_folder import read_history
from clinjup.runs import RunManager
from tests.conftest import REQUEST
from tests.runs.claude_door import ask_claude, assert_whole, journal
from tests.runs.door import COMMAND, clinjup, run_in_process
from tests.runs.dying import THREE_STEPS, is_killed_at, left_of_three_steps, three_steps


def kernels() -> list[psutil.Process]:
    """Kernels that this process has started."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "ipykernel_launcher" in " ".join(child.cmdline())]


# --------------------------------------------------------------------------------------------------- the kernel dies


def plain_request(data: Path, folder: Path, **changes: Any) -> RunRequest:
    return RunRequest(intent="Detect pneumothorax on chest X-rays.", data=str(data), out=str(folder), **changes)


def told_errors(events: list[Event]) -> list[str]:
    return [event.data["message"] for event in events if event.type == "error.diagnosed"]


def trained_batches(folder: Path) -> list[int]:
    """The size of the batch in each try of the training."""
    sources = [each["source"] for each in journal(folder, "execution") if each["step_id"] == "train_baseline"]
    return [int(re.search(r"BATCH_SIZE = (\d+)", source)[1]) for source in sources]


MORE_MEMORY = "Close other programs or use a machine with more memory, then resume the run."
DIED = "The kernel that ran this cell stopped, most often because memory ran out."


def test_a_kernel_killed_in_training_is_told_and_the_training_goes_on_from_its_last_epoch(small_cohort, tmp_path):
    killed: list[int] = []

    def kill_once(manager: RunManager, run_id: str, event: Event) -> None:
        trained = event.type == "cell.progress" and "validation AUROC" in event.data["detail"]
        if trained and not killed:
            (kernel,) = kernels()
            killed.append(kernel.pid)
            kernel.kill()

    folder = tmp_path / "run"
    results, _, events = run_in_process(plain_request(small_cohort, folder), on_event=kill_once)
    assert killed and results.status == "completed", results.sentence
    assert (results.cells.failed, results.cells.repaired) == (1, 1)
    assert told_errors(events) == [DIED]
    (repair,) = journal(folder, "repair")
    assert "goes on after its last complete epoch" in repair["change"]
    assert any("went on after epoch" in note for note in results.notes)
    assert_whole(folder)


KILLED_AFTER_AN_EPOCH = """
import os
from pathlib import Path
from clinjup.learning.unfinished import SaveEachEpoch
tries, saved = Path({tries!r}), SaveEachEpoch.on_train_epoch_end

def on_train_epoch_end(self, *arguments):
    saved(self, *arguments)
    left = int(tries.read_text())
    if left:
        tries.write_text(str(left - 1))
        os.kill(os.getpid(), 9)

SaveEachEpoch.on_train_epoch_end = on_train_epoch_end
"""


@pytest.fixture
def at_kernel_start(tmp_path, monkeypatch) -> Callable[[str], None]:
    """Takes the code that IPython runs when a kernel starts."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    return lambda code: startup.joinpath("fault.py").write_text(code, encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_kernel_killed_again_in_the_same_training_trains_smaller_batches(at_kernel_start, small_cohort, tmp_path):
    folder, tries = tmp_path / "run", tmp_path / "tries"
    tries.write_text("2")
    at_kernel_start(KILLED_AFTER_AN_EPOCH.format(tries=str(tries)))
    results, _, events = run_in_process(plain_request(small_cohort, folder))
    assert results.status == "completed", results.sentence
    assert (results.cells.failed, results.cells.repaired) == (2, 1)
    assert told_errors(events) == [DIED, DIED]
    again, smaller = (repair["change"] for repair in journal(folder, "repair"))
    assert again.startswith("A new kernel was started") and smaller == (
        "The kernel stopped again, most often because memory ran out, so the training begins anew with 32 images at a time instead of 64."
    )
    assert trained_batches(folder) == [64, 64, 32]
    assert_whole(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_kernel_killed_in_every_try_ends_the_run_in_a_sentence_and_the_run_can_be_resumed(
    at_kernel_start, small_cohort, tmp_path
):
    folder, tries = tmp_path / "run", tmp_path / "tries"
    tries.write_text("100")
    at_kernel_start(KILLED_AFTER_AN_EPOCH.format(tries=str(tries)))
    results, _, events = run_in_process(plain_request(small_cohort, folder))
    assert results.status == "failed" and tries.read_text() == "97"
    assert results.sentence == (
        f"The step 'Train: baseline' failed 3 times and could not be mended. The last error: {DIED[:-1]} (KernelDied). {MORE_MEMORY}"
    )
    assert told_errors(events) == [DIED] * 3 and events[-1].data["resumable"]
    assert_whole(folder)

    tries.write_text("0")
    said = clinjup("run", "--resume", folder, "--json")
    assert said.code == 0, said.err
    assert said.json["status"] == "completed"
    assert trained_batches(folder) == [64, 64, 32, 64]  # the memory may be large enough by now
    assert_whole(folder)


# ------------------------------------------------------------------------------------------------- memory runs out

SHORT_OF_MEMORY = """
import torch
from clinjup.learning.classifier import Classifier
step = Classifier.training_step

def training_step(self, batch, *more):
    if len(batch[0]) > {fits}:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 1.50 GiB free.")
    return step(self, batch, *more)

Classifier.training_step = training_step
"""


def test_a_batch_that_memory_runs_out_on_is_halved_until_it_fits(at_kernel_start, small_cohort, tmp_path):
    folder = tmp_path / "run"
    at_kernel_start(SHORT_OF_MEMORY.format(fits=10))
    results, _, events = run_in_process(plain_request(small_cohort, folder))
    assert results.status == "completed", results.sentence
    assert told_errors(events) == [
        f"Memory ran out while {size} images were trained at a time." for size in (64, 32, 16)
    ]
    assert [repair["change"] for repair in journal(folder, "repair")] == [
        f"Memory was too small for batches of {size} images, so {size // 2} are trained at a time."
        for size in (64, 32, 16)
    ]
    assert trained_batches(folder) == [64, 32, 16, 8]
    assert_whole(folder)


def test_memory_too_small_for_any_batch_ends_the_run_in_what_to_do_and_it_goes_on_with_more(
    at_kernel_start, small_cohort, tmp_path
):
    folder = tmp_path / "run"
    at_kernel_start(SHORT_OF_MEMORY.format(fits=0))
    results, _, _ = run_in_process(plain_request(small_cohort, folder))
    assert results.status == "failed"
    assert results.sentence == (
        "The step 'Train: baseline' failed 5 times and could not be mended. The last error: Memory ran out while 4 images were trained "
        f"at a time (BatchTooLargeError). {MORE_MEMORY}"
    )
    assert trained_batches(folder) == [64, 32, 16, 8, 4]
    assert_whole(folder)

    at_kernel_start(SHORT_OF_MEMORY.format(fits=64))
    said = clinjup("run", "--resume", folder, "--json")
    assert said.code == 0, said.err
    assert said.json["status"] == "completed"
    assert trained_batches(folder) == [64, 32, 16, 8, 4, 64]
    assert_whole(folder)


# -------------------------------------------------------------------------------------------------- the program dies


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
@pytest.mark.parametrize("line", [2, 9, 13, 14, 24, 28])
def test_a_run_killed_at_any_line_of_its_journal_resumes_and_repeats_nothing_that_had_finished(
    scripted_claude, small_cohort, tmp_path, line
):
    folder, replies = tmp_path / "run", list(THREE_STEPS)
    server = scripted_claude(lambda body: replies.pop(0) for _ in itertools.count())
    assert is_killed_at(line, *three_steps(server, small_cohort, folder))
    replies[:] = left_of_three_steps(folder)

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
    """Killed four times: when a validation counts as done, when the test set was just opened, when only that was written down, and when
    the notebook does not yet name the last line of the journal."""
    folder = tmp_path / "run"
    begun = ["run", "Detect pneumothorax on chest X-rays.", "--data", str(small_cohort), "--out", str(folder)]
    begun += ["--budget-minutes", "0.4"]
    for moment in ("execution of validate_baseline", "opening of the test set", "result of test", "finished of None"):
        command = [sys.executable, "-c", DYING_IN_A_STEP, moment, *begun]
        died = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300
        )
        assert died.returncode == -signal.SIGKILL, died.stderr
        assert (folder / "cache" / "test_opening.json").is_file() == (moment != "execution of validate_baseline")
        assert len(journal(folder, "test_opening")) == (moment in {"result of test", "finished of None"})
        begun = ["run", "--resume", str(folder)]

    assert "resume it once" in clinjup("verify", folder).out
    said = clinjup("run", "--resume", folder)
    assert said.code == 2 and "now names the journal's last record" in said.err
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    (model,) = results["models"]
    assert model["validation"]["auroc"]["n"] and model["test"]["auroc"]["n"] and results["selected"] == "baseline"
    assert results["test_openings"] == len(journal(folder, "test_opening")) == 1
    assert "opened once" in (folder / "model_card.md").read_text(encoding="utf-8")
    assert read_history(folder, finished_too=True).closed_steps[-1] == "test"
    assert clinjup("verify", folder).out.splitlines()[-1] == "verified"

    renamed = (folder / "notebook.ipynb").rename(folder / "my study.ipynb")
    for head, mended in ((journal_hashes(folder)[3], True), ("0" * 64, False)):
        notebook = json.loads(renamed.read_text(encoding="utf-8"))
        notebook["metadata"]["clinjup"]["journal_head"] = head
        renamed.write_text(json.dumps(notebook), encoding="utf-8")
        assert ("resume it once" in clinjup("verify", folder).out) == mended
        assert clinjup("run", "--resume", folder).code == 2
        assert (clinjup("verify", folder).code == 0) == mended
    assert [path.name for path in folder.glob("*.ipynb")] == ["my study.ipynb"]


def journal_hashes(folder: Path) -> list[str]:
    return [record.hash for record in read_records((folder / "journal.jsonl").read_bytes()).records]


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
    request = plain_request(cohort_copy, folder, budget_minutes=0.4)
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
