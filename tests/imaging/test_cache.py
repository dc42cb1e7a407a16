from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clinjup.contracts import UnusableData
from clinjup.imaging import cache as cache_module
from clinjup.imaging import prepare_images
from clinjup.imaging.pictures import decode_image
from clinjup.kernel.errors import MissingFileError
from tests.imaging.folders import film, read, write_cohort, write_image


def test_pixels_and_facts_stand_at_the_cohort_index(tmp_path):
    cohort = read(write_cohort(tmp_path / "data", patients=6))
    images = prepare_images(cohort, size=24, folder=tmp_path / "cache")
    assert images.pixels.shape == (12, 24, 24) and images.pixels.dtype == np.uint8 and images.channels == 1
    assert isinstance(images.pixels, np.memmap) and not images.pixels.flags.writeable
    row = cohort.table.index[cohort.table["image"] == "p003_1"][0]
    assert np.corrcoef(images.pixels_of(row).ravel(), film(31, 24, 24).ravel())[0, 1] > 0.98
    assert images.pixels_of(cohort.table.index[:3]).shape == (3, 24, 24)
    facts = images.files.loc[row]
    assert (facts["width"], facts["height"], facts["mode"], facts["bits"], facts["reason"]) == (48, 48, "L", 8, "")
    assert len(facts["sha256"]) == 64 and len(facts["phash"]) == 16 and images.files["sha256"].is_unique


def test_index_survives_filtering(tmp_path):
    cohort = read(write_cohort(tmp_path / "data", patients=6)).without(["p000_0"], reason="x")
    images = prepare_images(cohort, size=24, folder=tmp_path / "cache")
    last = cohort.table.index[-1]
    assert last == 11 and images.pixels.shape[0] == 12 and images.files.index.equals(cohort.table.index)
    assert images.pixels[last].any() and not images.pixels[0].any()


def test_pictures_stand_at_their_index_where_the_table_is_in_another_order(tmp_path):
    cohort = read(write_cohort(tmp_path / "data", patients=30))
    mixed = replace(cohort, table=cohort.table.sample(frac=0.5, random_state=0))
    images = prepare_images(mixed, size=24, folder=tmp_path / "cache")
    for index, path in mixed.table["path"].items():
        assert np.array_equal(images.pixels[index], decode_image(Path(path), 24)[0])


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="a small disk is made with bubblewrap")
def test_a_disk_that_fills_up_while_images_are_read_is_told_and_nothing_is_left_on_it(tmp_path):
    root, disk = write_cohort(tmp_path / "data", patients=40), tmp_path / "disk"
    disk.mkdir()
    code = (
        "import shutil\nfrom pathlib import Path\nfrom clinjup.imaging import prepare_images\nfrom tests.imaging.folders import read\n"
        "shutil.disk_usage = lambda _: type('Usage', (), {'free': 10**12})\n"
        f"try:\n    prepare_images(read(Path({str(root)!r})), size=256, folder={str(disk)!r})\n"
        f"except Exception as fault:\n    print(type(fault).__name__, fault, list(Path({str(disk)!r}).iterdir()))\n"
    )
    command = ["bwrap", "--dev-bind", "/", "/", "--size", str(2**20), "--tmpfs", str(disk), sys.executable, "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert said.stdout.splitlines()[-1].startswith("ClinjupError The prepared images need"), said.stdout
    assert said.stdout.rstrip().endswith("[]")


def test_second_call_reads_no_image_and_a_change_is_noticed(tmp_path, monkeypatch):
    root = write_cohort(tmp_path / "data", patients=4)
    cohort = read(root)
    first = prepare_images(cohort, size=16, folder=tmp_path / "cache")
    with monkeypatch.context() as patch:
        patch.setattr(cache_module, "decode_images", None)
        patch.setattr(cache_module, "is_coloured", None)
        again = prepare_images(cohort, size=16, folder=tmp_path / "cache")
    assert np.array_equal(first.pixels, again.pixels) and first.files.equals(again.files)
    path = write_image(root / "films" / "p000_0.png", film(77))
    os.utime(path, ns=(1, 1))
    changed = prepare_images(cohort, size=16, folder=tmp_path / "cache")
    assert not np.array_equal(first.pixels[0], changed.pixels[0])
    assert not list((tmp_path / "cache").glob("*.part"))


def test_corrupt_files_are_black_with_a_reason(tmp_path):
    root = write_cohort(tmp_path / "data", patients=4)
    (root / "films" / "p001_0.png").write_bytes(b"")
    cohort = read(root)
    (root / "films" / "p002_0.png").unlink()
    images = prepare_images(cohort, size=16, folder=tmp_path / "cache")
    bad = images.files[images.files["reason"] != ""]
    assert cohort.table.loc[bad.index, "image"].tolist() == ["p001_0", "p002_0"]
    assert not images.pixels_of(bad.index).any() and bad["reason"].tolist()[1] == "the file is gone"


@pytest.mark.parametrize("chunk", [2, 256])
def test_a_share_that_vanishes_while_images_are_decoded_is_told_and_halves_no_cohort(tmp_path, monkeypatch, chunk):
    root = write_cohort(tmp_path / "data", patients=20)
    cohort, begun = read(root), itertools.count()

    def vanishing(paths, size, colour):
        read = []
        for path in paths:
            if next(begun) == 20:
                (root / "films").rename(tmp_path / "away")
            read.append(decode_image(path, size, colour=colour))
        return read

    with monkeypatch.context() as patch:
        patch.setattr(cache_module, "decode_images", vanishing)
        patch.setattr(cache_module, "_GROUP", chunk)
        with pytest.raises(MissingFileError, match=r"films/p\d+_\d\.png.*share is still connected"):
            prepare_images(cohort, size=16, folder=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
    (tmp_path / "away").rename(root / "films")
    images = prepare_images(cohort, size=16, folder=tmp_path / "cache")
    assert (images.files["reason"] == "").all()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="locks do not hold for root")
def test_a_locked_file_is_left_out_as_a_damaged_one_is(tmp_path):
    cohort = read(root := write_cohort(tmp_path / "data", patients=4))
    (root / "films" / "p001_0.png").chmod(0)
    images = prepare_images(cohort, size=16, folder=tmp_path / "cache")
    assert [reason for reason in images.files["reason"] if reason] == ["the file cannot be opened (Permission denied)"]


def test_nothing_readable_and_nothing_there_are_told_apart(tmp_path):
    root = write_cohort(tmp_path / "data", patients=3)
    cohort = read(root)
    for path in (root / "films").iterdir():
        path.write_bytes(b"junk")
    with pytest.raises(UnusableData, match="None of the 6 images"):
        prepare_images(cohort, size=16, folder=tmp_path / "cache")
    for path in (root / "films").iterdir():
        path.unlink()
    with pytest.raises(MissingFileError, match=r"films/p000_0\.png"):
        prepare_images(cohort, size=16, folder=tmp_path / "cache")


def test_colour_pictures_keep_their_colour_and_grey_films_in_colour_mode_do_not(tmp_path):
    root = write_cohort(tmp_path / "grey", patients=3)
    for path in (root / "films").iterdir():
        write_image(path, film(hash(path.name) % 1000), "RGB")
    assert prepare_images(read(root), size=16, folder=tmp_path / "cache").channels == 1
    for i, path in enumerate(sorted((root / "films").iterdir())):
        write_image(path, np.dstack([film(3 * i), film(3 * i + 1), film(3 * i + 2)]))
    images = prepare_images(read(root), size=16, folder=tmp_path / "cache")
    assert images.channels == 3 and images.pixels.shape == (6, 16, 16, 3)


def test_an_interrupted_preparation_leaves_nothing_behind(tmp_path, monkeypatch):
    cohort = read(write_cohort(tmp_path / "data", patients=4))

    def interrupted(paths, size, colour):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cache_module, "decode_images", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepare_images(cohort, size=16, folder=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
    assert prepare_images(cohort, size=16, folder=tmp_path / "cache").pixels.any()
