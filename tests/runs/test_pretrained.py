"""A run that starts from pretrained weights, and what it does where they cannot be had."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
import timm
import torch

from clinjup.contracts import RunRequest
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


def test_weights_in_a_local_folder_are_where_training_starts(request_for, tmp_path):
    weights = tmp_path / "weights"
    weights.mkdir()
    torch.manual_seed(0)
    torch.save(timm.create_model("test_resnet").state_dict(), weights / "test_resnet.pth")
    results, _, _ = run_in_process(request_for.model_copy(update={"pretrained": str(weights)}))
    folder = Path(request_for.out)
    assert results.status == "completed" and not journal_of(folder, "repair")
    [cell] = training_cells(folder)
    assert "'test_resnet'" in cell and str(weights) in cell
    assert results.models[0].architecture == "test_resnet"


@pytest.mark.parametrize("where", ["hub", "a folder that is not there"])
def test_weights_that_cannot_be_had_are_told_and_the_small_network_is_trained(
    request_for, where, tmp_path, monkeypatch
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    where = where if where == "hub" else str(tmp_path / where)
    request = request_for.model_copy(update={"pretrained": where, "network": None})
    results, _, _ = run_in_process(request)
    folder = Path(request.out)
    assert_mended(results, folder, "train_baseline", "so the small network is trained from scratch")
    failed, trained = training_cells(folder)
    assert "'resnet18'" in failed and "'small_cnn_96'" in trained and "PRETRAINED = False" in trained
    [repair] = journal_of(folder, "repair")
    assert ("hub cannot be reached" if where == "hub" else f"no checkpoint at '{where}'") in repair["change"]
