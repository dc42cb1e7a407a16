"""What is wrong around a run: the disk, another server, the user's own cell, an administrator's limit. One sentence, nothing lost."""

from __future__ import annotations

import base64
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from .claude_server import ENDED, UNTIL_GO, empty_notebook, let_go, markdown, script, start
from .door import Server
from .test_bad_input import refused
from .test_live_runs import texts_of

SERVER = [
    sys.executable,
    "-c",
    "from jupyter_server.serverapp import main; main()",
    "--ServerApp.jpserver_extensions={'clinjup.server': True}",
]
# Goes on once the test takes a file away; nothing has to be written for that.
UNTIL_FREE = """import time
from pathlib import Path

if not Path("cache/once").exists():  # not when the run is resumed
    Path("cache/once").touch()
    Path("cache/hold").touch()
print("waiting")
while Path("cache/hold").exists():
    time.sleep(0.02)
print("gone on")
"""


@pytest.fixture
def bubblewrap():
    """Gives a server disks of its own: a full one, a read-only file."""
    if sys.platform.startswith("linux") and shutil.which("bwrap"):
        return ["bwrap", "--dev-bind", "/", "/", "--die-with-parent"]
    sentence = "bubblewrap is not installed, so a full disk cannot be tested (apt install bubblewrap)"
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)


def said_loudly(events):
    return [event["data"]["text"] for event in events if event["type"] == "text.delta" and event["data"].get("loud")]


def test_a_read_only_notebook_is_told_and_the_run_keeps_its_cells_in_its_folder(
    own_server, scripted_claude, small_cohort, tmp_path, bubblewrap
):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cell = {"id": "mine", "cell_type": "markdown", "source": "mine", "metadata": {}}
    theirs = {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    locked = tmp_path / "locked.ipynb"
    locked.write_text(json.dumps(theirs), encoding="utf-8")
    inside = tmp_path / "root0" / "locked.ipynb"
    server = own_server(command=[*bubblewrap, "--ro-bind", str(locked), str(inside), *SERVER])
    run = start(server, scripted_claude(script("print('computed')")), small_cohort, "locked.ipynb")
    events = server.run_to_end(run["id"])
    assert any("read-only" in text and "kept in its folder" in text for text in said_loudly(events))
    assert json.loads(locked.read_text(encoding="utf-8")) == theirs
    kept = json.loads(Path(run["folder"], "notebook.ipynb").read_text(encoding="utf-8"))
    assert texts_of(kept, "s1") == "computed\n" and "mine" in json.dumps(kept)


def test_a_full_disk_is_told_in_a_sentence_and_the_run_goes_on_once_there_is_room(
    own_server, scripted_claude, small_cohort, tmp_path, bubblewrap
):
    disk = ["--size", str(24 * 2**20), "--tmpfs", str(tmp_path / "root0")]
    server = own_server("--FileContentsManager.delete_to_trash=False", command=[*bubblewrap, *disk, *SERVER])
    cells = script("print('first')", UNTIL_FREE, "print('last')")
    path = empty_notebook(server, "full.ipynb", markdown("mine", "mine"))
    run = start(server, scripted_claude(cells), small_cohort, path)
    server.until(run["id"], lambda event: event["type"] == "cell.started" and event["data"]["step_id"] == "s2")
    hold = f"api/contents/{run['folder_path']}/cache/hold"
    while server.get(f"{hold}?content=0")[0] != 200:
        pass
    fillers = fill(server)
    assert server.ask("DELETE", hold)[0] == 204
    # What was computed cannot be written down, so nothing more is sent to the model and no cell runs: the run asks, or has ended.
    server.until(run["id"], lambda event: event["type"] in {"question.asked", "run.finished"})
    # The notebook is saved at most once a second, so its trouble may be told a moment later.
    told = (text for event in server.events(f"{run['id']}:0") for text in said_loudly([event]))
    assert any("The disk is full" in text and "Free some space" in text for text in told)

    for name in fillers:
        server.ask("DELETE", f"api/contents/{name}")
    server.post(f"clinjup/v1/runs/{run['id']}/stop")
    last = server.run_to_end(run["id"])[-1]
    assert last["data"]["status"] in {"interrupted", "failed"}
    assert server.post(f"clinjup/v1/runs/{run['id']}/resume")[0] == 200
    for event in server.events(f"{run['id']}:{last['seq'] + 1}"):
        if event["run_id"] == run["id"] and event["type"] == "run.finished":
            break
    notebook = server.get(f"api/contents/{path}?content=1")[1]["content"]
    assert [texts_of(notebook, step) for step in ("s1", "s3")] == ["first\n", "last\n"]
    assert texts_of(notebook, "s2").startswith("waiting\ngone on\n"), "what the cell showed on the full disk is lost"
    assert "mine" in json.dumps(notebook["cells"])


def test_an_example_for_which_the_disk_has_no_room_is_told_in_a_sentence(own_server, tmp_path, bubblewrap):
    disk = ["--size", str(2**19), "--tmpfs", str(tmp_path / "root0")]
    server = own_server(command=[*bubblewrap, *disk, *SERVER])
    status, run = server.post("clinjup/v1/runs", {"example": "pneumothorax", "patients": 60})
    assert status == 201
    told = server.run_to_end(run["id"])[-1]["data"]
    assert told["status"] == "failed"
    assert "The disk is full" in told["sentence"] and "Errno" not in told["sentence"]
    assert "start the example again" in told["sentence"] and "resume" not in told["sentence"]


def fill(server):
    """Fill the server's disk to its last bytes; the names of the files that do it."""
    fillers = []
    for size in (2**20, 2**17, 2**14, 2**11, 2**8, 1):
        body = {"type": "file", "format": "base64", "content": base64.b64encode(os.urandom(size)).decode()}
        while server.ask("PUT", f"api/contents/filler-{len(fillers)}", body)[0] in {200, 201}:
            fillers.append(f"filler-{len(fillers)}")
    return fillers


def test_a_second_server_on_the_same_folder_sees_the_run_and_keeps_its_hands_off(
    own_server, scripted_claude, small_cohort
):
    first = own_server()
    path = empty_notebook(first, "shared.ipynb", markdown("mine", "mine"))
    run = start(first, scripted_claude(script(UNTIL_GO)), small_cohort, path)
    first.until(run["id"], lambda event: event["type"] == "cell.started")
    second = Server(first.root)
    try:
        (seen,) = second.get("clinjup/v1/runs")[1]["runs"]
        assert (seen["id"], seen["status"], seen["resumable"]) == (run["id"], "running", False)
        journal = Path(run["folder"], "journal.jsonl")
        whole = journal.read_bytes()
        half = whole + b'{"data":{"text":"a line that the first server is wri'
        journal.write_bytes(half)
        assert second.get("clinjup/v1/runs")[1]["runs"][0]["status"] == "running"
        assert second.run_to_end(run["id"])[0]["type"] == "run.started"
        assert journal.read_bytes() == half
        journal.write_bytes(whole)
        status, problem = second.post(f"clinjup/v1/runs/{run['id']}/resume")
        assert status == 422 and "Another program carries the run" in problem["sentence"]
        problem = refused(second, small_cohort, path, answers={"confounder": "none"})
        assert problem["code"] == "notebook" and "Another run is writing 'shared.ipynb'" in problem["sentence"]
        let_go(run)
        assert first.run_to_end(run["id"])[-1]["data"]["status"] == ENDED
        (seen,) = second.get("clinjup/v1/runs")[1]["runs"]
        assert seen["status"] == ENDED
    finally:
        second.close()
    assert texts_of(first.notebook(path), "s1") == "waiting\ngone on\n"


def test_a_notebook_with_200_mb_of_outputs_is_refused_in_a_sentence_and_stays_as_it_is(server, small_cohort):
    output = {"output_type": "stream", "name": "stdout", "text": "x" * 200 * 2**20}
    cell = {"id": "big", "cell_type": "code", "source": "", "metadata": {}, "execution_count": 1, "outputs": [output]}
    file = server.root / "big.ipynb"
    file.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    before = (file.stat().st_size, file.stat().st_mtime_ns)
    problem = refused(server, small_cohort, "big.ipynb", answers={"confounder": "none"})
    assert (
        problem["code"] == "notebook" and "200 MB" in problem["sentence"] and "Clear its outputs" in problem["sentence"]
    )
    assert (file.stat().st_size, file.stat().st_mtime_ns) == before
    file.unlink()


def test_a_run_waits_for_the_cell_that_the_user_has_running_and_says_so(
    server, scripted_claude, small_cohort, tmp_path
):
    from jupyter_client import BlockingKernelClient
    from jupyter_client.session import Session

    path = empty_notebook(server, "busy.ipynb", markdown("mine", "mine"))
    kernel = {"name": "python3"}
    status, session = server.post("api/sessions", {"path": path, "name": path, "type": "notebook", "kernel": kernel})
    assert status == 201, session
    runtime = server.root.parent / f"{server.root.name}-home" / "runtime"
    file = runtime / f"kernel-{session['kernel']['id']}.json"
    key = json.loads(file.read_text(encoding="utf-8"))["key"].encode()
    user = BlockingKernelClient(connection_file=str(file), session=Session(key=key))
    user.load_connection_file()
    user.start_channels()
    try:
        user.wait_for_ready(timeout=60)
        go = tmp_path / "go"
        user.execute(
            f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.05)\nmine = 'kept by the user'"
        )
        run = start(server, scripted_claude(script("print(mine)")), small_cohort, path)
        told = server.until(run["id"], lambda event: event["type"] == "text.delta" and "busy" in event["data"]["text"])
        assert "the run waits until it is done" in told["data"]["text"]
        go.touch()
        assert server.run_to_end(run["id"])[-1]["data"]["status"] == ENDED
        assert texts_of(server.notebook(path), "s1") == "kept by the user\n"
    finally:
        user.stop_channels()


def test_runs_lie_where_the_administrator_says_and_end_when_the_administrator_says(
    own_server, scripted_claude, small_cohort
):
    server = own_server("--Clinjup.run_dir=studies/runs", "--Clinjup.max_run_hours=0.002")
    assert server.get("clinjup/v1/about")[1]["limits"]["max_run_hours"] == 0.002
    run = start(server, scripted_claude(script(UNTIL_GO)), small_cohort, None)
    assert Path(run["folder"]).parent == server.root / "studies" / "runs"
    assert run["notebook"].startswith("studies/runs/")
    events = server.run_to_end(run["id"])
    assert events[-1]["data"]["status"] == "interrupted"
    assert any("max_run_hours" in text for text in said_loudly(events))
    assert server.get("clinjup/v1/runs")[1]["runs"][0]["resumable"]


def test_after_going_back_the_run_does_again_what_was_taken_out(server, scripted_claude, small_cohort):
    path = empty_notebook(server, "again.ipynb", markdown("mine", "mine"))
    cells = script("print('first')", "print('second')")
    claude = scripted_claude([*cells, *script(s2="print('second, again')")[1:]])
    run = start(server, claude, small_cohort, path)
    server.run_to_end(run["id"])
    status, restored = server.post(f"clinjup/v1/runs/{run['id']}/restore", {"step_id": "s2"})
    assert status == 200, restored
    # It does not say that the notebook is as it was: what the user wrote meanwhile is not taken back.
    assert restored["sentence"].startswith("2 cells of the run were taken out from '"), restored["sentence"]
    assert "What you wrote or changed is still there" in restored["sentence"]
    assert texts_of(server.notebook(path), "s2") == "" and texts_of(server.notebook(path), "s1") == "first\n"
    last = server.get(f"clinjup/v1/runs/{run['id']}")[1]["last_seq"]
    assert server.post(f"clinjup/v1/runs/{run['id']}/resume")[0] == 200
    for event in server.events(f"{run['id']}:{last + 1}"):
        if event["run_id"] == run["id"] and event["type"] == "run.finished":
            break
    notebook = server.notebook(path)
    assert texts_of(notebook, "s2") == "second, again\n" and texts_of(notebook, "s1") == "first\n"
    assert "mine" in json.dumps(notebook["cells"])
