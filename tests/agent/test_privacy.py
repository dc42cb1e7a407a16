"""The gate: whatever the data hold, no marker of theirs leaves; what is needed to work does; every payload is written down."""

from __future__ import annotations

import asyncio
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell
from openpyxl import Workbook
from PIL import Image

from clinjup.agent.plan import build_plan
from clinjup.agent.privacy import DestinationRefusedError, PrivacyGate, Scrubber, check_destination
from clinjup.agent.privacy.known import column_names
from clinjup.agent.prompts import opening_prompt, system_prompt
from clinjup.agent.state import Brief, GateRefusedError, Observation
from clinjup.agent.telling import observation_text, plan_text, profile_text, task_text
from clinjup.agent.tools import tool_definitions
from clinjup.contracts import Disclosure
from clinjup.imaging import profile_data
from clinjup.notebook.executor import KernelExecutor
from clinjup.preflight import check
from clinjup.reporting.journal import Journal
from tests.agent.canaries import MARKER, PIXEL, Notes, assert_no_marker, canary_cohort
from tests.conftest import REQUEST

LOCAL = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return canary_cohort(tmp_path_factory.mktemp("secretplace") / "data of CANARY")


@pytest.fixture(scope="module")
def brief(cohort: Path) -> Brief:
    found = asyncio.run(check(REQUEST, str(cohort), {}))
    assert found.roles is not None
    return Brief(found.task, found.profile, found.roles, found.warnings, look_again=lambda: None)  # type: ignore[arg-type]


@pytest.fixture
def gate(brief: Brief, tmp_path: Path) -> PrivacyGate:
    return PrivacyGate(brief, tmp_path, Notes())


def told(gate: PrivacyGate, *texts: str) -> str:
    """What leaves when these texts are results of tools."""
    blocks = [{"type": "tool_result", "tool_use_id": f"t{n}", "content": text} for n, text in enumerate(texts)]
    sent = gate.outbound({"model": "m", "messages": [{"role": "user", "content": blocks}]}, LOCAL)
    return "\n".join(block["content"] for block in sent["messages"][0]["content"])


# ------------------------------------------------------------------------------------------------------------ canaries


def test_the_opening_tells_structure_and_no_marker(gate: PrivacyGate, brief: Brief, cohort: Path) -> None:
    opening = opening_prompt(
        task=task_text(brief),
        data=profile_text(brief),
        draft=plan_text(build_plan(brief)),
        done=f"Nothing yet in {cohort}.",
        minutes="20",
        approval="risky",
    )
    opening += "\n" + brief.profile.model_dump_json() + "\n" + brief.roles.model_dump_json()  # a careless planner
    body = {
        "model": "m",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": [{"type": "text", "text": opening}]}],
    }
    text = json.dumps(gate.outbound(body, LOCAL), ensure_ascii=False)
    assert_no_marker(text, cohort)
    for structure in ("pneumothorax", "chest drains", "Finding Labels", "Patient ID", "40 rows", "train_model", "0.9"):
        assert structure in text


CELLS = [
    "cohort.table.head()",
    "print(cohort.table.to_csv())",
    "print(cohort.table.iloc[0])",
    "print(cohort.table.to_dict('records')[:3])",
    "print(list(cohort.table.itertuples(index=False))[:2])",
    "print('\\n'.join(cohort.table['image']))",
    "print(f'first patient: {cohort.table.patient[0]}, film {cohort.table.image[0]}')",
    "import json; print(json.dumps(cohort.table.iloc[1].astype(str).to_dict()))",
    "print(repr(cohort.table.path[0]).upper())",
    "print(cohort.table.patient.value_counts())",
    "import warnings; warnings.warn(str(cohort.table.Comment[0])); print(cohort.table.Comment[0])",
    "from PIL import Image; import numpy as np; print(np.asarray(Image.open(cohort.table.path[0])))",
    "from PIL import Image; import numpy as np; print(np.asarray(Image.open(cohort.table.path[0])).tolist()[:2])",
    "open(cohort.table.path[0] + '.gone')",
    "raise KeyError(cohort.table.patient[3])",
    "raise ValueError(f'could not convert string to float: {cohort.table.Comment[2]!r}')",
    "int(cohort.table.Name[0])",
    "cohort.table.set_index('patient').loc['CANARYnobody']",
    "assert False, cohort.table.iloc[0].to_string()",
    "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise RuntimeError(cohort.table.image[5]) from error",
    "import pandas; pandas.read_csv(DATA + '/missing.csv')",
]


_SETTING = """
import pandas as pd
DATA = {folder!r}
table = pd.read_csv(DATA + "/CANARY_export_Mueller.csv", dtype=str)
table = table.rename(columns={{"Image Index": "image", "Patient ID": "patient", "Patient Name": "Name"}})
table["path"] = [f"{{DATA}}/films CANARY/{{name}}" for name in table["image"]]
cohort = type("Cohort", (), {{"table": table}})
"""


@pytest.fixture(scope="module")
def outcomes(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Observation]]:
    """What real cells, run in a real kernel on the canary cohort, print and raise."""
    return asyncio.run(_run_cells(cohort, tmp_path_factory.mktemp("run")))


async def _run_cells(cohort: Path, folder: Path) -> list[tuple[str, Observation]]:
    executor = KernelExecutor(folder, "canary", lambda progress: None)
    await executor.start()
    found = []
    try:
        setting = await executor.run(new_code_cell(_SETTING.format(folder=str(cohort))))
        assert setting.ok, setting.error
        for source in CELLS:
            outcome = await executor.run(new_code_cell(source))
            kind = "carried_out" if outcome.ok else "failed"
            found.append((source, Observation(kind, text=outcome.text, error=outcome.error)))
    finally:
        await executor.shutdown()
    return found


def test_no_marker_leaves_in_outputs_errors_and_repairs(
    gate: PrivacyGate, outcomes: list[tuple[str, Observation]], cohort: Path
) -> None:
    raised = 0
    for source, observation in outcomes:
        raw = observation_text(observation)
        assert MARKER.lower() in raw.lower() or str(PIXEL) in raw, f"the cell shows no marker: {source}\n{raw}"
        raised += observation.error is not None
        sent = told(gate, raw, " ".join(raw.split()), json.dumps(raw), raw.upper(), raw.lower())
        assert_no_marker(sent, cohort)
        assert f"{PIXEL} {PIXEL} {PIXEL}" not in sent and f"{PIXEL}, {PIXEL}, {PIXEL}" not in sent
        assert "58   " not in sent
    assert raised >= 8


def test_markdown_and_file_names_of_the_folder_leave_nothing(gate: PrivacyGate, cohort: Path) -> None:
    listing = "\n".join(str(path) for path in cohort.rglob("*"))
    names = " ".join(path.stem for path in cohort.rglob("*"))
    table = (cohort / "CANARY_export_Mueller.csv").read_text(encoding="utf-8")
    markdown = (
        f"# Notes on {MARKER}00001\n\n| a | b | c |\n|---|---|---|\n| CANARY_000 | Anna | 3 |\n\nSeen by Dr. Canary."
    )
    assert_no_marker(told(gate, listing, names, table, markdown), cohort)


def test_an_error_still_tells_the_model_what_to_mend(gate: PrivacyGate) -> None:
    gate.outbound(
        {
            "model": "m",
            "messages": [
                {"role": "user", "content": "go"},
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "a", "name": "run_cell", "input": {"source": "df['Agee']"}}],
                },
            ],
        },
        LOCAL,
    )
    traceback = (
        "-" * 75 + "\nKeyError                                  Traceback (most recent call last)\n"
        "Cell In[5], line 3\n      1 a = 1\n----> 3 df['Agee']\n\n"
        "File ~/venv/lib/python3.11/site-packages/pandas/core/frame.py:4102, in DataFrame.__getitem__(self, key)\n"
        "   4101     return self._getitem_multilevel(key)\n-> 4102 indexer = self.columns.get_loc(key)\n\nKeyError: 'Agee'"
    )
    sent = told(gate, f"Failed. KeyError: 'Agee'\n{traceback}")
    assert sent == "Failed. KeyError: 'Agee'\nin the cell, line 3\n> df['Agee']\nin pandas\nKeyError: 'Agee'"


@pytest.mark.parametrize(
    "text",
    [
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x512 and 256x2)",
        "ValueError: Found array with 0 sample(s) (shape=(0, 5)) while a minimum of 1 is required by LogisticRegression.",
        "BatchTooLargeError: A batch of 4096 images needs about 12.3 GB and 4.0 GB are free. Train with a smaller batch.",
        "MissingColumnError: There is no column 'Finding'. It has: 'Finding Labels', 'Patient Age'. Name the right column.",
        "ClassAbsentError: The validation part holds no image of the class 'pneumothorax', so nothing can be chosen there.",
        "validation: name baseline; metrics (auroc 0.871 [0.812, 0.921], sensitivity 0.90); operating_point (threshold 0.412)",
        "split: split (train (images 67824, patients 18000, positives 5302), test (images 80, positives <5)); method official",
        "done in 12.5 s, epoch 3/8, loss 0.4312, learning_rate=0.003, float32, resnet18, plots/roc.png",
    ],
)
def test_what_a_model_needs_passes_unchanged(gate: PrivacyGate, text: str) -> None:
    assert told(gate, text) == text


def test_the_package_s_own_prompt_and_tools_pass_unchanged(gate: PrivacyGate) -> None:
    body = {
        "model": "m",
        "system": [{"type": "text", "text": system_prompt(), "cache_control": {"type": "ephemeral"}}],
        "tools": list(tool_definitions()),
        "messages": [],
    }
    assert gate.outbound(body, LOCAL) == body


# ------------------------------------------------------------------------------------------------------------ patterns


@pytest.mark.parametrize(
    "secret",
    [
        "anna.schmidt@charite.example",
        "1.2.840.113619.2.55.3.604688119",
        "1985-02-03",
        "03.02.1985",
        "3. März 1985",
        "March 3, 1985",
        "2024-05-01T12:33:01",
        "/srv/pacs/2024/film",
        "C:\\Users\\aschmidt\\film",
        "\\\\server\\share\\film",
        "~/films",
        "Dr. med. Hans Xavermeier",
        "Frau Xavermeier",
        "SCHMIDT^ANNA",
        "00012345",
        "4711998",
        "film_0042.dcm",
        "https://pacs.charite.example/q?id=7",
        "+49 30 450-570000",
        "8f14e45fceea167a5a36dedd4bea2543",
        "img_0042",
        "Xavermeier",
    ],
)
def test_what_identifies_is_taken_out_of_any_text(secret: str) -> None:
    scrubber = Scrubber(["Patient Age"])
    for text in (f"seen {secret} here", f"['{secret}']", f"value={secret}", f"x: {secret}, y"):
        clean = scrubber.scrub(text)
        assert secret not in clean and "[" in clean, clean
        assert scrubber.scrub(clean) == clean


@pytest.mark.parametrize("text", ["patient 4821", "Patient ID: 13", "mrn=77", "id 'A17'", "case_12"])
def test_a_number_beside_a_word_for_identity_is_taken_out(text: str) -> None:
    assert not any(character.isdigit() for character in Scrubber().scrub(text))


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("3 patients, 12 images", "<5 patients, 12 images"),
        ("positives: 2, n=4, n=40", "positives: <5, n=<5, n=40"),
        ("0 images left", "0 images left"),
        ("epoch 3 of 4, seed 1, 0.3 images", "epoch 3 of 4, seed 1, 0.3 images"),
    ],
)
def test_small_counts_of_people_and_images_are_suppressed(text: str, clean: str) -> None:
    assert Scrubber().scrub(text) == clean


def write_table(path: Path, rows: list[list[str]]) -> None:
    """A CSV table or, by its suffix, a workbook with a title above the header."""
    if path.suffix == ".csv":
        path.write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
        return
    book = Workbook()
    for row in [["Our list"], *rows]:
        book.active.append(row)
    book.save(path)


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx"])
def test_ordinary_words_that_are_names_in_the_data_are_names(name: str, tmp_path: Path) -> None:
    people = [[f"a{n}.png", str(n % 2), f"{'Young' if n == 3 else 'Small'} Long"] for n in range(20)]
    write_table(tmp_path / name, [["image", "label", "patient name"], *people])
    for number in range(20):
        Image.new("L", (8, 8)).save(tmp_path / f"a{number}.png")
    gate = PrivacyGate(
        Brief(asyncio.run(_task()), profile_data(tmp_path), None, [], None),  # type: ignore[arg-type]
        tmp_path / "run",
        Notes(),
    )
    assert told(gate, "KeyError: 'Young Long'") == "KeyError: '[withheld]'"
    assert told(gate, "a small patient with a long name") == "a small patient with a long name"


async def _task() -> Any:
    from clinjup.agent.intent import parse_request

    return parse_request(REQUEST, {})


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx"])
def test_free_text_of_the_data_is_withheld_although_its_words_are_ordinary(name: str, tmp_path: Path) -> None:
    reports = [[f"a{n}.png", str(n % 2), f"small line seen after the second step number {n}"] for n in range(20)]
    write_table(tmp_path / name, [["image", "label", "report"], *reports])
    for number in range(20):
        Image.new("L", (8, 8)).save(tmp_path / f"a{number}.png")
    brief = Brief(asyncio.run(_task()), profile_data(tmp_path), None, [], None)  # type: ignore[arg-type]
    gate = PrivacyGate(brief, tmp_path / "run", Notes())
    for text in ("Printed:\nsmall line seen after the second step", "ValueError: Small line, seen AFTER the second"):
        assert "small line" not in told(gate, text).lower() and "[withheld]" in told(gate, text)
    assert told(gate, "after a step the line is small") == "after a step the line is small"


def test_a_table_without_a_header_gives_no_column_names(tmp_path: Path) -> None:
    with (tmp_path / "t.csv").open("w", encoding="utf-8") as stream:
        stream.writelines(f"0000{n}_000.png,Pneumothorax,{n},{40 + n},F\n" for n in range(10))
    for number in range(10):
        Image.new("L", (8, 8)).save(tmp_path / f"0000{number}_000.png")
    assert column_names(profile_data(tmp_path)) == []


def test_the_clinician_s_own_words_may_be_told_and_their_slips_not(gate: PrivacyGate) -> None:
    assert told(gate, "Answers: Kerley") == "Answers: [withheld]"
    gate.said("Look at the Kerley lines, as in Frau Xavermeier born 03.02.1985")
    assert told(gate, "Answers: look at the Kerley lines") == "Answers: look at the Kerley lines"
    assert "Xavermeier" not in told(gate, "Answers: Xavermeier 1985")


# ----------------------------------------------------------------------------------------------------- the gate itself


def test_the_past_of_a_conversation_never_changes(gate: PrivacyGate) -> None:
    first = {"role": "user", "content": "Printed: the Zorblax value"}
    before = gate.outbound({"model": "m", "messages": [first]}, LOCAL)
    reply = {"role": "assistant", "content": [{"type": "text", "text": "I name my column Zorblax."}]}
    later = gate.outbound(
        {"model": "m", "messages": [first, reply, {"role": "user", "content": "NameError: Zorblax"}]}, LOCAL
    )
    assert later["messages"][0] == before["messages"][0] == {"role": "user", "content": "Printed: the [withheld] value"}
    assert later["messages"][1] == reply
    assert later["messages"][2]["content"] == "NameError: Zorblax"


def test_the_model_s_own_code_is_told_again_after_a_compaction(gate: PrivacyGate) -> None:
    source = "rows = 3\nfor name in names:\n    print(name,   [1, 2, 3, 4, 5, 6, 7],   zorblax)"
    call = {"type": "tool_use", "id": "a", "name": "run_cell", "input": {"source": source}}
    messages = [{"role": "user", "content": "go"}, {"role": "assistant", "content": [call]}]
    gate.outbound({"model": "m", "messages": messages}, LOCAL)
    story = f"You called run_cell: {json.dumps(call['input'], ensure_ascii=False)}\nResult: Done."
    assert told(gate, story) == story


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m", "messages": [], "metadata": {"user_id": "a"}},
        {"model": "m", "messages": [{"role": "system", "content": "x"}]},
        {"model": "m", "messages": [{"role": "user", "content": "x", "name": "y"}]},
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "image", "source": {"data": "x"}}]}]},
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "document", "source": {"data": "x"}}]}]},
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "x", "citations": []}]}]},
        {
            "model": "m",
            "messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a b", "content": "x"}]}],
        },
        {
            "model": "m",
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "image", "source": {}}]}
                    ],
                }
            ],
        },
    ],
)
def test_what_the_gate_does_not_know_is_refused_and_nothing_is_written_down(
    brief: Brief, tmp_path: Path, body: dict[str, Any]
) -> None:
    notes = Notes()
    with pytest.raises(GateRefusedError, match="nothing was sent"):
        PrivacyGate(brief, tmp_path, notes).outbound(body, LOCAL)
    assert notes.records == []


def test_a_path_that_slipped_into_the_model_s_turn_is_refused(gate: PrivacyGate, cohort: Path) -> None:
    messages = [{"role": "assistant", "content": [{"type": "text", "text": f"open {cohort}/x"}]}]
    with pytest.raises(GateRefusedError, match="path of this machine"):
        gate.outbound({"model": "m", "messages": messages}, LOCAL)


def test_signed_thinking_passes_unchanged(gate: PrivacyGate) -> None:
    thinking = {"type": "thinking", "thinking": "Zorblax 1985-02-03", "signature": "c2ln"}
    turn = {"role": "assistant", "content": [thinking, {"type": "text", "text": "x"}]}
    assert gate.outbound({"model": "m", "messages": [turn]}, LOCAL)["messages"] == [turn]


def test_every_payload_is_a_disclosure_with_its_full_text(brief: Brief, tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "journal.jsonl")

    class Ledger(Notes):
        def record(self, kind: str, data: dict[str, Any]) -> None:
            journal.append(kind, data)  # type: ignore[arg-type]

    gate = PrivacyGate(brief, tmp_path, Ledger())
    sent = gate.outbound(
        {"messages": [{"role": "user", "content": "Failed. KeyError: 'Zorblax'"}], "model": "m"}, LOCAL
    )
    gate.outbound({}, "https://api.anthropic.com")
    one, two = (Disclosure.model_validate(record.data) for record in journal.records)
    text = (tmp_path / one.file).read_bytes()
    assert json.loads(text) == sent and b"Zorblax" not in text
    assert one.bytes == len(text) and one.sha256 == hashlib.sha256(text).hexdigest()
    assert (one.destination, one.loopback, one.withheld, one.kinds) == (LOCAL, True, 1, ["error"])
    assert (two.destination, two.loopback, two.bytes) == ("https://api.anthropic.com", False, 0)
    assert one.at.endswith("Z")


def test_nothing_leaves_when_it_cannot_be_written_down(brief: Brief, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(OSError):
        PrivacyGate(brief, tmp_path, Notes()).outbound({"model": "m", "messages": []}, LOCAL)


# -------------------------------------------------------------------------------------------------------- destinations


@pytest.mark.parametrize(
    "url", ["http://localhost:11434", "http://127.0.0.1:8000", "http://127.5.6.7", "http://[::1]:1234"]
)
def test_local_only_accepts_this_machine(url: str) -> None:
    assert check_destination(url, local_only=True).loopback


@pytest.mark.parametrize(
    "url",
    [
        "https://api.anthropic.com",
        "http://127.0.0.1.evil.com",
        "http://localhost.evil.com",
        "http://evil.com#127.0.0.1",
        "http://evil.com?127.0.0.1",
        "http://127.0.0.1@evil.com",
        "http://evil.com@127.0.0.1",
        "http://user:pass@127.0.0.1",
        "http://127.0.0.1\\@evil.com",
        "http://127.0.0.1%2eevil.com",
        "http://2130706433",
        "http://134744072",
        "http://0x7f000001",
        "http://0x7f.0.0.1",
        "http://0177.0.0.1",
        "http://127.1",
        "http://127.0.0.1.",
        "http://localhost.",
        "http://0.0.0.0",
        "http://[::]",
        "http://[::ffff:127.0.0.1]",
        "http://[::ffff:8.8.8.8]",
        "http://[fe80::1%25eth0]",
        "http://[::1]evil.com",
        "http://１２７.0.0.1",
        "http://ⓛocalhost",
        "http://local host",
        "http://localhost\t.evil.com",
        "http://127.0.0.1:99999",
        "http:///127.0.0.1",
        "//127.0.0.1",
        "127.0.0.1",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "http://[127.0.0.1]",
        "http://10.0.0.1",
        "http://169.254.169.254",
        "",
    ],
)
def test_local_only_refuses_everything_else(brief: Brief, tmp_path: Path, url: str) -> None:
    with pytest.raises(DestinationRefusedError):
        check_destination(url, local_only=True)
    with pytest.raises(GateRefusedError):
        PrivacyGate(brief, tmp_path, Notes(), local_only=True).outbound({"model": "m", "messages": []}, url)


def test_a_remote_server_may_be_named_when_the_clinician_does_not_forbid_it() -> None:
    assert not check_destination("https://api.anthropic.com").loopback
    with pytest.raises(DestinationRefusedError, match="not used"):
        check_destination("http://2130706433")


# ---------------------------------------------------------------------------------------------- with the SDK on the wire


class _Server(http.server.ThreadingHTTPServer):
    """Answers every POST with one status; keeps what it was sent."""

    def __init__(self, status: int, location: str = "") -> None:
        self.got: list[bytes] = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server.got.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def elsewhere() -> Iterator[_Server]:
    server = _Server(500)
    yield server
    server.shutdown()
    server.server_close()


def _ask(server_url: str, gate: PrivacyGate) -> None:
    from clinjup.agent.provider import Prompt, Provider, ProviderError
    from clinjup.agent.provider.server import Server

    async def ask() -> None:
        provider = Provider(Server(server_url, "k", "m", native=False), gate, backoff_seconds=0.0)
        try:
            messages = [{"role": "user", "content": "The film CANARY_001_Anna.png of Zorblax"}]
            with pytest.raises(ProviderError):
                await provider.turn(Prompt("You plan.", [], messages))
        finally:
            await provider.close()

    asyncio.run(ask())


def test_the_wire_carries_exactly_what_was_written_down(brief: Brief, tmp_path: Path, elsewhere: _Server) -> None:
    notes = Notes()
    _ask(elsewhere.url, PrivacyGate(brief, tmp_path, notes, local_only=True))
    disclosures = [data for kind, data in notes.records if kind == "disclosure"]
    assert len(disclosures) == len(elsewhere.got) >= 1
    for data, body in zip(disclosures, elsewhere.got, strict=True):
        assert (tmp_path / data["file"]).read_bytes() == body
        assert data["sha256"] == hashlib.sha256(body).hexdigest()
        assert b"CANARY" not in body and b"Zorblax" not in body


def test_a_redirect_carries_nothing_away(brief: Brief, tmp_path: Path, elsewhere: _Server) -> None:
    redirecting = _Server(307, f"{elsewhere.url}/v1/messages")
    try:
        _ask(redirecting.url, PrivacyGate(brief, tmp_path, Notes(), local_only=True))
    finally:
        redirecting.shutdown()
        redirecting.server_close()
    assert redirecting.got and not elsewhere.got


def test_a_proxy_in_the_environment_sees_nothing_of_a_local_request(
    brief: Brief, tmp_path: Path, elsewhere: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, elsewhere.url)
    server = _Server(500)
    try:
        _ask(server.url, PrivacyGate(brief, tmp_path, Notes(), local_only=True))
    finally:
        server.shutdown()
        server.server_close()
    assert server.got and not elsewhere.got
