"""What breaks in the training of a detector: the memory, the clock."""

from __future__ import annotations

import numpy as np
import pytest

from clinjup.kernel.errors import BatchTooLargeError
from clinjup.learning.detection import supervise, train_detector
from tests.learning.blobs import jumping, short_of_memory
from tests.learning.test_detection import discs

pytestmark = pytest.mark.usefixtures("run_folder")


def test_a_batch_that_memory_runs_out_on_is_named_and_a_smaller_one_trains():
    cohort, images = discs(60)
    large = short_of_memory(images, 20, lambda: np.empty(10**15))
    supervision = supervise("all_boxes", cohort, large)
    with pytest.raises(BatchTooLargeError, match=r"^Memory ran out while 32 images were trained at a time\."):
        train_detector(cohort, large, supervision, name="bars", steps=2)
    assert train_detector(cohort, large, supervision, name="bars", steps=2, batch_size=16).checkpoint


@pytest.mark.parametrize(
    ("jump", "steps", "max_minutes", "stopped"), [(7200, 8, 5.0, "all epochs"), (-86400, 100_000, 0.02, "time budget")]
)
def test_a_clock_that_jumps_neither_ends_a_training_nor_lets_it_run_on(
    published, monkeypatch, jump, steps, max_minutes, stopped
):
    cohort, images = discs(60)
    jumping(monkeypatch, jump)
    length = {"steps": steps, "batch_size": 8, "max_minutes": max_minutes}
    train_detector(cohort, images, supervise("all_boxes", cohort, images), name="bars", **length)
    (finding,) = published("training")
    assert finding["stopped"] == stopped and 0 < finding["seconds"] < 3600
