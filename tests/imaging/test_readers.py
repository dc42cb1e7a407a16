"""Every registered reader goes through these tests with its own example folder."""

from __future__ import annotations

import pytest

from clinjup.imaging import check_usable, profile_data, read_cohort
from clinjup.imaging.readers import all_readers, reader_for
from clinjup.kernel.errors import ClinjupError
from tests.imaging.folders import write_example


@pytest.fixture(params=all_readers(), ids=lambda reader: reader.name)
def reader(request):
    return request.param


def test_layout_is_detected(tmp_path, reader):
    example = reader.example
    assert profile_data(write_example(tmp_path, example)).layout == reader.name


def test_example_is_read_with_its_labels(tmp_path, reader):
    example = reader.example
    root = write_example(tmp_path, example)
    cohort = read_cohort(root, layout=reader.name, target="pneumothorax", emit_finding=False, **example.roles)
    check_usable(cohort)
    assert {cohort.relative(row.path): row.label for row in cohort.table.itertuples()} == dict(example.labels)
    assert cohort.excluded == [] and cohort.layout == reader.name
    assert cohort.table.index.tolist() == list(range(len(example.labels)))


def test_source_files_are_not_written_to(tmp_path, reader):
    example = reader.example
    root = write_example(tmp_path, example)
    before = {path: path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("*"))}
    profile_data(root)
    read_cohort(root, layout=reader.name, target="pneumothorax", emit_finding=False, **example.roles)
    assert {path: path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("*"))} == before


def test_every_reader_says_what_it_reads(reader):
    assert reader.title and reader.example.images and set(reader.example.labels.values()) == {0, 1}


def test_unknown_layout_lists_the_known_ones():
    with pytest.raises(ClinjupError, match=r"chestxray14.*class_folders.*table"):
        reader_for("mura")


def test_chestxray14_knows_its_own_columns(tmp_path):
    example = reader_for("chestxray14").example
    root = write_example(tmp_path, example)
    cohort = read_cohort(
        root, layout="chestxray14", target="pneumothorax", positive=["Pneumothorax"], emit_finding=False
    )
    assert cohort.table["label"].tolist() == [1, 0, 0, 1]
    assert cohort.table["patient"].tolist() == ["1", "2", "3", "4"]
    assert cohort.table["split"].tolist() == ["train", "train", "test", "test"]
