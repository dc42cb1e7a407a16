"""Errors that a cell raises for a clinician to read and for agent/repair.py to mend.

The class name is the contract with the repairs (it arrives as `ename`); the quoted parts of the sentence are its arguments.
"""

from __future__ import annotations


class ClinjupError(Exception):
    """Base: one to three sentences that say what happened, why it matters and what to do next."""


class MissingColumnError(ClinjupError):
    """A table lacks a column that a role refers to."""

    def __init__(self, table: str, column: str, columns: list[str]) -> None:
        super().__init__(
            f"The table '{table}' has no column '{column}'. It has: {', '.join(repr(name) for name in columns)}. "
            "Name the right column, or restore the table."
        )


class MissingFileError(ClinjupError):
    """A file that was there when the data were profiled is gone."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"The file '{path}' was there when the data were looked at and is gone now. "
            "Check that the data share is still connected."
        )


class ClassAbsentError(ClinjupError):
    """A split holds no image of a class, so nothing can be learned or measured there."""

    def __init__(self, split: str, label: str) -> None:
        super().__init__(
            f"The {split} part holds no image of the class '{label}', so nothing can be chosen or measured there. "
            "Use a larger part, or another grouping."
        )


class BatchTooLargeError(ClinjupError):
    """A training batch does not fit into memory. `room`: (GB that it needs, GB that are free), where that is known."""

    def __init__(self, batch_size: int, room: tuple[float, float] | None = None) -> None:
        if room is None:
            super().__init__(f"Memory ran out while {batch_size} images were trained at a time.")
        else:
            super().__init__(
                f"A batch of {batch_size} images needs about {room[0]:.1f} GB and {room[1]:.1f} GB are free. Train with a smaller batch."
            )


class WeightsUnavailableError(ClinjupError):
    """Pretrained weights cannot be had: no network, no such file, or none were ever published."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Published weights cannot be loaded: {reason}. Training then starts from nothing and needs more images. Train from scratch, "
            "or name a checkpoint file."
        )


class TestAlreadyOpenedError(ClinjupError):
    """The test set was opened before, for other models."""

    __test__ = False  # not a pytest class

    def __init__(self, models: list[str]) -> None:
        super().__init__(
            f"The test set of this run was already opened for {', '.join(models)}. Opening it again for changed models would "
            "turn it into a second validation set and make its figures too good. Start a new run on new test data."
        )
