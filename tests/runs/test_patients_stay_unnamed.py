"""What a run writes names no patient, whatever the tables say of them; paths of images are all that leads back."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from clinjup.agent import plan_detection
from clinjup.contracts import Results, RunRequest
from clinjup.imaging.synthetic import write_cohort
from tests.conftest import REQUEST
from tests.runs.door import clinjup, run_in_process

MARKS = "Mark suspicious fractures on wrist X-rays. At most one false mark per two images."
# Who somebody is: name, number, birth date, and a sentence about them.
GERMAN = ("Patient", "Pat.-Nr.", "Name", "Geb.-Datum", "Anmerkung")
ENGLISH = ("patient_id", "MRN", "Patient Name", "Date of birth", "Comment")
FIRST = ("Anneliese", "Bartholomäus", "Kreszentia", "Leopoldine", "Walburga")


def person(number: int) -> list[str]:
    """Name, number, name the other way round, birth date and a remark of patient `number`."""
    first, last = FIRST[number % 5], f"Zwickelbauer-{chr(65 + number // 26)}{chr(97 + number % 26)}"
    born = f"{1 + number % 28:02d}.{1 + number % 12:02d}.{1921 + number}"
    return [f"{last}, {first}", f"PNR-7{number:05d}", f"{first} {last}", born, f"{first} kam zu Fuß, wohnt Quellgasse"]


def add_persons(table: Path, patient: str, headers: tuple[str, ...], delimiter: str, encoding: str) -> dict[str, str]:
    """Write into `table` who the patients of its column `patient` are, instead of that column. First value of a row -> name."""
    with table.open(encoding=encoding, newline="") as stream:
        header, *rows = csv.reader(stream, delimiter=delimiter)
    place = header.index(patient)
    known = {old: number for number, old in enumerate(dict.fromkeys(row[place] for row in rows))}
    who = {row[0]: person(known[row[place]]) for row in rows}
    kept = [[header[0], *headers, *(name for at, name in enumerate(header) if at not in (0, place))]]
    kept += [[row[0], *who[row[0]], *(cell for at, cell in enumerate(row) if at not in (0, place))] for row in rows]
    with table.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows(kept)
    return {name: about[0] for name, about in who.items()}


def leaks(folder: Path, secrets: Iterable[str]) -> set[tuple[str, str]]:
    """(file of the run, secret in it), however JSON spells it."""
    spelled = {form: secret for secret in secrets for form in (secret.encode(), json.dumps(secret)[1:-1].encode())}
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert len(written) > 20
    return {
        (path.relative_to(folder).as_posix(), secret)
        for path in written
        for content in [path.read_bytes()]
        for form, secret in spelled.items()
        if form in content
    }


def secrets() -> set[str]:
    said = [person(number) for number in range(40)]
    return {"Zwickelbauer", "PNR-7", "Quellgasse", *FIRST} | {born for _, _, _, born, _ in said}


def test_a_run_on_a_table_with_names_names_nobody(tmp_path: Path) -> None:
    data = write_cohort("pneumothorax", tmp_path / "data", layout="clinic", patients=40, seed=3, workers=1)
    names = add_persons(data / "Befundliste.csv", "Pat.-Nr.", GERMAN, ";", "utf-8-sig")
    run = tmp_path / "run"
    said = clinjup("run", REQUEST, "--data", data, "--out", run, "--json", "--budget-minutes", "0.3")
    assert said.code == 0, said.err
    results = Results.model_validate_json(said.out)
    assert results.data.patients == 40 and "no_patient_ids" not in {warning.code for warning in results.data.warnings}
    assert leaks(run, secrets()) == set()
    assert not [secret for secret in secrets() if secret in said.out + said.err]
    with (run / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        pairs = {(names[row["image"]], row["patient"]) for row in csv.DictReader(stream)}
    assert 1 < len(pairs) == len({name for name, _ in pairs}) == len({number for _, number in pairs})
    assert all(number.isdigit() for _, number in pairs)
    assert clinjup("verify", run).code == 0


def test_marks_on_films_name_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few batches, and English headers: what is looked at is what is written, not how well it marks."""
    monkeypatch.setattr(plan_detection, "STEPS", 12)
    data = write_cohort("wrist", tmp_path / "data", patients=40, seed=11, workers=1)
    names = add_persons(data / "dataset.csv", "patient_id", ENGLISH, ",", "utf-8-sig")
    run = tmp_path / "run"
    found, _, _ = run_in_process(RunRequest(intent=MARKS, data=str(data), out=str(run)))
    assert found.status == "completed", found.sentence
    assert leaks(run, secrets()) == set()
    images = json.loads((run / "predictions.json").read_text(encoding="utf-8"))["images"]
    pairs = {(names[image["image"]], image["patient"]) for image in images}
    assert 1 < len(pairs) == len({name for name, _ in pairs}) == len({number for _, number in pairs})
