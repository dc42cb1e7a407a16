"""clinjup in jupyter-ai's chat: starts, follows, answers and stops the runs of the server. No run lives in here."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from jupyter_ai_persona_manager import BasePersona, PersonaDefaults
from jupyterlab_chat.models import Message, MimeModel, NewMessage

from clinjup.server.protocol import NewRun, RunSummary

CARD_MIME = "application/vnd.clinjup.card+json"
# Findings that are told in the chat; the notebook and the sidebar have all of them.
_CARDS = frozenset({"cohort", "association", "selection", "evaluation"})

_DATA = re.compile(r"(?:^|\s)(?:data|daten)[:=]\s*(?P<folder>\"[^\"]+\"|\S+)", re.IGNORECASE)
_HELP = (
    "Tell me what you want and where the images are, for example:\n\n"
    "> I want to diagnose pneumothorax on chest X-rays. data: films\n\n"
    "`/example pneumothorax` shows a run on synthetic data, `/stop` stops the run, `/status` says where it stands. "
    "Questions are answered with `id: answer`; code that waits is answered with `yes` or `no`."
)


class ClinjupPersona(BasePersona):
    """The door to the same runs as the sidebar's."""

    _run_id: str | None = None

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._following: set[asyncio.Task[None]] = set()

    @property
    def defaults(self) -> PersonaDefaults:
        return PersonaDefaults(
            name="clinjup",
            description="From a clinical question to a notebook that others can verify. Research software, not a medical device.",
            avatar_path=str(Path(__file__).parent / "lab_settings" / "clinjup.svg"),
            system_prompt="",
        )

    async def process_message(self, message: Message) -> None:
        """Hand the words to the server's runs and return at once; what comes of them is told by `_follow`."""
        try:
            self.send_message(await self._answer(re.sub(r"^@\S+\s*", "", message.body).strip()))
        except Exception as fault:
            self._tell_fault(fault)

    async def cancel_response(self) -> None:
        """The chat's stop button stops the run."""
        if self._run_id is not None:
            await (await self._service()).stop(self._run_id)

    async def shutdown(self) -> None:
        """The chat goes, the run goes on."""
        for following in self._following:
            following.cancel()
        await super().shutdown()

    async def _answer(self, text: str) -> str:
        service = await self._service()
        run = await service.summary(self._run_id) if self._run_id else None
        if text in {"/stop", "stop"} and run is not None:
            await service.stop(run.id)
            return "Stopping now; everything up to here is kept."
        if text == "/status" and run is not None:
            return _status(run)
        if run is not None and run.questions:
            await service.answer(run.id, _answers(text, run))
            return "Thank you, on it goes."
        if run is not None and run.approvals and text.lower() in {"yes", "no", "ja", "nein"}:
            await service.approve(run.id, run.approvals[0].sha256, text.lower() in {"yes", "ja"})
            return "Noted."
        example = text.removeprefix("/example ").strip() if text.startswith("/example ") else None
        data = _DATA.search(text)
        if example is None and data is None:
            return _HELP
        folder, intent = (data["folder"].strip('"'), _DATA.sub("", text).strip()) if data else ("", "")
        started = await service.start(NewRun(intent=intent, data=folder, example=example))
        self._run_id = started.id
        following = asyncio.create_task(self._follow(started))
        self._following.add(following)
        following.add_done_callback(self._following.discard)
        if not started.notebook:
            return "Started. The synthetic images of this example are drawn first, which can take some minutes."
        return f"Started. The notebook is [{started.notebook}]({started.notebook})."

    async def _follow(self, run: RunSummary) -> None:
        """Tell what the clinician has to know; the rest is in the notebook. Few messages, since each rewrites the chat's file."""
        try:
            async for batch in (await self._service()).follow({run.id: 0}):
                for event in (event for event in batch if event.run_id == run.id):
                    if event.type == "run.started" and not run.notebook and (notebook := event.data.get("notebook")):
                        self.send_message(f"The images are drawn. The notebook is [{notebook}]({notebook}).")
                    if told := _told(event.type, event.data):
                        self.send_message(told)
                    if card := _card(event.type, event.data):
                        self.chat.add_message(NewMessage(body="", sender=self.id, mime_model=card))
                    if event.type == "run.finished":
                        return
        except Exception as fault:
            self._tell_fault(fault)

    def _tell_fault(self, fault: Exception) -> None:
        from clinjup.server.problems import problem_of

        status, problem = problem_of(fault)
        if status >= 500:
            self.log.error("clinjup: %s", problem.sentence, exc_info=fault)
        self.send_message("\n".join([problem.sentence, *(f"- {each}" for each in problem.instead)]))

    async def _service(self) -> Any:
        return await self.parent.parent.serverapp.web_app.settings["clinjup"].service()


def _told(kind: str, data: dict[str, Any]) -> str:
    """The message for an event; empty for one that needs none."""
    if kind == "question.asked":
        asked = [(each, ", ".join(option["value"] for option in each["options"])) for each in data["questions"]]
        return "\n".join(f"**{each['text']}** ({each['id']}: {values})" for each, values in asked)
    if kind == "approval.requested":
        return f"{data['reason']}\n\n```python\n{data['source']}\n```\nMay this cell run? (yes or no)"
    if kind == "error.diagnosed":
        return f"{data['message']}"
    if kind == "text.delta" and data.get("loud"):
        return str(data["text"])
    if kind == "notebook.restored":
        return str(data["sentence"])
    if kind == "run.finished":
        return f"**{str(data['status']).replace('_', ' ').capitalize()}.** {data['sentence']}"
    return ""


def _card(kind: str, data: dict[str, Any]) -> MimeModel | None:
    """A finding for the MIME renderer of the sidebar; None for what is no finding of the chat's."""
    finding = data.get("finding", {}) if kind == "result" else {}
    if finding.get("kind") not in _CARDS:
        return None
    return MimeModel(data={CARD_MIME: {"finding": finding}, "text/plain": f"{finding['kind']}: see the notebook."})


def _answers(text: str, run: RunSummary) -> dict[str, str]:
    """`id: answer`, one a line; a single question takes the bare answer."""
    lines = (line.partition(":") for line in text.splitlines())
    pairs = {name.strip(): value.strip() for name, _, value in lines if value}
    known = {question.id for question in run.questions}
    return {name: value for name, value in pairs.items() if name in known} or {run.questions[0].id: text}


def _status(run: RunSummary) -> str:
    status = "paused" if run.paused else run.status.value.replace("_", " ")
    return f"{status}, {run.elapsed / 60:.0f} minutes. {run.sentence}"
