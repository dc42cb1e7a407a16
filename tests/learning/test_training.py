"""Training as a notebook's cell calls it: what it learns, saves, says, and how it ends."""

from __future__ import annotations

import resource
import signal
import warnings
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from clinjup.imaging import Cohort, ImageCache
from clinjup.kernel.errors import BatchTooLargeError, ClassAbsentError, ClinjupError
from clinjup.learning import load_model
from clinjup.learning.checkpoints import save_checkpoint
from clinjup.learning.classifier import auroc_of
from clinjup.learning.memory import out_of_memory_as_sentence
from tests.learning.blobs import CONFOUNDER, blob_cohort, jumping, quick, relabelled, short_of_memory
from tests.learning.conftest import Published

pytestmark = pytest.mark.usefixtures("run_folder")
Blobs = tuple[Cohort, ImageCache]


def test_small_cnn_learns_what_is_plain_to_see(published: Published) -> None:
    model = quick(*blob_cohort(300), name="baseline", epochs=8)
    fresh, films = blob_cohort(seed=1)
    assert auroc_of(model.predict(films.pixels), fresh.table["label"].to_numpy()) > 0.95
    assert model.history.columns.tolist()[:4] == ["epoch", "train_loss", "validation_loss", "validation_auroc"]
    assert len(model.history) == 8
    (finding,) = published("training")
    assert finding["stopped"] == "all epochs"
    assert finding["checkpoint"] == "checkpoints/baseline.ckpt"
    assert finding["parameters"] == model.parameters
    (figure,) = published("figure")
    assert Path(figure["path"]).is_file()


def test_the_kept_weights_are_those_of_the_best_epoch(blobs: Blobs) -> None:
    model = quick(*blobs, epochs=4)
    validation = blobs[0].part("validation")
    probability = model.predict(blobs[1].pixels_of(validation.index))
    best = model.history["validation_auroc"].max()
    assert model.history.loc[model.history["kept"], "validation_auroc"].tolist() == [best]
    assert auroc_of(probability, validation["label"].to_numpy()) == pytest.approx(best, abs=0.02)


def test_the_same_training_is_not_repeated(blobs: Blobs, published: Published) -> None:
    first = quick(*blobs)
    written = Path(first.checkpoint).stat().st_mtime_ns
    again = quick(*blobs)
    assert [finding["stopped"] for finding in published("training")] == ["all epochs", "loaded from checkpoint"]
    assert Path(first.checkpoint).stat().st_mtime_ns == written
    np.testing.assert_array_equal(first.predict(blobs[1].pixels[:9]), again.predict(blobs[1].pixels[:9]))


@pytest.mark.parametrize("change", ["argument", "label", "split", "pixels", "interrupted", "damaged"])
def test_a_changed_or_unfinished_training_is_repeated(blobs: Blobs, published: Published, change: str) -> None:
    cohort, images = blobs
    path = Path(quick(cohort, images).checkpoint)
    changes: dict[str, object] = {}
    if change == "argument":
        changes = {"learning_rate": 1e-3}
    elif change == "label":
        cohort = relabelled(cohort, np.roll(cohort.table["label"], 1))
    elif change == "split":
        cohort = replace(cohort, table=cohort.table.assign(split=np.roll(cohort.table["split"], 1)))
    elif change == "pixels":
        images = replace(images, files=images.files.assign(sha256=images.files["sha256"].str.replace("0", "f")))
    elif change == "interrupted":
        torch.save(torch.load(path, weights_only=True) | {"finished": False}, path)
    else:
        path.write_bytes(path.read_bytes()[:5000])
    quick(cohort, images, **changes)
    assert [finding["stopped"] for finding in published("training")] == ["all epochs", "all epochs"]


def test_one_seed_gives_one_model_and_another_seed_another(blobs: Blobs) -> None:
    torch.rand(3)  # whatever was drawn before in the notebook
    probability = [
        quick(*blobs, name=name, seed=seed).predict(blobs[1].pixels[:20])
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    np.testing.assert_array_equal(probability[0], probability[1])
    assert not np.array_equal(probability[0], probability[2])


def test_training_leaves_the_notebooks_own_random_numbers_alone(blobs: Blobs) -> None:
    torch.manual_seed(5)
    expected = torch.rand(4)
    torch.manual_seed(5)
    quick(*blobs)
    torch.testing.assert_close(torch.rand(4), expected)


def test_a_training_ends_with_its_time_budget_and_can_be_used(blobs: Blobs, published: Published) -> None:
    model = quick(*blobs, epochs=5000, max_minutes=0.05, patience=5000)
    finding = published("training")[-1]
    assert finding["stopped"] == "time budget"
    assert finding["epochs"] == len(model.history) < 5000
    assert (
        finding["seconds"] < 60
    )  # 5000 epochs take many minutes; a busy machine takes its time for the last validation
    fresh, films = blob_cohort(seed=1)
    assert auroc_of(model.predict(films.pixels), fresh.table["label"].to_numpy()) > 0.7


def test_a_clock_put_two_hours_forward_does_not_end_a_training(
    blobs: Blobs, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    jumping(monkeypatch, 7200)
    quick(*blobs, epochs=4)
    (finding,) = published("training")
    assert (finding["stopped"], finding["epochs"]) == ("all epochs", 4) and 0 < finding["seconds"] < 3600


def test_a_clock_put_back_a_day_does_not_let_a_training_run_on(
    blobs: Blobs, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    jumping(monkeypatch, -86400)
    quick(*blobs, epochs=5000, max_minutes=0.02, patience=5000)
    (finding,) = published("training")
    assert finding["stopped"] == "time budget" and 0 < finding["seconds"] < 3600


def test_a_budget_shorter_than_one_batch_still_gives_a_model(blobs: Blobs, published: Published) -> None:
    model = quick(*blobs, max_minutes=1e-6, epochs=3)
    assert published("training")[-1]["stopped"] == "time budget"
    assert np.isfinite(model.predict(blobs[1].pixels[:5])).all()


def test_training_stops_early_when_validation_does_not_improve(blobs: Blobs, published: Published) -> None:
    cohort = relabelled(blobs[0], np.random.default_rng(0).permutation(blobs[0].table["label"].to_numpy()))
    model = quick(cohort, blobs[1], epochs=30, patience=2)
    assert published("training")[-1]["stopped"] == "early stopping"
    best = model.history["validation_auroc"].idxmax()
    assert len(model.history) == best + 1 + 2


@pytest.fixture
def as_in_a_kernel() -> Iterator[None]:
    """Python's own handler of SIGINT, which a background job or an earlier test may have taken away."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Killed(Exception):
    """Stands for whatever ends a kernel in the middle of an epoch."""


class DyingImages(ImageCache):
    """Images that can be read `lives` times."""

    lives = 0

    def pixels_of(self, index: object) -> np.ndarray:
        self.lives -= 1
        if self.lives < 0:
            raise Killed
        return super().pixels_of(index)


@pytest.mark.parametrize(("lives", "mitigation"), [(10, None), (25, None), (25, "group_dro")])
def test_a_training_that_was_killed_goes_on_and_ends_as_if_it_had_not_been(
    blobs: Blobs, published: Published, lives: int, mitigation: str | None
) -> None:
    cohort, images = blobs
    dying = DyingImages(images.pixels, images.size, images.channels, images.files)
    dying.lives = lives
    how = {"epochs": 6, "mitigation": mitigation, "confounder": CONFOUNDER if mitigation else None}
    with pytest.raises(Killed):
        quick(cohort, dying, name="a", **how)
    resumed = quick(cohort, images, name="a", **how)
    whole = quick(cohort, images, name="b", **how)
    assert [note for note in published("note") if "went on after epoch" in note["sentence"]]
    assert [finding["epochs"] for finding in published("training")] == [6, 6]
    np.testing.assert_array_equal(resumed.predict(images.pixels[:20]), whole.predict(images.pixels[:20]))
    pd.testing.assert_frame_equal(resumed.history, whole.history)
    assert not list(Path("checkpoints").glob("*.unfinished")) and not list(Path("checkpoints").glob("*.part"))


def test_an_unfinished_training_of_other_data_is_not_taken_up(blobs: Blobs, published: Published) -> None:
    cohort, images = blobs
    dying = DyingImages(images.pixels, images.size, images.channels, images.files)
    dying.lives = 25
    with pytest.raises(Killed):
        quick(cohort, dying, epochs=6)
    quick(relabelled(cohort, np.roll(cohort.table["label"], 1)), images, epochs=6)
    assert not published("note")


@pytest.mark.usefixtures("as_in_a_kernel")
def test_ctrl_c_goes_through_and_the_next_cell_can_be_interrupted_too(blobs: Blobs) -> None:
    cohort, images = blobs

    class Interrupted(ImageCache):
        reads = 0

        def pixels_of(self, index: object) -> np.ndarray:
            self.reads += 1
            if self.reads == 8:
                signal.raise_signal(signal.SIGINT)
            return super().pixels_of(index)

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        quick(cohort, Interrupted(images.pixels, images.size, images.channels, images.files), epochs=20)
    assert signal.getsignal(signal.SIGINT) is handler
    assert quick(cohort, images, epochs=1).checkpoint


def test_nothing_of_lightning_reaches_the_screen(
    blobs: Blobs, run_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick(*blobs)
    shown = capfd.readouterr()
    assert shown.err == ""
    assert "Training quick" in shown.out
    for word in ("GPU available", "Tip", "Trainer", "litlogger", "Warning"):
        assert word not in shown.out
    assert {path.name for path in run_folder.iterdir()} == {"checkpoints", "plots"}
    assert [path.name for path in (run_folder / "checkpoints").iterdir()] == ["quick.ckpt"]


def test_a_batch_that_does_not_fit_is_refused_before_training(
    blobs: Blobs, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINJUP_MEMORY_GB", "0.05")
    with pytest.raises(BatchTooLargeError, match=r"batch of 512 images needs about .* GB and 0\.1 GB are free"):
        quick(*blobs, batch_size=512)
    assert not (run_folder / "checkpoints").exists()
    assert quick(*blobs, batch_size=32).checkpoint


def no_graphics_memory() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.mark.parametrize(
    "allocate",
    [lambda: torch.empty(10**15), lambda: np.empty(10**15), lambda: bytearray(10**18), no_graphics_memory],
    ids=["torch", "numpy", "Python", "CUDA"],
)
def test_a_batch_that_memory_runs_out_on_is_named_and_a_smaller_one_trains(
    blobs: Blobs, allocate: Callable[[], object]
) -> None:
    cohort, large = blobs[0], short_of_memory(blobs[1], 10, allocate)
    with pytest.raises(BatchTooLargeError, match=r"^Memory ran out while 20 images were trained at a time\.$"):
        quick(cohort, large)
    assert quick(cohort, large, batch_size=10).checkpoint


def test_what_a_failed_batch_held_is_given_back_and_other_errors_stay_what_they_are() -> None:
    held = []

    def forward() -> None:
        activations = torch.zeros(4)
        held.append(weakref.ref(activations))
        torch.empty(10**15)

    with pytest.raises(BatchTooLargeError) as kept, out_of_memory_as_sentence(64):
        forward()
    assert kept.value.__cause__ is not None and held[0]() is None
    with pytest.raises(RuntimeError, match="mat1"), out_of_memory_as_sentence(64):
        torch.ones(2, 2) @ torch.ones(3, 3)


def test_a_class_that_is_absent_from_training_is_named(blobs: Blobs) -> None:
    table = blobs[0].table
    only_negative = replace(blobs[0], table=table[(table["split"] != "train") | (table["label"] == 0)])
    with pytest.raises(ClassAbsentError, match="train part holds no image of the class 'positive'"):
        quick(only_negative, blobs[1])
    with pytest.raises(ClassAbsentError, match="validation part"):
        quick(replace(blobs[0], table=table[table["split"] == "train"]), blobs[1])


def test_validation_without_a_class_is_judged_by_its_loss(blobs: Blobs) -> None:
    table = blobs[0].table
    cohort = replace(blobs[0], table=table[(table["split"] == "train") | (table["label"] == 0)])
    model = quick(cohort, blobs[1], epochs=3)
    assert model.history["validation_auroc"].isna().all()
    assert model.history["kept"].idxmax() == model.history["validation_loss"].idxmin()


def test_a_learning_rate_that_blows_up_is_told_in_a_sentence(blobs: Blobs) -> None:
    with pytest.raises(ClinjupError, match="diverged"):
        quick(*blobs, learning_rate=1e30)


def test_three_classes_give_three_probabilities() -> None:
    cohort, images = blob_cohort(classes=3)
    model = quick(cohort, images, epochs=12, class_weighting=True)
    probability = model.predict(images.pixels)
    assert probability.shape == (80, 3)
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-5)
    assert auroc_of(probability, cohort.table["label"].to_numpy()) > 0.8


def test_colour_images_and_a_timm_network() -> None:
    cohort, images = blob_cohort(40, colour=True)
    model = quick(cohort, images, architecture="test_resnet", class_weighting=True)
    assert model.channels == 3
    assert model.predict(images.pixels[:7]).shape == (7,)
    assert load_model(model.checkpoint).architecture == "test_resnet"


def test_a_loaded_model_predicts_as_the_trained_one(blobs: Blobs) -> None:
    model = quick(*blobs, mitigation="balanced_sampling", confounder="bright_edge")
    loaded = load_model(model.checkpoint)
    np.testing.assert_array_equal(model.predict(blobs[1].pixels[:50]), loaded.predict(blobs[1].pixels[:50]))
    assert (loaded.name, loaded.mitigation, loaded.confounder) == ("quick", "balanced_sampling", "bright_edge")
    assert loaded.history.equals(model.history)
    assert not loaded.network.training
    assert loaded.predict(blobs[1].pixels[:0]).shape == (0,)
    with pytest.raises(ValueError, match="takes uint8 films of shape"):
        loaded.predict(np.zeros((1, 64, 64), np.uint8))


def test_an_image_without_up_and_down_is_judged_the_same_however_it_is_turned(blobs: Blobs) -> None:
    cohort, images = blobs
    turned = np.rot90(images.pixels[:20], axes=(1, 2)).copy()
    for upright in (True, False):
        model = load_model(quick(replace(cohort, upright=upright), images, name=f"upright_{upright}").checkpoint)
        close = np.allclose(model.predict(images.pixels[:20]), model.predict(turned), atol=1e-5)
        assert close is not upright


def test_a_checkpoint_is_read_without_running_code_from_it(run_folder: Path) -> None:
    class Malice:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (run_folder / "owned",))

    torch.save({"format": "clinjup.checkpoint/1", "weights": Malice()}, run_folder / "evil.ckpt")
    with pytest.raises(ClinjupError, match="damaged"):
        load_model(run_folder / "evil.ckpt")
    assert not (run_folder / "owned").exists()
    with pytest.raises(ClinjupError, match="There is no checkpoint"):
        load_model("checkpoints/none.ckpt")


def test_weights_that_do_not_fit_on_the_disk_are_told_in_a_sentence(run_folder: Path) -> None:
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, old[1]))
    try:
        with pytest.raises(ClinjupError, match="cannot be saved as"):
            save_checkpoint(Path("checkpoints/big.ckpt"), {"weights": {"a": torch.zeros(100_000)}})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert not list(Path("checkpoints").iterdir())


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden"])
def test_a_model_is_never_saved_outside_its_folder(blobs: Blobs, name: str) -> None:
    with pytest.raises(ClinjupError, match="cannot name a model"):
        quick(*blobs, name=name)


def test_where_the_last_weights_are_kept_only_the_last_epoch_is_validated(blobs, run_folder):
    model = quick(*blobs, epochs=6, keep="last")
    assert model.history["epoch"].tolist() == [6] and model.history["kept"].tolist() == [True]
    short = quick(*blobs, name="short", epochs=5000, max_minutes=0.05, keep="last")
    assert len(short.history) == 1 and short.history["epoch"][0] < 5000  # the time was over: that epoch was the last


def test_early_stopping_waits_longer_in_a_long_cycle(blobs, run_folder):
    assert quick(*blobs, name="long", epochs=30, max_minutes=0.03).settings["patience"] == 10
    assert quick(*blobs, name="brief", epochs=2).settings["patience"] == 5
