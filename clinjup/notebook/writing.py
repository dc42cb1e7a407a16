"""A notebook's bytes, exactly as nbformat writes them, in the time that its changed cell takes."""

from __future__ import annotations

from nbformat import NotebookNode
from nbformat.v4 import writes

_NO_CELLS = '"cells": []'


class NotebookText:
    """Remembers the bytes of every cell: a long run saves after each cell, and its older ones rest."""

    def __init__(self) -> None:
        self._cells: dict[int, tuple[NotebookNode, bytes]] = {}

    def pieces(self, notebook: NotebookNode, changed: NotebookNode | None = None) -> list[bytes]:
        """The notebook as JSON in UTF-8, in pieces. With `changed` only that cell and new ones are written anew, else all are."""
        known = {} if changed is None else self._cells
        self._cells = {
            id(cell): known[id(cell)] if id(cell) in known and cell is not changed else (cell, _cell_text(cell))
            for cell in notebook.cells
        }
        frame: str = writes(NotebookNode({**notebook, "cells": []}))
        if not notebook.cells:
            return [frame.encode(), b"\n"]
        before, after = frame.split(_NO_CELLS, 1)
        pieces = [f'{before}"cells": ['.encode()]
        for _, text in self._cells.values():
            pieces += [b"\n" if len(pieces) == 1 else b",\n", text]
        return [*pieces, f"\n ]{after}\n".encode()]


def _cell_text(cell: NotebookNode) -> bytes:
    alone: str = writes(NotebookNode(cells=[cell], metadata=NotebookNode(), nbformat=4, nbformat_minor=5))
    return alone.split("[\n", 1)[1].rsplit("\n ],\n", 1)[0].encode()
