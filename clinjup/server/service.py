"""What the routes do, in terms of RunManager: messages in, messages out. No sockets here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from clinjup import __version__
from clinjup.contracts import CellError, Event, RunRequest, RunStatus
from clinjup.examples import EXAMPLES, ExampleRequest, is_written, write_example_cohort
from clinjup.runs import (
    JournalError,
    JupyterDesk,
    NotebookTroubleError,
    NotRunningError,
    PlannerUnusableError,
    RunFolderError,
    RunManager,
    RunView,
    destination_of,
)
from clinjup.server.events import Destination, PendingApproval
from clinjup.server.problems import UnknownRunError
from clinjup.server.protocol import (
    About,
    CellAnswer,
    CellRequest,
    Example,
    JournalRecord,
    JournalRecords,
    Limits,
    NewRun,
    Restored,
    RunList,
    RunSummary,
)
from clinjup.weights import weights_at

ACTIVITY_SECONDS = 30.0


class Service:
    """The runs of one Jupyter server."""

    def __init__(
        self,
        manager: RunManager,
        desk: JupyterDesk,
        root: Path,
        run_dir: Path,
        settings: dict[str, Any],
        warnings: list[str],
    ) -> None:
        self.manager, self.desk, self.root, self.run_dir = manager, desk, root, run_dir
        self._settings, self._warnings = settings, warnings
        self._past: dict[str, RunView] = {}
        self._looking = asyncio.Lock()
        self._looked = False
        self._named: set[str] = set()
        self._renamed: dict[str, tuple[list[tuple[str, int]], str]] = {}
        self._alive: asyncio.Task[None] | None = None
        self._examples: list[Example] | None = None
        self._claude: tuple[Destination | None, str] = (None, "")

    # ------------------------------------------------------------------------------------------------- reading

    async def about(self) -> About:
        limits = self.manager.limits
        if self._examples is None:  # takes imports, so it is asked once and in a thread
            self._examples, self._claude = await asyncio.to_thread(lambda: (_examples(), self._look_for_claude()))
        claude, why = self._claude
        return About(
            version=__version__,
            examples=self._examples,
            limits=Limits(
                max_approval=limits.max_approval,
                allowed_hosts=list(limits.allowed_hosts),
                max_run_hours=limits.max_run_hours or 0.0,
                allow_images=limits.allow_images,
            ),
            claude=claude,
            claude_sentence=why,
            warnings=self._warnings,
        )

    def _look_for_claude(self) -> tuple[Destination | None, str]:
        request = RunRequest(intent="?", data="?", planner="claude")
        try:
            self.manager.check_planner(request)
        except PlannerUnusableError as problem:
            return None, str(problem)
        return Destination(**destination_of(request)), ""

    async def recovered(self) -> None:
        """Return once the runs of earlier processes have been looked at, and their notebooks are whole."""
        await asyncio.shield(self._look_at_past(again=False))

    async def _look_at_past(self, *, again: bool = True) -> None:
        """One look at a time. Shielded from a page that is closed meanwhile: a thread may be writing under a run's lock."""
        async with self._looking:
            if again or not self._looked:
                self._past = {view.id: view for view in await self.manager.past(self.run_dir)}
                self._looked = True

    async def runs(self) -> RunList:
        await asyncio.shield(self._look_at_past())
        views = [*self.manager.views(), *self._past.values()]
        return RunList(runs=[await self._summary(view) for view in sorted(views, key=lambda view: -view.started)])

    async def summary(self, run_id: str) -> RunSummary:
        return await self._summary(await self.view(run_id))

    async def view(self, run_id: str) -> RunView:
        """Raises UnknownRunError."""
        try:
            return self.manager.view(run_id)
        except KeyError:
            if run_id not in self._past:
                await asyncio.shield(self._look_at_past())
        try:
            return self._past[run_id]
        except KeyError:
            raise UnknownRunError(
                f"There is no run '{run_id}' on this server. It may have been started in another folder; open its notebook "
                "there, or resume it with `clinjup run --resume`."
            ) from None

    async def journal(self, run_id: str) -> JournalRecords:
        folder = (await self.view(run_id)).folder
        try:
            records, problems = await self.manager.journal(folder)
        except FileNotFoundError:
            raise UnknownRunError(
                "This run has no journal yet: its images are drawn first, and the journal begins with the run itself."
            ) from None
        sentence = problems[0] if problems else ""
        return JournalRecords(
            intact=not problems, sentence=sentence, records=[JournalRecord(**record) for record in records]
        )

    async def follow(self, since: Mapping[str, int]) -> AsyncIterator[list[Event]]:
        """Batches of events (RunManager.follow), with those of earlier processes' runs that `since` names."""
        for run_id in since:
            try:
                self.manager.view(run_id)
            except KeyError:
                try:
                    events = await self.manager.past_events((await self.view(run_id)).folder)
                except (UnknownRunError, RunFolderError, JournalError):
                    continue  # the events of the other runs still come
                yield events[since[run_id] :]
        async for batch in self.manager.follow(since):
            yield batch

    # ------------------------------------------------------------------------------------------------- doing

    async def start(self, new: NewRun) -> RunSummary:
        request, example = self._request(new), EXAMPLES.get(new.example or "")
        if example is None:
            run_id = await self.manager.submit(request, interactive=True)
        else:
            run_id = await self._start_example(example, new, request)
        self._keep_alive()
        return await self.summary(run_id)

    async def stop(self, run_id: str) -> RunSummary:
        await self._carried_here(run_id)
        await self.manager.stop(run_id)
        return await self.summary(run_id)

    async def pause(self, run_id: str) -> RunSummary:
        await self._carried_here(run_id)
        self.manager.pause(run_id, True)
        return await self.summary(run_id)

    async def resume(self, run_id: str, answers: dict[str, str]) -> RunSummary:
        await self.recovered()  # a look at the folder holds its lock for a moment
        view = await self.view(run_id)
        if view.paused and view.status is RunStatus.RUNNING and not view.elsewhere:
            self.manager.pause(run_id, False)
        else:
            await self.manager.resume(view.folder, answers, interactive=True)
            self._keep_alive()
        return await self.summary(run_id)

    async def answer(self, run_id: str, answers: dict[str, str]) -> RunSummary:
        view = await self._carried_here(run_id)
        defaults = {question.id: question.default for question in view.questions if question.default is not None}
        if not self.manager.answer(run_id, {**defaults, **answers}):
            raise NotRunningError("The run does not wait for an answer.")
        return await self.summary(run_id)

    async def approve(self, run_id: str, sha256: str, approved: bool) -> RunSummary:
        await self._carried_here(run_id)
        if not self.manager.approve(run_id, sha256, approved):
            raise NotRunningError("The run does not wait for a word on this code; it was decided before.")
        return await self.summary(run_id)

    async def restore(self, run_id: str, step_id: str) -> Restored:
        await self.recovered()
        view = await self.view(run_id)
        cells, sentence = await self.manager.restore(view.folder, step_id)
        self._past.pop(run_id, None)
        return Restored(step_id=step_id, cells=cells, sentence=sentence)

    async def explain(self, request: CellRequest) -> CellAnswer:
        folder, step_id = await self._run_of(request)
        return CellAnswer(**vars(await self.manager.explain(folder, step_id)))

    async def mend(self, request: CellRequest) -> CellAnswer:
        folder, step_id = await self._run_of(request)
        told = request.error
        error = CellError(
            name=told.name if told else "Error",
            message=told.message if told else "The cell failed.",
            traceback=told.traceback if told else "",
            signature=told.name if told else "",
        )
        return CellAnswer(**vars(await self.manager.mend(folder, step_id, error)))

    async def close(self) -> None:
        if self._alive is not None:
            self._alive.cancel()
        await self.manager.close()
        await self._save_late()

    async def _save_late(self) -> None:
        """Try again to save what could not be saved when its run ended."""
        for live in list(self.desk.tabs.unsaved.values()):
            with contextlib.suppress(NotebookTroubleError, OSError):  # it was told; the next time may be better
                await live.save_late()

    # ------------------------------------------------------------------------------------------------- helpers

    async def _carried_here(self, run_id: str) -> RunView:
        """The run, which is about to be told something. Raises UnknownRunError, or NotRunningError where another program carries it."""
        view = await self.view(run_id)
        if view.elsewhere:  # so it was at the last look
            await asyncio.shield(self._look_at_past())
            view = await self.view(run_id)
        if view.elsewhere:
            raise NotRunningError(
                f"Another program carries the run in '{view.folder}' right now. Stop, pause or answer it there, or wait for its end."
            )
        return view

    def _request(self, new: NewRun) -> RunRequest:
        given = new.model_dump(exclude={"example", "patients"})
        if new.data:
            given["data"] = str(self.root / Path(new.data).expanduser())
        given["pretrained"] = weights_at(new.pretrained, self.root)
        return RunRequest(**given, out=str(self._new_folder(new)))

    def _new_folder(self, new: NewRun) -> Path:
        name = f"{datetime.now():%Y-%m-%d-%H%M%S}-{new.example or 'run'}"
        # One that was named a moment ago is not there yet: its run looks at the images first.
        taken = {path.name for path in self.run_dir.glob(f"{name}*")} | self._named
        free = next(each for number in count(1) if (each := name if number == 1 else f"{name}-{number}") not in taken)
        self._named.add(free)
        return self.run_dir / free

    async def _start_example(self, example: ExampleRequest, new: NewRun, request: RunRequest) -> str:
        """Start at once where its images are there; else as a run that draws them first."""
        size = "" if new.patients is None else f"-{new.patients}"
        share = "" if example.annotated == 1 else f"-{100 * example.annotated:.0f}-percent-annotated"
        out = self.run_dir / f"data-{example.cohort}-{new.seed}{size}{share}"
        request = request.model_copy(update={"intent": new.intent or example.intent, "data": str(out)})
        if is_written(out):
            return await self.manager.submit(request, interactive=True)

        def draw(on_progress: Callable[[int, int], None]) -> Path:
            try:
                return write_example_cohort(example, out, patients=new.patients, seed=new.seed, on_progress=on_progress)
            except FileExistsError as fault:
                raise RunFolderError(
                    f"The folder '{out}' is where the images of this example belong, and it holds other files. Move them "
                    "elsewhere or delete the folder, then start the example again."
                ) from fault

        return await self.manager.submit_drawn(request, f"Drawing synthetic {example.images}", draw, interactive=True)

    async def _run_of(self, request: CellRequest) -> tuple[Path | None, str | None]:
        run_id = request.metadata.get("run_id")
        if not isinstance(run_id, str):
            return None, None
        try:
            return (await self.view(run_id)).folder, request.metadata.get("step_id")
        except UnknownRunError:
            return None, None

    async def _summary(self, view: RunView) -> RunSummary:
        return RunSummary(
            id=view.id,
            intent=view.request.intent,
            status=view.status,
            paused=view.paused,
            resumable=view.resumable,
            notebook=await self._notebook(view),
            folder=str(view.folder),
            folder_path=self._path(view.folder),
            started=view.started,
            elapsed=view.elapsed,
            as_of=view.as_of,
            seconds_left=view.seconds_left,
            waits_for=view.waits_for,
            budget_seconds=view.budget_seconds,
            destination=Destination(**view.destination),
            last_seq=view.last_seq,
            questions=view.questions,
            approvals=[PendingApproval(**vars(code)) for code in view.approvals],
            sentence=view.sentence,
        )

    async def _notebook(self, view: RunView) -> str:
        if not view.notebook:  # its images are still being drawn
            return ""
        path = view.notebook if view.request.notebook else self._path(Path(view.notebook)) or view.notebook
        if view.status is RunStatus.RUNNING or (self.root / path).is_file():
            return path
        # Renamed or deleted. Notebooks can be large, so they are read again only where one has changed.
        state = await asyncio.to_thread(_notebooks_in, view.folder)
        if self._renamed.get(view.id, (None, ""))[0] != state:
            now_at = await asyncio.to_thread(self.desk.now_at, path, view.folder, view.id)
            self._renamed[view.id] = state, now_at
        return self._renamed[view.id][1]

    def _path(self, file: Path) -> str | None:
        return self.desk.contents_path(file)

    def _keep_alive(self) -> None:
        if self._alive is None or self._alive.done():
            self._alive = asyncio.create_task(self._tell_activity())

    async def _tell_activity(self) -> None:
        """Rule 11: a hub that shuts idle servers down sees that this one is not idle, also with no browser open."""
        while True:
            self._settings["clinjup_last_activity"] = datetime.now(UTC)
            await self._save_late()
            if not self.manager.busy() and not self.desk.tabs.unsaved:
                return
            await asyncio.sleep(ACTIVITY_SECONDS)


def _notebooks_in(folder: Path) -> list[tuple[str, int]]:
    """(name, time in ns) of the notebooks in a run folder."""
    with contextlib.suppress(FileNotFoundError):  # one that is moved at this moment: the next look finds it
        return sorted((file.name, file.stat().st_mtime_ns) for file in folder.glob("*.ipynb"))
    return []


def _examples() -> list[Example]:
    return [
        Example(id=e.id, title=e.title, intent=e.intent, available=not (why := e.unavailable), sentence=why)
        for e in EXAMPLES.values()
    ]
