"""Showing a widget with what a reader without a kernel sees in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipywidgets import Widget

HINT = "These controls need the notebook's kernel: run the notebook up to here to move them."


def show(widget: Widget, instead: dict[str, Any], sentence: str) -> None:
    """Show `widget`; where it cannot live, `instead` (MIME type to content, a picture or a table) or the sentence is seen."""
    from IPython.display import display

    bundle = dict(widget._repr_mimebundle_())
    display({**bundle, **instead, "text/plain": sentence}, raw=True)
