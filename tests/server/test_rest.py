"""What the panel asks over REST: questions, checkpoints, help for a cell, behind a JupyterHub's base URL. Nothing is trained."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote

import pytest

from clinjup.reporting import verify_run
from tests.conftest import REQUEST

from .claude_server import UNTIL_GO, empty_notebook, let_go, markdown, script, start
from .test_live_runs import steps_of, texts_of


def planned(server, data, **more):
    """A run that places its cells and runs none; it has ended."""
    status, run = server.post(
        "clinjup/v1/runs", {"intent": REQUEST, "data": str(data), "approval": "plan-only", **more}
    )
    assert status == 201, run
    server.run_to_end(run["id"])
    return server.get(f"clinjup/v1/runs/{run['id']}")[1]


def test_a_question_is_answered_over_rest_and_the_run_goes_on(server, small_cohort):
    body = {"intent": "Make me a model for these images.", "data": str(small_cohort), "approval": "plan-only"}
    status, run = server.post("clinjup/v1/runs", body)
    assert status == 201, run
    asked = server.until(run["id"], lambda event: event["type"] == "question.asked")["data"]["questions"]
    assert [question["id"] for question in server.get(f"clinjup/v1/runs/{run['id']}")[1]["questions"]] == [
        question["id"] for question in asked
    ]
    answers = {question["id"]: question["options"][0]["value"] for question in asked if question["options"]}
    answers |= {question["id"]: "pneumothorax" for question in asked if question["id"] == "target"}
    assert server.post(f"clinjup/v1/runs/{run['id']}/input", {"answers": answers})[0] == 200
    told = server.until(run["id"], lambda event: event["type"] == "question.answered")["data"]["answers"]
    assert told == answers
    server.post(f"clinjup/v1/runs/{run['id']}/stop")
    server.run_to_end(run["id"])
    assert server.post(f"clinjup/v1/runs/{run['id']}/input", {"answers": answers})[0] == 409


def test_going_back_to_before_a_step_takes_its_cells_out_and_keeps_the_journal_and_the_users_text(
    server, small_cohort, open_tab
):
    run = planned(server, small_cohort)
    before = server.notebook(run["notebook"])
    step_ids = [step for kind, step in steps_of(before, run) if kind == "code"]
    records = len(server.get(f"clinjup/v1/runs/{run['id']}/journal")[1]["records"])
    tab = open_tab(server, run["notebook"])
    status, restored = server.post(f"clinjup/v1/runs/{run['id']}/restore", {"step_id": step_ids[2]})
    assert status == 200, restored
    after = server.notebook(run["notebook"])
    assert [step for kind, step in steps_of(after, run) if kind == "code"] == step_ids[:2]
    assert restored["cells"] == len(after["cells"])
    events = server.events(f"{run['id']}:0")
    told = next(event["data"] for event in events if event["type"] == "notebook.restored")
    events.close()
    assert step_ids[2] in told["steps"] and not set(step_ids[:2]) & set(told["steps"])
    now = server.get(f"clinjup/v1/runs/{run['id']}")[1]
    assert now["status"] == "interrupted" and now["resumable"]
    assert now["sentence"] == restored["sentence"] == told["sentence"]
    journal = server.get(f"clinjup/v1/runs/{run['id']}/journal")[1]
    assert journal["intact"] and len(journal["records"]) == records + 1
    assert server.post(f"clinjup/v1/runs/{run['id']}/restore", {"step_id": "nosuchstep"})[0] == 422
    tab.close()


def test_pause_holds_back_the_next_cell_and_resume_goes_on(server, scripted_claude, small_cohort):
    path = empty_notebook(server, "paused.ipynb", markdown("mine", "mine"))
    run = start(server, scripted_claude(script(UNTIL_GO, "print('second')")), small_cohort, path)
    server.until(run["id"], lambda event: event["type"] == "cell.started")
    assert server.post(f"clinjup/v1/runs/{run['id']}/pause")[1]["paused"]
    let_go(run)
    held = server.until(run["id"], lambda event: event["data"].get("waits_for") == "go_on")
    assert held["type"] == "run.clock"
    first, second = (server.get(f"clinjup/v1/runs/{run['id']}")[1] for _ in range(2))
    assert (first["status"], first["paused"], first["waits_for"]) == ("running", True, "go_on")
    # Time does not go by while it is held, neither in what was told then nor in what is told later.
    assert second["as_of"] > first["as_of"] > held["ts"]
    for told in (first, second):
        assert (told["elapsed"], told["seconds_left"]) == (held["data"]["elapsed"], held["data"]["seconds_left"])
    on = server.post(f"clinjup/v1/runs/{run['id']}/resume")[1]
    assert not on["paused"]
    events = server.run_to_end(run["id"])
    assert [e["data"]["waits_for"] for e in events if e["type"] == "run.clock"] == ["", "go_on", ""]
    ended, took = server.get(f"clinjup/v1/runs/{run['id']}")[1], events[-1]["data"]["seconds"]
    assert ended["elapsed"] == took < events[-1]["ts"] - events[0]["ts"] - (second["as_of"] - held["ts"])
    assert texts_of(server.notebook(path), "s2") == "second\n"


def test_a_cell_of_a_run_explains_itself_and_another_says_that_a_model_is_needed(server, small_cohort):
    run = planned(server, small_cohort)
    anchor = {"run_id": run["id"], "step_id": "split"}
    body = {"notebook": run["notebook"], "cell_id": "x", "source": ""}
    _, answer = server.post("clinjup/v1/cells/explain", {**body, "metadata": anchor})
    assert not answer["needs_model"] and "patient" in answer["markdown"]
    _, answer = server.post("clinjup/v1/cells/explain", {**body, "source": "1 + 1"})
    assert answer["needs_model"] and "model" in answer["markdown"]
    error = {"name": "ClassAbsentError", "message": "The validation part holds no image of the class 'yes'."}
    _, answer = server.post("clinjup/v1/cells/mend", {**body, "metadata": anchor, "error": error})
    assert "OFFICIAL_PARTS = False" in answer["source"] and "divided anew" in answer["markdown"]


def test_files_of_a_run_are_shown_and_nothing_else(server, small_cohort):
    run = planned(server, small_cohort)
    address = f"clinjup/v1/runs/{run['id']}/files"
    status, report = server.get(f"{address}/report.html")
    assert status == 200 and b"<html" in report.lower()
    Path(run["folder"], "cache", "secret.txt").write_text("secret", encoding="utf-8")
    for name in ("cache/secret.txt", "plots/../cache/secret.txt", "..%2f..%2fsecret"):
        assert server.get(f"{address}/{name}")[0] == 404


def test_a_browser_is_told_what_each_file_is_and_lets_no_script_of_it_reach_jupyterlab(server, small_cohort):
    run = planned(server, small_cohort)
    folder = Path(run["folder"])
    for name in ("plots/roc.png", "predictions.csv", "model_card.md"):  # of a run that went to its end
        (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    kinds = {
        "report.html": "text/html; charset=utf-8",
        "model_card.md": "text/markdown; charset=utf-8",
        "results.json": "application/json",
        "predictions.csv": "text/csv; charset=utf-8",
        "journal.jsonl": "text/plain; charset=utf-8",
        "plots/roc.png": "image/png",
    }
    for name, kind in kinds.items():
        headers, content = server.fetch(f"clinjup/v1/runs/{run['id']}/files/{name}")
        assert (headers["Content-Type"].lower(), content) == (kind, (folder / name).read_bytes())
        assert headers["X-Content-Type-Options"] == "nosniff"
        policy = {each.split()[0]: each.split()[1:] for each in headers["Content-Security-Policy"].split(";")}
        assert policy["sandbox"] == [] and policy["default-src"] == ["'none'"] and "script-src" not in policy
        # What the report is made of, and nothing else: its own style, and pictures that it carries itself.
        assert (policy["style-src"], policy["img-src"]) == (["'unsafe-inline'"], ["data:"])
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "<style" in report and not re.findall(r"<script|<link|src=\"(?!data:)", report)
    links = set(re.findall(r"href=\"([^#\"]+)\"", report))
    assert links == {"notebook.ipynb"}
    with pytest.raises(
        HTTPError
    ) as elsewhere:  # no JupyterLab runs on this server: only where it would be shown counts
        server.fetch(f"clinjup/v1/runs/{run['id']}/files/notebook.ipynb")
    assert elsewhere.value.url == server.url(f"lab/tree/{run['notebook']}")


def test_a_notebook_that_is_renamed_in_its_folder_after_the_run_is_still_the_runs(server, small_cohort):
    run = planned(server, small_cohort)
    renamed = run["notebook"].replace("notebook.ipynb", "for Anna.ipynb")
    assert server.ask("PATCH", f"api/contents/{quote(run['notebook'])}", {"path": renamed})[0] == 200
    assert server.get(f"clinjup/v1/runs/{run['id']}")[1]["notebook"] == renamed
    assert verify_run(Path(run["folder"])).ok
    step = next(step for kind, step in steps_of(server.notebook(renamed), run) if kind == "code")
    status, restored = server.post(f"clinjup/v1/runs/{run['id']}/restore", {"step_id": step})
    assert status == 200 and len(server.notebook(renamed)["cells"]) == restored["cells"], restored
    assert not (server.root / run["notebook"]).exists()


def test_behind_a_hub_everything_stands_below_its_base_url_and_a_running_run_counts_as_activity(
    own_server, scripted_claude, small_cohort
):
    """Rule 11."""
    server = own_server(base_url="/user/anna/")
    before = server.get("api/status")[1]["last_activity"]
    assert server.get("clinjup/v1/about")[0] == 200
    path = empty_notebook(server, "hub.ipynb")
    run = start(server, scripted_claude(script(UNTIL_GO)), small_cohort, path)
    server.until(run["id"], lambda event: event["type"] == "cell.started")
    assert server.get("api/status")[1]["last_activity"] > before
    let_go(run)
    server.run_to_end(run["id"])


def test_examples_started_at_the_same_moment_share_their_images_and_nothing_else(own_server):
    server = own_server()
    examples = ["wrist", "wrist", "wrist-weak"]
    with ThreadPoolExecutor(len(examples)) as people:
        started = list(
            people.map(
                lambda example: server.post(
                    "clinjup/v1/runs", {"example": example, "patients": 40, "approval": "plan-only"}
                ),
                examples,
            )
        )
    (first, run), (second, other), (third, few) = started
    assert (first, second, third) == (201, 201, 201), started
    assert len({each["folder"] for each in (run, other, few)}) == 3
    # Of so few patients one in twenty has too few boxes: said only of the images with few boxes, which are a cohort of their own.
    ended = [server.run_to_end(each["id"])[-1]["data"] for each in (run, other, few)]
    assert [each["status"] for each in ended] == ["completed", "completed", "failed"], ended
    assert "Draw boxes on more images" in ended[2]["sentence"]
    facts = [json.loads(file.read_text(encoding="utf-8")) for file in server.root.glob("**/clinjup-synthetic.json")]
    assert sorted(each["annotated"] for each in facts) == [0.05, 1.0]


def test_an_example_tells_how_far_its_images_are_and_can_be_stopped_meanwhile(server):
    status, run = server.post("clinjup/v1/runs", {"example": "pneumothorax", "patients": 4000, "seed": 5})
    assert (status, run["notebook"], run["status"]) == (201, "", "running"), run
    told = server.until(run["id"], lambda event: event["type"] == "cell.progress")["data"]
    assert told["label"] == "Drawing synthetic chest X-rays" and 0 < told["done"] < told["total"] >= 4000
    assert told["unit"] == "image" and told["seconds_left"] > 0
    assert server.post(f"clinjup/v1/runs/{run['id']}/pause")[0] == 409
    assert run["id"] in [each["id"] for each in server.get("clinjup/v1/runs")[1]["runs"]]
    stopped = server.post(f"clinjup/v1/runs/{run['id']}/stop")[1]
    assert (stopped["status"], stopped["resumable"]) == ("interrupted", False)
    end = server.run_to_end(run["id"])[-1]["data"]
    assert end["sentence"] == stopped["sentence"] and "images were drawn" in end["sentence"]
    assert not list((server.root / "clinjup-runs").glob("data-pneumothorax-5-4000/clinjup-synthetic.json"))
    status, problem = server.get(f"clinjup/v1/runs/{run['id']}/journal")
    assert (status, problem["code"]) == (404, "not_found") and "no journal yet" in problem["sentence"]


def test_the_run_of_an_example_goes_on_from_the_drawing_of_its_images(server):
    body = {"example": "pneumothorax", "patients": 60, "seed": 6, "approval": "plan-only"}
    status, run = server.post("clinjup/v1/runs", body)
    assert status == 201, run
    events = server.run_to_end(run["id"])
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert events[-1]["data"]["status"] == "completed"
    ended = server.get(f"clinjup/v1/runs/{run['id']}")[1]
    begun = [event["data"]["notebook"] for event in events if event["type"] == "run.started"]
    assert begun == ["", ended["notebook"]] and (server.root / ended["notebook"]).is_file()
    status, again = server.post("clinjup/v1/runs", body)  # the images are there
    assert (status, again["notebook"] != "") == (201, True)
    server.run_to_end(again["id"])


def test_an_example_whose_folder_holds_something_else_is_told_in_a_sentence(server):
    theirs = server.root / "clinjup-runs" / "data-pneumothorax-77-20" / "thesis.docx"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("years of work", encoding="utf-8")
    status, run = server.post("clinjup/v1/runs", {"example": "pneumothorax", "patients": 20, "seed": 77})
    problem = server.run_to_end(run["id"])[-1]["data"]
    assert (status, problem["status"]) == (201, "failed")
    assert "data-pneumothorax-77-20" in problem["sentence"] and "start the example again" in problem["sentence"]
    assert theirs.read_text(encoding="utf-8") == "years of work"
