from __future__ import annotations

import pytest

from clinjup.contracts import UnusableData
from clinjup.imaging.tables import read_table
from clinjup.imaging.values import as_covariate, flag_of, kind_of, normal, tokens
from clinjup.kernel.errors import MissingColumnError

GERMAN = "Bild;Größe;Befund\nübung_1.png;1,5;ja\nübung_2.png;2,25;nein\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
def test_german_table_reads_alike_in_every_encoding(tmp_path, encoding):
    path = tmp_path / "t.csv"
    path.write_text(GERMAN, encoding=encoding)
    table, form = read_table(path)
    assert list(table.columns) == ["Bild", "Größe", "Befund"]
    assert table["Bild"].tolist() == ["übung_1.png", "übung_2.png"]
    assert (form.delimiter, form.decimal) == (";", ",")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".txt"])
def test_delimiter_is_found_whatever_the_suffix(tmp_path, delimiter, suffix):
    path = tmp_path / f"t{suffix}"
    path.write_text(f"a{delimiter}b{delimiter}c\n1{delimiter}x{delimiter}0.5\n", encoding="utf-8")
    table, form = read_table(path)
    assert table.iloc[0].tolist() == ["1", "x", "0.5"]
    assert (form.delimiter, form.decimal) == (delimiter, ".")


def test_commas_inside_semicolon_fields_do_not_mislead(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id;text;value\n1;a, b, c;1,0\n2;d, e, f;2,5\n3;g, h, i;7,1\n", encoding="utf-8")
    table, form = read_table(path)
    assert table["text"].tolist() == ["a, b, c", "d, e, f", "g, h, i"]
    assert form.decimal == ","


def test_excel_separator_line_and_windows_line_ends(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"sep=;\r\na;b\r\n1;2\r\n")
    table, _ = read_table(path)
    assert table.to_dict("records") == [{"a": "1", "b": "2"}]


def test_spaces_around_headers_and_values_are_stripped(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("ImageId,  EncodedPixels , flag\na , -1, ja \nb,1 2,  \n", encoding="utf-8")
    table, _ = read_table(path)
    assert list(table.columns) == ["ImageId", "EncodedPixels", "flag"]
    assert table["ImageId"].tolist() == ["a", "b"]
    assert table["flag"].tolist()[0] == "ja" and table["flag"].isna().tolist() == [False, True]


def test_values_stay_text_and_blanks_are_missing(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,v,w\n007,1.0,NA\n008,,x\n", encoding="utf-8")
    table, _ = read_table(path)
    assert table["id"].tolist() == ["007", "008"]
    assert table["v"].isna().tolist() == [False, True]
    assert table["w"].isna().tolist() == [True, False]


@pytest.mark.parametrize("tail", ["", ","])
@pytest.mark.parametrize("row_tail", ["", ","])
def test_chestxray14_header_with_unquoted_commas(tmp_path, tail, row_tail):
    path = tmp_path / "Data_Entry_2017.csv"
    path.write_text(
        f"Image Index,Finding Labels,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]{tail}\n"
        + f"1.png,No Finding,2500,2048,0.168,0.169{row_tail}\n" * 3,
        encoding="utf-8",
    )
    table, form = read_table(path)
    assert list(table.columns) == [
        "Image Index",
        "Finding Labels",
        "OriginalImage[Width",
        "Height]",
        "OriginalImagePixelSpacing[x",
        "y]",
    ]
    assert table.iloc[2].tolist() == ["1.png", "No Finding", "2500", "2048", "0.168", "0.169"]
    assert form.broken_rows == 0


def test_rows_with_too_many_values_are_counted_not_shifted(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,note,label\na,x,1\nb,left, apical,0\nc,one, two, three,0\nd,x,1\n", encoding="utf-8")
    table, form = read_table(path)
    assert table["id"].tolist() == ["a", "d"]
    assert form.broken_rows == 2


def test_wide_row_far_down_is_counted_too(tmp_path):
    path = tmp_path / "t.csv"
    rows = "".join(f"film_{i:06d}.png,some longer text here,1\n" for i in range(12_000))
    path.write_text("id,note,label\n" + rows + "x,a,b,0\ny,a,b,c,d,0\nz,a,0,\n", encoding="utf-8")
    table, form = read_table(path)
    assert len(table) == 12_001 and form.broken_rows == 2 and table.iloc[-1].tolist() == ["z", "a", "0"]


def test_duplicate_headers_get_a_suffix(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("label,label, label \n1,2,3\n", encoding="utf-8")
    table, _ = read_table(path)
    assert table.iloc[0].to_dict() == {"label": "1", "label.1": "2", "label.2": "3"}


def test_column_without_header_is_kept_only_when_it_has_values(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(",a,,b\n0,x,,y\n1,x,,y\n", encoding="utf-8")
    table, _ = read_table(path)
    assert list(table.columns) == ["column 1", "a", "b"]


def test_quoted_fields_hold_delimiters_and_line_ends(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('id,"finding, main",n\n1,"a, b\nc",2\n', encoding="utf-8")
    table, _ = read_table(path)
    assert table.iloc[0].tolist() == ["1", "a, b\nc", "2"] and "finding, main" in table


def test_selected_columns_only(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n1,2,3\n4,5,6,\n7,8,9,x\n", encoding="utf-8")
    table, form = read_table(path, ["c", "a"])
    assert table.to_dict("list") == {"c": ["3", "6"], "a": ["1", "4"]}
    assert form.broken_rows == 1
    with pytest.raises(MissingColumnError, match=r"'d'.*'a', 'b', 'c'"):
        read_table(path, ["d"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"PK\x03\x04 anything", "Excel"),
        (b'a,b\n1,2\n3,"never closed\n5,6\n', "cannot be read"),
    ],
)
def test_broken_tables_are_one_sentence(tmp_path, content, words):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(UnusableData, match=words):
        read_table(path)


def test_header_without_rows_gives_no_rows(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n", encoding="utf-8")
    table, _ = read_table(path)
    assert list(table.columns) == ["a", "b"] and table.empty


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([], "empty"),
        (["ja", "nein"], "flag"),
        (["1.0", "0.0", "-1"], "flag"),
        (["1"], "flag"),
        (["-1", "7"], "integer"),
        (["1,5", "2"], "number"),
        (["24.12.2019", "01.02.2020"], "date"),
        (["2019-12-24", "2020-01-02"], "date"),
        (["A|B", "A"], "list"),
        (["['a', 'b']", "[]"], "list"),
        (["M", "W"], "category"),
        ([f"note {i}" for i in range(90)], "text"),
    ],
)
def test_kind_of_column(values, kind):
    assert kind_of(values, rows=100) == kind


def test_values_are_compared_without_case_spaces_and_trailing_zero():
    assert normal(" JA ") == "ja" and normal("1.0") == normal("1,00") == "1" and normal("01") == "01"
    assert normal("Mu\u0308ller") == normal("M\u00fcller")
    assert tokens("A|B | C") == ["A", "B", "C"] and tokens("['A', 'B']") == ["A", "B"]
    assert flag_of("Effusion|Pneumothorax", {"pneumothorax"}, set()) == 1.0
    assert flag_of("Pneumothorax_old", {"pneumothorax"}, {"no finding"}) != flag_of("No Finding", set(), {"no finding"})


def test_covariates_become_numbers_when_they_are(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("age;old;sex\n61,5;058Y;M\n40;006M;W\n;unknown;W\n", encoding="utf-8")
    table, _ = read_table(path)
    assert as_covariate(table["age"]).tolist()[:2] == [61.5, 40.0]
    assert as_covariate(table["old"].iloc[:2]).tolist() == [58.0, 0.5]
    assert as_covariate(table["sex"]).tolist() == ["M", "W", "W"]


def test_what_says_unknown_is_no_value_of_a_covariate(tmp_path):
    path = tmp_path / "t.csv"
    ages = "".join(f"{40 + number},{'unknown' if number % 2 else 'male'},{number % 3}.0\n" for number in range(8))
    path.write_text(f"age,sex,skin\n{ages}unknown,k. A.,unknown\nUnknown,,\n", encoding="utf-8")
    table, _ = read_table(path)
    assert as_covariate(table["age"]).tolist()[:8] == [40.0 + number for number in range(8)]
    assert set(as_covariate(table["sex"]).dropna()) == {"male"}
    skin = as_covariate(table["skin"], categories=True)
    assert skin.tolist()[:3] == ["0", "1", "2"] and skin[8:].isna().all()
