"""Was anything changed after the run? Checks journal, notebook and files of a run folder against each other.

The last `export` record of the journal lists the hash of every cell's source and of every file the run left. The hash of
the journal's last record stands in the notebook's metadata, so that a cut tail shows. Who rewrites journal and notebook
together leaves no trace here; that takes a signature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from clinjup.hashing import sha256_of, sha256_text
from clinjup.phrases import counted
from clinjup.renamed_notebook import notebook_of_run, read_notebook, told_of_run
from clinjup.reporting.journal import JOURNAL_NAME, Record, Scan, canonical, read_records
from clinjup.reporting.what_ran import listed, mapping, titles_of, unfinished_sentence, what_ran

NOTEBOOK_NAME = "notebook.ipynb"
COVERED_FILES = ("results.json", "report.html", "predictions.csv", "predictions.json", "model_card.md")
COVERED_FOLDERS = ("plots", "checkpoints")


@dataclass
class Verification:
    """`problems` and the values of `checked` (subject -> what was found) are sentences for a clinician.

    `ok`: nothing was changed. `unfinished`: that the run did not come to its end and what is missing, "" where it did.
    """

    ok: bool = True
    unfinished: str = ""
    problems: list[str] = field(default_factory=list)
    checked: dict[str, str] = field(default_factory=dict)

    def fail(self, subject: str, problems: Iterable[str], summary: str) -> None:
        self.problems += problems
        self.ok = False
        self.checked[subject] = summary


def export_record(run_dir: Path, notebook: Mapping[str, Any]) -> dict[str, Any]:
    """The `data` of the journal's `export` record: hashes of the notebook's cells and of the files the run left.

    `notebook` is the notebook as nbformat JSON, as it is about to be saved. Call it after everything else was written.
    """
    return {
        "notebook": {"path": NOTEBOOK_NAME, "cells": [_cell_entry(cell) for cell in _cells(notebook)]},
        "files": {name: sha256_of(run_dir / name) for name in _covered_files(run_dir)},
    }


def holds_run(run_dir: Path) -> bool:
    """Whether anything in `run_dir` was left by a run."""
    return any((run_dir / name).is_file() for name in (JOURNAL_NAME, NOTEBOOK_NAME, "results.json"))


def recorded_hash(run_dir: Path, name: str) -> str | None:
    """SHA-256 of the run's file `name` at the end of the run, by its journal. None where the journal does not say."""
    try:
        export = _last_export(read_records((run_dir / JOURNAL_NAME).read_bytes()).records)
    except OSError:
        return None
    digest = mapping(mapping(export).get("files")).get(name)
    return digest if isinstance(digest, str) else None


def verify_run(run_dir: Path) -> Verification:
    """Check a run folder. Never raises on what lies in it; every fault is a sentence in `problems`."""
    result = Verification()
    if not run_dir.is_dir():
        result.fail("run", [f"There is no run folder '{run_dir}'."], "not found")
        return result
    scan = _check_journal(run_dir, result)
    notebook = _read_notebook(run_dir, scan, result)
    export = _last_export(scan.records)
    if notebook is not None and scan.records:
        _check_head(notebook, scan, export is not None, result)
    if export is None:
        _without_export(notebook, scan, result)
    else:
        if notebook is not None:
            _check_cells(notebook, export, result)
        _check_files(run_dir, export, result)
    _check_what_ran(notebook, export, scan, result)
    if result.ok:  # of a journal that was cut it is not known
        result.unfinished = unfinished_sentence(run_dir, scan.records)
    return result


# -------------------------------------------------------------------------------------------------- journal


def _check_journal(run_dir: Path, result: Verification) -> Scan:
    try:
        scan = read_records((run_dir / JOURNAL_NAME).read_bytes())
    except OSError:
        result.fail("journal", [f"{JOURNAL_NAME} is missing or cannot be read, so nothing can be verified."], "missing")
        return Scan()
    if scan.torn:
        scan.problems.append(
            "The last line of the journal is incomplete. The machine stopped while it was written, or it was changed."
        )
    if not scan.records and not scan.problems:
        scan.problems.append("The journal is empty.")
    if scan.problems:
        result.fail("journal", scan.problems, f"{len(scan.problems)} faults in {len(scan.records)} records")
    else:
        result.checked["journal"] = f"{len(scan.records)} records, chain unbroken"
    return scan


def _last_export(records: list[Record]) -> dict[str, Any] | None:
    """The export record that describes the folder as it is: the last one, unless the run was resumed or taken back after it."""
    for record in reversed(records):
        if record.kind in {"resume", "restore"}:
            return None
        if record.kind == "export":
            return record.data
    return None


def _check_head(notebook: Mapping[str, Any], scan: Scan, exported: bool, result: Verification) -> None:
    head = told_of_run(notebook).get("journal_head")
    if head == scan.head:
        result.checked["journal head"] = "the notebook names the journal's last record"
        return
    named = any(record.hash == head for record in scan.records)
    if head is not None and not named:
        sentence = "The journal does not end with the record that the notebook names; its end was cut off or changed."
        result.fail("journal head", [sentence], "does not match")
    elif exported:
        sentence = (
            "The notebook does not name the journal's last record, so a cut journal could not be told. Where the program was killed "
            "at the very end of the run, resume it once: the notebook names it then."
        )
        result.fail("journal head", [sentence], "not named in the notebook")
    elif named:
        result.checked["journal head"] = "the journal goes on after the notebook was last saved (run not finished)"
    else:
        result.checked["journal head"] = "not covered: the notebook does not name it yet"


# ------------------------------------------------------------------------------------------------- notebook


def _read_notebook(run_dir: Path, scan: Scan, result: Verification) -> dict[str, Any] | None:
    path = run_dir / NOTEBOOK_NAME
    if not path.is_file():
        return _renamed_notebook(run_dir, scan, result)
    notebook = read_notebook(path)
    if notebook is not None:
        return notebook
    result.fail(
        "notebook", [f"{NOTEBOOK_NAME} cannot be read as a notebook; it was damaged or replaced."], "unreadable"
    )
    return None


def _renamed_notebook(run_dir: Path, scan: Scan, result: Verification) -> dict[str, Any] | None:
    """The notebook that names this run, under whatever name it lies in the run folder."""
    run_id = next((record.data.get("run_id") for record in scan.records if record.kind == "intent"), None)
    heads = [record.hash for record in scan.records]
    found = notebook_of_run(run_dir, run_id, heads) if isinstance(run_id, str) else None
    if found is None:
        sentence = (
            f"{NOTEBOOK_NAME} is missing, and no other notebook in the run folder is of this run. If you moved it elsewhere, put a copy "
            "into the run folder, under any name, and verify again."
        )
        result.fail("notebook", [sentence], "missing")
        return None
    path, notebook = found
    result.checked["renamed"] = f"the notebook of this run is now called {path.name}"
    return notebook


def _check_what_ran(
    notebook: Mapping[str, Any] | None, export: Mapping[str, Any] | None, scan: Scan, result: Verification
) -> None:
    """Whether the notebook showed, when the run ended, all code that the journal says ran. Later changes are found by `_check_cells`."""
    if export is not None:
        cells = [mapping(cell) for cell in listed(mapping(export.get("notebook")).get("cells"))]
        there, when = {str(cell.get("source_sha256")) for cell in cells}, "was not in the notebook when the run ended"
    elif notebook is not None:
        anchors = (mapping(mapping(cell.get("metadata")).get("clinjup")) for cell in _cells(notebook))
        # A cell that was edited is told as edited.
        there = {str(anchor.get("source_sha256")) for anchor in anchors}
        there |= {sha256_text(_text(cell.get("source"))) for cell in _cells(notebook)}
        when = "is not in the notebook"
    else:
        return
    ran = what_ran(scan.records)
    lost = [str(each.get("step_id")) for each in ran if str(each.get("source_sha256")) not in there]
    if lost:
        titles = titles_of(scan.records)
        steps = ", ".join(f"'{titles.get(step_id, step_id)}'" for step_id in dict.fromkeys(lost))
        sentence = f"Code that ran {when}: its cell was deleted or edited. It belongs to {steps}."
        result.fail("what ran", [sentence], f"{counted(len(lost), 'cell')} that ran not shown by the notebook")


def _check_cells(notebook: Mapping[str, Any], export: Mapping[str, Any], result: Verification) -> None:
    recorded = [mapping(entry) for entry in listed(mapping(export.get("notebook")).get("cells"))]
    present = [_cell_entry(cell) for cell in _cells(notebook)]
    problems: list[str] = []
    reran: list[int] = []
    if len(present) != len(recorded):
        problems.append(f"The notebook has {len(present)} cells and had {len(recorded)} at the end of the run.")
    recorded_ids = [str(entry.get("id")) for entry in recorded]
    present_ids = [entry["id"] for entry in present]
    missing = [number for number, identity in enumerate(recorded_ids, 1) if identity not in present_ids]
    added = [number for number, identity in enumerate(present_ids, 1) if identity not in recorded_ids]
    if missing:
        problems.append(f"Missing from the notebook: {_numbered(missing)} of the run.")
    if added:
        problems.append(f"Added after the run: {_numbered(added)} of the notebook.")
    if not missing and not added and present_ids != recorded_ids:
        problems.append("The cells of the notebook stand in another order than at the end of the run.")
    by_id = dict(zip(recorded_ids, recorded, strict=True))
    for number, entry in enumerate(present, start=1):
        before = by_id.get(entry["id"])
        if before is None:
            continue
        if (before.get("source_sha256"), before.get("type")) != (entry["source_sha256"], entry["type"]):
            problems.append(f"Cell {number} ({entry['type']}) was edited after the run.")
        elif before.get("outputs_sha256") != entry["outputs_sha256"]:
            reran.append(number)
    if problems:
        result.fail("notebook", problems, f"{counted(len(problems), 'change')} in source or order of the cells")
    else:
        result.checked["notebook"] = f"{len(present)} cells, source and order as at the end of the run"
    if reran:
        sentence = f"Outputs changed after the run, for example by re-running it: {_numbered(reran)}."
        result.fail("outputs", [sentence], f"changed in {counted(len(reran), 'cell')}")
    elif not missing and not added:
        result.checked["outputs"] = "as at the end of the run"


def _without_export(notebook: Mapping[str, Any] | None, scan: Scan, result: Verification) -> None:
    """An unfinished run: cells carry the hash that clinjup gave them when it wrote them."""
    if scan.records:
        result.checked["not covered"] = (
            "The journal holds no export record of the run as it is now (it did not come to its end): outputs, results.json, report.html, "
            "predictions.csv, model card, plots and checkpoints are not covered."
        )
    marked = edited = 0
    for number, cell in enumerate(_cells(notebook or {}), start=1):
        written = mapping(mapping(cell.get("metadata")).get("clinjup")).get("source_sha256")
        if isinstance(written, str):
            marked += 1
            if written != sha256_text(_text(cell.get("source"))):
                edited += 1
                result.fail("notebook", [f"Cell {number} was edited after clinjup wrote it."], "edited")
    if notebook is not None and not edited:
        result.checked["notebook"] = f"{marked} of {len(_cells(notebook))} cells carry a hash, and match it"


def _cell_entry(cell: Mapping[str, Any]) -> dict[str, Any]:
    try:
        outputs = canonical(_stable_outputs(cell))
    except RecursionError:
        outputs = b"nested too deeply to be read"
    return {
        "id": str(cell.get("id", "")),
        "type": str(cell.get("cell_type", "")),
        "source_sha256": sha256_text(_text(cell.get("source"))),
        "outputs_sha256": hashlib.sha256(outputs).hexdigest(),
    }


def _stable_outputs(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs without what opening and saving in JupyterLab may change: stream chunks, overwritten progress bars, metadata."""
    streams: dict[str, str] = {}
    shown: list[Any] = []
    for output in map(mapping, listed(cell.get("outputs"))):
        kind = output.get("output_type")
        if kind == "stream":
            name = str(output.get("name"))
            streams[name] = streams.get(name, "") + _text(output.get("text"))
        elif kind == "error":
            shown.append([output.get("ename"), output.get("evalue"), output.get("traceback")])
        else:
            data = mapping(output.get("data"))
            shown.append({mime: value if "json" in mime else _text(value) for mime, value in data.items()})
    return {"streams": {name: _as_terminal(text) for name, text in streams.items()}, "shown": shown}


def _as_terminal(text: str) -> str:
    """What is left on a terminal after carriage returns: a later piece of a line overwrites the start of an earlier one."""
    lines = []
    for line in text.split("\n"):
        shown = ""
        for piece in line.split("\r"):
            shown = piece + shown[len(piece) :]
        lines.append(shown.rstrip())
    return "\n".join(lines)


# ---------------------------------------------------------------------------------------------------- files


def _covered_files(run_dir: Path) -> list[str]:
    names = [name for name in COVERED_FILES if (run_dir / name).is_file()]
    for folder in COVERED_FOLDERS:
        found = (path for path in (run_dir / folder).rglob("*") if path.is_file() and path.suffix != ".part")
        names += sorted(path.relative_to(run_dir).as_posix() for path in found)
    return names


def _check_files(run_dir: Path, export: Mapping[str, Any], result: Verification) -> None:
    recorded = mapping(export.get("files"))
    problems = []
    for name, digest in recorded.items():
        path = run_dir / name
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts or not path.is_file():
            problems.append(f"{name} is missing; it was there at the end of the run.")
        elif _digest_or_none(path) != digest:
            problems.append(f"{name} was changed after the run.")
    if problems:
        result.fail("files", problems, f"{len(problems)} of {len(recorded)} files missing or changed")
    else:
        result.checked["files"] = f"{len(recorded)} files as at the end of the run"
    later = [name for name in _covered_files(run_dir) if name not in recorded]
    if later:
        result.checked["not covered"] = f"added after the run: {', '.join(later)}"


def _digest_or_none(path: Path) -> str | None:
    try:
        return sha256_of(path)
    except OSError:
        return None


# ------------------------------------------------------------------------------- reading what others may have written


def _cells(notebook: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [mapping(cell) for cell in listed(notebook.get("cells"))]


def _text(value: object) -> str:
    """nbformat stores text as one string or as a list of lines."""
    return "".join(str(part) for part in value) if isinstance(value, list) else "" if value is None else str(value)


def _numbered(numbers: list[int]) -> str:
    return f"cell{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
