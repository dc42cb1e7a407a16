"""Batches, augmentation and the learning rate's cycle."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clinjup.imaging import Cohort, ImageCache
from clinjup.learning.augment import augment
from clinjup.learning.batches import Batches, as_films, draw_rows
from clinjup.learning.schedule import Pace, one_cycle
from tests.learning.blobs import blob_cohort

Blobs = tuple[Cohort, ImageCache]


def batches(blobs: Blobs, batch_size: int, **keywords: object) -> Batches:
    training = blobs[0].part("train")
    return Batches(blobs[1], training.index.to_numpy(), training["label"].to_numpy(), batch_size, **keywords)


@pytest.mark.parametrize("batch_size", [1, 7, 59, 60, 1000])
@pytest.mark.parametrize("seed", [None, 3])
def test_every_film_comes_once_a_pass_with_its_label_in_batches_of_like_length(
    blobs: Blobs, batch_size: int, seed: int | None
) -> None:
    source = batches(blobs, batch_size, seed=seed)
    seen = list(source)
    assert len(seen) == len(source) == -(-60 // batch_size)
    lengths = [len(labels) for _, labels, _ in seen]
    assert max(lengths) <= batch_size and max(lengths) - min(lengths) <= 1
    films, labels = torch.cat([films for films, *_ in seen]), torch.cat([labels for _, labels, _ in seen])
    label_of = {film.tobytes(): label for film, label in zip(blobs[1].pixels, blobs[0].table["label"], strict=True)}
    assert [label_of.pop(film.numpy().tobytes()) for film in films] == labels.tolist()


def test_rows_of_the_cohort_find_their_films_after_filtering(blobs: Blobs) -> None:
    part = blobs[0].part("validation").iloc[::3]
    films, *_ = next(iter(Batches(blobs[1], part.index.to_numpy(), part["label"].to_numpy(), 99)))
    np.testing.assert_array_equal(films[:, 0].numpy(), blobs[1].pixels[part.index])


def test_the_order_depends_on_seed_and_pass_alone(blobs: Blobs) -> None:
    one, two = batches(blobs, 60, seed=1), batches(blobs, 60, seed=1)
    first, second = next(iter(one))[0], next(iter(one))[0]
    assert not torch.equal(first, second)
    assert torch.equal(first, next(iter(two))[0]) and torch.equal(second, next(iter(two))[0])
    assert not torch.equal(first, next(iter(batches(blobs, 60, seed=2)))[0])


def test_weights_decide_how_often_a_row_is_drawn() -> None:
    weights = np.array([0.0, 1.0, 2.0, 5.0])
    counts = np.bincount(draw_rows(4, weights, np.random.default_rng(0)), minlength=4)
    assert counts[0] == 0 and counts.sum() == 4
    many = np.bincount(draw_rows(400, np.repeat(weights, 100), np.random.default_rng(0)) // 100, minlength=4)
    np.testing.assert_allclose(many, [0, 50, 100, 250], atol=1)


def test_colour_becomes_channels_first() -> None:
    _, images = blob_cohort(8, colour=True)
    films = as_films(images.pixels_of(np.array([2, 5])))
    assert films.shape == (2, 3, 32, 32)
    np.testing.assert_array_equal(films[1, 2].numpy(), images.pixels[5, :, :, 2])


@pytest.mark.parametrize("channels", [1, 3])
def test_augmentation_changes_films_a_little_and_reproducibly(channels: int) -> None:
    rows = torch.linspace(0.2, 0.8, 48)
    films = (rows[:, None] + rows[None, :]).div(2).expand(40, channels, 48, 48).clone()
    changed = augment(films, torch.Generator().manual_seed(0))
    assert changed.shape == films.shape
    assert changed.min() >= 0 and changed.max() <= 1
    mirrored = (changed - films.flip(3)).abs().mean(dim=(1, 2, 3)) < (changed - films).abs().mean(dim=(1, 2, 3))
    assert 8 < int(mirrored.sum()) < 32
    upright = torch.where(mirrored[:, None, None, None], changed.flip(3), changed)
    assert (upright - films).abs().mean() < 0.06
    assert torch.equal(changed, augment(films, torch.Generator().manual_seed(0)))
    assert not torch.equal(changed, augment(films, torch.Generator().manual_seed(1)))


@pytest.mark.parametrize("upright", [True, False])
def test_outlines_move_with_their_film_and_keep_their_grey(upright: bool) -> None:
    films = torch.full((60, 1, 48, 48), 0.1)
    films[:, :, 6:20, 8:18] = 1
    alone = augment(films, torch.Generator().manual_seed(0), upright)
    both = augment(
        torch.cat([films, (films > 0.5).float()], dim=1), torch.Generator().manual_seed(0), upright, outlines=1
    )
    assert torch.equal(both[:, :1], alone)
    sure = (both[:, 1:] == 0) | (both[:, 1:] == 1)
    assert sure.float().mean() > 0.9 and ((alone > 0.5) == (both[:, 1:] > 0.5))[sure].all()


def test_images_without_an_up_and_a_down_are_turned_by_quarters() -> None:
    films = torch.zeros(200, 1, 48, 48)
    films[:, :, :24] = 0.8  # bright above
    middle = slice(12, 36)

    def upside_down(changed: torch.Tensor) -> int:
        above, below = changed[:, :, middle][:, :, :12], changed[:, :, middle][:, :, 12:]
        return int((below.mean(dim=(1, 2, 3)) > above.mean(dim=(1, 2, 3))).sum())

    assert upside_down(augment(films, torch.Generator().manual_seed(0))) == 0
    assert 70 < upside_down(augment(films, torch.Generator().manual_seed(0), upright=False)) < 130


def test_the_learning_rate_rises_to_its_height_and_comes_down_to_almost_nothing() -> None:
    rates = [one_cycle(progress) for progress in np.linspace(0, 1, 101)]
    assert rates[0] == pytest.approx(1 / 25)
    assert max(rates) == pytest.approx(1) and np.argmax(rates) == 30
    assert rates[-1] < 1e-5


def test_with_time_to_spare_the_pace_is_that_of_the_steps() -> None:
    slow_start, even = Pace(100, 600), Pace(100, 600)
    progress = [(slow_start.update(step, 3 + step), even.update(step, step)) for step in range(1, 101)]
    assert progress == [(step / 100, step / 100) for step in range(1, 101)]


def test_with_too_little_time_the_cycle_is_done_when_the_time_is_over() -> None:
    pace = Pace(1000, 60)
    progress = [pace.update(step, float(step)) for step in range(1, 61)]
    assert progress == sorted(progress)
    assert progress[29] == pytest.approx(0.5)
    assert progress[-1] == pytest.approx(1)
