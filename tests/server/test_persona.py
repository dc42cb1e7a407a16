"""The persona in jupyter-ai's chat: what it tells, and when it is the default."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from clinjup.persona import CARD_MIME, _card, _told
from clinjup.server.extension import PERSONA_ID

# A server that is set up and not started: which persona would a new chat have?
PROGRAM = """
import json, sys
from jupyter_server.serverapp import ServerApp

app = ServerApp()
extensions = "--ServerApp.jpserver_extensions={'clinjup.server': True}"
app.initialize(["--no-browser", "--allow-root", "--port=0", extensions, *sys.argv[1:]], starter_extension=None)
print(json.dumps(app.config.get("PersonaManager", {}).get("default_persona_id")))
"""


@pytest.mark.parametrize(
    ("options", "default"),
    [
        ([], PERSONA_ID),
        (["--PersonaManager.default_persona_id=hospital::one"], "hospital::one"),
    ],
    ids=["nobody chose", "the administrator chose"],
)
def test_clinjup_is_the_default_persona_only_where_the_administrator_has_not_chosen_one(options, default, tmp_path):
    environment = {**os.environ, "JUPYTER_NO_CONFIG": "1", "HOME": str(tmp_path)}
    environment |= {f"JUPYTER_{name}_DIR": str(tmp_path) for name in ("CONFIG", "DATA", "RUNTIME")}
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM, *options],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert json.loads(said.stdout.splitlines()[-1]) == default


def test_findings_that_matter_become_cards_and_the_others_stay_in_the_notebook():
    finding = {"kind": "selection", "selected": "baseline", "sentence": "The better one."}
    card = _card("result", {"step_id": "select", "finding": finding})
    assert card is not None and card.data[CARD_MIME] == {"finding": finding}
    assert card.data["text/plain"]
    assert _card("result", {"step_id": "audit", "finding": {"kind": "figure", "path": "plots/x.png"}}) is None
    assert _card("cell.progress", {"done": 1}) is None


def test_questions_code_and_the_end_are_told_in_words():
    options = [{"value": "yes", "text": "Yes"}, {"value": "no", "text": "No"}]
    asked = _told("question.asked", {"questions": [{"id": "views", "text": "Which views?", "options": options}]})
    assert "Which views?" in asked and "views: yes, no" in asked
    waiting = _told("approval.requested", {"reason": "It starts a program.", "source": "import os"})
    assert "It starts a program." in waiting and "import os" in waiting and "yes or no" in waiting
    assert _told("run.finished", {"status": "needs_answer", "sentence": "Which views?"}).startswith("**Needs answer.**")
    assert _told("cell.progress", {"done": 1}) == ""
