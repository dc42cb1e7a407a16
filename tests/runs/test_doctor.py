"""`clinjup doctor` says with what protection cells would run."""

from __future__ import annotations

import asyncio

import pytest

from clinjup.notebook.sandbox import check_sandbox
from tests.runs.door import clinjup


@pytest.mark.parametrize("bubblewrap", [True, False])
def test_doctor_says_whether_there_is_a_sandbox(bubblewrap, tmp_path, monkeypatch):
    if not bubblewrap:
        monkeypatch.setenv("PATH", str(tmp_path))
    expected = asyncio.run(check_sandbox(tmp_path))
    findings = {finding["subject"]: finding for finding in clinjup("doctor", "--json").json}
    assert findings["Sandbox"]["sentence"] == expected.sentence
    assert findings["Sandbox"]["level"] == ("ok" if expected.active else "note")
    assert expected.sentence.startswith("NO SANDBOX: ") or bubblewrap
    assert "Python 3 (clinjup sandbox)" in findings["Sandbox kernel"]["sentence"]
