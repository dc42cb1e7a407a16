"""The persona in jupyter-ai's chat: what it tells, what becomes of it when the chat is closed, and when it is the default."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from jupyterlab_chat.models import Message
from jupyterlab_chat.websocket_model import WsChatModel
from traitlets.config import LoggingConfigurable

from clinjup.persona import CARD_MIME, ClinjupPersona, _card, _told
from clinjup.server.extension import PERSONA_ID

from .in_process import service_in

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


class Chat:
    """A chat with the persona in it, on real runs in `root`. `fault`: what the server's runs answer with instead."""

    def __init__(self, root):
        self.runs = service_in(root)
        self.kernels = self.runs.desk.kernels
        self.fault = None
        server, manager = LoggingConfigurable(), LoggingConfigurable()
        server.serverapp = SimpleNamespace(web_app=SimpleNamespace(settings={"clinjup": self}))
        manager.parent = server
        self.model = WsChatModel("talk.chat", root)
        self.persona = ClinjupPersona(parent=manager, chat=self.model)

    async def service(self):
        if self.fault is not None:
            raise self.fault
        return self.runs

    async def say(self, text):
        await self.persona.process_message(Message(body=text, id="1", time=0.0, sender="anna"))

    async def close(self, kernels):
        """With its runs and their kernels, of which there are this many; one that still starts could not be shut down."""
        async with asyncio.timeout(120):
            while len(self.kernels.list_kernel_ids()) < kernels:
                await asyncio.sleep(0.02)
        await self.persona.shutdown()
        await self.runs.close()
        for kernel in self.kernels.list_kernel_ids():
            await self.kernels.shutdown_kernel(kernel, now=True)

    def heard(self):
        return [message.body for message in self.model.get_messages()]

    async def until(self, holds):
        async with asyncio.timeout(120):
            while not holds(self.heard()):
                await asyncio.sleep(0.02)


def test_two_requests_in_one_chat_are_both_followed_and_none_writes_to_a_chat_that_was_closed(small_cohort, tmp_path):
    async def talk():
        chat = Chat(tmp_path)
        await chat.say(f"Make me a model for these images. data: {small_cohort}")
        await chat.say(f"@clinjup Make me a model for these images. data: {small_cohort}")
        await chat.until(lambda heard: sum("**" in text for text in heard) == 2)
        assert sum(text.startswith("Started.") for text in chat.heard()) == 2
        await chat.persona.shutdown()
        heard = chat.heard()
        await chat.close(kernels=2)
        assert not chat.runs.manager.busy()
        await asyncio.sleep(0)
        assert chat.heard() == heard

    asyncio.run(talk())


def test_what_goes_wrong_is_told_in_a_sentence(tmp_path):
    async def talk():
        chat = Chat(tmp_path)
        await chat.say("Find pneumothorax. data: nowhere")
        assert "nowhere" in chat.heard()[-1] and chat.heard()[-1].endswith(".")
        chat.fault = KeyError("x")
        await chat.say("/example pneumothorax")
        assert "unexpected fault (KeyError: 'x')" in chat.heard()[-1]

    asyncio.run(talk())


def test_that_a_run_cannot_be_followed_any_more_is_told_in_the_chat(small_cohort, tmp_path):
    async def talk():
        chat = Chat(tmp_path)
        await chat.say(f"Make me a model for these images. data: {small_cohort}")
        chat.fault = OSError(28, "No space left on device")  # before the persona's task has begun
        await chat.until(lambda heard: any("disk of the server is full" in text for text in heard))
        await chat.close(kernels=1)

    asyncio.run(talk())
