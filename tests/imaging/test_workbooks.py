from __future__ import annotations

from datetime import date, datetime

import pytest
from openpyxl import Workbook

from clinjup.agent.intent import parse_request
from clinjup.agent.roles import decide_roles
from clinjup.contracts import UnusableData
from clinjup.imaging import profile_data, read_cohort
from clinjup.imaging.tables import read_table, table_columns
from clinjup.kernel.errors import MissingColumnError
from tests.conftest import REQUEST
from tests.imaging.folders import film, sentence, write_image


def save(path, sheets):
    """A workbook of sheet name -> rows."""
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path


FINDINGS = [["Bild", "Patient", "Pneumothorax"], *([f"f{i}.png", f"P{i}", "ja" if i % 2 else "nein"] for i in range(6))]


@pytest.fixture
def root(tmp_path):
    for i in range(6):
        write_image(tmp_path / "films" / f"f{i}.png", film(i))
    return tmp_path


def test_cells_become_the_text_that_excel_shows(tmp_path):
    path = save(tmp_path / "t.xlsx", {"a": [["id", "x", "x", None, "day", "flag", "dose"]]})
    from openpyxl import load_workbook

    book = load_workbook(path)
    sheet = book["a"]
    sheet.append([17, 1.0, 2.5, "n", datetime(2024, 3, 1), True, "NA"])
    sheet.append([None, None, None, None, date(2024, 3, 2), False, " 0,5 "])
    sheet["A2"].number_format = "00000"
    book.save(path)
    table, form = read_table(path)
    assert list(table.columns) == ["id", "x", "x.1", "column 4", "day", "flag", "dose"] and form.encoding == "workbook"
    assert table.iloc[0].fillna("").tolist() == ["00017", "1", "2.5", "n", "2024-03-01", "1", ""]
    assert table.iloc[1].fillna("").tolist() == ["", "", "", "", "2024-03-02", "0", "0,5"]


def test_the_sheet_with_the_images_wins_and_is_named(root):
    sheets = {"Deckblatt": [["Studie", "PTX"], ["Leiter", "Prof."]], "Befunde": FINDINGS, "Leer": []}
    save(root / "Daten.xlsx", sheets)
    profile = profile_data(root)
    assert [table.path for table in profile.tables] == ["Daten.xlsx#Befunde"]
    said = sentence(profile.warnings, "workbook_sheets")
    assert "2 sheets" in said and "'Befunde', which is read" in said and "'Deckblatt' says nothing" in said
    decision = decide_roles(profile, parse_request(REQUEST))
    roles = decision.roles.model_dump(exclude_defaults=True)
    cohort = read_cohort(root, layout=profile.layout, target="pneumothorax", emit_finding=False, **roles)
    assert cohort.table["label"].tolist() == [0, 1] * 3 and cohort.table["patient"].nunique() == 6


def test_a_second_sheet_of_drains_is_joined_by_patient(root):
    drains = [["Patient", "Thoraxdrainage"], *([f"P{i}", "ja" if i < 3 else "nein"] for i in range(6))]
    save(root / "Daten.xlsx", {"Befunde": FINDINGS, "Drainagen": drains})
    profile = profile_data(root)
    roles = decide_roles(profile, parse_request(REQUEST)).roles.model_dump(exclude_defaults=True)
    assert roles["confounders"]["chest_drain"]["column"] == "Daten.xlsx#Drainagen:Thoraxdrainage"
    cohort = read_cohort(root, layout=profile.layout, target="pneumothorax", emit_finding=False, **roles)
    assert cohort.table["chest_drain"].tolist() == [1, 1, 1, 0, 0, 0]


def test_a_title_above_the_header_and_a_lock_file_do_not_disturb(root):
    save(root / "Daten.xlsx", {"Befunde": [["Export der Radiologie"], [], *FINDINGS]})
    (root / "~$Daten.xlsx").write_bytes(b"lock")
    profile = profile_data(root)
    assert [table.path for table in profile.tables] == ["Daten.xlsx"] and profile.tables[0].rows == 6
    assert profile.tables[0].column("Bild").image_matches == 1.0 and profile.warnings == []


def test_columns_are_restricted_and_missing_ones_are_named(root):
    path = save(root / "Daten.xlsx", {"Befunde": FINDINGS})
    assert list(read_table(path, ["Patient"])[0].columns) == ["Patient"]
    assert table_columns(path) == ["Bild", "Patient", "Pneumothorax"]
    with pytest.raises(MissingColumnError, match="'Seite'"):
        read_table(path, ["Seite"])


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("damaged.xlsx", b"PK\x03\x04 no zip", "cannot be opened"),
        ("text.xlsx", b"a;b\n1;2\n", "cannot be opened"),
        ("old.xls", b"\xd0\xcf\x11\xe0", "old format"),
    ],
)
def test_a_workbook_that_cannot_be_read_is_said_and_the_rest_goes_on(root, name, content, words):
    (root / name).write_bytes(content)
    with pytest.raises(UnusableData, match=words):
        read_table(root / name)
    save(root / "Daten.xlsx", {"Befunde": FINDINGS})
    profile = profile_data(root)
    assert words in sentence(profile.warnings, "unreadable_table")
    assert [table.path for table in profile.tables] == ["Daten.xlsx"]
