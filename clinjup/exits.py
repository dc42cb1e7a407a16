"""How a command ends: exit codes, and the one sentence that goes with them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

COMPLETED, BAD_INPUT, NEEDS_ANSWER, FAILED, REFUSED = 0, 2, 3, 4, 5


def screen(stderr: bool = True) -> Console:
    """A console on stderr or stdout; its lines wrap only on a terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, soft_wrap=not stream.isatty())


def tell(code: int, sentence: str, as_json: bool) -> int:
    """Tell one sentence on stderr, with --json on stdout too. Returns the code."""
    if as_json:
        typer.echo(json.dumps({"error": sentence}, ensure_ascii=False))
    screen().print(sentence, style="bold", highlight=False, markup=False)
    return code


def leave(code: int, sentence: str, as_json: bool = False) -> NoReturn:
    """Tell one sentence and end the command with this code."""
    raise typer.Exit(tell(code, sentence, as_json))
