"""Cells run in a real kernel; errors, findings and progress come back as values."""

from __future__ import annotations

import asyncio
import json
import logging

import nbformat
import pytest
import traitlets.log
import zmq.asyncio

from clinjup.contracts import Plan, Progress, Step, StepStatus
from clinjup.notebook.executor import KernelExecutor, error_signature, kernel_environment
from clinjup.notebook.outputs import STREAM_LIMIT, coalesced
from clinjup.notebook.session import NotebookSession
from clinjup.notebook.workspace import NotebookWorkspace


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """One kernel for the module: (loop, workspace, progress seen)."""
    yield from a_kernel(tmp_path_factory.mktemp("run"))


@pytest.fixture
def own_kernel(tmp_path):
    """One for a test that stops it: nothing runs in it afterwards."""
    yield from a_kernel(tmp_path)


def a_kernel(folder):
    seen: list[Progress] = []
    loop = asyncio.new_event_loop()
    session = NotebookSession.create(folder / "notebook.ipynb", "run1")
    workspace = NotebookWorkspace(session, KernelExecutor(folder, "run1", seen.append), lambda event, data: None)
    yield loop, workspace, seen
    loop.run_until_complete(workspace.close())
    loop.close()


def run(kernel, source, step="step"):
    loop, workspace, _ = kernel
    return loop.run_until_complete(workspace.run_code(step, source, attempt=1, author="recipe"))


def done(*steps):
    """A plan of finished steps, each of which may rest on those before."""
    return Plan(objective="", steps=[Step(id=each, title=each, recipe=each, status=StepStatus.DONE) for each in steps])


def last_cell(kernel):
    return kernel[1].session.notebook.cells[-1]


def test_a_finding_comes_back_and_stays_in_the_notebook(kernel):
    outcome = run(
        kernel,
        "from clinjup.kernel import emit\nfrom clinjup.contracts import NoteFinding\n"
        "emit(NoteFinding(sentence='seen'), 'Seen.')",
    )
    assert outcome.ok
    assert [finding["kind"] for finding in outcome.findings] == ["note"]
    assert last_cell(kernel).outputs[0].data["text/plain"] == "Seen."


def test_progress_is_reported_but_not_stored(kernel):
    outcome = run(kernel, "from clinjup.kernel import track\nfor _ in track(range(5), 'Decoding', 5): pass")
    assert outcome.ok
    assert kernel[2][-1].label == "Decoding" and kernel[2][-1].done == 5
    assert "clinjup.progress" not in json.dumps(last_cell(kernel))


def test_a_failed_cell_is_kept_collapsed_and_does_not_stop_a_later_run_of_the_notebook(kernel):
    outcome = run(kernel, "raise ValueError('no such label')")
    assert not outcome.ok
    assert (outcome.error.name, outcome.error.message) == ("ValueError", "no such label")
    cell = last_cell(kernel)
    assert cell.metadata["jupyter"] == {"source_hidden": True, "outputs_hidden": True}
    assert "raises-exception" in cell.metadata["tags"]


def test_scripts_in_outputs_never_reach_the_notebook(kernel):
    run(
        kernel,
        "from IPython.display import HTML, Javascript, display\n"
        "display(HTML('<img src=\"//evil.example/?p=1\">'))\n"
        "display(HTML('<b>fine</b>')); display(HTML('<img src=x onerror=alert(1)>')); display(Javascript('alert(1)'))",
    )
    outputs = json.dumps(last_cell(kernel).outputs)
    assert "<b>fine</b>" in outputs
    assert "onerror" not in outputs and "evil" not in outputs and "application/javascript" not in outputs


def test_a_flood_of_output_is_cut_in_the_middle_and_kept_whole_in_a_file(kernel):
    """Rule 10."""
    run(kernel, "print('a' * 400_000 + 'the end')")
    cell = last_cell(kernel)
    text = cell.outputs[0].text
    assert len(text) <= STREAM_LIMIT and text.rstrip().endswith("the end")
    name = f"outputs/{cell.id}-stdout.txt"
    assert f"200,408 characters left out by clinjup, the whole is in {name}" in text
    assert (kernel[1].session.path.parent / name).read_text(encoding="utf-8") == "a" * 400_000 + "the end\n"
    assert coalesced(cell.outputs) == cell.outputs, "it is cut again when it is told to a tab"


def test_the_log_of_the_program_around_stays_as_loud_as_it_was(kernel):
    """traitlets hands nbclient the logger of the application, which is the Jupyter server's in JupyterLab."""
    run(kernel, "1 + 1")
    assert traitlets.log.get_logger().level != logging.CRITICAL


def test_the_notebook_on_disk_is_valid_after_every_cell(kernel):
    run(kernel, "1 + 1")
    nbformat.validate(nbformat.read(kernel[1].session.path, as_version=4))


def test_interrupting_stops_the_cell_and_keeps_what_it_printed(own_kernel):
    loop, workspace, _ = own_kernel

    async def interrupt_once_it_prints():
        task = asyncio.create_task(
            workspace.run_code(
                "long",
                "print('begun', flush=True)\nimport threading\nthreading.Event().wait(60)",
                attempt=1,
                author="recipe",
            )
        )
        while not any("begun" in str(cell.get("outputs")) for cell in workspace.session.notebook.cells):
            await asyncio.sleep(0.01)
        await workspace.executor.interrupt()
        return await task

    outcome = loop.run_until_complete(interrupt_once_it_prints())
    assert outcome.interrupted and outcome.seconds < 30
    assert "begun" in outcome.text


def test_an_interrupt_between_two_lines_of_the_kernels_own_code_is_one_of_the_cell(own_kernel):
    """IPython then says that it is idle, and never answers."""
    kernel_code = (
        "async def stopped(*given, **named):\n    raise KeyboardInterrupt\nget_ipython().kernel.do_execute = stopped"
    )
    assert run(own_kernel, kernel_code).ok
    loop, workspace, _ = own_kernel
    cell = workspace.run_code("next", "1 + 1", attempt=1, author="recipe")
    outcome = loop.run_until_complete(asyncio.wait_for(cell, 60))
    assert outcome.interrupted and not outcome.kernel_died


def test_a_stop_before_the_kernel_has_started_lets_no_cell_run(own_kernel):
    loop, workspace, _ = own_kernel
    loop.run_until_complete(workspace.executor.interrupt())
    outcome = run(own_kernel, "print('ran all the same')")
    assert outcome.interrupted and outcome.text == ""
    assert loop.run_until_complete(workspace.revive(done("step"), {})) == {}


def test_a_dead_kernel_is_an_outcome_and_revive_brings_its_variables_back(kernel):
    assert run(kernel, "remembered = 41", step="first").ok
    assert run(kernel, "import os; os._exit(1)", step="crash").kernel_died
    assert kernel[0].run_until_complete(kernel[1].revive(done("first"), {})) == {}
    assert run(kernel, "print(remembered + 1)").text.strip() == "42"


def test_a_step_whose_cell_fails_in_the_new_kernel_is_told_and_what_may_rest_on_it_does_not_run(kernel, tmp_path):
    there = tmp_path / "there"
    there.touch()
    assert run(kernel, "sound = 1", step="sound").ok
    assert run(kernel, f"open({str(there)!r}).close()", step="reads").ok
    assert run(kernel, "later = 2", step="later").ok
    there.unlink()
    lost = kernel[0].run_until_complete(kernel[1].revive(done("sound", "reads", "later"), {}))
    assert {step: error.name for step, error in lost.items()} == {"reads": "FileNotFoundError"}
    assert run(kernel, "print(sound, 'later' in globals())").text.strip() == "1 False"


def test_a_finished_step_whose_cell_is_gone_is_told_and_no_other_cell_is_touched(own_kernel):
    assert run(own_kernel, "sound = 1", step="sound").ok
    assert run(own_kernel, "gone = 2", step="gone").ok
    assert run(own_kernel, "later = gone", step="later").ok
    loop, workspace, _ = own_kernel
    workspace.session.notebook.cells.pop(1)
    plan = done("sound", "gone", "later")
    assert loop.run_until_complete(workspace.revive(plan, {})) == {"gone": None}
    assert [cell.source for cell in workspace.session.notebook.cells] == ["sound = 1", "later = gone"]
    assert loop.run_until_complete(workspace.revive(plan, {"gone": "gone = 3"})) == {}
    assert run(own_kernel, "print(later)").text.strip() == "3"


@pytest.mark.parametrize("now", [True, False], ids=["killed", "asked to end"])
def test_a_kernel_that_somebody_restarted_is_not_said_to_have_run_out_of_memory(own_kernel, now):
    loop, workspace, _ = own_kernel

    async def restart_once_it_prints():
        source = "print('begun', flush=True)\nimport threading\nthreading.Event().wait(60)"
        task = asyncio.create_task(workspace.run_code("long", source, attempt=1, author="recipe"))
        while not any("begun" in str(cell.get("outputs")) for cell in workspace.session.notebook.cells):
            await asyncio.sleep(0.01)
        manager = workspace.executor._manager
        for stream in ("stdout", "stderr"):  # they go into a log that is closed by now; Jupyter's own kernels have none
            manager._launch_args.pop(stream)
        await manager.restart_kernel(now=now)
        return await task

    outcome = loop.run_until_complete(restart_once_it_prints())
    assert outcome.kernel_died and not outcome.interrupted
    assert outcome.error.name == "KernelRestarted" and "restarted" in outcome.error.message
    assert "memory ran out" not in outcome.error.message


def test_the_heartbeat_has_ended_when_the_sockets_are_closed(tmp_path, monkeypatch):
    """A socket that its thread opened in that moment would be waited for without end."""
    beating = []

    async def start_and_shut_down():
        executor = KernelExecutor(tmp_path, "run1", lambda progress: None)
        await executor.start()
        heartbeat, destroy = executor._client.kc.hb_channel, zmq.asyncio.Context.destroy
        assert heartbeat.is_alive()

        def told(context, linger=None):
            beating.append(heartbeat.is_alive())
            destroy(context, linger)

        monkeypatch.setattr(zmq.asyncio.Context, "destroy", told)
        await executor.shutdown()

    asyncio.run(start_and_shut_down())
    assert beating and not any(beating)


def test_secrets_do_not_reach_the_kernel(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    monkeypatch.setenv("HF_TOKEN", "hf-secret")
    monkeypatch.setenv("LANG_OF_CLINIC", "de")
    environment = kernel_environment("run1")
    assert not {"ANTHROPIC_API_KEY", "HF_TOKEN"} & environment.keys()
    assert environment["LANG_OF_CLINIC"] == "de" and environment["CLINJUP_RUN_ID"] == "run1"


def test_the_same_mistake_has_the_same_signature_whatever_the_numbers():
    first = error_signature("ValueError", "batch of 64 needs 3.5 GB", "Cell In[3], line 2")
    assert first == error_signature("ValueError", "batch of 32 needs 1.7 GB", "Cell In[5], line 2")
    assert first != error_signature("KeyError", "batch of 64 needs 3.5 GB", "Cell In[3], line 2")
