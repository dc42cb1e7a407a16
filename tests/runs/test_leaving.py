"""Whoever leaves: Ctrl-D at a question, Ctrl-C before the run, an answer that the data cannot carry."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from clinjup.contracts import RunRequest, UnusableData
from clinjup.reporting import Journal
from clinjup.run_folder import read_history
from tests.runs.door import COMMAND, run_in_process

VAGUE = "Make me something useful with these X-rays."
SLOW_SHARE = """
import asyncio, sys
import clinjup.preflight

async def look(folder):
    print("looking", file=sys.stderr, flush=True)
    await asyncio.sleep(600)

clinjup.preflight.look = look
from clinjup.cli import main
main()
"""

posix = pytest.mark.skipif(sys.platform == "win32", reason="terminals and console signals are a POSIX matter")


@posix
def test_ctrl_d_at_a_question_ends_the_run_as_one_that_needs_an_answer(small_cohort, tmp_path):
    import pty

    master, terminal = pty.openpty()
    folder = tmp_path / "run"
    process = subprocess.Popen(
        [*COMMAND, "run", VAGUE, "--data", str(small_cohort), "--out", str(folder)],
        stdin=terminal,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    os.close(terminal)
    os.write(master, b"\x04")
    _, err = process.communicate(timeout=300)
    os.close(master)
    assert process.returncode == 3 and "Traceback" not in err and "--resume" in err, err
    assert json.loads((folder / "results.json").read_text(encoding="utf-8"))["status"] == "needs_answer"


@posix
def test_ctrl_c_before_the_run_has_begun_is_exit_4_and_changes_nothing(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_SHARE, "run", VAGUE, "--data", str(data), "--out", str(tmp_path / "run")],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stderr is not None and process.stderr.readline() == "looking\n"
    process.send_signal(signal.SIGINT)
    assert "Stopped before the run began" in process.stderr.read()
    assert process.wait(timeout=60) == 4 and not (tmp_path / "run").exists()


def test_an_answer_that_the_data_cannot_carry_leaves_no_run_folder(small_cohort, tmp_path):
    def answer(manager, run_id, event):
        if event.type == "question.asked":
            manager.answer(run_id, {q["id"]: "scaphoid fracture" for q in event.data["questions"]})

    request = RunRequest(intent=VAGUE, data=str(small_cohort), out=str(tmp_path / "run"))
    with pytest.raises(UnusableData):
        run_in_process(request, on_event=answer)
    assert not (tmp_path / "run").exists()


def test_a_stop_is_for_one_try_and_waiting_is_no_time_of_the_run(tmp_path, monkeypatch):
    times = iter([0, 2, 100, 103, 1000, 1004, 1005])
    journal = Journal.create(tmp_path / "journal.jsonl")

    class Clock:
        @staticmethod
        def now(_):
            from datetime import UTC, datetime

            return datetime.fromtimestamp(next(times), UTC)

    monkeypatch.setattr("clinjup.reporting.journal.datetime", Clock)
    request = RunRequest(intent="Is there a pneumothorax?", data=str(tmp_path))
    journal.append("intent", {"run_id": "r", "request": request.model_dump(mode="json")})
    journal.append("question", {"questions": []})  # after 2 seconds
    journal.append("answer", {"answers": {"failed_load": "stop", "target": "pneumothorax"}})  # waited
    journal.append("execution", {"step_id": "load", "ok": False, "source_sha256": "0"})  # 3 seconds
    journal.append("resume", {"answers": {}})  # between two tries
    journal.append("execution", {"step_id": "load", "ok": True, "source_sha256": "0"})  # 4 seconds
    journal.append("finished", {"status": "failed", "sentence": ""})  # 1 second
    history = read_history(tmp_path)
    assert history.answers == {"target": "pneumothorax"}
    assert history.seconds == 10
