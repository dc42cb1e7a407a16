"""What a run writes down of a data folder: structure and counts, of values only those that say label, part or confounder."""

from __future__ import annotations

from pathlib import Path

import pytest

from clinjup.agent.identifying import without_patients
from clinjup.agent.intent import parse_request
from clinjup.agent.roles import decide_roles
from clinjup.imaging import profile_data
from tests.imaging.folders import film, write_image, write_table

TASK = parse_request("Detect pneumothorax on chest X-rays, do not look at chest drains.")
GERMAN = ("Bild", "Patient", "Pat.-Nr.", "Name", "Geb.-Datum", "Versichertennr.", "Bemerkung", "Drainage")
ENGLISH = ("image", "patient", "MRN", "Patient Name", "Date of birth", "Insurance", "Comment", "Chest drain")


def write_persons(root: Path, headers: tuple[str, ...] | None) -> None:
    """24 films of 8 patients; every value that is no label begins with or holds SECRET, or is a birth date of 1937."""
    rows: list[list[object]] = [[*headers, "Pneumothorax"]] if headers else []
    for number in range(24):
        who = number % 8
        write_image(root / f"film_{number}.png", film(number))
        about = [f"SECRET {who}", f"SECRET{who:05d}", f"Anna SECRET{who}", f"0{1 + who}.03.1937", f"X{who}SECRET"]
        rows.append([f"film_{number}.png", *about, "SECRET, kam selbst", who % 2, "ja" if who % 3 else "nein"])
    write_table(root / "befunde.csv", rows, delimiter=";")


@pytest.mark.parametrize("headers", [GERMAN, ENGLISH])
def test_only_label_and_confounder_keep_their_values(tmp_path: Path, headers: tuple[str, ...]) -> None:
    write_persons(tmp_path, headers)
    profile = profile_data(tmp_path)
    roles = decide_roles(profile, TASK).roles
    assert roles is not None and roles.patient and roles.confounders
    kept = without_patients(profile, roles)
    assert "SECRET" in profile.model_dump_json() and "1937" in profile.model_dump_json()
    assert "SECRET" not in kept.model_dump_json() and "1937" not in kept.model_dump_json()
    label = kept.column(roles.label or "")
    assert label is not None and {item.value: item.count for item in label.values} == {"ja": 15, "nein": 9}
    assert {column.name for column in kept.tables[0].columns if column.values} == {"Pneumothorax", headers[-1]}
    for before, after in zip(profile.tables[0].columns, kept.tables[0].columns, strict=True):
        assert (after.name, after.kind, after.unique, after.missing) == (
            before.name,
            before.kind,
            before.unique,
            before.missing,
        )


def test_the_first_patient_of_a_table_without_a_header_is_no_name_of_a_column(tmp_path: Path) -> None:
    write_persons(tmp_path, headers=None)
    profile = profile_data(tmp_path)
    assert "SECRET 0" in [column.name for column in profile.tables[0].columns]
    roles = decide_roles(
        profile, parse_request("Detect pneumothorax."), {"label_column": "nein", "positive_values": "ja"}
    ).roles
    assert roles is not None
    kept = without_patients(profile, roles)
    assert "SECRET" not in kept.model_dump_json() and "1937" not in kept.model_dump_json()
    assert kept.column(roles.image or "") and kept.column(roles.label or "")
