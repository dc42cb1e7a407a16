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
from tests.imaging.folders import codes, film, sentence, write_image, write_table


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


YEARS = {"2023": FINDINGS[:4], "2024": [FINDINGS[0], *FINDINGS[4:]]}


def understood(root):
    """The profile, the roles and the cohort of a request for pneumothorax."""
    profile = profile_data(root)
    decision = decide_roles(profile, parse_request(REQUEST))
    assert decision.roles is not None, decision.questions
    roles = decision.roles.model_dump(exclude_defaults=True)
    return profile, roles, read_cohort(root, layout=profile.layout, target="pneumothorax", emit_finding=False, **roles)


def test_sheets_that_go_on_in_one_another_are_one_table(root):
    save(root / "Liste.xlsx", {"Deckblatt": [["Studie", "PTX"], ["Leiter", "Prof."]], **YEARS})
    profile, _, cohort = understood(root)
    assert [table.rows for table in profile.tables] == [6]
    assert cohort.table["label"].tolist() == [0, 1] * 3 and "images_without_row" not in codes(cohort.warnings)
    one = "The sheets '2023', '2024' of the workbook 'Liste.xlsx' have the same columns and are read as one table."
    assert sentence(profile.warnings, "sheets_as_one") == sentence(cohort.warnings, "sheets_as_one") == one
    said = sentence(profile.warnings, "workbook_sheets")
    assert "has 3 sheets" in said and "'2023', '2024', which are read; 'Deckblatt' says nothing" in said


def test_numbers_down_each_sheet_do_not_make_years_the_same_images(root):
    numbered = {
        year: [["Nr", *rows[0]], *([number, *row] for number, row in enumerate(rows[1:], start=1))]
        for year, rows in YEARS.items()
    }
    drains = {
        year: [["Nr", "Patient", "Drainage"], *([i + 1, f"P{i + 3 * k}", "ja" if i else "nein"] for i in range(3))]
        for k, year in enumerate(YEARS)
    }
    save(root / "Liste.xlsx", numbered)
    save(root / "Drainagen.xlsx", drains)
    _, _, cohort = understood(root)
    assert cohort.table["label"].tolist() == [0, 1] * 3
    assert cohort.table["chest_drain"].tolist() == [0, 1, 1] * 2


def test_sheets_named_after_classes_are_the_label(root):
    named = {"Pneumothorax": FINDINGS[1:4], "Normal": FINDINGS[4:]}
    save(root / "Liste.xlsx", {name: [["Bild", "Patient"], *(row[:2] for row in rows)] for name, rows in named.items()})
    _, roles, cohort = understood(root)
    assert roles["label"] == "Liste.xlsx#Pneumothorax:sheet" and cohort.table["label"].tolist() == [1] * 3 + [0] * 3


@pytest.mark.parametrize("own", [None, "Sheet"])
def test_sheets_that_name_the_finding_by_year_are_no_second_label_and_can_be_told_apart(root, own):
    header = [*FINDINGS[0], *([own] if own else [])]
    years = {
        f"PTX {year}": [header, *([*row, *(["x"] if own else [])] for row in rows[1:])] for year, rows in YEARS.items()
    }
    save(root / "Liste.xlsx", years)
    profile, roles, cohort = understood(root)
    assert roles["label"].endswith(":Pneumothorax") and cohort.table["label"].tolist() == [0, 1] * 3
    roles["covariates"] = {"site": "Liste.xlsx#PTX 2023:" + (own or "sheet")}
    cohort = read_cohort(root, layout=profile.layout, target="pneumothorax", emit_finding=False, **roles)
    assert cohort.table["site"].tolist() == (["x"] * 6 if own else ["PTX 2023"] * 3 + ["PTX 2024"] * 3)


def test_sheets_of_two_readers_stay_two_tables_and_a_question(root):
    other = [FINDINGS[0], *([*row[:2], "ja"] for row in FINDINGS[1:5]), *FINDINGS[5:]]
    save(root / "Liste.xlsx", {"Leser 1": FINDINGS, "Leser 2": other})
    profile = profile_data(root)
    assert "'Leser 1', 'Leser 2', which are read." in sentence(profile.warnings, "workbook_sheets")
    (question,) = decide_roles(profile, parse_request(REQUEST)).questions
    assert [option.value for option in question.options] == [
        "Liste.xlsx#Leser 1:Pneumothorax",
        "Liste.xlsx#Leser 2:Pneumothorax",
    ]


def test_sheets_named_after_official_parts_keep_them(root):
    save(root / "Liste.xlsx", {"train": FINDINGS[:4], "test": [FINDINGS[0], *FINDINGS[4:]]})
    _, _, cohort = understood(root)
    assert cohort.table["split"].tolist() == ["train"] * 3 + ["test"] * 3


@pytest.fixture
def zeros(tmp_path):
    """Films 0007.png to 0012.png."""
    for i in range(7, 13):
        write_image(tmp_path / "films" / f"{i:04d}.png", film(i))
    return tmp_path


def test_names_that_lost_their_zeros_are_found_again_and_said(zeros):
    ages = {7: 50, 8: 50, 9: 51, 10: 51, 11: 50, 12: 9}
    rows = [["Bild", "Alter", "Pneumothorax"], *([i, ages[i], "ja" if i % 2 else "nein"] for i in ages)]
    save(zeros / "Liste.xlsx", {"Befunde": rows})
    write_table(zeros / "Drainagen.csv", [["Bild", "Drainage"], *([i, "ja" if i < 9 else "nein"] for i in ages)])
    profile, roles, cohort = understood(zeros)
    assert roles["image"] == "Liste.xlsx:Bild" or roles["image"] == "Drainagen.csv:Bild"
    assert "6 names in the column 'Bild'" in sentence(cohort.warnings, "leading_zeros")
    assert "leading_zeros" in codes(profile.warnings)
    table = cohort.table.set_index(cohort.table["path"].str[-8:-4])
    assert table["label"].to_dict() == {f"{i:04d}": i % 2 for i in ages}
    assert table["chest_drain"].to_dict() == {f"{i:04d}": float(i < 9) for i in ages}


def test_the_image_that_is_numbered_0_is_found_again_too(tmp_path):
    for i in range(6):
        write_image(tmp_path / "films" / f"{i:05d}.png", film(i))
    save(tmp_path / "Liste.xlsx", {"Befunde": [["Bild", "Pneumothorax"], *([i, i % 2] for i in range(6))]})
    _, _, cohort = understood(tmp_path)
    assert cohort.table["path"].str[-9:-4].tolist() == [f"{i:05d}" for i in range(6)]


def test_names_that_could_mean_two_files_are_not_joined_but_the_cause_is_said(zeros):
    for i in range(7, 11):
        write_image(zeros / "more" / f"{i:05d}.png", film(100 + i))
    save(
        zeros / "Liste.xlsx",
        {"Befunde": [["Bild", "Pneumothorax"], *([i, "ja" if i % 2 else "nein"] for i in range(7, 11))]},
    )
    with pytest.raises(UnusableData, match=r"No column of .* lost the zeros at the beginning"):
        decide_roles(profile_data(zeros), parse_request(REQUEST))


def test_ages_are_not_taken_for_names_of_films(zeros):
    rows = [["Name", "Alter", "Pneumothorax"], ["Maier", 7, "ja"], ["Huber", 8, "nein"], ["Moser", 70, "nein"]]
    save(zeros / "Liste.xlsx", {"Befunde": rows})
    with pytest.raises(UnusableData, match=r"Add a column with the file names\.$"):
        decide_roles(profile_data(zeros), parse_request(REQUEST))


def test_running_numbers_are_not_taken_for_names_of_films_beside_real_ones(zeros):
    rows = [["Nr", "Bild", "Pneumothorax"], *([18 - i, f"{i:04d}", "ja" if i % 2 else "nein"] for i in range(7, 12))]
    save(zeros / "Liste.xlsx", {"Befunde": rows})
    _, roles, cohort = understood(zeros)
    assert roles["image"] == "Liste.xlsx:Bild" and "leading_zeros" not in codes(cohort.warnings)
