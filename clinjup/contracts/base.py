"""What all nouns share."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

FINDING_MIME = "application/vnd.clinjup.result+json"
PROGRESS_MIME = "application/vnd.clinjup.progress+json"
RESULTS_SCHEMA = "clinjup.results/1"

Language = Literal["en", "de"]


class Contract(BaseModel):
    """Base of all nouns: unknown fields are an error, so that a typing mistake shows at once."""

    model_config = ConfigDict(extra="forbid")
