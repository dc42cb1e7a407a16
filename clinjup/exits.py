"""How a command ends: exit codes, and the one sentence that goes with them."""

from __future__ import annotations

import json
import sys
import tempfile
import traceback
from pathlib import Path
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


def unforeseen(fault: Exception) -> str:
    """The sentence for a fault that nobody foresaw. Its own words may name patients, so they go to a file on this machine only."""
    package = Path(__file__).parent
    frames = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(fault.__traceback__)]
    places = [f" at {path.relative_to(package)}, line {line}" for path, line in frames if path.is_relative_to(package)]
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="clinjup-fault-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            file.writelines(traceback.format_exception(fault))
        kept = f" The particulars are in '{file.name}', which stays on this machine and may hold names from your data."
    except OSError:
        kept = ""
    return (
        f"clinjup met a fault that it was not made for ({type(fault).__name__}{places[-1] if places else ''}). Your data were not changed. "
        f"Please report this sentence.{kept}"
    )
