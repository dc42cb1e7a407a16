"""For tests, ours and others': a small HTTP server that speaks the streaming Messages API, scripted turn by turn.

Shipped with the package as a pytest plugin (clinjup.testing.plugin), so that the real SDK runs on every path and no test needs
the network.
"""

from clinjup.testing.script import (
    Broken,
    Call,
    HttpError,
    Page,
    Reply,
    Says,
    bare_data_lines,
    delta_before_block,
    malformed_tool_call,
    truncated_tool_call,
    without_usage,
)
from clinjup.testing.server import RecordedRequest, ScriptedClaude

__all__ = [
    "Broken",
    "Call",
    "HttpError",
    "Page",
    "RecordedRequest",
    "Reply",
    "Says",
    "ScriptedClaude",
    "bare_data_lines",
    "delta_before_block",
    "malformed_tool_call",
    "truncated_tool_call",
    "without_usage",
]
