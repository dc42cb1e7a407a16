"""The folder of a run: a new one for a new request, the history of an earlier try for a resumed one."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import chain, count, pairwise
from pathlib import Path
from typing import Any

from clinjup.agent.planners.handover import CONTINUE_OFFLINE
from clinjup.agent.planners.recipes import FAILED_STEP
from clinjup.atomic_files import write_atomic
from clinjup.contracts import ClinicalTask, Plan, Question, Roles, RunRequest, RunStatus
from clinjup.hashing import sha256_text
from clinjup.locks import Lock, Taken
from clinjup.renamed_notebook import notebook_of_run, told_of_run
from clinjup.reporting import Journal
from clinjup.reporting.journal import JOURNAL_NAME, Record
from clinjup.reporting.what_ran import finished_steps

KILLED = (
    "The program that carried this run ended before the run did. Everything up to there is kept and can be resumed."
)


class RunFolderError(Exception):
    """The run folder cannot be used. The sentence says why and what to do (exit 2)."""


def check_answers(history: History, answers: Mapping[str, str]) -> None:
    """Raises RunFolderError for an answer to what the run does not ask: a slip of the pen would count as no answer."""
    asked = [question.id for question in history.questions]
    unknown = sorted(set(answers) - {*asked, *history.answers, *history.request.answers})
    if asked and unknown:
        raise RunFolderError(
            f"The answers name {' and '.join(map(repr, unknown))}, which this run does not ask. It asks: {', '.join(asked)}. "
            "Correct the file and resume again."
        )


class History:
    """What the journal of an earlier try says."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.run_id = ""
        self.answers: dict[str, str] = {}
        self.plan: Plan | None = None
        self.roles: Roles | None = None
        self.findings: list[dict[str, Any]] = []
        self.executions: list[dict[str, Any]] = []
        self._own: list[tuple[str, str]] = []
        self.cost = 0.0  # US dollars
        self.started = _time_of(journal.records[0]).timestamp() if journal.records else 0.0
        """When it was first started, in seconds since 1970."""
        self.seconds = _seconds(journal)
        """How long it has worked (work_clock), all tries together."""
        self.steps: dict[str, str] = {}
        """How the steps stood when the last try ended; empty where it could not say so."""
        self.notes: dict[str, str] = {}
        self.finished = False
        self.status = RunStatus.INTERRUPTED
        """How the last try ended; a run whose process was killed has no last word, and was interrupted."""
        self.sentence = KILLED
        self.cautions: list[str] = []
        """What its end cautioned of (reporting.cautions)."""
        self.questions: list[Question] = []
        """Questions that are still open."""
        self._found: list[tuple[str, dict[str, Any]]] = []
        self._repairs: list[dict[str, Any]] = []
        proposed: dict[str, str] = {}
        for record in journal.records:
            if record.kind == "intent":
                self.run_id = record.data["run_id"]
                self.request = RunRequest.model_validate(record.data["request"])
            elif record.kind in {"answer", "resume"}:
                self.answers.update(record.data["answers"])
                self.questions = []
                if record.kind == "resume":
                    self.status, self.sentence = RunStatus.INTERRUPTED, KILLED
                    self.steps, self.notes = {}, {}
            elif record.kind == "question":
                self.questions = [Question.model_validate(question) for question in record.data["questions"]]
            elif record.kind == "plan":
                self.plan = Plan.model_validate(record.data)
            elif record.kind == "roles":
                self.roles = Roles.model_validate(record.data["roles"])
            elif record.kind == "result":
                self.findings.append(record.data["finding"])
                self._found.append((record.data["step_id"], record.data["finding"]))
            elif record.kind == "proposal" and record.data["type"] == "run_cell":
                proposed[sha256_text(record.data["source"])] = record.data["source"]
            elif record.kind == "execution":
                self.executions.append(record.data)
                if record.data["ok"] and record.data["source_sha256"] in proposed:
                    self._own.append((record.data["step_id"], proposed[record.data["source_sha256"]]))
            elif record.kind == "repair":
                self._repairs.append(record.data)
            elif record.kind == "usage":
                self.cost += record.data["cost"]
            elif record.kind == "redo":
                self.take_back(record.data["steps"])
            elif record.kind == "restore":
                self.take_back(record.data["steps"])
                self._repairs = [each for each in self._repairs if each["step_id"] not in record.data["steps"]]
                self.finished = False
                self.status, self.sentence = RunStatus.INTERRUPTED, went_back(self.plan, record.data)
                self.cautions = []
            elif record.kind == "finished":
                self.status, self.sentence = RunStatus(record.data["status"]), record.data["sentence"]
                self.cautions = record.data.get("cautions", [])
                self.finished = self.status is RunStatus.COMPLETED
                self.steps, self.notes = record.data.get("steps", {}), record.data.get("notes", {})
                # What did not mend a step is forgotten: the memory may be large enough by now.
                self._repairs = [
                    each for each in self._repairs if self.steps.get(each["step_id"]) not in {"failed", "skipped"}
                ]
        self.own_cells = [source for _, source in self._own]
        """Sources of the cells that a model wrote and that ran, in their order."""
        if self.answers.get(CONTINUE_OFFLINE) != "yes":
            self.answers.pop(CONTINUE_OFFLINE, None)  # whoever resumes after a no wants the model tried again
        # ... and after a stop, the step that failed
        self.answers = {
            name: answer
            for name, answer in self.answers.items()
            if answer != "stop" or not name.startswith(FAILED_STEP)
        }

    def take_back(self, steps: Collection[str]) -> None:
        """Forget what `steps` ran and found. That the test set was opened cannot be taken back."""
        gone = set(steps)
        self.executions = [each for each in self.executions if each["step_id"] not in gone]
        self._found = [
            (step_id, each)
            for step_id, each in self._found
            if step_id not in gone or each.get("kind") == "test_opening"
        ]
        self.findings = [each for _, each in self._found]
        self._own = [(step_id, source) for step_id, source in self._own if step_id not in gone]
        self.own_cells = [source for _, source in self._own]
        self.steps.update({step_id: "pending" for step_id in gone & set(self.steps)})
        self.notes = {step_id: note for step_id, note in self.notes.items() if step_id not in gone}

    @property
    def mended(self) -> dict[str, dict[str, Any]]:
        """recipe -> parameters that repairs changed (Brief.mended); of steps before which the clinician went back they are forgotten."""
        found: dict[str, dict[str, Any]] = {}
        for repair in self._repairs:
            found.setdefault(repair.get("recipe", ""), {}).update(repair.get("parameters", {}))
        return found

    @property
    def test_step(self) -> str | None:
        """The step that opened the test set."""
        return next((step_id for step_id, each in self._found if each.get("kind") == "test_opening"), None)

    @property
    def closed_steps(self) -> list[str]:
        """The steps up to the one that opened the test set: a model that is trained after that cannot be tested on it any more."""
        order = [step.id for step in self.plan.steps] if self.plan else []
        return order[: order.index(self.test_step) + 1] if self.test_step in order else []

    def source_of(self, step_id: str) -> str | None:
        """The code of a finished step as it ran; None where the journal does not have it."""
        ran = [each for each in self.executions if each["step_id"] == step_id and each["ok"]]
        source = ran[-1].get("source") if ran else None
        return source if isinstance(source, str) and sha256_text(source) == ran[-1]["source_sha256"] else None

    @property
    def asks(self) -> list[Question]:
        """The questions that it ended with: one that was stopped while it asked waits for nobody, and asks again when it goes on."""
        return self.questions if self.status is RunStatus.NEEDS_ANSWER else []

    @property
    def selected(self) -> str | None:
        """Name of the model that was chosen."""
        chosen = [finding for finding in self.findings if finding.get("kind") == "selection"]
        return chosen[-1].get("selected") if chosen else None

    def states(self) -> dict[str, str]:
        """step id -> its status, of the steps that any is known of."""
        last = {execution["step_id"]: execution for execution in self.executions}
        ran = {
            step_id: "done" if each["ok"] else "pending" if was_interrupted(each) else "failed"
            for step_id, each in last.items()
        }
        return {**ran, **self.steps}

    def finished_steps(self) -> set[str]:
        """Steps whose last attempt worked."""
        return finished_steps(self.executions)


def went_back(plan: Plan | None, restore: Mapping[str, Any]) -> str:
    """What a `restore` record {step_id, cells_removed, cells_brought_back} says to the clinician."""
    step_id, count = restore["step_id"], restore["cells_removed"]
    title = next((step.title for step in plan.steps if step.id == step_id), step_id) if plan else step_id
    cells = "One cell of the run was" if count == 1 else f"{count or 'No'} cells of the run were"
    earlier = restore.get("cells_brought_back", 0)
    before = f", and {earlier} above put back as the run had left {'it' if earlier == 1 else 'them'}" if earlier else ""
    return (
        f"{cells} taken out from '{title}' on{before}. What you wrote or changed is still there, the journal keeps everything, and "
        "the run can go on from there."
    )


def was_interrupted(execution: Mapping[str, Any]) -> bool:
    """Whether an `execution` record is of a cell that somebody stopped: no failure of its step."""
    return (execution.get("error") or {}).get("name") == "KeyboardInterrupt"


def _seconds(journal: Journal) -> float:
    """What all tries took together, without the time between them and the time in which they were paused or waited for somebody."""
    seconds = 0.0
    for before, record in pairwise(journal.records):
        held = before.kind == "question" or (before.kind == "pause" and before.data["paused"])
        waited = held or record.kind in {"resume", "restore", "approval", "interruption"}
        if "seconds" in record.data and record.kind == "finished":
            seconds = record.data["seconds"]  # the run's own clock knows best
        elif not waited:
            seconds += max(0.0, (_time_of(record) - _time_of(before)).total_seconds())
    return seconds


def _time_of(record: Record) -> datetime:
    return datetime.fromisoformat(record.t)


def check_outside_data(request: RunRequest) -> None:
    """Raises RunFolderError where the run folder would lie in the data folder, or be it, links followed."""
    data = Path(request.data).expanduser().resolve()
    folder = Path(request.out or "clinjup-runs").expanduser().resolve()
    if folder.is_relative_to(data):
        raise RunFolderError(
            f"The run folder would lie in the data folder '{data}', which is only read. Name a folder elsewhere with --out, such as "
            f"--out {_beside(data)}"
        )


def _beside(data: Path) -> Path:
    """A folder for a run beside `data` that is not there yet."""
    names = chain([f"{data.name}-run"], (f"{data.name}-run-{number}" for number in count(2)))
    return next(folder for name in names if not (folder := data.with_name(name)).exists())


def new_folder(request: RunRequest, task: ClinicalTask) -> Path:
    """The folder for a new run, not yet made. Raises RunFolderError where something lies in it."""
    if request.out is None:
        name = f"{datetime.now():%Y-%m-%d-%H%M%S}-{task.target or 'run'}"
        folder = Path("clinjup-runs") / name
    else:
        folder = Path(request.out)
    if folder.is_file():
        raise RunFolderError(f"'{folder}' is a file. Name a folder for the run with --out.")
    if folder.is_dir() and any(folder.iterdir()):
        resume = f", or go on with the run in it: clinjup run --resume {folder}"
        raise RunFolderError(
            f"The folder '{folder}' is not empty, and a run never writes over what is there. Name a new folder with --out"
            f"{resume if (folder / JOURNAL_NAME).is_file() else '.'}"
        )
    return folder.resolve()


def make_folder(folder: Path) -> None:
    """Make the folder of a run and those in it. Raises RunFolderError where it cannot be written."""
    try:
        for name in ("plots", "checkpoints", "cache/before_steps"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise RunFolderError(
            f"The run folder '{folder}' cannot be written ({fault.strerror or fault}). Name a folder of your own with --out."
        ) from fault


def tie_to_journal(history: History, folder: Path) -> bool:
    """Have the notebook of a complete run name the journal's last record, where the program was killed before it could. Whether it had to.

    One that names a record which the journal does not have stays as it is: the journal was cut.
    """
    *earlier, last = [record.hash for record in history.journal.records]
    found = notebook_of_run(folder, history.run_id, [*earlier, last]) if history.finished else None
    if found is None or told_of_run(found[1]).get("journal_head") not in [None, *earlier]:
        return False
    path, notebook = found
    notebook["metadata"]["clinjup"].update(journal_head=last, status=history.status.value)
    write_atomic(path, json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    return True


def lock_folder(folder: Path) -> Lock:
    """The lock of a run's folder. Raises RunFolderError where another program has it."""
    try:
        return Lock(folder)
    except Taken as taken:
        raise RunFolderError(
            f"Another program carries the run in '{folder}' right now. Stop it there, or wait for its end."
        ) from taken


def read_history(folder: Path, *, finished_too: bool = False, owned: bool = False) -> History:
    """What is known of the run in `folder`. Raises RunFolderError, or JournalError for a journal that was changed.

    `owned`: the caller holds the folder's lock, so a line that was left unfinished is put aside and the journal can be written on.
    """
    if not (folder / "journal.jsonl").is_file():
        raise RunFolderError(f"There is no run in '{folder}': it holds no journal.jsonl. Name the folder of a run.")
    journal = (Journal.open if owned else Journal.read)(folder / "journal.jsonl")
    try:
        history = History(journal)
    except (ValueError, KeyError) as fault:  # what pydantic and the records say of names they do not know
        raise RunFolderError(
            f"The run in '{folder}' was written by another version of clinjup, so it cannot be gone on with here. Resume it with that "
            "version, or start a new run."
        ) from fault
    if not history.run_id:
        raise RunFolderError(f"The run in '{folder}' stopped before its request was written down. Start a new run.")
    if history.finished and not finished_too:
        raise RunFolderError(
            f"The run in '{folder}' is complete; there is nothing to resume. Start a new run for new questions."
        )
    return history
