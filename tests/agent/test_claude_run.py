"""The pneumothorax case with a model that makes three mistakes and recovers: real SDK, gate, policy, kernel, notebook, journal.

Only the model is scripted. The wrong column is its own; the batch is larger than the memory that it was granted; the leaky split
never runs.
"""

from __future__ import annotations

import asyncio
import json
import time
from importlib import resources
from pathlib import Path

import nbformat
import pytest

from clinjup.agent.loop import Loop, LoopEnd
from clinjup.agent.planners.claude import ClaudePlanner
from clinjup.agent.privacy import PrivacyGate
from clinjup.agent.provider import Provider, Server
from clinjup.agent.state import Brief, RunState
from clinjup.contracts import Approval, RunStatus
from clinjup.notebook.executor import KernelExecutor
from clinjup.notebook.session import NotebookSession
from clinjup.notebook.workspace import NotebookWorkspace
from clinjup.preflight import check, look
from clinjup.reporting import Journal
from clinjup.testing import Call, Says
from tests.agent.claude_runs import Told, finishes, places, proposes, runs, step
from tests.conftest import REQUEST

WRONG_COLUMN = "table = cohort.table.groupby('drain')['label'].mean()\ntable"
RIGHT_COLUMN = "table = cohort.table.groupby('chest_drain')['label'].mean()\ntable"
LEAKY = """from sklearn.model_selection import train_test_split

train, rest = train_test_split(cohort.table, test_size=0.4, stratify=cohort.table["label"])
cohort.table["split"] = "test"
cohort.table.loc[train.index, "split"] = "train"
"""
EXAMPLE = resources.files("clinjup.agent.prompts").joinpath("example_cell.txt").read_text(encoding="utf-8")

SCRIPT = [
    proposes(
        step("load", "load_cohort"),
        step("audit", "prepare_images", depends_on=["load"]),
        step("drains", depends_on=["audit"]),
        step("split", "split_cohort", depends_on=["audit"]),
        step("association", "association", depends_on=["split"]),
        step("train_baseline", "train_model", depends_on=["split"]),
        step("validate_baseline", "validate_model", depends_on=["train_baseline"]),
        step("age", depends_on=["validate_baseline"], optional=True),
        step("select", "select_model", depends_on=["validate_baseline"]),
        step("test", "open_test_set", depends_on=["select"]),
    ),
    places("load", "load_cohort"),
    places("audit", "prepare_images"),
    runs("drains", WRONG_COLUMN, explanation="## Drains by label\nHow common is the target with and without a drain?"),
    runs("drains", RIGHT_COLUMN, repair="The column of the drains is called chest_drain."),
    runs("split", LEAKY, explanation="## Split\nTraining and test."),
    places("split", "split_cohort"),
    places("association", "association"),
    places("train_baseline", "train_model", BATCH_SIZE=4096, EPOCHS=2),
    places("train_baseline", "train_model", BATCH_SIZE=16, EPOCHS=2, repair="Batches of 16 need less memory."),
    places("validate_baseline", "validate_model"),
    runs("age", EXAMPLE, explanation="## Who gets false alarms?\nBy age. **Look for:** bars of different height."),
    Says(calls=(Call("start_experiment", {"name": "balanced", "hypothesis": "h", "change": "balanced_sampling"}),)),
    places("select", "select_model"),
    places("test", "open_test_set"),
    Says(
        calls=(
            Call("record_finding", {"step_id": "test", "sentence": "With so few films nothing can be said for sure."}),
        )
    ),
    finishes("The baseline was evaluated once on the test part."),
]


class Ledger(Told):
    """Into a real journal too."""

    journal: Journal

    def record(self, kind, data, *, wait=True):
        super().record(kind, data)
        self.journal.append(kind, data, wait=wait)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from clinjup.imaging.synthetic import write_cohort

    return write_cohort("pneumothorax", tmp_path_factory.mktemp("cohort") / "data", patients=60, seed=3, workers=1)


def carry_out(server, data: Path, folder: Path) -> tuple[LoopEnd, Ledger, RunState]:
    async def main():
        found = await check(REQUEST, str(data), {})
        assert found.roles is not None and not found.questions
        brief = Brief(
            found.task,
            found.profile,
            found.roles,
            found.warnings,
            lambda: look(str(data)),
            approval=Approval.RISKY,
            folder=str(folder),
        )
        ledger = Ledger(approves=True)
        ledger.journal = Journal.create(folder / "journal.jsonl")
        gate = PrivacyGate(brief, folder, ledger)
        planner = ClaudePlanner(Provider(Server(server.url, "key", native=True), gate), ledger)
        executor = KernelExecutor(folder, "run", lambda progress: None)
        session = NotebookSession.create(folder / "notebook.ipynb", "run")
        workspace = NotebookWorkspace(session, executor, ledger.publish)
        try:
            state = RunState(brief, await planner.plan(brief), deadline=time.monotonic() + brief.budget_seconds)
            return await Loop(planner, state, workspace, ledger, ledger, asyncio.Event()).run(), ledger, state
        finally:
            await workspace.close()
            await planner.close()

    return asyncio.run(main())


def test_three_mistakes_are_made_and_mended(scripted_claude, cohort, tmp_path, monkeypatch):
    monkeypatch.setenv("CLINJUP_MEMORY_GB", "1.0")
    server = scripted_claude(SCRIPT)
    end, ledger, state = carry_out(server, cohort, tmp_path)

    errors = [attempt.error.name for attempt in state.attempts if attempt.error is not None]
    assert (end.status, errors) == (RunStatus.COMPLETED, ["KeyError", "BatchTooLargeError"]), end.sentence
    assert len(server.turns) == len(SCRIPT)

    told = [block for message in server.turns[-1].body["messages"][2::2] for block in message["content"]]
    results = [block["content"] for block in told if block["type"] == "tool_result"]
    assert "KeyError" in results[3] and "chest_drain" not in results[3]
    assert results[5].startswith("Rejected. Not run: ") and "same patient" in results[5]
    assert "A batch of 4096 images needs" in results[8]
    assert "auroc" in results[14]

    assert [record["step_id"] for record in ledger.of("repair")] == ["drains", "train_baseline"]
    assert sum(finding["kind"] == "test_opening" for finding in state.findings) == 1
    notebook = nbformat.read(tmp_path / "notebook.ipynb", as_version=4)
    nbformat.validate(notebook)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert not any("train_test_split" in source for source in sources)
    failed = [cell for cell in notebook.cells if "clinjup-failed-attempt" in cell.metadata.get("tags", [])]
    assert len(failed) == 2

    sent = b"".join(request.raw for request in server.requests)
    assert str(cohort).encode() not in sent and b"Data_Entry" not in sent and b"00000" not in sent
    kept = sorted((tmp_path / "cache" / "disclosures").iterdir())
    assert len(ledger.of("disclosure")) == len(kept) == len(server.requests)
    assert json.loads(kept[-1].read_bytes()) == server.requests[-1].body
