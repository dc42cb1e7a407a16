"""Rule 14: the server is killed in the middle of a run."""

from __future__ import annotations

import json
import shutil

import websocket

from .claude_server import UNTIL_GO, empty_notebook, let_go, markdown, script, start
from .test_live_runs import texts_of
from .test_rest import planned


def test_after_a_crash_the_notebook_is_whole_the_run_is_interrupted_and_can_be_resumed(
    own_server, scripted_claude, small_cohort, open_tab
):
    server = own_server()
    path = empty_notebook(server, "crash.ipynb", markdown("mine", "mine"))
    tab = open_tab(server, path)  # it holds the file and never saves again: only the log knows the last cells
    claude = scripted_claude([*script("print('first')", UNTIL_GO)[:-1], *script(UNTIL_GO)[1:]])
    run = start(server, claude, small_cohort, path)
    tab.receive_until(lambda tab: any("waiting" in str(outputs) for outputs in tab.outputs.values()))
    tab.tab.find("mine").source = "edited a moment before the crash"
    tab.snapshot()
    server.until(run["id"], lambda event: event["type"] == "cell.started" and event["data"]["step_id"] == "s2")
    tab.receive_until(lambda tab: tab.tab.find("mine").base == "edited a moment before the crash")
    server.kill()
    server.start()

    found = server.get("clinjup/v1/runs")[1]["runs"]
    assert [(one["id"], one["status"], one["resumable"]) for one in found] == [(run["id"], "interrupted", True)]
    notebook = server.notebook(path)
    assert notebook["cells"][0]["source"] == ["edited a moment before the crash"]
    assert texts_of(notebook, "s1") == "first\n"
    assert "waiting" in json.dumps(notebook["cells"])
    replayed = [event["type"] for event in server.run_to_end(run["id"])]
    assert (replayed[0], replayed[-1]) == ("run.started", "run.finished")

    let_go(run)
    status, resumed = server.post(f"clinjup/v1/runs/{run['id']}/resume")
    assert (status, resumed["id"], resumed["status"]) == (200, run["id"], "running"), resumed
    events = server.events(f"{run['id']}:{resumed['last_seq'] + 1}")
    assert (
        next(event["type"] for event in events if event["type"] in {"cell.started", "run.finished"}) == "cell.started"
    )
    status, kernels = server.get("api/kernels")  # its kernel was still starting when the finished step ran in it again
    assert (status, len(kernels)) == (200, 1), kernels
    server.post(f"clinjup/v1/runs/{run['id']}/stop")


def test_a_past_run_whose_folder_is_gone_does_not_silence_the_others(own_server, small_cohort):
    server = own_server()
    gone, kept = planned(server, small_cohort), planned(server, small_cohort)
    server.kill()
    server.start()
    assert len(server.get("clinjup/v1/runs")[1]["runs"]) == 2
    shutil.rmtree(gone["folder"])
    for event in server.events(f"{gone['id']}:0,{kept['id']}:0"):
        assert event["run_id"] == kept["id"]
        if event["type"] == "run.finished":
            break


def test_a_socket_on_which_no_events_can_come_is_closed_so_that_the_page_connects_again(server):
    events = server.socket("clinjup/v1/events?since=run:%C2%B2")  # a superscript two, which is a digit and no number
    opcode, content = events.recv_data()
    assert (opcode, int.from_bytes(content[:2], "big")) == (websocket.ABNF.OPCODE_CLOSE, 1011)
