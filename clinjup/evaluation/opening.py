"""The record of the one opening of the test set: cache/test_opening.json.

What is frozen when the test set opens: the checkpoints, their thresholds, the selected model and the test images. The record is written
before any figure is computed, so an evaluation that crashes may be repeated with the same models, and only with them.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from clinjup.atomic_files import write_atomic
from clinjup.contracts import Contract, EvaluationFinding
from clinjup.kernel.errors import ClinjupError, TestAlreadyOpenedError

RECORD = Path("cache/test_opening.json")


class FrozenModel(Contract):
    """A model as it was when the test set opened."""

    checkpoint_sha256: str
    threshold: float


class OpeningRecord(Contract):
    """What the test set was opened with, and what it showed. `evaluations`: arguments of the evaluation -> findings."""

    schema_version: str = "clinjup.test_opening/1"
    opened_at: str
    models: dict[str, FrozenModel]
    selected: str
    test_images_sha256: str
    evaluations: dict[str, list[EvaluationFinding]] = Field(default_factory=dict)

    def same_as(self, other: OpeningRecord) -> bool:
        """Whether both were opened with the same models, thresholds, choice and images."""
        kept = {"models", "selected", "test_images_sha256"}
        return self.model_dump(include=kept) == other.model_dump(include=kept)


def read_opening() -> OpeningRecord | None:
    """The record of this run, or None while the test set is closed."""
    if not RECORD.exists():
        return None
    try:
        return OpeningRecord.model_validate_json(RECORD.read_text("utf-8"))
    except ValidationError as error:
        raise ClinjupError(
            f"The record of the test set's opening, {RECORD.as_posix()}, cannot be read, so it is not known which models have seen "
            "the test set. Restore the file, or start a new run on new test data."
        ) from error


def check_opening(known: OpeningRecord | None, now: OpeningRecord) -> OpeningRecord:
    """The record to go on with. Raises TestAlreadyOpenedError where the test set was opened with anything else."""
    if known is not None and not known.same_as(now):
        raise TestAlreadyOpenedError(list(known.models))
    return known or now


def write_opening(record: OpeningRecord) -> None:
    """Write the record in one step."""
    RECORD.parent.mkdir(exist_ok=True)
    write_atomic(RECORD, record.model_dump_json(indent=1))
