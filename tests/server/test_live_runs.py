"""A run that is started over REST: in the kernel of the notebook's session, in the open tab as ops, in one file with one writer."""

from __future__ import annotations

import json
from pathlib import Path

from clinjup.reporting import verify_run
from clinjup.server.events import EVENT_DATA

from .claude_server import ENDED, UNTIL_GO, code, empty_notebook, in_kernel, let_go, markdown, script, start
from .door import HeadlessTab, wait_until

STREAM = "for number in range(3):\n    print('line', number)"


def steps_of(notebook, run):
    return [
        (cell["cell_type"], cell["metadata"]["clinjup"]["step_id"])
        for cell in notebook["cells"]
        if cell["metadata"].get("clinjup", {}).get("run_id") == run["id"]
    ]


def texts_of(notebook, step_id):
    """What the code cell of a step printed."""
    return "".join(
        "".join(output.get("text", ""))
        for cell in notebook["cells"]
        if cell["metadata"].get("clinjup", {}).get("step_id") == step_id and cell["cell_type"] == "code"
        for output in cell["outputs"]
    )


def test_cells_and_outputs_reach_the_open_tab_which_writes_the_file(server, scripted_claude, small_cohort, open_tab):
    """Rules 1, 2, 5, 9, 12."""
    path = empty_notebook(server, "live.ipynb", code("mine", "kept = 41"))
    tab = open_tab(server, path)
    run = start(server, scripted_claude(script(STREAM, UNTIL_GO)), small_cohort, path)
    tab.receive_until(lambda tab: any("waiting" in str(outputs) for outputs in tab.outputs.values()))
    assert tab.welcomes[-1].live and tab.welcomes[-1].owner and tab.welcomes[-1].run_id == run["id"]
    sessions = server.get("api/sessions")[1]
    assert [s["kernel"]["id"] for s in sessions if s["path"] == path] == [tab.welcomes[-1].kernel_id]
    let_go(run)
    tab.receive_until(HeadlessTab.run_is_over)
    events = server.run_to_end(run["id"])
    assert (events[-1]["type"], events[-1]["data"]["status"]) == ("run.finished", ENDED)

    on_disk = server.notebook(path)
    assert tab.saves >= 1 and on_disk["cells"][0]["source"] == ["kept = 41"]
    assert texts_of(on_disk, "s1") == "line 0\nline 1\nline 2\n"
    assert texts_of(on_disk, "s2") == "waiting\ngone on\n"
    shown = {cell.id: cell.source for cell in tab.tab.cells}
    assert shown == {cell["id"]: "".join(cell["source"]) for cell in on_disk["cells"]}
    assert any(op.op == "append_stream" and op.text == "gone on\n" for op in tab.ops) or "gone on" in str(tab.outputs)
    assert verify_run(Path(run["folder"])).ok
    assert {path.name for path in Path(run["folder"]).iterdir()} >= {
        "notebook.ipynb",
        "journal.jsonl",
        "results.json",
        "report.html",
    }


def test_every_event_of_a_run_fits_the_protocol_and_is_replayed_from_any_seq(server, scripted_claude, small_cohort):
    path = empty_notebook(server, "typed.ipynb")
    run = start(server, scripted_claude(script("1 / 0", s2=STREAM)), small_cohort, path)
    events = server.run_to_end(run["id"])
    for event in events:
        EVENT_DATA[event["type"]].model_validate(event["data"])
    assert {"run.started", "plan.updated", "cell.finished", "error.diagnosed", "usage"} <= {e["type"] for e in events}
    assert [event["seq"] for event in events] == sorted({event["seq"] for event in events})
    assert events[0]["data"]["destination"] == {"offline": False, "host": "127.0.0.1", "loopback": True}

    later = []
    for event in server.events(f"{run['id']}:5"):
        later.append(event)
        if event["type"] == "run.finished" and event["run_id"] == run["id"]:
            break
    assert later == events[5:]


def test_the_run_goes_on_when_the_tab_is_closed_and_a_new_tab_shows_everything(
    server, scripted_claude, small_cohort, open_tab
):
    """Rules 5, 6, 7: the server writes the file, takes over what the tab had saved, and the next tab begins from it."""
    path = empty_notebook(server, "closed.ipynb", markdown("mine", "before"))
    tab = open_tab(server, path)
    run = start(server, scripted_claude(script(UNTIL_GO, STREAM)), small_cohort, path)
    tab.receive_until(lambda tab: any("waiting" in str(outputs) for outputs in tab.outputs.values()))
    tab.tab.find("mine").source = "written by the user"
    tab.snapshot()
    tab.close()
    let_go(run)
    assert server.run_to_end(run["id"])[-1]["data"]["status"] == ENDED
    on_disk = server.notebook(path)
    assert on_disk["cells"][0]["source"] == ["written by the user"]
    assert texts_of(on_disk, "s2") == "line 0\nline 1\nline 2\n"

    again = open_tab(server, path)
    assert [cell.id for cell in again.tab.cells] == [cell["id"] for cell in on_disk["cells"]]
    assert verify_run(Path(run["folder"])).ok


def test_edits_made_offline_and_a_deleted_cell_survive_the_reconnect(server, scripted_claude, small_cohort, open_tab):
    path = empty_notebook(
        server, "offline.ipynb", markdown("one", "one"), markdown("two", "two"), markdown("three", "three")
    )
    tab = open_tab(server, path)
    cells = script(UNTIL_GO, UNTIL_GO.replace("cache/go", "cache/second"), STREAM)
    run = start(server, scripted_claude(cells), small_cohort, path)
    tab.receive_until(lambda tab: any("waiting" in str(outputs) for outputs in tab.outputs.values()))
    tab.close()
    tab.tab.find("one").source = "one, edited offline"
    tab.tab.cells.remove(tab.tab.find("two"))
    let_go(run)
    server.until(run["id"], lambda event: event["type"] == "cell.started" and event["data"]["step_id"] == "s2")
    wait_until(
        lambda: "cache/second" in json.dumps(server.notebook(path))
    )  # the server wrote the file, without these edits
    tab.connect()
    tab.receive_until(lambda tab: tab.tab.find("one").base == "one, edited offline")
    let_go(run, "second")
    tab.receive_until(HeadlessTab.run_is_over)
    server.run_to_end(run["id"])
    sources = ["".join(cell["source"]) for cell in server.notebook(path)["cells"]]
    assert "one, edited offline" in sources and "three" in sources and "two" not in sources
    assert texts_of(server.notebook(path), "s3") == "line 0\nline 1\nline 2\n"


def test_stop_interrupts_the_running_cell_and_leaves_the_users_kernel_alive(
    server, scripted_claude, small_cohort, open_tab
):
    path = empty_notebook(server, "stopped.ipynb")
    run = start(server, scripted_claude(script("kept = 42", UNTIL_GO)), small_cohort, path)
    server.until(run["id"], lambda e: e["type"] == "cell.started" and e["data"]["step_id"] == "s2")
    status, _ = server.post(f"clinjup/v1/runs/{run['id']}/stop")
    assert status == 200
    events = server.run_to_end(run["id"])
    assert events[-1]["data"]["status"] == "interrupted"
    assert in_kernel(server, path, "print(kept)") == "42\n"
    summary = server.get(f"clinjup/v1/runs/{run['id']}")[1]
    assert (summary["status"], summary["resumable"]) == ("interrupted", True)


def test_the_runs_cells_work_in_the_run_folder_and_the_users_cells_where_they_always_did(
    server, scripted_claude, small_cohort
):
    path = empty_notebook(server, "places.ipynb")
    run = start(
        server, scripted_claude(script("from pathlib import Path\nprint(Path('.').resolve().name)")), small_cohort, path
    )
    server.run_to_end(run["id"])
    assert texts_of(server.notebook(path), "s1").strip() == Path(run["folder"]).name
    assert in_kernel(server, path, "import os; print(os.getcwd())").strip() == str(server.root)


def test_an_approval_is_asked_for_and_given_by_hash_and_nothing_else_runs(server, scripted_claude, small_cohort):
    path = empty_notebook(server, "asked.ipynb")
    run = start(server, scripted_claude(script("print('seen by the clinician')")), small_cohort, path, approval="each")
    asked = server.until(run["id"], lambda event: event["type"] == "approval.requested")["data"]
    assert asked["source"] == "print('seen by the clinician')" and asked["reason"]
    pending = server.get(f"clinjup/v1/runs/{run['id']}")[1]["approvals"]
    assert [code["sha256"] for code in pending] == [asked["sha256"]]
    address = f"clinjup/v1/runs/{run['id']}/approvals"
    assert server.post(f"{address}/{'0' * 64}", {"approved": True})[0] == 409
    assert server.post(f"{address}/{asked['sha256']}", {"approved": True})[0] == 200
    server.run_to_end(run["id"])
    assert texts_of(server.notebook(path), "s1") == "seen by the clinician\n"
    kinds = [record["kind"] for record in server.get(f"clinjup/v1/runs/{run['id']}/journal")[1]["records"]]
    assert "approval" in kinds


def test_two_notebooks_two_runs_and_two_tabs_on_one_of_them(server, scripted_claude, small_cohort, open_tab):
    """Rule 13 without a shared document: the first tab owns, the second reads."""
    first, second = empty_notebook(server, "first.ipynb"), empty_notebook(server, "second.ipynb")
    tab, reader = open_tab(server, first), open_tab(server, first)
    one = start(server, scripted_claude(script(UNTIL_GO, "print('first')")), small_cohort, first)
    two = start(server, scripted_claude(script(UNTIL_GO, "print('second')")), small_cohort, second)
    reader.receive_until(lambda reader: reader.welcomes and reader.welcomes[-1].live)
    assert not reader.welcomes[-1].owner and "Another tab" in reader.welcomes[-1].sentence
    status, problem = server.post(
        "clinjup/v1/runs", {"intent": "Find pneumothorax.", "data": str(small_cohort), "notebook": first}
    )
    assert (status, problem["code"]) == (422, "notebook") and "Another run" in problem["sentence"]
    for run in (one, two):
        server.until(run["id"], lambda event: event["type"] == "cell.started")
        let_go(run)
    tab.receive_until(HeadlessTab.run_is_over)
    reader.receive_until(HeadlessTab.run_is_over)
    server.run_to_end(one["id"])
    server.run_to_end(two["id"])
    assert reader.saves == 0 and reader.tab.ids() == tab.tab.ids()
    assert texts_of(server.notebook(first), "s2") == "first\n" and texts_of(server.notebook(second), "s2") == "second\n"
    assert "second" not in json.dumps(server.notebook(first)["cells"])


def test_a_run_without_a_notebook_gets_a_new_one_in_its_folder_whose_kernel_is_the_sandbox(
    server, scripted_claude, small_cohort
):
    run = start(server, scripted_claude(script("print('hello')")), small_cohort, None)
    assert run["notebook"] == f"{run['folder_path']}/notebook.ipynb"
    events = server.run_to_end(run["id"])
    assert events[-1]["data"]["status"] == ENDED, events[-1]
    assert texts_of(server.notebook(run["notebook"]), "s1") == "hello\n"
    kernels = {s["path"]: s["kernel"]["name"] for s in server.get("api/sessions")[1]}
    assert kernels[run["notebook"]] == "clinjup-sandbox"
    assert verify_run(Path(run["folder"])).ok
