"""The notebook on disk is what nbformat would have written, however little of it was written anew."""

from __future__ import annotations

import nbformat
from nbformat.v4 import new_code_cell, new_output

from clinjup.notebook.session import NotebookSession


def on_disk(session: NotebookSession) -> str:
    session.settle()
    return session.path.read_text(encoding="utf-8")


def as_nbformat(session: NotebookSession) -> str:
    return nbformat.writes(session.notebook) + "\n"


def test_every_save_is_byte_for_byte_what_nbformat_writes(tmp_path):
    session = NotebookSession.create(tmp_path / "notebook.ipynb", "run")
    assert on_disk(session) == as_nbformat(session)
    session.add_markdown("load", '# Größe\n"cells": []\n\n ],\n text')
    assert on_disk(session) == as_nbformat(session)
    cell = session.add_code("load", "print(1)\n\nprint(2)", attempt=1, author="model")
    cell.outputs = [
        new_output("stream", name="stdout", text="1\n2\n"),
        new_output(
            "display_data", {"image/png": "aGVsbG8=", "text/html": "<b>\n</b>", "application/json": {"cells": []}}
        ),
    ]
    session.save(cell)
    assert on_disk(session) == as_nbformat(session)
    session.mark_failed(cell)
    session.set_metadata(status="completed")
    assert on_disk(session) == as_nbformat(session)
    nbformat.validate(nbformat.read(session.path, as_version=4))


def test_cells_that_were_taken_out_or_moved_are_followed(tmp_path):
    session = NotebookSession.create(tmp_path / "notebook.ipynb", "run")
    cells = [session.add_markdown(f"step_{number}", f"Note {number}") for number in range(4)]
    session.notebook.cells = [cells[2], new_code_cell("1"), cells[0]]
    session.save(cells[2])
    assert on_disk(session) == as_nbformat(session)


def test_a_save_without_a_word_writes_every_cell_anew(tmp_path):
    session = NotebookSession.create(tmp_path / "notebook.ipynb", "run")
    first = session.add_markdown("a", "before")
    session.add_markdown("b", "other")
    first.source = "after"
    session.save()
    assert on_disk(session) == as_nbformat(session)
