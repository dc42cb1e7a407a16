from __future__ import annotations

import pytest

from clinjup.contracts import UnusableData
from clinjup.imaging import profile_data
from tests.imaging.folders import codes, film, sentence, write_cohort, write_image, write_table


def test_clean_cohort_is_described(tmp_path):
    profile = profile_data(write_cohort(tmp_path, patients=10))
    table = profile.table("films.csv")
    assert profile.layout == "table" and profile.warnings == [] and not profile.synthetic
    assert table.rows == 20 and table.duplicate_rows == 0
    assert {c.name: c.kind for c in table.columns} == {
        "name": "text",
        "patient": "category",
        "ptx": "flag",
        "drain": "flag",
        "age": "integer",
    }
    assert table.column("name").image_matches == 1.0 and table.column("patient").image_matches == 0.0
    assert profile.column("films.csv:ptx").values[0].count == 10
    assert profile.images.count == 20 and profile.images.modes == {"L": 20} and profile.images.sizes == {"48x48": 20}


def test_list_column_is_described_by_its_entries(tmp_path):
    write_image(tmp_path / "a.png", film(1))
    write_table(tmp_path / "t.csv", [["image", "labels"], ["a", "X|Y"], ["b", "Y"], ["c", None]])
    column = profile_data(tmp_path).column("t.csv:labels")
    assert column.kind == "list" and column.missing == 1
    assert {v.value: v.count for v in column.values} == {"Y": 2, "X": 1}


def test_duplicate_rows_and_partial_matches_are_counted(tmp_path):
    write_image(tmp_path / "a.png", film(1))
    write_table(tmp_path / "t.csv", [["image", "y"], ["a", 1], ["a", 1], ["b", 0], ["c", 0], ["d", 0]])
    table = profile_data(tmp_path).table("t.csv")
    assert table.duplicate_rows == 1 and table.column("image").image_matches == 0.25


def test_class_folders_and_folder_splits(tmp_path):
    for seed, path in enumerate(["train/normal/a", "train/ptx/b", "test/normal/c", "val/ptx/d"]):
        write_image(tmp_path / f"{path}.png", film(seed))
    profile = profile_data(tmp_path)
    assert profile.layout == "class_folders" and profile.class_folders == {"normal": 2, "ptx": 2}
    assert profile.official_splits == {"train": 2, "test": 1, "validation": 1}


def test_class_folders_win_over_a_table_that_covers_only_some_images(tmp_path):
    for i in range(6):
        write_image(tmp_path / ("normal" if i % 2 else "ptx") / f"{i}.png", film(i))
    write_table(tmp_path / "drains.csv", [["image", "drain"], ["0.png", 1], ["2.png", 0]])
    assert profile_data(tmp_path).layout == "class_folders"


def test_official_lists_count_images_that_are_there(tmp_path):
    for i in range(4):
        write_image(tmp_path / "images" / f"{i}.png", film(i))
    (tmp_path / "train_val_list.txt").write_text("0.png\n1.png\nmissing.png\n")
    (tmp_path / "test_list.txt").write_text("3.png 1\n")
    assert profile_data(tmp_path).official_splits == {"train": 2, "test": 1}


def test_synthetic_data_is_recognised(tmp_path):
    write_image(tmp_path / "a.png", film(1))
    (tmp_path / "clinjup-synthetic.json").write_text("{}")
    assert profile_data(tmp_path).synthetic


def test_broken_table_is_a_warning(tmp_path):
    write_image(tmp_path / "a.png", film(1))
    (tmp_path / "t.csv").write_bytes(b"")
    (tmp_path / "wide.csv").write_text("a,b\n1,2\n1,2,3\n")
    profile = profile_data(tmp_path)
    assert [table.path for table in profile.tables] == ["wide.csv"]
    assert codes(profile.warnings) == {"unreadable_table", "broken_table_rows"}


def test_only_the_last_of_many_images_opens(tmp_path):
    for i in range(450):
        (tmp_path / f"{i:03d}.png").write_bytes(b"")
    write_image(tmp_path / "449.png", film(1))
    profile = profile_data(tmp_path)
    assert profile.images.sampled <= 200 and profile.images.unreadable_in_sample == profile.images.sampled
    assert "cannot be read" in sentence(profile.warnings, "unreadable_files")


def test_unusable_folders_say_why(tmp_path):
    with pytest.raises(UnusableData, match="no folder"):
        profile_data(tmp_path / "nowhere")
    (tmp_path / "a_file").write_text("x")
    with pytest.raises(UnusableData, match="not a folder"):
        profile_data(tmp_path / "a_file")
    (tmp_path / "dicom").mkdir()
    (tmp_path / "dicom" / "x.tif").write_bytes(b"x")
    with pytest.raises(UnusableData, match=r"no images.*1 \.tif"):
        profile_data(tmp_path / "dicom")


@pytest.mark.parametrize("keep", [0, 10, 0.5])
def test_all_images_corrupt_is_unusable(tmp_path, keep):
    for i in range(5):
        path = write_image(tmp_path / f"{i}.png", film(i, 100, 100))
        content = path.read_bytes()
        path.write_bytes(content[: int(keep * len(content)) if keep < 1 else keep])
    with pytest.raises(UnusableData, match="None of the 5"):
        profile_data(tmp_path)
