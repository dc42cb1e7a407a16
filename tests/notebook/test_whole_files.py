"""Whoever opens the notebook of a live run meets a whole file, at whatever moment."""

from __future__ import annotations

import os

import pytest
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

from clinjup.notebook.whole_files import write_live_notebooks_whole


@pytest.fixture
def contents(tmp_path):
    manager = AsyncLargeFileManager(root_dir=str(tmp_path))
    write_live_notebooks_whole(manager, lambda file: file.name == "live.ipynb")
    return manager


@pytest.fixture
def live(tmp_path):
    file = tmp_path / "live.ipynb"
    file.write_text("old", encoding="utf-8")
    file.chmod(0o640)
    return file


def test_while_it_is_written_a_reader_sees_the_old_file_and_then_the_new_one(contents, live):
    with contents.atomic_writing(str(live), encoding="utf-8") as file:
        file.write("new")
        file.flush()
        assert live.read_text(encoding="utf-8") == "old"
    assert live.read_text(encoding="utf-8") == "new"
    assert live.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in live.parent.iterdir()] == ["live.ipynb"]


def test_what_cannot_be_written_to_its_end_leaves_the_old_file(contents, live):
    with pytest.raises(OSError, match="disk"), contents.atomic_writing(str(live)) as file:
        file.write("half")
        raise OSError("the disk is full")
    assert live.read_text(encoding="utf-8") == "old"
    assert [path.name for path in live.parent.iterdir()] == ["live.ipynb"]


def test_a_link_to_a_notebook_stays_a_link(contents, live, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    link = folder / "live.ipynb"
    link.symlink_to(live)
    with contents.atomic_writing(str(link)) as file:
        file.write("new")
    assert link.is_symlink() and live.read_text(encoding="utf-8") == "new"


def test_other_files_are_written_as_jupyter_does(contents, tmp_path):
    other = tmp_path / "other.ipynb"
    other.write_text("old", encoding="utf-8")
    number = os.stat(other).st_ino
    with contents.atomic_writing(str(other)) as file:
        file.write("new")
    assert other.read_text(encoding="utf-8") == "new" and os.stat(other).st_ino == number
