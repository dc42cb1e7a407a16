"""The pneumothorax case with a model that makes three mistakes and recovers, through the command line.

Real SDK, gate, policy, kernel (in the sandbox where there is one), notebook and journal; only the model is scripted. The wrong
column is its own; the batch is larger than the memory that was granted; the leaky split never runs.
"""

from __future__ import annotations

import asyncio
import os
from importlib import resources

import nbformat

from clinjup.agent.prompts import PROMPT_VERSION
from clinjup.notebook.sandbox import check_sandbox
from clinjup.testing import Call, Says
from tests.agent.claude_runs import finishes, places, proposes, runs, step
from tests.conftest import REQUEST
from tests.runs.claude_door import journal
from tests.runs.door import clinjup, tree_digest

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


def test_three_mistakes_are_made_and_mended(scripted_claude, small_cohort, tmp_path):
    server = scripted_claude(SCRIPT)
    folder, before = tmp_path / "run", tree_digest(small_cohort)
    environment = {**os.environ, "CLINJUP_MEMORY_GB": "1.0", "ANTHROPIC_API_KEY": "sk-secret"}
    options = ["--planner", "claude", "--base-url", server.url, "--local-only", "--model", "local-model", "--json"]
    said = clinjup("run", REQUEST, "--data", small_cohort, "--out", folder, *options, env=environment)
    assert said.code == 0, said.err
    assert len(server.turns) == len(SCRIPT)

    # The run: three mistakes, each with its own end.
    errors = [attempt["error"]["name"] for attempt in journal(folder, "execution") if attempt["error"]]
    assert errors == ["KeyError", "BatchTooLargeError"]
    assert [record["step_id"] for record in journal(folder, "repair")] == ["drains", "train_baseline"]
    denied = [record for record in journal(folder, "policy") if record["verdict"] == "deny"]
    assert [record["step_id"] for record in denied] == ["split"]
    results = said.json
    assert results["cells"] == {"executed": 12, "repaired": 2, "failed": 2}
    assert results["test_openings"] == 1 and results["models"][0]["test"]["auroc"]["n"]

    # What the model was told of them.
    told = [block for message in server.turns[-1].body["messages"][2::2] for block in message["content"]]
    answers = [block["content"] for block in told if block["type"] == "tool_result"]
    assert "KeyError" in answers[3] and "chest_drain" not in answers[3]
    assert answers[5].startswith("Rejected. Not run: ") and "same patient" in answers[5]
    assert "A batch of 4096 images needs" in answers[8]
    assert "auroc" in answers[14]

    # The notebook: failed attempts kept and collapsed, the rejected cell not in it.
    notebook = nbformat.read(folder / "notebook.ipynb", as_version=4)
    nbformat.validate(notebook)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert not any("train_test_split" in source for source in sources)
    failed = [cell for cell in notebook.cells if "clinjup-failed-attempt" in cell.metadata.get("tags", [])]
    assert len(failed) == 2
    assert clinjup("verify", folder).code == 0

    # Who planned, where the cells ran.
    assert journal(folder, "planner")[0] == {
        "planner": "claude",
        "model": "local-model",
        "server": server.url,
        "prompts": PROMPT_VERSION,
    }
    usage = journal(folder, "usage")  # a note after each turn, so that a killed run does not forget what it cost
    assert len(usage) == len(SCRIPT)
    assert sum(note["requests"] for note in usage) == len(server.requests)
    assert sum(note["cost"] for note in usage) == 0  # a server on this machine costs nothing
    (sandbox,) = journal(folder, "sandbox")
    assert sandbox["active"] is asyncio.run(check_sandbox(tmp_path)).active
    assert sandbox["sentence"] in said.err
    kernel = notebook.metadata.kernelspec.display_name
    assert kernel == ("Python 3 (clinjup sandbox)" if sandbox["active"] else "Python 3 (ipykernel)")
    assert f"local-model: {len(server.requests)} requests" in said.err

    # What left, and what did not.
    assert tree_digest(small_cohort) == before
    sent = b"".join(request.raw for request in server.requests)
    assert str(small_cohort).encode() not in sent and b"Data_Entry" not in sent and b"00000" not in sent
    assert "sk-secret" not in str([request.headers for request in server.requests])
    disclosures = clinjup("disclosures", folder, "--json").json
    assert len(disclosures) == len(server.requests) == results["disclosures"]
    for disclosure, request in zip(disclosures, server.requests, strict=True):
        assert (folder / disclosure["file"]).read_bytes() == request.raw
    lines = clinjup("disclosures", folder).out.splitlines()
    assert len(lines) == len(disclosures) + 1
    assert f"{server.url} (this machine)" in lines[1] and "data profile" in lines[1]
    assert "0 of them left this machine" in lines[-1]
