"""Routes and websockets: thin, authenticated, every error a sentence. What they do stands in service.py."""

from __future__ import annotations

import asyncio
import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.utils import url_escape, url_path_join
from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

if TYPE_CHECKING:
    from pydantic import BaseModel

BATCH_SECONDS = 0.1
AGAIN_SECONDS = 1.0
_NOT_ALLOWED = (
    "The administrator of this server does not let you do this. Ask them for the permission for clinjup; nothing was "
    "changed."
)
# Files of a run that the panel shows; anything else is opened through JupyterLab.
_SHOWN = ("report.html", "model_card.md", "results.json", "predictions.csv", "predictions.json", "journal.jsonl")
# By our own table: what mimetypes says of .csv or .md is another thing on each machine.
_CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".jsonl": "text/plain; charset=utf-8",
    ".png": "image/png",
}


def protocol() -> Any:
    """clinjup.server.protocol, imported with the first request: a server without runs starts as fast as before."""
    return importlib.import_module("clinjup.server.protocol")


def routes() -> list[tuple[str, type[JupyterHandler]]]:
    """All routes, below the server's base URL."""
    run = r"/clinjup/v1/runs/(?P<run_id>[\w-]+)"
    return [
        (r"/clinjup/v1/about", AboutHandler),
        (r"/clinjup/v1/runs", RunsHandler),
        (run, RunHandler),
        (run + r"/(?P<action>stop|pause|resume|input|restore)", RunActionHandler),
        (run + r"/approvals/(?P<sha256>[0-9a-f]{64})", ApprovalHandler),
        (run + r"/journal", JournalHandler),
        (run + r"/files/(?P<name>.+)", FileHandler),
        (r"/clinjup/v1/cells/(?P<action>explain|mend)", CellHandler),
        (r"/clinjup/v1/events", EventsSocket),
        (r"/clinjup/v1/notebooks/(?P<path>.+)/ops", OpsSocket),
    ]


def _for_allowed_people(method: Any) -> Any:
    """For people who are logged in and whom the server's Authorizer allows it: to read, or to write where it is a POST."""
    return web.authenticated(authorized(message=_NOT_ALLOWED)(method))


class _Handler(APIHandler):
    """Bodies in and out as messages; the one place where exceptions become Problems."""

    auth_resource = "clinjup"

    async def service(self) -> Any:
        return await self.settings["clinjup"].service()

    def body(self, message: str) -> Any:
        """The body as this message of the protocol."""
        from pydantic import ValidationError

        try:
            return getattr(protocol(), message).model_validate_json(self.request.body or b"{}")
        except ValidationError as problem:
            faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in problem.errors()[:3])
            raise _Malformed(
                f"The request cannot be read ({faults}). Reload the page; panel and server may differ."
            ) from problem

    def reply(self, message: BaseModel, status: int = 200) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(message.model_dump_json())

    def write_error(self, status_code: int, **keywords: Any) -> None:
        fault = keywords.get("exc_info", (None, None, None))[1]
        status, problem = _problem(fault, status_code)
        if status >= 500:
            self.log.error("clinjup: %s", problem, exc_info=keywords.get("exc_info"))
        self.clear()
        self.reply(problem, status)


class _Malformed(Exception):
    """What came in is no message of the protocol."""


def _problem(fault: BaseException | None, status: int) -> tuple[int, BaseModel]:
    Problem = protocol().Problem
    from clinjup.server.problems import problem_of

    if isinstance(fault, _Malformed):
        return 400, Problem(code="malformed", sentence=str(fault))
    if isinstance(fault, web.HTTPError) and fault.log_message == _NOT_ALLOWED:
        return 403, Problem(code="not_allowed", sentence=_NOT_ALLOWED)
    if status == 403:
        sentence = (
            "You are not logged in to this server any more. Reload the page and log in; the run goes on meanwhile."
        )
        return 403, Problem(code="not_allowed", sentence=sentence)
    if isinstance(fault, web.HTTPError) and status < 500:
        return status, Problem(
            code="not_found" if status == 404 else "malformed", sentence=str(fault.log_message or fault)
        )
    return problem_of(fault)


class AboutHandler(_Handler):
    @_for_allowed_people
    async def get(self) -> None:
        self.reply(await (await self.service()).about())


class RunsHandler(_Handler):
    @_for_allowed_people
    async def get(self) -> None:
        self.reply(await (await self.service()).runs())

    @_for_allowed_people
    async def post(self) -> None:
        new = self.body("NewRun")
        if new.example is None and not (new.intent.strip() and new.data):
            raise _Malformed("Say what you want, and choose the folder with your images; or take one of the examples.")
        self.reply(await (await self.service()).start(new), 201)


class RunHandler(_Handler):
    @_for_allowed_people
    async def get(self, run_id: str) -> None:
        self.reply(await (await self.service()).summary(run_id))


class RunActionHandler(_Handler):
    @_for_allowed_people
    async def post(self, run_id: str, action: str) -> None:
        service = await self.service()
        if action == "resume":
            self.reply(await service.resume(run_id, self.body("Resume").answers))
        elif action == "input":
            self.reply(await service.answer(run_id, self.body("Answers").answers))
        elif action == "restore":
            self.reply(await service.restore(run_id, self.body("Restore").step_id))
        else:
            self.reply(await (service.stop if action == "stop" else service.pause)(run_id))


class ApprovalHandler(_Handler):
    @_for_allowed_people
    async def post(self, run_id: str, sha256: str) -> None:
        self.reply(await (await self.service()).approve(run_id, sha256, self.body("ApprovalAnswer").approved))


class JournalHandler(_Handler):
    @_for_allowed_people
    async def get(self, run_id: str) -> None:
        self.reply(await (await self.service()).journal(run_id))


class FileHandler(_Handler):
    @_for_allowed_people
    async def get(self, run_id: str, name: str) -> None:
        if name == "notebook.ipynb":  # the report links it
            path = (await (await self.service()).summary(run_id)).notebook
            self.redirect(url_path_join(self.base_url, "lab/tree", url_escape(path)))
            return
        folder = (await (await self.service()).view(run_id)).folder
        file = Path(folder, name).resolve()
        is_plot = file.parent == folder.resolve() / "plots" and file.suffix == ".png"
        if not (is_plot or name in _SHOWN) or not file.is_file():
            raise web.HTTPError(404, f"The run has no file '{name}' to show.")
        # A page of an origin of its own: it shows its style and its pictures, and no script of a run reaches JupyterLab.
        self.set_header(
            "Content-Security-Policy", "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"
        )
        self.set_header("X-Content-Type-Options", "nosniff")
        content = await asyncio.to_thread(file.read_bytes)
        self.finish(content, set_content_type=_CONTENT_TYPES[file.suffix])


class CellHandler(_Handler):
    @_for_allowed_people
    async def post(self, action: str) -> None:
        request, service = self.body("CellRequest"), await self.service()
        self.reply(await (service.explain if action == "explain" else service.mend)(request))


class _Socket(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """A websocket for people who are logged in and allowed."""

    auth_resource = "clinjup"

    @ws_authenticated
    async def get(self, *arguments: Any, **keywords: Any) -> None:
        allowed = self.authorizer.is_authorized(self, self.current_user, "execute", self.auth_resource)
        if not (await allowed if asyncio.iscoroutine(allowed) else allowed):
            raise web.HTTPError(403)
        await super().get(*arguments, **keywords)

    async def service(self) -> Any:
        return await self.settings["clinjup"].service()

    def tell(self, message: BaseModel) -> None:
        if self.ws_connection is not None:
            try:
                told = self.write_message(message.model_dump_json())
            except WebSocketClosedError:
                return
            told.add_done_callback(lambda done: done.cancelled() or done.exception())


class EventsSocket(_Socket):
    """All events of all runs, in batches."""

    _following: asyncio.Task[None] | None = None

    def open(self) -> None:
        super().open()
        self._following = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        try:
            await self._tell_events()
        except Exception:  # an open socket on which nothing comes would look like a run that stands still
            self.log.exception("clinjup: the events could not be followed; the page connects again")
            await asyncio.sleep(AGAIN_SECONDS)  # it does so at once: a fault that stays must not fill the log
            self.close(1011, "the events could not be followed")

    async def _tell_events(self) -> None:
        since: dict[str, int] = {}
        for part in filter(None, self.get_argument("since", "").split(",")):
            run_id, _, seq = part.rpartition(":")
            if run_id and seq.isdigit():
                since[run_id] = int(seq)
        service = await self.service()
        from clinjup.server.events import EventBatch, RunEvent

        async for batch in service.follow(since):
            self.tell(EventBatch(events=[RunEvent(**event.model_dump(mode="json")) for event in batch]))
            await asyncio.sleep(BATCH_SECONDS)

    def on_message(self, message: str | bytes) -> None:
        """Nothing is expected; a ping keeps proxies awake."""

    def on_close(self) -> None:
        if self._following is not None:
            self._following.cancel()


class OpsSocket(_Socket):
    """One tab on one notebook."""

    _tab: Any = None

    async def open(self, path: str) -> None:
        super().open()
        service = await self.service()
        await service.recovered()  # a tab that comes back after a crash finds its notebook whole
        self._tab = service.desk.tabs.open(path.strip("/"), self.tell)

    def on_message(self, message: str | bytes) -> None:
        try:
            told = importlib.import_module("clinjup.ops").TAB_MESSAGE.validate_python(json.loads(message))
        except ValueError as problem:  # pydantic's are ValueErrors
            self.log.warning("clinjup: a tab sent what is no message: %s", problem)
            self.close(1003, "not a message of the protocol")
            return
        self._tab.receive(told)

    def on_close(self) -> None:
        if self._tab is not None:
            self._tab.close()

    @property
    def max_message_size(self) -> int:
        """Rejoins carry all sources, user_outputs all outputs of a cell."""
        return 256 * 2**20
