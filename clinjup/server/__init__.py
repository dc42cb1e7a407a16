"""The Jupyter server extension: runs over REST and two websockets. It only calls clinjup.runs."""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from clinjup.server.extension import Clinjup

    return [{"module": "clinjup.server.extension", "app": Clinjup}]
