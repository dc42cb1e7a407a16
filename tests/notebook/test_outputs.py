"""What a cell may leave in the notebook, form by form; test_executor.py shows that it is asked of every output."""

from __future__ import annotations

import time

import pytest

from clinjup.notebook.outputs import without_active_content

HOSTILE = [
    "<script>go()</script>",
    "<img src=x onerror=go()>",
    '<img src="x"onerror="go()">',
    '<img/onerror="go()"/src=x>',
    "<img src='x'\nonerror\n=\ngo()>",
    "<svg/onload=go()>",
    '<a href="javascript:go()">here</a>',
    '<a href="java&#x09;script&colon;go()">here</a>',
    '<a href="java\nscript:go()">here</a>',
    '<svg><a><animate attributeName="href" values="x"/>here</a></svg>',
    '<iframe srcdoc="x"></iframe>',
    '<input type="submit" formaction="//evil.example">',
    '<img src="//evil.example/?p=1">',
    '<img src="\\\\evil.example/?p=1">',
    '<img src="https:evil.example/?p=1">',
    '<img src="&#47;/evil.example/?p=1">',
    '<table background="http://evil.example/?p=1">',
    '<p style="background: url(//evil.example/?p=1)">',
    '<p style="background: \\75rl(//evil.example/?p=1)">',
    "<style>@import '//evil.example/?p=1'</style>",
]
HARMLESS = [
    "<b>fine</b>",
    '<table border="1" class="dataframe"><style scoped>.dataframe tbody th { vertical-align: top; }</style>'
    "<tr><td>on = 3 of the 5 stations; read/write on disk</td></tr></table>",
    '<img src="data:image/png;base64,iVBORw0KGgo=" alt="Calibration"/>',
    '<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
    '<svg xmlns:xlink="http://www.w3.org/1999/xlink"><metadata/><use xlink:href="#m1" clip-path="url(#c1)"/></svg>',
]


@pytest.mark.parametrize("mime", ["text/html", "text/markdown", "image/svg+xml"])
@pytest.mark.parametrize("markup", HOSTILE)
def test_markup_that_could_run_or_fetch_something_is_left_out(mime: str, markup: str) -> None:
    assert without_active_content({mime: markup, "text/plain": "words"}) == {"text/plain": "words"}


@pytest.mark.parametrize("markup", HARMLESS)
def test_tables_and_figures_stay(markup: str) -> None:
    bundle = {"text/html": markup, "image/svg+xml": markup}
    assert without_active_content(bundle) == bundle


@pytest.mark.parametrize("text", ["![x](//evil.example/?p=1)", "![x][1]\n\n [1]: https://evil.example/?p=1"])
def test_remote_pictures_in_markdown_are_left_out(text: str) -> None:
    assert without_active_content({"text/markdown": text}) == {}


@pytest.mark.parametrize("mime", ["application/javascript", "Text/JavaScript", "application/vnd.vegalite.v5+json"])
def test_kinds_of_output_that_run_or_fetch_are_left_out(mime: str) -> None:
    assert without_active_content({mime: "{}"}) == {}


def test_blanks_without_end_do_not_hold_up_the_server() -> None:
    """What a cell prints is searched beside the tabs; a search whose time grows with the square would stop them."""
    started = time.process_time()
    for start in ("url(", "<", "src=", " on", "[x]:", "\n"):
        without_active_content({"text/markdown": start + " " * 300_000, "text/html": start * 50_000})
    assert time.process_time() - started < 20
