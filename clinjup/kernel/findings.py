"""Emit a Finding from a cell: a MIME bundle that the run's owner reads, with a sentence for human readers."""

from __future__ import annotations

from typing import Any

from clinjup.contracts import FINDING_MIME, Contract


def as_mime(finding: Contract) -> dict[str, Any]:
    """The JSON value that travels under FINDING_MIME."""
    return {"schema": "clinjup.result/1", **finding.model_dump(mode="json")}


def emit(finding: Contract, sentence: str) -> None:
    """Publish `finding` (one of contracts.Finding) and show `sentence` below the cell."""
    publish({FINDING_MIME: as_mime(finding), "text/plain": sentence})


def publish(data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
    """Publish a MIME bundle as an output of the cell. IPython is imported here, since the server imports this module too."""
    from IPython.display import publish_display_data

    publish_display_data(data, metadata=metadata)
