"""A run that starts from pretrained weights, and what it does where they cannot be had."""

from __future__ import annotations

import asyncio
from pathlib import Path

import nbformat
import pytest
import timm
import torch

from clinjup.contracts import Event, RunRequest
from clinjup.runs import RunManager
from tests.conftest import REQUEST
from tests.runs.door import run_in_process
from tests.runs.test_repairs import PLAIN, assert_mended, journal_of


@pytest.fixture
def request_for(cohort_copy: Path, tmp_path: Path) -> RunRequest:
    return RunRequest(
        intent=PLAIN, data=str(cohort_copy), out=str(tmp_path / "run"), budget_minutes=5, network="test_resnet"
    )


def training_cells(folder: Path) -> list[str]:
    cells = nbformat.read(folder / "notebook.ipynb", as_version=4).cells
    return [
        cell.source
        for cell in cells
        if cell.cell_type == "code" and "NAME = " in cell.source and "train(" in cell.source
    ]


def write_weights(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    torch.manual_seed(0)
    torch.save(timm.create_model("test_resnet").state_dict(), folder / "test_resnet.pth")


def test_weights_in_a_local_folder_are_where_training_starts(request_for, tmp_path):
    weights = tmp_path / "weights"
    write_weights(weights)
    results, _, _ = run_in_process(request_for.model_copy(update={"pretrained": str(weights)}))
    folder = Path(request_for.out)
    assert results.status == "completed" and not journal_of(folder, "repair")
    [cell] = training_cells(folder)
    assert "'test_resnet'" in cell and str(weights) in cell
    assert results.models[0].architecture == "test_resnet"


@pytest.mark.parametrize("where", ["hub", "damaged.pth"])
def test_weights_that_cannot_be_had_are_told_and_the_small_network_is_trained(
    request_for, where, tmp_path, monkeypatch
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "damaged.pth").write_text("no weights", encoding="utf-8")
    where = where if where == "hub" else str(tmp_path / where)
    request = request_for.model_copy(update={"pretrained": where, "network": None})
    results, _, events = run_in_process(request)
    folder = Path(request.out)
    assert_mended(results, folder, "train_baseline", "so the small network was trained from scratch")
    failed, trained = training_cells(folder)
    assert "'resnet18'" in failed and "'small_cnn_96'" in trained and "PRETRAINED = False" in trained
    [repair] = journal_of(folder, "repair")
    assert "resnet18" not in repair["change"] and "False" not in repair["change"]
    if where == "hub":
        assert "(the Hugging Face hub cannot be reached from this machine)" in repair["change"]
    assert [note for note in results.notes if note.startswith("Published weights")] == [repair["change"]]
    assert repair["change"] in events[-1].data["cautions"]
    for document in ("report.html", "model_card.md"):
        assert "Published weights could not be had" in (folder / document).read_text(encoding="utf-8")


def test_a_resumed_run_trains_its_models_from_where_the_first_one_started(request_for, tmp_path):
    """The weights can be had again after the baseline went without them; its mitigations are to be compared with it."""
    weights, folder = tmp_path / "weights", Path(request_for.out)
    weights.mkdir()
    (weights / "test_resnet.pth").write_text("not yet copied", encoding="utf-8")
    request = request_for.model_copy(update={"intent": REQUEST, "pretrained": str(weights)})

    async def until_training(attempt: int) -> list[Event]:
        """Begin or resume the run, stop it when the baseline is trained for the `attempt`th time."""
        manager, stopping, events = RunManager(), None, []
        run_id = await (manager.resume(folder, {}) if folder.exists() else manager.submit(request))
        async for event in manager.subscribe(run_id):
            events.append(event)
            started = event.data if event.type == "cell.started" else {}
            if (started.get("step_id"), started.get("attempt")) == ("train_baseline", attempt):
                stopping = asyncio.create_task(manager.stop(run_id))
        await stopping
        return events

    asyncio.run(until_training(attempt=2))
    write_weights(weights)
    events = asyncio.run(until_training(attempt=1))
    first, mended, resumed = training_cells(folder)
    assert "'test_resnet'" in first and "'small_cnn_96'" in mended and "'small_cnn_96'" in resumed
    plan = [event.data for event in events if event.type == "plan.updated"][-1]
    trainings = [step["parameters"] for step in plan["steps"] if step["recipe"] == "train_model"]
    assert len(trainings) > 1
    assert {(each["ARCHITECTURE"], each["PRETRAINED"]) for each in trainings} == {("small_cnn_96", False)}
