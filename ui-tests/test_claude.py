"""A run that a model plans and writes: the scripted Messages API of clinjup.testing in its place."""

from __future__ import annotations

from collections.abc import Callable

from lab import MINUTES, Lab
from playwright.sync_api import expect
from scripted import Turns
from server import LabServer

from clinjup.testing import ScriptedClaude
from tests.agent.claude_runs import finishes, proposes, runs, step

RISKY = "import subprocess\nprint(subprocess.run(['date', '+%Y'], capture_output=True, text=True).stdout)"
MENDED = "import pandas as pd\nprint('patients:', pd.DataFrame({'patient': [1, 1, 2]}).patient.nunique())"


def test_a_model_writes_cells_mends_its_mistake_and_is_held_back_where_code_is_risky(
    open_lab: Callable[..., Lab], turns: Turns, claude: ScriptedClaude, server: LabServer
) -> None:
    lab = open_lab(width=1500, height=1000)
    turns.append(proposes(step("count", title="Count the patients"), step("date", title="Note the year")))
    turns.append(
        runs("count", "print(patients)", explanation="## How many patients\nImages of one patient belong together.")
    )
    turns.append(runs("count", MENDED, repair="`patients` was never made; now it is read from a table."))
    turns.append(runs("date", RISKY, explanation="## The year\nFor the report."))
    turns.append(finishes("Two things were looked at.", "failed"))
    before = len(claude.requests)
    run = lab.ask(claude=True)
    facts = lab.panel.get_by_role("list", name="Destination and cost")
    expect(facts).to_contain_text("127.0.0.1")

    waiting = lab.panel.get_by_role("region", name="A cell waits for your approval")
    expect(waiting).to_be_visible(timeout=2 * MINUTES)
    expect(waiting.get_by_label("The code of the cell")).to_contain_text("subprocess")
    expect(waiting.get_by_text("Why you are asked:")).to_be_visible()
    lab.wait_for_text("patients: 2")
    expect(lab.panel.get_by_text("A problem, mended")).to_be_visible()
    expect(facts).to_contain_text("no cost")  # a model on this machine costs nothing
    lab.show_cell("nunique")
    lab.screenshot("claude-approval")
    assert lab.serious_violations() == []
    waiting.get_by_role("button", name="Do not run it").click()
    end = lab.wait_for_end("Failed", timeout=MINUTES)
    expect(end).to_contain_text("Two things were looked at.")
    assert not any("subprocess" in source and "capture_output" in source for source in lab.sources()[-1:])

    assert len(claude.requests) > before
    sent = b"".join(request.raw for request in claude.requests[before:])
    assert str(server.root).encode() not in sent
    cells = server.notebook(run["notebook"])["cells"]
    failed = [cell for cell in cells if "clinjup-failed-attempt" in cell["metadata"].get("tags", [])]
    assert len(failed) == 1 and failed[0]["outputs"][-1]["ename"] == "NameError"
