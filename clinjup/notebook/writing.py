"""A notebook's text, byte for byte as nbformat writes it, in the time that its changed cell takes."""

from __future__ import annotations

from nbformat import NotebookNode
from nbformat.v4 import writes

_NO_CELLS = '"cells": []'


class NotebookText:
    """Remembers the text of every cell: a long run saves after each output, and its older cells rest."""

    def __init__(self) -> None:
        self._cells: dict[int, tuple[NotebookNode, str]] = {}

    def text(self, notebook: NotebookNode, changed: NotebookNode | None = None) -> str:
        """The notebook as JSON. With `changed` only that cell and new ones are written anew, otherwise all are."""
        known = {} if changed is None else self._cells
        self._cells = {
            id(cell): known[id(cell)] if id(cell) in known and cell is not changed else (cell, _cell_text(cell))
            for cell in notebook.cells
        }
        frame: str = writes(NotebookNode({**notebook, "cells": []}))
        if not notebook.cells:
            return frame
        before, after = frame.split(_NO_CELLS, 1)
        cells = ",\n".join(text for _, text in self._cells.values())
        return f'{before}"cells": [\n{cells}\n ]{after}'


def _cell_text(cell: NotebookNode) -> str:
    alone: str = writes(NotebookNode(cells=[cell], metadata=NotebookNode(), nbformat=4, nbformat_minor=5))
    return alone.split("[\n", 1)[1].rsplit("\n ],\n", 1)[0]
