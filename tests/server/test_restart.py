"""Rule 14: the server is killed in the middle of a run."""

from __future__ import annotations

import json

from .claude_server import UNTIL_GO, empty_notebook, let_go, markdown, script, start
from .test_live_runs import texts_of


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
    server.post(f"clinjup/v1/runs/{run['id']}/stop")
